//! The headers that prove who asks.

use base64::Engine as _;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::{base_url::override_variable, session::Session};
use crate::{
    catalog::{Auth, Source},
    error::{Error, Kind, OrFail, Result},
    secret::Secret,
    settings::Env,
};

/// The headers of every request.
pub(super) struct Credentials {
    pub(super) headers: HeaderMap,
    /// Where a token must be fetched first.
    pub(super) session: Option<Session>,
}

impl Credentials {
    /// Fills the `${VARIABLES}` of a source's `auth` and `headers`.
    pub(super) fn resolve(source: &Source, env: &Env) -> Result<Self> {
        let within = |error: Error| error.within(format!("the credentials of the source `{}`", source.name));
        let mut found = Self { headers: HeaderMap::new(), session: None };
        let client = source.api()?;
        for (name, value) in &client.headers {
            let secret = env.expand_secret(value).map_err(within)?;
            let is_secret = value.contains("${");
            found.add(source, name, value, &secret, is_secret)?;
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
                let token = Secret::known(base64::engine::general_purpose::STANDARD.encode(format!("{user}:{}", password.expose())));
                let header = Secret::new(format!("Basic {}", token.expose()));
                found.add(source, "Authorization", "", &header, true)?;
            }
            Auth::Header { name, value } => {
                let written = value;
                let value = env.expand_secret(written).map_err(within)?;
                found.add(source, name, written, &value, true)?;
            }
            Auth::Login(login) => {
                let mut form = Vec::new();
                for (name, value) in &login.form {
                    form.push((name.clone(), env.expand_secret(value).map_err(within)?));
                }
                found.session = Some(Session::new(login.clone(), form));
            }
        }
        Ok(found)
    }

    /// Adds a header; `written` is its value as the source file has it, with `${VARIABLES}`.
    fn add(&mut self, source: &Source, name: &str, written: &str, value: &Secret, sensitive: bool) -> Result<()> {
        let source = &source.name;
        let header =
            HeaderName::from_bytes(name.as_bytes()).or_fail(Kind::Config, || format!("source `{source}`: `{name}` is not a valid header name"))?;
        let mut value = HeaderValue::from_str(value.expose()).map_err(|_| {
            let variables: Vec<String> = Env::names_in(written).iter().map(|name| format!("`{name}`")).collect();
            let from = if variables.is_empty() { String::new() } else { format!(" (from {})", variables.join(", ")) };
            let what =
                format!("source `{source}`: the value of the header `{name}`{from} has a line break or another character that a header cannot carry");
            Error::new(Kind::Config, what)
        })?;
        value.set_sensitive(sensitive);
        self.headers.insert(header, value);
        Ok(())
    }
}

/// The environment variables that the source needs and that are missing, in order of their names.
pub fn missing_variables(source: &Source, env: &Env) -> Vec<String> {
    let Some(client) = &source.client else { return Vec::new() };
    let mut texts = client.credential_texts();
    if env.get(&override_variable(&source.name)).is_none() {
        texts.push(&client.base_url);
    }
    let mut names: Vec<String> = texts.into_iter().flat_map(Env::names_in).filter(|name| env.get(name).is_none()).collect();
    names.sort();
    names.dedup();
    names
}
