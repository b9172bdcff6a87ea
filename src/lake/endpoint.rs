//! Where a bucket is asked, and with which account: from the variables that each provider's own programs read.

use base64::Engine as _;
use url::{Host, Url};

use super::location::Provider;
use crate::{
    error::{Error, Kind, OrFail, Result},
    secret::Secret,
    settings::Env,
};

/// An endpoint that is not the provider's own: a self-hosted or test server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    url: String,
    host: String,
    plain: bool,
}

impl Endpoint {
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Host and port, as the name of a folder.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Whether it speaks plain http.
    pub(super) fn is_plain(&self) -> bool {
        self.plain
    }

    /// Plain http is for this machine only: the requests carry credentials.
    fn parse(variable: &str, text: &str) -> Result<Self> {
        let wrong = |what: String| Error::new(Kind::Config, format!("`{variable}`: {what}")).hint("write it as `https://HOST[:PORT]`");
        let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        // A password may stand in what is no URL, so the text itself is not shown.
        let url = Url::parse(&full).map_err(|error| wrong(format!("no valid URL ({error})")))?;
        let loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => return Err(wrong("the URL has no host".to_owned())),
        };
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            "http" => return Err(wrong("plain http would send credentials in the clear; it is for loopback only".to_owned())),
            other => return Err(wrong(format!("`{other}` is not a scheme that can be used"))),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("the URL holds a user or password".to_owned()));
        }
        let name = url.host_str().unwrap_or_default().replace(['[', ']', ':'], "_");
        let host = url.port().map_or(name.clone(), |port| format!("{name}_{port}"));
        Ok(Self { url: full.trim_end_matches('/').to_owned(), host, plain: url.scheme() == "http" })
    }
}

/// The endpoint that the environment names, if it names one.
pub(super) fn chosen(provider: Provider, env: &Env) -> Result<Option<Endpoint>> {
    let variables: &[&str] = match provider {
        Provider::Google => &["STORAGE_EMULATOR_HOST", "GOOGLE_BASE_URL"],
        Provider::Amazon => &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"],
        Provider::Azure => &["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"],
    };
    variables.iter().find_map(|variable| Some((variable, env.get(variable)?))).map(|(variable, text)| Endpoint::parse(variable, text)).transpose()
}

/// An account of Google.
pub(super) enum GoogleAuth {
    /// A service account's key, as JSON.
    ServiceAccount(Secret),
    /// A file of another kind of credentials.
    File(String),
}

/// `GCLOUD_AUTH` (a path to a JSON file, the JSON itself, or its base64), else `GOOGLE_APPLICATION_CREDENTIALS` (a path).
/// Without both, Google's library looks for those of `gcloud` and of the machine.
pub(super) fn google_auth(env: &Env) -> Result<Option<GoogleAuth>> {
    if let Some(text) = env.get("GCLOUD_AUTH") {
        let wrong = |what: &str| {
            Error::new(Kind::Config, format!("`GCLOUD_AUTH` {what}"))
                .hint("set it to the path of a service account's JSON key, the JSON, or its base64")
        };
        let text = text.trim();
        if text.starts_with('{') {
            return google_key("GCLOUD_AUTH", text, None).map(Some);
        }
        let decoded = base64::engine::general_purpose::STANDARD.decode(text.split_ascii_whitespace().collect::<String>()).ok();
        if let Some(json) = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).filter(|json| json.trim_start().starts_with('{')) {
            return google_key("GCLOUD_AUTH", &json, None).map(Some);
        }
        if text.len() > 4_096 || text.contains('\n') {
            return Err(wrong("is neither a path nor JSON nor base64 of JSON"));
        }
        // What is no path may be a key that was cut, so it is not shown.
        let json = fs_err::read_to_string(text).map_err(|_| wrong("names no file that can be read, and is neither JSON nor base64 of JSON"))?;
        return google_key("GCLOUD_AUTH", &json, Some(text)).map(Some);
    }
    let Some(path) = env.get("GOOGLE_APPLICATION_CREDENTIALS") else { return Ok(None) };
    let json = fs_err::read_to_string(path).or_fail(Kind::Config, || "`GOOGLE_APPLICATION_CREDENTIALS` cannot be read")?;
    google_key("GOOGLE_APPLICATION_CREDENTIALS", &json, Some(path)).map(Some)
}

fn google_key(variable: &str, json: &str, path: Option<&str>) -> Result<GoogleAuth> {
    let kind = serde_json::from_str::<serde_json::Value>(json).ok().and_then(|value| Some(value.get("type")?.as_str()?.to_owned()));
    match (kind.as_deref(), path) {
        (Some("service_account"), _) => Ok(GoogleAuth::ServiceAccount(Secret::new(json))),
        (Some(_), Some(path)) => Ok(GoogleAuth::File(path.to_owned())),
        _ => Err(Error::new(Kind::Config, format!("`{variable}` holds no key of a service account"))
            .hint("create one with `gcloud iam service-accounts keys create`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        let of = |pairs: &[(&str, &str)], provider| chosen(provider, &Env::of(pairs.iter().copied()));
        assert_eq!(of(&[], Provider::Amazon).unwrap(), None);
        let local = of(&[("STORAGE_EMULATOR_HOST", "localhost:9023")], Provider::Google).unwrap().unwrap();
        assert_eq!((local.url(), local.host(), local.is_plain()), ("http://localhost:9023", "localhost_9023", true));
        let both = [("AWS_ENDPOINT_URL", "https://a.example"), ("AWS_ENDPOINT_URL_S3", "https://b.example/")];
        assert_eq!(of(&both, Provider::Amazon).unwrap().unwrap().url(), "https://b.example");
        for bad in ["http://a.example", "ftp://a.example", "https://u:p@a.example", "https://"] {
            let error = of(&[("AWS_ENDPOINT_URL", bad)], Provider::Amazon).unwrap_err();
            assert_eq!(error.kind(), Kind::Config);
            assert!(!error.to_string().contains("u:p"), "{error}");
        }
    }

    #[test]
    fn keys_of_google_in_three_forms() {
        let json = r#"{"type":"service_account","client_email":"a@b"}"#;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.json").display().to_string();
        fs_err::write(&path, json).unwrap();
        let encoded = base64::engine::general_purpose::STANDARD.encode(json);
        for text in [json, &encoded, &path] {
            match google_auth(&Env::of([("GCLOUD_AUTH", text)])).unwrap() {
                Some(GoogleAuth::ServiceAccount(key)) => assert_eq!(key.expose(), json),
                _ => panic!("{text}"),
            }
        }
        fs_err::write(&path, r#"{"type":"authorized_user"}"#).unwrap();
        assert!(matches!(google_auth(&Env::of([("GOOGLE_APPLICATION_CREDENTIALS", &path)])).unwrap(), Some(GoogleAuth::File(_))));
        for text in ["/no/such/file", r#"{"private_key":"secret"}"#, "c2VjcmV0"] {
            let error = google_auth(&Env::of([("GCLOUD_AUTH", text)])).err().unwrap();
            assert_eq!(error.kind(), Kind::Config);
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
    }
}
