//! When to try again and how long to wait: pure, so that a table of cases can stand beside it.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use reqwest::header::{HeaderMap, HeaderName};

use crate::catalog::Retry;

/// The shortest wait between two attempts.
const SHORTEST: Duration = Duration::from_millis(250);
/// The longest wait that is not asked for by the API.
const LONGEST: Duration = Duration::from_secs(30);

/// The waits of one request. Attempts and total time are both bounded.
pub(super) struct Waits<'a> {
    limits: &'a Retry,
    last: Duration,
}

/// What to do after a failed attempt that may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Try again after this time.
    Wait(Duration),
    /// The attempts are used up.
    OutOfAttempts,
    /// The wait would exceed the total time; the wait that would have been due.
    OutOfTime(Duration),
}

impl<'a> Waits<'a> {
    pub(super) fn new(limits: &'a Retry) -> Self {
        Self { limits, last: SHORTEST }
    }

    /// Decides after attempt number `attempt` (from 1) failed `elapsed` after the first one began. `asked` is what the API
    /// asked to wait, `random` is in `[0, 1)`.
    ///
    /// Decorrelated jitter: between the shortest wait and three times the last one. What the API asks for is a lower bound; the
    /// jitter on top keeps waiting tasks from coming back at the same instant.
    pub(super) fn after(&mut self, attempt: u32, elapsed: Duration, asked: Option<Duration>, random: f64) -> Next {
        if attempt >= self.limits.attempts {
            return Next::OutOfAttempts;
        }
        let wait = match asked {
            Some(asked) => asked + SHORTEST.mul_f64(random),
            None => {
                let upper = (self.last * 3).clamp(SHORTEST, LONGEST);
                self.last = SHORTEST + (upper - SHORTEST).mul_f64(random);
                self.last
            }
        };
        if elapsed + wait > self.limits.max_elapsed { Next::OutOfTime(wait) } else { Next::Wait(wait) }
    }
}

/// How long the API asks to wait, by `Retry-After` (seconds or HTTP date), or by a rate limit that is used up until a given time.
///
/// Dates are compared with the answer's own `Date` where there is one: the two clocks need not agree.
pub(super) fn asked_wait(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let there = their_time(headers, now);
    let until = |time: DateTime<Utc>| (time - there).to_std().unwrap_or_default();
    if let Some(value) = text(headers, "retry-after") {
        if let Ok(seconds) = value.parse::<f64>()
            && seconds.is_finite()
            && seconds >= 0.0
        {
            return Some(Duration::from_secs_f64(seconds.min(1e9)));
        }
        if let Some(time) = http_date(value) {
            return Some(until(time));
        }
    }
    used_up_for(headers, now)
}

/// How long until a rate limit that this answer has used up is filled again: GitHub, Jira, Sentry, the RFC draft.
pub(super) fn used_up_for(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let there = their_time(headers, now);
    ["x-ratelimit", "ratelimit", "x-sentry-rate-limit"]
        .into_iter()
        .filter(|prefix| text(headers, &format!("{prefix}-remaining")) == Some("0"))
        .find_map(|prefix| reset_time(text(headers, &format!("{prefix}-reset"))?, there))
        .map(|time| (time - there).to_std().unwrap_or_default())
}

fn their_time(headers: &HeaderMap, now: DateTime<Utc>) -> DateTime<Utc> {
    text(headers, "date").and_then(http_date).unwrap_or(now)
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(HeaderName::from_bytes(name.as_bytes()).ok()?)?.to_str().ok().map(str::trim)
}

/// `Wed, 21 Oct 2015 07:28:00 GMT`.
pub(super) fn http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text).ok().map(|time| time.to_utc())
}

/// Epoch seconds (GitHub), seconds from now (the RFC draft), or ISO 8601 to the minute or second (Jira).
pub(super) fn reset_time(text: &str, there: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if let Ok(number) = text.parse::<i64>() {
        // No rate limit lasts ten years, and no epoch time of today is that small.
        return if number < 315_360_000 { there.checked_add_signed(chrono::Duration::seconds(number)) } else { DateTime::from_timestamp(number, 0) };
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%MZ").ok().map(|time| time.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(attempts: u32, seconds: u64) -> Retry {
        Retry { attempts, max_elapsed: Duration::from_secs(seconds), statuses: Vec::new(), limited_wait: None }
    }

    #[test]
    fn both_limits_hold() {
        let limits = limits(3, 300);
        let mut waits = Waits::new(&limits);
        assert!(matches!(waits.after(1, Duration::ZERO, None, 0.5), Next::Wait(_)));
        assert!(matches!(waits.after(2, Duration::ZERO, None, 0.5), Next::Wait(_)));
        assert_eq!(waits.after(3, Duration::ZERO, None, 0.5), Next::OutOfAttempts);
        let mut waits = Waits::new(&limits);
        assert!(matches!(waits.after(1, Duration::from_secs(300), None, 0.5), Next::OutOfTime(_)));
        assert!(matches!(waits.after(1, Duration::ZERO, Some(Duration::from_secs(3_600)), 0.0), Next::OutOfTime(_)));
    }

    #[test]
    fn waits_grow_with_jitter_and_stay_bounded() {
        let limits = limits(100, 1_000_000);
        let mut waits = Waits::new(&limits);
        let mut last = Duration::ZERO;
        for attempt in 1..20 {
            let Next::Wait(wait) = waits.after(attempt, Duration::ZERO, None, 0.999) else { panic!("gave up") };
            assert!(wait >= last || wait > LONGEST / 2, "{wait:?} after {last:?}");
            assert!(wait <= LONGEST);
            last = wait;
        }
        let Next::Wait(wait) = waits.after(20, Duration::ZERO, None, 0.0) else { panic!("gave up") };
        assert_eq!(wait, SHORTEST);
        let asked = Duration::from_secs(7);
        let Next::Wait(wait) = waits.after(21, Duration::ZERO, Some(asked), 0.9) else { panic!("gave up") };
        assert!(wait >= asked && wait < asked + Duration::from_secs(1));
    }

    #[test]
    fn what_the_api_asks_for() {
        let now: DateTime<Utc> = "2026-03-01T12:00:00Z".parse().unwrap();
        type Case<'a> = (&'a [(&'a str, &'a str)], Option<u64>);
        let cases: [Case<'_>; 11] = [
            (&[("retry-after", "17")], Some(17)),
            (&[("retry-after", "Sun, 01 Mar 2026 12:00:09 GMT")], Some(9)),
            (&[("retry-after", "Sun, 01 Mar 2026 11:00:00 GMT")], Some(0)),
            (&[("retry-after", "Sun, 01 Mar 2026 13:00:09 GMT"), ("date", "Sun, 01 Mar 2026 13:00:00 GMT")], Some(9)),
            (&[("retry-after", "soon")], None),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1772366430")], Some(30)),
            (&[("x-ratelimit-remaining", "5"), ("x-ratelimit-reset", "1772366430")], None),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "2026-03-01T12:02Z")], Some(120)),
            (&[("ratelimit-remaining", "0"), ("ratelimit-reset", "40")], Some(40)),
            (&[("x-sentry-rate-limit-remaining", "0"), ("x-sentry-rate-limit-reset", "1772366430")], Some(30)),
            (&[], None),
        ];
        for (pairs, expected) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
            }
            assert_eq!(asked_wait(&headers, now), expected.map(Duration::from_secs), "{pairs:?}");
        }
    }
}
