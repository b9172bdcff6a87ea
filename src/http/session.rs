//! A token that a login gives: fetched when it is first needed, again before it expires or when it is refused.

use std::time::Duration;

use serde_json::Value;
use tokio::{sync::Mutex, time::Instant};

use crate::{
    catalog::Login,
    error::{Error, Kind, OrFail, Result},
    http::BaseUrl,
    secret::Secret,
};

/// A token is given up this long before its end, so that no request carries it over the line.
const MARGIN: Duration = Duration::from_secs(60);

/// The login of one source, shared by all tasks that ask it.
pub(super) struct Session {
    rules: Login,
    form: Vec<(String, Secret)>,
    held: Mutex<Option<Held>>,
}

#[derive(Clone)]
struct Held {
    token: Secret,
    until: Option<Instant>,
}

impl Session {
    pub(super) fn new(rules: Login, form: Vec<(String, Secret)>) -> Self {
        Self { rules, form, held: Mutex::new(None) }
    }

    /// The header that carries the token.
    pub(super) fn header(&self) -> &str {
        &self.rules.header
    }

    /// The value of the header. Logs in where there is no token, or none that is good for long enough; tasks that come
    /// meanwhile wait for it.
    ///
    /// # Errors
    /// [`Kind::Unauthorized`] for credentials that are refused in whatever way; what may pass is retryable.
    pub(super) async fn value(&self, http: &reqwest::Client, base: &BaseUrl) -> Result<Secret> {
        let mut held = self.held.lock().await;
        let token = match held.as_ref().filter(|held| held.until.is_none_or(|until| Instant::now() + MARGIN < until)) {
            Some(known) => known.token.clone(),
            None => held.insert(self.log_in(http, base).await?).token.clone(),
        };
        Ok(Secret::new(format!("{} {}", self.rules.scheme, token.expose()).trim_start()))
    }

    /// The API refused this value: whoever comes next logs in again.
    pub(super) async fn refused(&self, value: &Secret) {
        let mut held = self.held.lock().await;
        if held.as_ref().is_some_and(|held| value.expose().ends_with(held.token.expose())) {
            *held = None;
        }
    }

    /// Gives the token back, if the API has a way to.
    pub(super) async fn close(&self, http: &reqwest::Client, base: &BaseUrl) {
        let (Some(path), Some(held)) = (&self.rules.logout, self.held.lock().await.take()) else { return };
        let Ok(url) = base.join(path, &[]) else { return };
        let value = format!("{} {}", self.rules.scheme, held.token.expose());
        // A token that is not given back expires on its own.
        let _ = http.delete(url).header(&self.rules.header, value.trim_start()).send().await;
    }

    async fn log_in(&self, http: &reqwest::Client, base: &BaseUrl) -> Result<Held> {
        let url = base.join(&self.rules.path, &[])?;
        let form: Vec<(&str, &str)> = self.form.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        let asked = Instant::now();
        let response = http.post(url).form(&form).send().await.map_err(super::attempts::network)?;
        let status = response.status().as_u16();
        let body = response.bytes().await.map_err(super::attempts::network)?;
        let what = format!("the login at `{}` was answered with {status}", self.rules.path);
        if matches!(status, 408 | 425 | 429 | 500..) {
            return Err(Error::new(if status == 429 { Kind::RateLimited } else { Kind::Unavailable }, what));
        }
        let refused = |what: String| {
            Error::new(Kind::Unauthorized, what)
                .hint("check the variables of the source's login; some APIs answer wrong ones with 404 and a web page")
        };
        if !(200..300).contains(&status) {
            return Err(refused(what));
        }
        let answer: Value = serde_json::from_slice(&body).or_fail(Kind::Unauthorized, || format!("{what} and no JSON"))?;
        let Some(token) = answer.pointer(&self.rules.token).and_then(Value::as_str) else {
            return Err(refused(format!("{what}, and there is no text at `{}`", self.rules.token)));
        };
        let seconds = self.rules.expires_in.as_ref().and_then(|pointer| answer.pointer(pointer)).and_then(Value::as_u64);
        // A token that lives shorter than the margin is still good for the request at hand.
        let until = seconds.map(|seconds| asked + Duration::from_secs(seconds).max(MARGIN));
        Ok(Held { token: Secret::known(token), until })
    }
}
