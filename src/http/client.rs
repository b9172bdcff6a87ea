//! One client per source: it asks, waits, tries again, and hands out only answers that can be trusted.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use bytes::Bytes;
use reqwest::{header::HeaderMap, redirect};
use tokio::time::Instant;
use url::Url;

use super::{
    Answer, BaseUrl, Failure, Fetched, Got, Repeat,
    answer::{kept_headers, link_header},
    attempts::{GivenUp, Rejected, RequestOutcome, Response},
    auth::{Credentials, missing_variables},
    base_url::follow,
    check::{Seen, Verdict, judge, own_words},
    rate_limit::Gate,
    retry::{Next, used_up_for},
    session::Session,
};
use crate::{
    catalog::{Client, Method, RateLimit, Source},
    clock::Clock,
    error::{Error, Kind, OrFail, Result},
    events::{Event, Observer},
    secret::{masked_url, scrub},
    settings::{Env, Settings},
};

/// Bytes of the longest URL; the HTTP library takes 65,534.
const LONGEST_URL: usize = 60_000;

/// Waits shorter than this are nobody's business.
const WORTH_TELLING: Duration = Duration::from_secs(1);

/// What to ask for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The endpoint's id, for messages.
    pub endpoint: &'a str,
    /// How.
    pub method: Method,
    /// Path under the base URL, encoded.
    pub path: &'a str,
    /// Query parameters, not encoded.
    pub query: &'a [(String, String)],
    /// The JSON of a POST.
    pub body: Option<&'a serde_json::Value>,
    /// Where the API said that this page is, absolute or relative: asked instead of path and query.
    pub follow: Option<&'a str>,
    /// Statuses that say the thing does not exist.
    pub gone: &'a [u16],
    /// Statuses that say the thing may not be read.
    pub forbidden: &'a [u16],
}

/// The connection to one source, shared by all tasks that ask it.
pub struct HttpClient {
    source: String,
    pub(super) base: BaseUrl,
    pub(super) http: reqwest::Client,
    pub(super) rules: Client,
    limit: RateLimit,
    pub(super) gate: Gate,
    pub(super) session: Option<Session>,
    pub(super) clock: Clock,
    /// A request used up its time and none has succeeded since: requests get one attempt until one does.
    pub(super) is_down: AtomicBool,
    observer: Arc<dyn Observer>,
}

impl HttpClient {
    /// Resolves the source's variables and prepares its connections; nothing is sent yet.
    ///
    /// # Errors
    /// [`Kind::MissingVariable`] and [`Kind::Config`].
    pub fn new(source: &Source, settings: &Settings, clock: Clock, observer: Arc<dyn Observer>) -> Result<Self> {
        let rules = source.api()?;
        let missing = missing_variables(source, &settings.env);
        if !missing.is_empty() {
            return Err(Env::missing(&missing).within(format!("the source `{}`", source.name)));
        }
        let base = BaseUrl::resolve(&source.name, &rules.base_url, &settings.env)?;
        let credentials = Credentials::resolve(source, &settings.env)?;
        let limit = settings.rate_limits.get(&source.name).copied().unwrap_or(rules.rate_limit);
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("etl/", env!("CARGO_PKG_VERSION")))
            .default_headers(credentials.headers)
            .connect_timeout(rules.timeout.min(Duration::from_secs(20)))
            .timeout(rules.timeout)
            .redirect(same_host_only())
            .referer(false);
        if base.is_loopback() {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(reqwest::Error::without_url).or_fail(Kind::Internal, || "cannot prepare HTTP")?;
        Ok(Self {
            source: source.name.clone(),
            base,
            http,
            rules: rules.clone(),
            limit,
            gate: Gate::new(&limit),
            session: credentials.session,
            clock,
            is_down: AtomicBool::new(false),
            observer,
        })
    }

    /// The host that is asked, with its port if that is unusual.
    pub fn host(&self) -> &str {
        self.base.host()
    }

    /// Requests that may be under way at once.
    pub fn concurrency(&self) -> usize {
        self.limit.concurrency.max(1) as usize
    }

    /// Asks for the source's `probe`, else its `ping`, if it has one: does the API answer, and does it take the credentials?
    ///
    /// # Errors
    /// As [`HttpClient::ask`].
    pub async fn probe(&self) -> Result<Option<Answer>> {
        match self.rules.probe.as_ref().or(self.rules.ping.as_ref()) {
            Some(path) => self.look("probe", path).await.map(Some),
            None => Ok(None),
        }
    }

    /// Asks for the source's `ping`, if it has one. Where it fails, nothing else of the source may be believed.
    ///
    /// # Errors
    /// As [`HttpClient::ask`].
    pub async fn ping(&self) -> Result<()> {
        match &self.rules.ping {
            Some(path) => self.look("ping", path).await.map(|_| ()),
            None => Ok(()),
        }
    }

    async fn look(&self, endpoint: &str, path: &str) -> Result<Answer> {
        let request = Request { endpoint, method: Method::Get, path, query: &[], body: None, follow: None, gone: &[], forbidden: &[] };
        self.ask(&request, |_| Ok(())).await.map(|fetched| fetched.answer).map_err(|failure| failure.error)
    }

    /// Ends the session, if there is one.
    pub async fn close(&self) {
        if let Some(session) = &self.session {
            session.close(&self.http, &self.base).await;
        }
    }

    /// Asks until there is an answer that `read` can read, within the source's limits. An answer that `read` refuses with a
    /// retryable kind counts as a failed attempt.
    ///
    /// # Errors
    /// The last attempt's failure, with the exchange for the log. Unauthorized and other definite refusals are not repeated.
    pub async fn ask<T>(&self, request: &Request<'_>, read: impl Fn(&[u8]) -> Result<T>) -> Result<Fetched<T>, Box<Failure>> {
        let unsent = |error: Error| Box::new(Failure { error, answer: None });
        let url = self.url(request).map_err(unsent)?;
        let shown = scrub(&masked_url(&url)).into_owned();
        let build = || Ok(self.built(request, &url));
        let ended = self.attempts(Repeat::Always, build, |response| self.meaning(request, response, &read)).await.map_err(unsent)?;
        let (headers, link, body) = match &ended.response {
            Some(response) => (kept_headers(&response.headers), link_header(&response.headers), response.body.clone()),
            None => ("{}".to_owned(), None, Bytes::new()),
        };
        let RequestOutcome { attempts, elapsed, started, duration, status, result, .. } = ended;
        let (method, host) = (request.method, self.host().to_owned());
        let answer = Answer { method, url: shown, host, status, headers, link, attempts, started, duration, body };
        match result {
            Ok(got) => Ok(Fetched { answer, got }),
            Err(given_up) => {
                let error = self.final_error(request, &answer, elapsed, given_up);
                Err(Box::new(Failure { error, answer: Some(answer) }))
            }
        }
    }

    /// The first 300 characters of a response's body, without its secrets, for messages about its shape.
    pub fn excerpt(&self, body: &[u8]) -> String {
        // Cut after the secrets are out, so that no part of one is left.
        let text: String = scrub(&String::from_utf8_lossy(&body[..body.len().min(65_536)])).chars().take(4_096).collect();
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        words.chars().filter(|character| !character.is_control()).take(300).collect()
    }

    /// Where a request goes.
    fn url(&self, request: &Request<'_>) -> Result<Url> {
        let first = self.base.join(request.path, request.query)?;
        let url = match request.follow {
            Some(next) => follow(&first, next).map_err(|error| error.within(format!("`{}`", request.endpoint)))?,
            None => first,
        };
        let bytes = url.as_str().len();
        if bytes <= LONGEST_URL {
            return Ok(url);
        }
        let endpoint = request.endpoint;
        Err(Error::new(Kind::BadResponse, format!("`{endpoint}`: the URL of the next request has {bytes} bytes, and {LONGEST_URL} can be sent"))
            .hint(
                "the API sent a continuation token or next URL of that length, or `batch` in the source file puts too many values into one request",
            ))
    }

    /// An answer that has used up the rate limit holds back everybody until it is filled again, if that is worth waiting for;
    /// if not, the next request is refused and says so.
    pub(super) fn heed(&self, headers: &HeaderMap) {
        if let Some(wait) = used_up_for(headers, self.clock.now())
            && wait <= self.rules.retry.max_elapsed
        {
            self.gate.pause(Instant::now() + wait);
        }
    }

    fn meaning<T>(&self, request: &Request<'_>, response: &Response, read: &impl Fn(&[u8]) -> Result<T>) -> Result<Got<T>, Rejected> {
        let seen = Seen {
            status: response.status,
            content_type: response.headers.get(reqwest::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()),
            body: &response.body,
            limited: response.hint.limited,
            gone: request.gone,
            forbidden: request.forbidden,
        };
        let rejected = |kind: Kind, what: String, again: bool| {
            let error = Error::new(kind, what);
            let error = match own_words(&response.body) {
                Some(words) => error.because(words),
                None => error,
            };
            Rejected { error, again, unseen: false }
        };
        match judge(&seen, &self.rules) {
            Verdict::Usable => {
                read(&response.body).map(Got::Read).map_err(|error| Rejected { again: error.kind().retryable(), error, unseen: false })
            }
            Verdict::Gone => Ok(Got::Gone),
            Verdict::Forbidden => Ok(Got::Forbidden),
            Verdict::Retry(kind, what) => Err(rejected(kind, what, true)),
            Verdict::Fail(kind, what) => Err(rejected(kind, what, false)),
        }
    }

    fn built(&self, request: &Request<'_>, url: &Url) -> reqwest::RequestBuilder {
        let builder = match request.method {
            Method::Get => self.http.get(url.clone()),
            Method::Post => self.http.post(url.clone()),
        };
        match request.body {
            Some(body) => builder.header(reqwest::header::CONTENT_TYPE, "application/json").body(body.to_string()),
            None => builder,
        }
    }

    fn final_error(&self, request: &Request<'_>, answer: &Answer, elapsed: Duration, given_up: GivenUp) -> Error {
        let attempts = crate::names::count(u64::from(answer.attempts), "attempt");
        let mut what =
            format!("`{}`: {} {} failed after {attempts} in {:.1} s", request.endpoint, request.method.name(), answer.url, elapsed.as_secs_f64());
        let most = self.rules.retry.max_elapsed.as_secs();
        match given_up.reason {
            Next::TooLong(wait) => {
                what.push_str(&format!("; the next wait of {:.0} s would exceed the {most} s allowed for one request", wait.as_secs_f64()));
            }
            Next::OutOfTime => what.push_str(&format!("; the {most} s allowed for one request are used up")),
            Next::Wait(_) | Next::OutOfAttempts => {}
        }
        given_up.error.within(what)
    }

    pub(super) fn tell(&self, wait: Duration, reason: &str) {
        if wait >= WORTH_TELLING {
            self.observer.on(&Event::Waiting { source: self.source.clone(), seconds: wait.as_secs_f64(), reason: reason.to_owned() });
        }
    }
}

/// Redirects are followed on the same origin only, so that no credential goes elsewhere.
fn same_host_only() -> redirect::Policy {
    redirect::Policy::custom(|attempt| {
        let same = attempt.previous().last().is_some_and(|last| last.origin() == attempt.url().origin());
        if same && attempt.previous().len() <= 5 { attempt.follow() } else { attempt.stop() }
    })
}
