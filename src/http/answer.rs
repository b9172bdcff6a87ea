//! What came back: the facts of one HTTP exchange, kept for the exchange log.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;

use crate::{catalog::Method, error::Error};

/// One exchange as it ended, all its attempts included.
#[derive(Clone, Debug)]
pub struct Answer {
    /// How it was asked.
    pub method: Method,
    /// The URL that was asked, secrets masked.
    pub url: String,
    /// The host that was asked.
    pub host: String,
    /// Status of the last attempt; 0 = there was no answer.
    pub status: u16,
    /// The kept headers of the last attempt as a JSON object.
    pub headers: String,
    /// The header `Link` of the last attempt; several of them joined.
    pub link: Option<String>,
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// Start of the last attempt.
    pub started: DateTime<Utc>,
    /// Duration of the last attempt, the body included.
    pub duration: Duration,
    /// The body of the last attempt, decompressed; empty if it was cut or over the limit.
    pub body: Bytes,
}

impl Answer {
    /// When the whole answer was there.
    pub fn arrived(&self) -> DateTime<Utc> {
        let micros = i64::try_from(self.duration.as_micros()).unwrap_or(i64::MAX);
        self.started.checked_add_signed(chrono::TimeDelta::microseconds(micros)).unwrap_or(self.started)
    }
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got<T> {
    /// It was read.
    Read(T),
    /// The API says that the thing does not exist.
    Gone,
    /// The API says that this one thing may not be read.
    Forbidden,
}

/// An answer that can be trusted.
#[derive(Clone, Debug)]
pub struct Fetched<T> {
    /// The exchange.
    pub answer: Answer,
    /// What it means.
    pub got: Got<T>,
}

/// A request that failed for good.
#[derive(Debug)]
pub struct Failure {
    /// What failed, fit for a person.
    pub error: Error,
    /// The last attempt; `None` if nothing was sent.
    pub answer: Option<Answer>,
}

/// The header `Link`, which an API may also send in several pieces.
pub(super) fn link_header(headers: &HeaderMap) -> Option<String> {
    let pieces: Vec<_> = headers.get_all("link").iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!pieces.is_empty()).then(|| pieces.join(", "))
}

/// Headers that say something about paging, freshness or limits. All others are dropped: they may hold cookies.
pub(super) fn kept_headers(headers: &HeaderMap) -> String {
    let mut kept = serde_json::Map::new();
    for (name, value) in headers {
        let name = name.as_str();
        let wanted = matches!(name, "link" | "etag" | "date" | "retry-after" | "content-type" | "last-modified" | "x-request-id")
            || name.contains("ratelimit")
            || name.contains("rate-limit");
        if wanted {
            kept.insert(name.to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned().into());
        }
    }
    kept.sort_keys();
    serde_json::Value::Object(kept).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_limits_and_drops_cookies() {
        let mut headers = HeaderMap::new();
        headers.insert("X-RateLimit-Remaining", "3".parse().unwrap());
        headers.insert("Set-Cookie", "session=1".parse().unwrap());
        headers.insert("Content-Type", "application/json".parse().unwrap());
        assert_eq!(kept_headers(&headers), r#"{"content-type":"application/json","x-ratelimit-remaining":"3"}"#);
    }
}
