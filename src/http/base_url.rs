//! Where an API is: from configuration to the URL of one request.

use std::net::IpAddr;

use url::{Host, Url};

use crate::{
    error::{Error, Kind, OrFail, Result},
    settings::Env,
};

/// The base URL of one source. It may already hold a `?` (TestRail's `index.php?/api/v2/`): parameters are then appended with `&`.
#[derive(Clone, Debug)]
pub struct BaseUrl {
    text: String,
    host: String,
    loopback: bool,
}

impl BaseUrl {
    /// The base URL of `source`: `ETL_<SOURCE>_BASE_URL` if it is set, else `written` with its `${VARIABLES}` filled in.
    ///
    /// # Errors
    /// [`Kind::MissingVariable`]; [`Kind::Config`] for something that is no usable URL.
    pub fn resolve(source: &str, written: &str, env: &Env) -> Result<Self> {
        let variable = override_variable(source);
        match env.get(&variable) {
            Some(text) => Self::parse(text).map_err(|what| Error::new(Kind::Config, format!("`{variable}`: {what}"))),
            None => {
                let text = env.expand_url(written).map_err(|error| error.within(format!("base URL of the source `{source}`")))?;
                Self::parse(&text).map_err(|what| Error::new(Kind::Config, format!("base URL of the source `{source}`: {what}")))
            }
        }
    }

    /// Takes a full URL or a bare host (then https).
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let full = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        // A password may stand in what is no URL, so the text itself is not shown.
        let url = Url::parse(&full).map_err(|error| format!("no valid URL ({error})"))?;
        let Some(host) = url.host() else { return Err("the URL has no host".to_owned()) };
        let loopback = match &host {
            Host::Domain(name) => *name == "localhost",
            Host::Ipv4(address) => IpAddr::V4(*address).is_loopback(),
            Host::Ipv6(address) => IpAddr::V6(*address).is_loopback(),
        };
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            "http" => return Err(format!("plain http to `{host}` would send credentials in the clear; use https (http is for loopback only)")),
            other => return Err(format!("`{other}` is not a scheme that can be used; use https")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the URL holds a user or password; credentials belong into `auth`".to_owned());
        }
        if url.fragment().is_some() {
            return Err("the URL holds a `#`".to_owned());
        }
        let host = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        Ok(Self { text: full, host, loopback })
    }

    /// Host, with the port if it is not the scheme's own: what receipts and `doctor` name.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is this machine.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// The URL of one request. `path` is encoded already; `query` is not.
    ///
    /// # Errors
    /// [`Kind::Config`] if base and path make no URL together, or lead to another host.
    pub fn join(&self, path: &str, query: &[(String, String)]) -> Result<Url> {
        let mut text = self.text.clone();
        let path = path.trim_start_matches('/');
        if !path.is_empty() && !text.ends_with(['/', '=']) {
            text.push('/');
        }
        text.push_str(path);
        let mut joint = if text.contains('?') { '&' } else { '?' };
        for (name, value) in query {
            text.push(joint);
            encode(name, &mut text);
            text.push('=');
            encode(value, &mut text);
            joint = '&';
        }
        let url = Url::parse(&text).or_fail(Kind::Config, || format!("the path `{path}` makes no URL with the base URL"))?;
        let same = Url::parse(&self.text).is_ok_and(|base| base.origin() == url.origin());
        if same { Ok(url) } else { Err(Error::new(Kind::Config, format!("the path `{path}` leads away from `{}`", self.host))) }
    }
}

/// The variable that replaces the base URL of a source.
pub(super) fn override_variable(source: &str) -> String {
    format!("ETL_{}_BASE_URL", source.to_ascii_uppercase())
}

/// Resolves where an API says that the next page is, seen from the URL that was asked first. A plain `http` URL of the same host,
/// as servers behind a TLS proxy write it, is requested over https.
///
/// # Errors
/// [`Kind::BadResponse`] for what is no URL, and for another scheme, host or port: no credential goes there.
pub(super) fn follow(first: &Url, next: &str) -> Result<Url> {
    let mut url = first.join(next).or_fail(Kind::BadResponse, || "the next page is named by something that is not a URL")?;
    if url.scheme() == "http" && first.scheme() == "https" {
        // Every http URL can become an https URL.
        let _ = url.set_scheme("https");
    }
    if url.origin() == first.origin() {
        return Ok(url);
    }
    let host = url.host_str().unwrap_or_default();
    Err(Error::new(Kind::BadResponse, format!("the next page is said to be at `{}://{host}`, which is not where the list began", url.scheme()))
        .hint("if the API is asked through a proxy, it must write its own address into what it answers"))
}

/// Percent-encodes one value for a path segment or a query. Commas and colons stay, as every API reads them so and logs
/// of lists of ids stay readable.
pub fn encode(value: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b',' | b':') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn joins() {
        let cases = [
            (
                "https://t.example/index.php?/api/v2/",
                "get_plans/1",
                vec![("limit", "250")],
                "https://t.example/index.php?/api/v2/get_plans/1&limit=250",
            ),
            ("t.example/index.php?/api/v2", "get_plans/1", vec![], "https://t.example/index.php?/api/v2/get_plans/1"),
            (
                "https://bugzilla.example/rest",
                "bug",
                vec![("id", "1,2"), ("q", "a b&c=ü")],
                "https://bugzilla.example/rest/bug?id=1,2&q=a%20b%26c%3D%C3%BC",
            ),
            ("http://127.0.0.1:8080/rest/", "/bug", vec![], "http://127.0.0.1:8080/rest/bug"),
            ("http://[::1]:1", "a", vec![("x", "")], "http://[::1]:1/a?x="),
            ("https://h", "a?b=1", vec![("c", "2")], "https://h/a?b=1&c=2"),
        ];
        for (base, path, query, expected) in cases {
            let base = BaseUrl::parse(base).unwrap();
            assert_eq!(base.join(path, &params(&query)).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn follows_on_the_same_origin_only() {
        let first = Url::parse("https://api.example/repos/o/r/issues?page=1").unwrap();
        for (next, expected) in [
            ("https://api.example/repositories/7/issues?page=2", "https://api.example/repositories/7/issues?page=2"),
            ("/wiki/rest?start=25", "https://api.example/wiki/rest?start=25"),
            ("?page=2", "https://api.example/repos/o/r/issues?page=2"),
            ("http://api.example/repos?page=2", "https://api.example/repos?page=2"),
            ("http://api.example:80/repos?page=2", "https://api.example/repos?page=2"),
        ] {
            assert_eq!(follow(&first, next).unwrap().as_str(), expected);
        }
        for next in [
            "https://evil.example/x",
            "http://evil.example/x",
            "http://api.example:8080/x",
            "https://api.example:444/x",
            "//evil.example/x",
            "https://",
        ] {
            assert_eq!(follow(&first, next).unwrap_err().kind(), Kind::BadResponse, "{next}");
        }
    }

    #[test]
    fn refuses_what_is_unsafe() {
        for (bad, part) in [
            ("http://t.example/", "plain http"),
            ("ftp://t.example/", "scheme"),
            ("https://u:p@t.example/", "credentials"),
            ("https://t.example/#x", "`#`"),
            ("https://", "URL"),
        ] {
            let message = BaseUrl::parse(bad).unwrap_err();
            assert!(message.contains(part), "{bad}: {message}");
        }
    }

    #[test]
    fn the_override_wins_and_missing_variables_are_named() {
        let env = Env::of([("ETL_TESTRAIL_BASE_URL", "http://localhost:9/x")]);
        let base = BaseUrl::resolve("testrail", "${TESTRAIL_HOST}/y", &env).unwrap();
        assert_eq!((base.host(), base.is_loopback()), ("localhost:9", true));
        let error = BaseUrl::resolve("testrail", "${TESTRAIL_HOST}/y", &Env::default()).unwrap_err();
        assert_eq!(error.kind(), Kind::MissingVariable);
    }

    #[test]
    fn hosts_may_end_with_slashes_and_line_breaks() {
        for host in ["https://t.example", "https://t.example/", "https://t.example//\n", " t.example/\r\n"] {
            let base = BaseUrl::resolve("demo", "${HOST}/v1/${APP}/", &Env::of([("HOST", host), ("APP", "x/\n")])).unwrap();
            assert_eq!(base.join("a", &[]).unwrap().as_str(), "https://t.example/v1/x/a", "{host:?}");
        }
        let base = BaseUrl::resolve("demo", "${HOST}", &Env::of([("HOST", "https://t.example/sub/")])).unwrap();
        assert_eq!(base.join("a", &[]).unwrap().as_str(), "https://t.example/sub/a");
    }
}
