//! The one retry loop: sends a request until a response is accepted, or until the limits of the source are used up.

use std::{sync::atomic::Ordering, time::Duration};

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use reqwest::{RequestBuilder, header::HeaderMap};
use tokio::time::{Instant, sleep};

use super::{
    HttpClient, Repeat,
    retry::{Hint, Next, Waits, hint},
};
use crate::{
    error::{Error, Kind, Result},
    secret::Secret,
};

/// A response, body included.
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) hint: Hint,
    /// The token of the login that the request carried.
    token: Option<Secret>,
}

/// Why an attempt failed, and what a further attempt means.
pub(super) struct Rejected {
    pub(super) error: Error,
    /// A further attempt may succeed.
    pub(super) again: bool,
    /// The server has not acted on the request.
    pub(super) unseen: bool,
}

/// An attempt without a whole response.
struct Broken {
    /// 0 = there was none.
    status: u16,
    rejected: Rejected,
}

/// How a request ended, with the facts of its last attempt.
pub(super) struct RequestOutcome<T> {
    pub(super) attempts: u32,
    pub(super) elapsed: Duration,
    /// Start and duration of the last attempt.
    pub(super) started: DateTime<Utc>,
    pub(super) duration: Duration,
    /// Status of the last attempt; 0 = there was no response.
    pub(super) status: u16,
    /// The last response, if it came whole.
    pub(super) response: Option<Response>,
    pub(super) result: Result<T, GivenUp>,
}

/// A request that failed for good.
pub(super) struct GivenUp {
    pub(super) error: Error,
    pub(super) reason: Next,
    /// The server may have acted on it: only where it must not be repeated.
    pub(super) maybe_done: bool,
}

impl HttpClient {
    /// Sends what `build` makes until `accept` takes a response, as far as `repeat` and the source's limits allow.
    ///
    /// # Errors
    /// The error of `build`: then nothing, or nothing more, was sent.
    pub(super) async fn attempts<T>(
        &self,
        repeat: Repeat,
        build: impl Fn() -> Result<RequestBuilder>,
        accept: impl Fn(&Response) -> Result<T, Rejected>,
    ) -> Result<RequestOutcome<T>> {
        let begin = Instant::now();
        let mut waits = Waits::new(&self.rules.retry);
        let (mut attempts, mut renewed, mut maybe_done) = (0, false, false);
        loop {
            let request = build()?;
            attempts += 1;
            let permit = self.gate.enter(|wait| self.tell(wait, "rate limit")).await;
            let (started, clock) = (self.clock.now(), Instant::now());
            let received = self.exchange(request).await;
            let duration = clock.elapsed();
            drop(permit);
            let ended = |status, response, result| RequestOutcome { attempts, elapsed: begin.elapsed(), started, duration, status, response, result };
            let (status, response, rejected) = match received {
                Err(Broken { status, rejected }) => (status, None, rejected),
                // The token may have been withdrawn before its time: once, that is not a failure.
                Ok(response) if response.status == 401 && !renewed && response.token.is_some() => {
                    renewed = true;
                    if let (Some(session), Some(token)) = (&self.session, &response.token) {
                        session.refused(token).await;
                    }
                    continue;
                }
                Ok(response) => {
                    self.heed(&response.headers);
                    match accept(&response) {
                        Ok(value) => {
                            self.is_down.store(false, Ordering::Relaxed);
                            return Ok(ended(response.status, Some(response), Ok(value)));
                        }
                        Err(rejected) => {
                            if !rejected.again {
                                self.is_down.store(false, Ordering::Relaxed);
                            }
                            (response.status, Some(response), rejected)
                        }
                    }
                }
            };
            let error = rejected.error;
            maybe_done |= repeat == Repeat::OnlyUnseen && rejected.again && !rejected.unseen;
            let again = rejected.again && (repeat == Repeat::Always || rejected.unseen);
            let mut stated = response.as_ref().and_then(|response| response.hint.wait);
            if error.kind() == Kind::RateLimited {
                stated = stated.or(Some(self.rules.retry.limited_wait));
            }
            let next = if again && !self.is_down.load(Ordering::Relaxed) {
                waits.after(attempts, begin.elapsed(), stated, rand::random())
            } else {
                Next::OutOfAttempts
            };
            let Next::Wait(wait) = next else {
                if next == Next::OutOfTime {
                    self.is_down.store(true, Ordering::Relaxed);
                }
                return Ok(ended(status, response, Err(GivenUp { error, reason: next, maybe_done })));
            };
            let reason = if status == 0 { error.to_string() } else { format!("status {status}") };
            self.tell(wait, &reason);
            if stated.is_some() {
                self.gate.pause(Instant::now() + wait);
            }
            sleep(wait).await;
        }
    }

    /// One attempt at a request, with the token of the login where there is one.
    async fn exchange(&self, mut request: RequestBuilder) -> Result<Response, Broken> {
        let broken = |status: u16, error: Error, unseen: bool| {
            let again = error.kind().retryable();
            Broken { status, rejected: Rejected { error, again, unseen } }
        };
        let mut token = None;
        if let Some(session) = &self.session {
            let value = session.value(&self.http, &self.base).await.map_err(|error| broken(0, error, true))?;
            request = request.header(session.header(), value.expose());
            token = Some(value);
        }
        let mut response = request.send().await.map_err(|error| {
            let unseen = error.is_connect() || error.is_builder();
            broken(0, network(error), unseen)
        })?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let most = usize::try_from(self.rules.max_body).unwrap_or(usize::MAX);
        let too_long = || {
            let what = format!("answered {status} with a body over the limit of {most} bytes");
            let error = Error::new(Kind::BadResponse, what).hint("raise `max_body` in the source file, or ask for smaller pages");
            Broken { status, rejected: Rejected { error, again: false, unseen: false } }
        };
        let promised = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        if promised > most {
            return Err(too_long());
        }
        let mut body = BytesMut::with_capacity(promised);
        while let Some(chunk) = response.chunk().await.map_err(|error| broken(status, network(error), false))? {
            if body.len() + chunk.len() > most {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk);
        }
        let hint = hint(&headers, self.clock.now());
        Ok(Response { status, headers, body: body.freeze(), hint, token })
    }
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
