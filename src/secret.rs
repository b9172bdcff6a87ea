//! Values that must never be printed.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A credential. It has no `Display`, and its `Debug` shows nothing.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes a value into keeping.
    pub fn new(value: impl Into<String>) -> Self {
        Self(SecretString::from(value.into()))
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
    const SECRET: [&str; 7] = ["key", "token", "secret", "password", "signature", "credential", "auth"];
    match parameter.split_once('=') {
        Some((name, value)) if !value.is_empty() => {
            let lower = name.to_ascii_lowercase();
            let is_secret = SECRET.iter().any(|word| lower == *word || lower.ends_with(&format!("_{word}")) || lower.ends_with(&format!("-{word}")));
            if is_secret { format!("{name}=***") } else { parameter.to_owned() }
        }
        _ => parameter.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_credentials_and_nothing_else() {
        let url = url::Url::parse("https://u:p@h/rest/bug?api_key=abc&keywords=x&id=1").unwrap();
        assert_eq!(masked_url(&url), "https://u:***@h/rest/bug?api_key=***&keywords=x&id=1");
        assert_eq!(format!("{:?}", Secret::new("abc")), "[secret]");
    }
}
