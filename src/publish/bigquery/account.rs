//! The service account that speaks for `etl`: its key, and the signed word that it is exchanged for.

use base64::Engine as _;
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Kind, OrFail, Result},
    secret::{self, Secret},
    settings::Env,
};

/// The variables that may hold a key, the first that is set counts: a path, the JSON itself, or its base64.
const VARIABLES: [&str; 3] = ["GCLOUD_AUTH", "GOOGLE_APPLICATION_CREDENTIALS", "CLOUD_SQL_CREDENTIALS"];
/// What a token may be used for.
const SCOPE: &str = "https://www.googleapis.com/auth/bigquery";
/// How long the signed word is good.
const SECONDS: i64 = 3_600;

/// A service account with its key.
pub(super) struct Account {
    pub(super) email: String,
    key_id: String,
    key: EncodingKey,
    /// Where the signed word is exchanged for a token.
    pub(super) token_uri: String,
}

#[derive(Deserialize)]
struct KeyFile {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    client_email: String,
    #[serde(default)]
    private_key: String,
    #[serde(default)]
    private_key_id: String,
    #[serde(default)]
    token_uri: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

impl Account {
    /// The account that the environment names.
    ///
    /// # Errors
    /// [`Kind::MissingVariable`] where it names none; [`Kind::Config`] that says what is wrong with the key, and nothing of it.
    pub(super) fn of(env: &Env) -> Result<Self> {
        let Some((name, value)) = VARIABLES.iter().find_map(|name| Some((*name, env.get(name)?))) else {
            return Err(Error::new(Kind::MissingVariable, "environment variable `GCLOUD_AUTH` is not set")
                .hint("set it to the path of a service account's key file, to its JSON, or to its base64"));
        };
        let text = text_of(value).map_err(|error| error.within(format!("the key that `{name}` names")))?;
        Self::parse(text.expose()).map_err(|what| Error::new(Kind::Config, format!("the key that `{name}` names {what}")))
    }

    fn parse(text: &str) -> Result<Self, String> {
        // The message of the parser may hold a part of the text.
        let file: KeyFile = serde_json::from_str(text).map_err(|error| format!("is no JSON of a key (line {})", error.line()))?;
        if file.kind != "service_account" {
            return Err("is not that of a service account (`type`)".to_owned());
        }
        for (name, value) in [("client_email", &file.client_email), ("private_key", &file.private_key), ("token_uri", &file.token_uri)] {
            if value.is_empty() {
                return Err(format!("has no `{name}`"));
            }
        }
        secret::register(&file.private_key);
        let key = EncodingKey::from_rsa_pem(file.private_key.as_bytes()).map_err(|_| "has a `private_key` that is no RSA key in PEM".to_owned())?;
        Ok(Self { email: file.client_email, key_id: file.private_key_id, key, token_uri: file.token_uri })
    }

    /// What proves to the token endpoint that this account asks.
    ///
    /// # Errors
    /// [`Kind::Config`] if the key cannot sign.
    pub(super) fn assertion(&self, now: DateTime<Utc>) -> Result<Secret> {
        let header = Header { kid: (!self.key_id.is_empty()).then(|| self.key_id.clone()), ..Header::new(Algorithm::RS256) };
        let iat = now.timestamp();
        let claims = Claims { iss: &self.email, scope: SCOPE, aud: &self.token_uri, iat, exp: iat + SECONDS };
        encode(&header, &claims, &self.key).map(Secret::known).or_fail(Kind::Config, || format!("the key of `{}` cannot sign", self.email))
    }
}

/// The JSON of a key, from whatever form it has.
fn text_of(value: &str) -> Result<Secret> {
    let value = value.trim();
    if value.starts_with('{') {
        return Ok(Secret::new(value));
    }
    let bare: String = value.split_whitespace().collect();
    let decoded = base64::engine::general_purpose::STANDARD.decode(bare).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some(text) = decoded.filter(|text| text.trim_start().starts_with('{')) {
        return Ok(Secret::new(text));
    }
    // What is neither may be a broken key: it must not be shown as a path that does not exist.
    if value.len() > 1_000 || value.contains('\n') {
        return Err(Error::new(Kind::Config, "it is no path, no JSON and no base64 of JSON"));
    }
    fs_err::read_to_string(value).map(Secret::new).map_err(|error| {
        let reason = error.kind().to_string();
        Error::new(Kind::Config, format!("cannot be read: {reason}")).hint("the variable takes a path, the JSON, or its base64")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(value: &str) -> String {
        format!("{:?}", Account::of(&Env::of([("GCLOUD_AUTH", value)])).err().unwrap())
    }

    #[test]
    fn what_is_wrong_with_a_key_is_told_and_the_key_is_not() {
        let base64 = base64::engine::general_purpose::STANDARD.encode(r#"{"type":"service_account"}"#);
        for (value, part) in [
            (r#"{"type":"authorized_user","refresh_token":"s3cret"}"#, "not that of a service account"),
            (r#"{"type":"service_account","client_email":"a@b","private_key":"s3cret","token_uri":"https://h/t"}"#, "no RSA key in PEM"),
            (r#"{"private_key":"s3cret"#, "no JSON of a key"),
            (&base64, "has no `client_email`"),
            ("/nowhere/s3cret.json", "cannot be read"),
            ("s3cret\nline", "no path, no JSON and no base64"),
        ] {
            let error = error(value);
            assert!(error.contains(part) && !error.contains("s3cret"), "{value}: {error}");
        }
        assert_eq!(Account::of(&Env::default()).err().unwrap().kind(), Kind::MissingVariable);
    }
}
