//! Requests that may change something over there: what is safe to repeat is repeated, nothing else.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{header::HeaderMap, multipart};
use serde_json::Value;

use super::{
    HttpClient,
    attempts::{GivenUp, Rejected, Response},
    check::{own_words, without_mark},
};
use crate::{
    error::{Error, Kind, OrFail, Result},
    secret::{masked_url, scrub},
};

/// What to send.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// What it is, for messages: `page 1471774758`.
    pub what: &'a str,
    /// The method.
    pub verb: Verb,
    /// Path under the base URL, encoded.
    pub path: &'a str,
    /// Query parameters, not encoded.
    pub query: &'a [(String, String)],
    /// Further headers.
    pub headers: &'a [(&'a str, &'a str)],
    /// What it carries.
    pub body: Body<'a>,
    /// When it may be repeated.
    pub repeat: Repeat,
    /// Statuses beside 2xx that the caller wants to see.
    pub accept: &'a [u16],
}

impl<'a> Outgoing<'a> {
    /// A question, which may always be asked again.
    pub fn get(what: &'a str, path: &'a str, query: &'a [(String, String)]) -> Self {
        Self { what, verb: Verb::Get, path, query, headers: &[], body: Body::Nothing, repeat: Repeat::Always, accept: &[] }
    }
}

/// The method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Get,
    Post,
    Put,
    Delete,
}

/// What a request carries.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    Nothing,
    Json(&'a Value),
    Form(&'a [(&'a str, &'a str)]),
    /// `multipart/form-data`.
    Parts(&'a [Part<'a>]),
}

/// One part of a form with files.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// The field.
    pub name: &'a str,
    /// Name and media type, where it is a file.
    pub file: Option<(&'a str, &'a str)>,
    /// The content.
    pub content: Bytes,
}

/// When a request that got no answer, or a passing refusal, may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Doing it twice is the same as doing it once.
    Always,
    /// Only where the server cannot have acted on it: no connection, or refused as one too many (429).
    OnlyUnseen,
}

/// An answer with a status that was wanted.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The status.
    pub status: u16,
    /// The media type, in lower case and without parameters.
    pub content_type: String,
    /// How long the API asks to wait; `None` where that is 0 or past.
    pub retry_after: Option<Duration>,
    /// The body, decompressed.
    pub body: Bytes,
    /// Attempts in all.
    pub attempts: u32,
    /// The URL, secrets masked.
    pub url: String,
}

/// A request that failed for good.
#[derive(Debug)]
pub struct SendFailure {
    /// What failed.
    pub error: Error,
    /// The status of the last attempt, if there was an answer.
    pub status: Option<u16>,
    /// Whether the server may have acted on it all the same.
    pub maybe_done: bool,
}

impl From<Box<SendFailure>> for Error {
    fn from(failure: Box<SendFailure>) -> Self {
        failure.error
    }
}

impl Verb {
    fn method(self) -> reqwest::Method {
        match self {
            Self::Get => reqwest::Method::GET,
            Self::Post => reqwest::Method::POST,
            Self::Put => reqwest::Method::PUT,
            Self::Delete => reqwest::Method::DELETE,
        }
    }
}

impl Sent {
    /// The body as JSON.
    ///
    /// # Errors
    /// [`Kind::BadResponse`] for anything else, such as a login page.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(without_mark(&self.body)).or_fail(Kind::BadResponse, || format!("{} answered {} with no JSON", self.url, self.status))
    }
}

impl HttpClient {
    /// Sends until there is an answer with a wanted status, within the source's limits and as far as [`Repeat`] allows.
    ///
    /// # Errors
    /// The last attempt's failure, and whether it may have had its effect.
    pub async fn send(&self, outgoing: &Outgoing<'_>) -> Result<Sent, Box<SendFailure>> {
        let not_sent = |error: Error| Box::new(SendFailure { error, status: None, maybe_done: false });
        let url = self.base.join(outgoing.path, outgoing.query).map_err(not_sent)?;
        let shown = scrub(&masked_url(&url)).into_owned();
        let build = || self.outgoing(outgoing, url.clone());
        let accept = |response: &Response| match response.status {
            200..=299 => Ok(()),
            status if outgoing.accept.contains(&status) => Ok(()),
            status => {
                let words = own_words(&response.body);
                let error = refusal(status, response.hint.limited, words);
                // What was refused as one too many was not done; a server that broke down may have done it before.
                Err(Rejected { again: error.kind().retryable(), unseen: error.kind() == Kind::RateLimited, error })
            }
        };
        let ended = self.attempts(outgoing.repeat, build, accept).await.map_err(not_sent)?;
        match (ended.result, ended.response) {
            (Ok(()), Some(response)) => Ok(Sent {
                status: response.status,
                content_type: media(&response.headers),
                retry_after: response.hint.wait,
                body: response.body,
                attempts: ended.attempts,
                url: shown,
            }),
            (Ok(()), None) => Err(not_sent(Error::new(Kind::Internal, "a request without a response was accepted"))),
            (Err(GivenUp { error, maybe_done, .. }), _) => {
                let attempts = crate::names::count(u64::from(ended.attempts), "attempt");
                let error = error.within(format!("{}: {} {shown} failed after {attempts}", outgoing.what, outgoing.verb.method()));
                Err(Box::new(SendFailure { error, status: (ended.status > 0).then_some(ended.status), maybe_done }))
            }
        }
    }

    fn outgoing(&self, outgoing: &Outgoing<'_>, url: url::Url) -> Result<reqwest::RequestBuilder> {
        let mut builder = self.http.request(outgoing.verb.method(), url);
        for (name, value) in outgoing.headers {
            builder = builder.header(*name, *value);
        }
        Ok(match outgoing.body {
            Body::Nothing => builder,
            Body::Json(value) => builder.header(reqwest::header::CONTENT_TYPE, "application/json; charset=utf-8").body(value.to_string()),
            Body::Form(fields) => builder.form(fields),
            Body::Parts(parts) => {
                let mut form = multipart::Form::new();
                for part in parts {
                    // From memory, so that the length is known and no chunked upload is needed.
                    let mut content = multipart::Part::bytes(part.content.to_vec());
                    if let Some((name, media)) = part.file {
                        content = content.file_name(name.to_owned());
                        content = content.mime_str(media).or_fail(Kind::Internal, || format!("`{media}` is no media type"))?;
                    }
                    form = form.part(part.name.to_owned(), content);
                }
                builder.multipart(form)
            }
        })
    }
}

fn media(headers: &HeaderMap) -> String {
    let value = headers.get(reqwest::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// What a status says that was not wanted.
fn refusal(status: u16, limited: bool, words: Option<String>) -> Error {
    let kind = match status {
        403 if limited => Kind::RateLimited,
        401 | 403 => Kind::Unauthorized,
        404 | 410 => Kind::NotFound,
        408 => Kind::TimedOut,
        429 => Kind::RateLimited,
        425 | 500..=599 => Kind::Unavailable,
        _ => Kind::Refused,
    };
    let error = Error::new(kind, format!("answered {status}"));
    match words {
        Some(words) => error.because(words),
        None => error,
    }
}
