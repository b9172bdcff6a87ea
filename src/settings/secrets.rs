//! Which values of the environment are secrets.

use base64::Engine as _;

use super::Env;
use crate::secret;

impl Env {
    /// Keeps the values of the variables that `text` needs out of every other text from now on.
    pub fn register_secrets_in(&self, text: &str) {
        for value in Self::names_in(text).iter().filter_map(|name| self.get(name)) {
            register(value);
        }
    }

    /// Keeps credentials out of every text from now on: those of databases, buckets, Slack and Google, and what looks like one
    /// by the name of its variable.
    pub fn register_secrets(&self) {
        for (name, value) in self.starting_with("") {
            let is_ours = ["CLOUD_SQL_", "AWS_", "AZURE_", "SLACK_"].iter().any(|prefix| name.starts_with(prefix));
            match secret::is_secret_name(name) || name.contains("WEBHOOK") {
                true if is_ours => register(value),
                // A path or an address is not a secret, but a password in the address is.
                true if !value.starts_with('/') && !value.contains("://") => secret::register_suspect(value),
                _ => register_password(value),
            }
            if let Some(key) = google_private_key(name, value) {
                secret::register(&key);
            }
        }
    }
}

/// Keeps a value out of every text from now on; of an address, what follows its host.
fn register(value: &str) {
    match url::Url::parse(value.trim()) {
        Ok(url) if url.has_host() => {
            secret::register(url.path().trim_matches('/'));
            secret::register(url.query().unwrap_or_default());
            register_password(value);
        }
        _ => secret::register(value),
    }
}

/// Keeps the password of an address out of every text from now on.
pub(super) fn register_password(address: &str) {
    let Some(password) = url::Url::parse(address).ok().and_then(|url| url.password().map(str::to_owned)) else { return };
    secret::register(&percent_decoded(&password));
    secret::register(&password);
}

fn percent_decoded(text: &str) -> String {
    // What is behind `=` in a query is decoded alike, where `+` is not taken for a space.
    url::form_urlencoded::parse(format!("={}", text.replace('+', "%2B").replace('&', "%26")).as_bytes())
        .next()
        .map_or_else(String::new, |(_, value)| value.into_owned())
}

/// The private key of a service account, which a variable holds or names.
fn google_private_key(name: &str, value: &str) -> Option<String> {
    if !["GCLOUD_AUTH", "GOOGLE_APPLICATION_CREDENTIALS"].contains(&name) {
        return None;
    }
    let bare: String = value.split_whitespace().collect();
    let decoded = || String::from_utf8(base64::engine::general_purpose::STANDARD.decode(&bare).ok()?).ok();
    let text = if value.trim_start().starts_with('{') { value.to_owned() } else { decoded().or_else(|| fs_err::read_to_string(value).ok())? };
    serde_json::from_str::<serde_json::Value>(&text).ok()?["private_key"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::scrub;

    #[test]
    fn credentials_of_the_environment_are_kept_out_of_texts() {
        let key = base64::engine::general_purpose::STANDARD.encode(r#"{"private_key":"-----BEGIN\nKeyLineOfTheAccount\n-----END"}"#);
        Env::of([
            ("AWS_SECRET_ACCESS_KEY", "SecretOfAmazon"),
            ("ETL_DATABASE", "mysql://etl:Pass%2BOf%26Database@h/d"),
            ("SLACK_WEBHOOK_A", "https://hooks.slack.com/services/T0/B0/Hook"),
            ("GCLOUD_AUTH", key.as_str()),
            ("SOME_TOKEN", "TokenOfSomebody"),
            ("SOME_KEY", "/home/etl/key.pem"),
            ("SOME_HOST", "host.example.org"),
        ])
        .register_secrets();
        let text = "SecretOfAmazon Pass+Of&Database Pass%2BOf%26Database https://hooks.slack.com/services/T0/B0/Hook KeyLineOfTheAccount \
            TokenOfSomebody /home/etl/key.pem host.example.org mysql://etl@h/d";
        assert_eq!(scrub(text), "*** *** *** https://hooks.slack.com/*** *** *** /home/etl/key.pem host.example.org mysql://etl@h/d");
    }
}
