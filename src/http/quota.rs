//! What an answer says about the API's clock and about the requests that are left.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Answer,
    retry::{http_date, reset_time},
};

/// How many requests may still be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Requests that are left.
    pub remaining: u64,
    /// Requests in all.
    pub limit: Option<u64>,
    /// When it is filled again.
    pub resets: Option<DateTime<Utc>>,
}

impl Quota {
    /// The rate limit that the headers of an answer tell of, as a JSON object with names in lower case: GitHub, Jira, Sentry, the
    /// RFC draft. `arrived` is when the answer came.
    pub fn of(headers: &str, arrived: DateTime<Utc>) -> Option<Self> {
        let headers: serde_json::Value = serde_json::from_str(headers).ok()?;
        ["x-ratelimit", "ratelimit", "x-sentry-rate-limit"].into_iter().find_map(|prefix| {
            let header = |what: &str| text(&headers, &format!("{prefix}-{what}"));
            Some(Self {
                remaining: header("remaining")?.parse().ok()?,
                limit: header("limit").and_then(|limit| limit.parse().ok()),
                resets: header("reset").and_then(|reset| reset_time(reset, arrived)),
            })
        })
    }
}

impl Answer {
    /// The rate limit that the answer tells of.
    pub fn quota(&self) -> Option<Quota> {
        Quota::of(&self.headers, self.arrived())
    }

    /// How far the API's clock is ahead of ours. Its header has whole seconds, and part of the time went by on the way.
    pub fn skew(&self) -> Option<TimeDelta> {
        let headers: serde_json::Value = serde_json::from_str(&self.headers).ok()?;
        let theirs = http_date(text(&headers, "date")?)?;
        let (began, arrived) = (self.started, self.arrived());
        if theirs >= began - TimeDelta::seconds(1) && theirs <= arrived {
            return Some(TimeDelta::zero());
        }
        Some(if theirs > arrived { theirs - arrived } else { theirs - began })
    }
}

fn text<'h>(headers: &'h serde_json::Value, name: &str) -> Option<&'h str> {
    Some(headers.get(name)?.as_str()?.trim())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::catalog::Method;

    fn answer(headers: &str) -> Answer {
        Answer {
            method: Method::Get,
            url: String::new(),
            host: String::new(),
            status: 200,
            headers: headers.to_owned(),
            link: None,
            attempts: 1,
            started: "2026-03-01T12:00:00.5Z".parse().unwrap(),
            duration: Duration::from_millis(700),
            body: bytes::Bytes::new(),
        }
    }

    #[test]
    fn quotas_in_their_forms() {
        let at = |text: &str| Some(text.parse().unwrap());
        for (headers, remaining, limit, resets) in [
            (
                r#"{"x-ratelimit-remaining":"4998","x-ratelimit-limit":"5000","x-ratelimit-reset":"1772366430"}"#,
                4_998,
                Some(5_000),
                at("2026-03-01T12:00:30Z"),
            ),
            (r#"{"x-sentry-rate-limit-remaining":"39","x-sentry-rate-limit-limit":"40"}"#, 39, Some(40), None),
            (r#"{"x-ratelimit-remaining":"7","x-ratelimit-reset":"2026-03-01T12:02Z"}"#, 7, None, at("2026-03-01T12:02:00Z")),
        ] {
            assert_eq!(answer(headers).quota(), Some(Quota { remaining, limit, resets }), "{headers}");
        }
        assert_eq!(answer("{}").quota(), None);
    }

    #[test]
    fn the_way_is_no_skew() {
        let skew = |date: &str| answer(&format!(r#"{{"date":"{date}"}}"#)).skew().map(|skew| skew.num_seconds());
        assert_eq!(skew("Sun, 01 Mar 2026 12:00:00 GMT"), Some(0));
        assert_eq!(skew("Sun, 01 Mar 2026 12:00:01 GMT"), Some(0));
        assert_eq!(skew("Sun, 01 Mar 2026 12:05:01 GMT"), Some(299));
        assert_eq!(skew("Sun, 01 Mar 2026 11:50:00 GMT"), Some(-600));
        assert_eq!(answer("{}").skew(), None);
    }
}
