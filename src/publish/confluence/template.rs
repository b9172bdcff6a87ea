//! A page body from a template: `{{ name }}`, or `{{ name | what stands where there is no value }}`.

use std::collections::BTreeMap;

use super::{render::escape, storage::Storage};
use crate::{
    error::{Error, Kind, Result},
    names,
};

/// What a placeholder stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filling {
    /// Text, which is escaped.
    Text(String),
    /// Markup, which must be well-formed.
    Markup(String),
    /// Nothing is known: the template must say what stands there.
    Unknown,
}

impl From<Option<String>> for Filling {
    fn from(text: Option<String>) -> Self {
        text.filter(|text| !text.is_empty()).map_or(Self::Unknown, Self::Text)
    }
}

/// Fills every placeholder of `template`; `place` names it in errors.
///
/// # Errors
/// [`Kind::Config`] for a placeholder that is unknown, has no value and no default, or is not closed, and for a result that is
/// not well-formed.
pub fn fill(place: &str, template: &str, values: &BTreeMap<&str, Filling>) -> Result<String> {
    let wrong = |at: usize, what: String| Error::new(Kind::Config, format!("{place}:{}: {what}", template[..at].matches('\n').count() + 1));
    let mut out = String::new();
    let mut at = 0;
    while let Some(open) = template[at..].find("{{") {
        let open = at + open;
        let text = &template[at..open];
        if text.contains("}}") {
            return Err(wrong(open, "there is a `}}` without a `{{`".to_owned()));
        }
        out.push_str(text);
        let length = template[open..].find("}}").ok_or_else(|| wrong(open, "there is a `{{` without a `}}`".to_owned()))?;
        let inside = &template[open + 2..open + length];
        let (name, default) = match inside.split_once('|') {
            Some((name, default)) => (name.trim(), Some(default.trim())),
            None => (inside.trim(), None),
        };
        match (values.get(name), default) {
            (Some(Filling::Text(text)), _) => out.push_str(&escape(text)),
            (Some(Filling::Markup(markup)), _) => {
                Storage::parse(markup).map_err(|broken| wrong(open, format!("the value of `{name}` is not well-formed: {}", broken.what)))?;
                out.push_str(markup);
            }
            (Some(Filling::Unknown), Some(default)) => out.push_str(&escape(default)),
            (Some(Filling::Unknown), None) => {
                return Err(wrong(open, format!("there is no value for `{name}` and no default"))
                    .hint(format!("write `{{{{ {name} | N/A }}}}` in the template, or see that there is a value")));
            }
            (None, _) => {
                return Err(wrong(open, format!("there is no placeholder `{name}`{}", names::did_you_mean(name, values.keys().copied()))));
            }
        }
        at = open + length + 2;
    }
    if template[at..].contains("}}") {
        return Err(wrong(template.len(), "there is a `}}` without a `{{`".to_owned()));
    }
    out.push_str(&template[at..]);
    Storage::parse(&out).map_err(|broken| Error::new(Kind::Config, format!("{place}: the filled page is not well-formed: {}", broken.what)))?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str) -> String {
        let values = BTreeMap::from([
            ("text", Filling::Text("a < {{ b }}".to_owned())),
            ("items", Filling::Markup("<li>x &amp; y</li>".to_owned())),
            ("broken", Filling::Markup("<li>".to_owned())),
            ("nothing", Filling::Unknown),
        ]);
        fill("t.xml", template, &values).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn placeholders() {
        for (template, expected) in [
            ("<p title=\"{{text}}\">{{ text }}</p>", "<p title=\"a &lt; {{ b }}\">a &lt; {{ b }}</p>"),
            ("<ul>{{ items | none }}</ul>", "<ul><li>x &amp; y</li></ul>"),
            ("<p>{{ nothing | N/A & more }}</p>", "<p>N/A &amp; more</p>"),
            ("<p>\n{{ nothing }}</p>", "t.xml:2: there is no value for `nothing` and no default"),
            ("{{ txt }}", "t.xml:1: there is no placeholder `txt`; did you mean `text`?"),
            ("{{ broken }}", "t.xml:1: the value of `broken` is not well-formed: an element is never closed"),
            ("{{ text", "t.xml:1: there is a `{{` without a `}}`"),
            ("text }}", "t.xml:1: there is a `}}` without a `{{`"),
            ("a }} {{ text }}", "t.xml:1: there is a `}}` without a `{{`"),
            ("<p title=\"{{ items }}\"", "t.xml: the filled page is not well-formed: `<p` is never closed"),
            ("<a href=\"x\"><a href=\"y\">{{ text }}</a>", "t.xml: the filled page is not well-formed: an element is never closed"),
        ] {
            assert_eq!(filled(template), expected, "{template}");
        }
    }
}
