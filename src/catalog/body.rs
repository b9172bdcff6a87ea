//! The JSON that a POST carries, with placeholders in its texts.

use super::Template;

/// A JSON value to be filled in.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A number, a truth value.
    Fixed(serde_json::Value),
    /// A text. One that is nothing but a placeholder becomes the column's value: a number stays a number, NULL leaves the
    /// member out, and the column of a batch becomes the list of its values.
    Text(Template),
    /// A list.
    List(Vec<Self>),
    /// An object, its members in the order of the file.
    Object(Vec<(String, Self)>),
}

impl Body {
    /// Reads what the source file says.
    ///
    /// # Errors
    /// What is wrong with it, with the way to the place: `body.filter.ids: …`.
    pub fn parse(value: &toml::Value) -> Result<Self, String> {
        Self::parse_at("body", value)
    }

    fn parse_at(place: &str, value: &toml::Value) -> Result<Self, String> {
        Ok(match value {
            toml::Value::String(text) => Self::Text(Template::parse(text).map_err(|what| format!("{place}: {what}"))?),
            toml::Value::Integer(number) => Self::Fixed((*number).into()),
            toml::Value::Float(number) => Self::Fixed((*number).into()),
            toml::Value::Boolean(truth) => Self::Fixed((*truth).into()),
            toml::Value::Datetime(_) => return Err(format!("{place}: JSON has no times; write a text")),
            toml::Value::Array(items) => {
                let items = items.iter().enumerate().map(|(number, item)| Self::parse_at(&format!("{place}[{number}]"), item));
                Self::List(items.collect::<Result<_, _>>()?)
            }
            toml::Value::Table(members) => {
                let members = members.iter().map(|(name, value)| Ok((name.clone(), Self::parse_at(&format!("{place}.{name}"), value)?)));
                Self::Object(members.collect::<Result<_, String>>()?)
            }
        })
    }

    /// Its texts.
    pub fn templates(&self) -> Vec<&Template> {
        match self {
            Self::Fixed(_) => Vec::new(),
            Self::Text(template) => vec![template],
            Self::List(items) => items.iter().flat_map(Self::templates).collect(),
            Self::Object(members) => members.iter().flat_map(|(_, value)| value.templates()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Result<Body, String> {
        Body::parse(&toml::Value::Table(text.parse().unwrap()))
    }

    #[test]
    fn reads_texts_at_any_depth() {
        let body = body("ids = [\"{id}\", 7]\nq = { at = \"since {t:epoch_ms}\", all = true }").unwrap();
        let columns: Vec<&str> = body.templates().into_iter().flat_map(Template::columns).collect();
        assert_eq!(columns, ["id", "t"]);
    }

    #[test]
    fn errors_name_the_place() {
        for (text, expected) in
            [("a = { b = [1, \"{B}\"] }", "body.a.b[1]: `{B}` has the placeholder `B`"), ("a = 2025-01-02", "body.a: JSON has no times")]
        {
            let message = body(text).unwrap_err();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
