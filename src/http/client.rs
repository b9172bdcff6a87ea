//! One client per source: it asks, waits, tries again, and hands out only answers that can be trusted.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use reqwest::{header::HeaderMap, redirect};
use tokio::time::{Instant, sleep};
use url::Url;

use super::{
    Answer, BaseUrl, Failure, Fetched, Got,
    answer::{kept_headers, link_header},
    auth::Credentials,
    base_url::follow,
    check::{Seen, Verdict, judge, own_words},
    rate_limit::Gate,
    retry::{Next, Waits, asked_wait, used_up_for},
    session::Session,
};
use crate::{
    catalog::{Client, Method, RateLimit, Source},
    clock::Clock,
    error::{Error, Kind, OrFail, Result},
    events::{Event, Observer},
    secret::{Secret, masked_url, scrub},
    settings::Settings,
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
    observer: Arc<dyn Observer>,
}

/// One attempt that was answered, body included.
pub(super) struct Attempt {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The value that proved who asks, where it came from a login.
    pub(super) token: Option<Secret>,
}

/// One attempt without a whole answer.
pub(super) struct Broken {
    /// 0 = there was none.
    pub(super) status: u16,
    pub(super) error: Error,
    /// The request cannot have reached the server.
    pub(super) unseen: bool,
}

impl HttpClient {
    /// Resolves the source's variables and prepares its connections; nothing is sent yet.
    ///
    /// # Errors
    /// [`Kind::MissingVariable`] and [`Kind::Config`].
    pub fn new(source: &Source, settings: &Settings, clock: Clock, observer: Arc<dyn Observer>) -> Result<Self> {
        let rules = source.api()?;
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
        let url = self.url(request).map_err(|error| Box::new(Failure { error, answer: None }))?;
        let shown = scrub(&masked_url(&url)).into_owned();
        let begin = Instant::now();
        let mut waits = Waits::new(&self.rules.retry);
        let mut attempt = 0;
        let mut renewed = false;
        loop {
            attempt += 1;
            let permit = self.gate.enter(|wait| self.tell(wait, "rate limit")).await;
            let (started, clock) = (self.clock.now(), Instant::now());
            let answered = self.attempt(request, &url).await;
            let duration = clock.elapsed();
            drop(permit);
            let (status, headers, link, body) = match &answered {
                Ok(seen) => (seen.status, kept_headers(&seen.headers), link_header(&seen.headers), seen.body.clone()),
                Err(broken) => (broken.status, "{}".to_owned(), None, Bytes::new()),
            };
            let (method, host) = (request.method, self.host().to_owned());
            let answer = Answer { method, url: shown.clone(), host, status, headers, link, attempts: attempt, started, duration, body };
            let mut asked = None;
            let (error, again) = match answered {
                Err(Broken { error, .. }) => {
                    let again = error.kind().retryable() && error.kind() != Kind::BadResponse;
                    (error, again)
                }
                // The token may have been withdrawn before its time: once, that is no failure.
                Ok(seen) if seen.status == 401 && !renewed && seen.token.is_some() => {
                    renewed = true;
                    if let (Some(session), Some(token)) = (&self.session, &seen.token) {
                        session.refused(token).await;
                    }
                    continue;
                }
                Ok(seen) => {
                    self.heed(&seen.headers);
                    asked = asked_wait(&seen.headers, self.clock.now());
                    match self.meaning(request, &seen, asked.is_some(), &read) {
                        Meaning::Got(got) => return Ok(Fetched { answer, got }),
                        Meaning::Failed { error, again } => (error, again),
                    }
                }
            };
            if asked.is_none() && error.kind() == Kind::RateLimited {
                asked = self.rules.retry.limited_wait;
            }
            let elapsed = begin.elapsed();
            let next = if again { waits.after(attempt, elapsed, asked, rand::random()) } else { Next::OutOfAttempts };
            match next {
                Next::Wait(wait) => {
                    let reason = if status == 0 { error.to_string() } else { format!("status {status}") };
                    self.tell(wait, &reason);
                    if asked.is_some() {
                        self.gate.pause(Instant::now() + wait);
                    }
                    sleep(wait).await;
                }
                given_up => {
                    let error = self.final_error(request, &answer, elapsed, given_up, error);
                    return Err(Box::new(Failure { error, answer: Some(answer) }));
                }
            }
        }
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

    fn meaning<T>(&self, request: &Request<'_>, attempt: &Attempt, limited: bool, read: &impl Fn(&[u8]) -> Result<T>) -> Meaning<T> {
        let seen = Seen {
            status: attempt.status,
            content_type: attempt.headers.get(reqwest::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()),
            body: &attempt.body,
            limited,
            gone: request.gone,
            forbidden: request.forbidden,
        };
        let error = |kind: Kind, what: String| {
            let error = Error::new(kind, what);
            match own_words(&attempt.body) {
                Some(words) => error.because(words),
                None => error,
            }
        };
        match judge(&seen, &self.rules) {
            Verdict::Usable => match read(&attempt.body) {
                Ok(value) => Meaning::Got(Got::Read(value)),
                Err(error) => Meaning::Failed { again: error.kind().retryable(), error },
            },
            Verdict::Gone => Meaning::Got(Got::Gone),
            Verdict::Forbidden => Meaning::Got(Got::Forbidden),
            Verdict::Retry(kind, what) => Meaning::Failed { error: error(kind, what), again: true },
            Verdict::Fail(kind, what) => Meaning::Failed { error: error(kind, what), again: false },
        }
    }

    async fn attempt(&self, request: &Request<'_>, url: &Url) -> std::result::Result<Attempt, Broken> {
        let mut builder = match request.method {
            Method::Get => self.http.get(url.clone()),
            Method::Post => self.http.post(url.clone()),
        };
        if let Some(body) = request.body {
            builder = builder.header(reqwest::header::CONTENT_TYPE, "application/json").body(body.to_string());
        }
        self.exchange(builder).await
    }

    /// One attempt at a request, with the token of the login where there is one.
    pub(super) async fn exchange(&self, mut builder: reqwest::RequestBuilder) -> std::result::Result<Attempt, Broken> {
        let mut token = None;
        if let Some(session) = &self.session {
            let value = session.value(&self.http, &self.base).await.map_err(|error| Broken { status: 0, error, unseen: true })?;
            builder = builder.header(session.header(), value.expose());
            token = Some(value);
        }
        let mut response = builder.send().await.map_err(|error| {
            let unseen = error.is_connect() || error.is_builder();
            Broken { status: 0, error: network(error), unseen }
        })?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let most = usize::try_from(self.rules.max_body).unwrap_or(usize::MAX);
        let too_long = || {
            let what = format!("answered {status} with a body over the limit of {most} bytes");
            let error = Error::new(Kind::BadResponse, what).hint("raise `max_body` in the source file, or ask for smaller pages");
            Broken { status, error, unseen: false }
        };
        let promised = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        if promised > most {
            return Err(too_long());
        }
        let mut body = BytesMut::with_capacity(promised);
        while let Some(chunk) = response.chunk().await.map_err(|error| Broken { status, error: network(error), unseen: false })? {
            if body.len() + chunk.len() > most {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Attempt { status, headers, body: body.freeze(), token })
    }

    fn final_error(&self, request: &Request<'_>, answer: &Answer, elapsed: Duration, given_up: Next, error: Error) -> Error {
        let attempts = crate::names::count(u64::from(answer.attempts), "attempt");
        let mut what =
            format!("`{}`: {} {} failed after {attempts} in {:.1} s", request.endpoint, request.method.name(), answer.url, elapsed.as_secs_f64());
        if let Next::OutOfTime(wait) = given_up {
            what.push_str(&format!(
                "; the next wait of {:.0} s would exceed the {} s allowed for one request",
                wait.as_secs_f64(),
                self.rules.retry.max_elapsed.as_secs()
            ));
        }
        error.within(what)
    }

    pub(super) fn tell(&self, wait: Duration, reason: &str) {
        if wait >= WORTH_TELLING {
            self.observer.on(&Event::Waiting { source: self.source.clone(), seconds: wait.as_secs_f64(), reason: reason.to_owned() });
        }
    }
}

enum Meaning<T> {
    Got(Got<T>),
    Failed { error: Error, again: bool },
}

/// Redirects are followed on the same origin only, so that no credential goes elsewhere.
fn same_host_only() -> redirect::Policy {
    redirect::Policy::custom(|attempt| {
        let same = attempt.previous().last().is_some_and(|last| last.origin() == attempt.url().origin());
        if same && attempt.previous().len() <= 5 { attempt.follow() } else { attempt.stop() }
    })
}

/// A failure below HTTP. The URL in it may hold a secret, so it is taken out.
pub(super) fn network(error: reqwest::Error) -> Error {
    let (kind, what) = if error.is_timeout() {
        (Kind::TimedOut, "no answer in time")
    } else if error.is_connect() {
        (Kind::Network, "cannot connect")
    } else if error.is_body() || error.is_decode() {
        (Kind::Network, "the connection broke in the middle of the body")
    } else if error.is_builder() {
        (Kind::Config, "the request cannot be built")
    } else {
        (Kind::Network, "the connection broke")
    };
    Error::new(kind, what).because(error.without_url())
}
