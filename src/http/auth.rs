//! The headers that prove who asks.

use base64::Engine as _;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::session::Session;
use crate::{
    catalog::{Auth, Source},
    error::{Error, Kind, OrFail, Result},
    secret::Secret,
    settings::Env,
};

/// The headers of every request, and the secrets in them, which must not show up in any message.
pub(super) struct Credentials {
    pub(super) headers: HeaderMap,
    pub(super) secrets: Vec<Secret>,
    /// Where a token must be fetched first.
    pub(super) session: Option<Session>,
}

impl Credentials {
    /// Fills the `${VARIABLES}` of a source's `auth` and `headers`.
    pub(super) fn resolve(source: &Source, env: &Env) -> Result<Self> {
        let within = |error: Error| error.within(format!("credentials of the source `{}`", source.name));
        let mut found = Self { headers: HeaderMap::new(), secrets: Vec::new(), session: None };
        let client = source.api()?;
        for (name, value) in &client.headers {
            let secret = env.expand_secret(value).map_err(within)?;
            let is_secret = value.contains("${");
            found.add(source, name, &secret, is_secret)?;
            if is_secret {
                found.secrets.push(secret);
            }
        }
        match &client.auth {
            Auth::None => {}
            Auth::Basic { user, password } => {
                let user = env.expand(user).map_err(within)?;
                let password = env.expand_secret(password).map_err(within)?;
                if user.contains(':') {
                    return Err(Error::new(
                        Kind::Config,
                        format!("the user of the source `{}` holds a `:`, which HTTP Basic cannot carry", source.name),
                    ));
                }
                let token = Secret::new(base64::engine::general_purpose::STANDARD.encode(format!("{user}:{}", password.expose())));
                let header = Secret::new(format!("Basic {}", token.expose()));
                found.add(source, "Authorization", &header, true)?;
                found.secrets.extend([password, token]);
            }
            Auth::Header { name, value } => {
                let value = env.expand_secret(value).map_err(within)?;
                found.add(source, name, &value, true)?;
                // Of `Bearer abc` the second word is the secret.
                if let Some((_, token)) = value.expose().split_once(' ') {
                    found.secrets.push(Secret::new(token));
                }
                found.secrets.push(value);
            }
            Auth::Login(login) => {
                let mut form = Vec::new();
                for (name, value) in &login.form {
                    let secret = env.expand_secret(value).map_err(within)?;
                    if value.contains("${") {
                        found.secrets.push(secret.clone());
                    }
                    form.push((name.clone(), secret));
                }
                found.session = Some(Session::new(login.clone(), form));
            }
        }
        Ok(found)
    }

    fn add(&mut self, source: &Source, name: &str, value: &Secret, sensitive: bool) -> Result<()> {
        let header =
            HeaderName::from_bytes(name.as_bytes()).or_fail(Kind::Config, || format!("source `{}`: `{name}` is no header name", source.name))?;
        let mut value = HeaderValue::from_str(value.expose()).map_err(|_| {
            Error::new(
                Kind::Config,
                format!("source `{}`: the value of the header `{name}` holds characters that a header cannot carry", source.name),
            )
        })?;
        value.set_sensitive(sensitive);
        self.headers.insert(header, value);
        Ok(())
    }
}

/// Takes every secret out of a text that came from outside.
pub(super) fn scrub(text: &str, secrets: &[Secret]) -> String {
    let mut text = text.to_owned();
    for secret in secrets {
        // Very short values are no secrets worth the damage to the text.
        if secret.expose().len() >= 4 && text.contains(secret.expose()) {
            text = text.replace(secret.expose(), "***");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrubs_secrets() {
        let secrets = [Secret::new("s3cret"), Secret::new("a")];
        assert_eq!(scrub("bad key s3cret at a", &secrets), "bad key *** at a");
    }
}
