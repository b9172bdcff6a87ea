//! Values that must never be printed.

mod forms;
mod scrubber;

use std::{borrow::Cow, fmt};

use secrecy::{ExposeSecret, SecretString};

pub use scrubber::{MASK, has_credential, register, register_suspect, scrub, scrub_json, scrub_record};

/// A credential. It has no `Display`, and its `Debug` shows nothing.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes a value into keeping.
    pub fn new(value: impl Into<String>) -> Self {
        Self(SecretString::from(value.into()))
    }

    /// Takes a value into keeping, and keeps it out of every text from now on.
    pub fn known(value: impl Into<String>) -> Self {
        let value = value.into();
        register(&value);
        Self::new(value)
    }

    /// The value itself, for the header that carries it and for nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// A URL's text with the password and the values of query parameters that look like credentials masked.
pub fn masked_url(url: &url::Url) -> String {
    let mut url = url.clone();
    if url.password().is_some() {
        // Only URLs that cannot have a password refuse one, and this one had.
        let _ = url.set_password(Some("***"));
    }
    let text = url.to_string();
    match text.split_once('?') {
        None => text,
        Some((base, query)) => {
            let query: Vec<String> = query.split('&').map(mask_parameter).collect();
            format!("{base}?{}", query.join("&"))
        }
    }
}

fn mask_parameter(parameter: &str) -> String {
    match parameter.split_once('=') {
        Some((name, value)) if !value.is_empty() && is_secret_name(name) => format!("{name}=***"),
        _ => parameter.to_owned(),
    }
}

/// Whether a parameter, a header or a variable of this name usually holds a credential.
pub fn is_secret_name(name: &str) -> bool {
    const SECRET: [&str; 10] = ["key", "token", "secret", "password", "passwd", "signature", "sig", "credential", "auth", "webhook"];
    let lower = name.to_ascii_lowercase();
    SECRET.iter().any(|word| lower == *word || lower.ends_with(&format!("_{word}")) || lower.ends_with(&format!("-{word}")))
}

/// A text in which the values of URL parameters that look like credentials are masked.
pub fn mask_parameters(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut end = 0;
    for (at, _) in text.match_indices('=') {
        if at < end {
            continue;
        }
        let before = &text[end..at];
        let start = before.rfind(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))).map_or(0, |index| index + 1);
        // `&` is also written as `&amp;` in HTML and as `\u0026` in JSON.
        let (lead, name) = before.split_at_checked(start).unwrap_or((before, ""));
        let name = if lead.ends_with('\\') { name.strip_prefix("u0026").unwrap_or("") } else { name };
        let is_parameter = lead.ends_with(['?', '&', '#', ';', '\\']);
        let rest = &text[at + 1..];
        let length =
            rest.find(|c: char| c.is_whitespace() || matches!(c, '&' | '"' | '\'' | '<' | '>' | '\\' | '#' | ';' | ',')).unwrap_or(rest.len());
        if is_parameter && length > 0 && is_secret_name(name) {
            out.push_str(&text[end..=at]);
            out.push_str(MASK);
            end = at + 1 + length;
        }
    }
    if end == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[end..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_inside_a_text_are_masked() {
        let link = "<https://h/x?page=2&access_token=abc>; rel=\"next\", <https://h/y?api_key=d&amp;token=e>; rel=\"last\"";
        let expected = "<https://h/x?page=2&access_token=***>; rel=\"next\", <https://h/y?api_key=***&amp;token=***>; rel=\"last\"";
        assert_eq!(mask_parameters(link), expected);
        assert_eq!(mask_parameters("no key=abc, monkey?keywords=x&key="), "no key=abc, monkey?keywords=x&key=");
    }

    #[test]
    fn masks_credentials_and_nothing_else() {
        let url = url::Url::parse("https://u:p@h/rest/bug?api_key=abc&keywords=x&id=1").unwrap();
        assert_eq!(masked_url(&url), "https://u:***@h/rest/bug?api_key=***&keywords=x&id=1");
        assert_eq!(format!("{:?}", Secret::new("abc")), "[secret]");
    }
}
