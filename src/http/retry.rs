//! When to try again and how long to wait: pure, so that a table of cases can stand beside it.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use reqwest::header::{HeaderMap, HeaderName};

use crate::catalog::Retry;

/// The upper bound of the first wait that the API does not state; each later one doubles it.
const FIRST: Duration = Duration::from_millis(500);
/// The upper bound of every wait that the API does not state.
const LONGEST: Duration = Duration::from_secs(30);

/// The waits of one request. `max_elapsed` bounds them; `attempts` does so too where it is set.
pub(super) struct Waits<'a> {
    limits: &'a Retry,
    upper: Duration,
}

/// What to do after a failed attempt that may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Try again after this time.
    Wait(Duration),
    /// No further attempt is allowed.
    OutOfAttempts,
    /// The total time is used up.
    OutOfTime,
    /// The wait that the API states would exceed the total time.
    TooLong(Duration),
}

impl<'a> Waits<'a> {
    pub(super) fn new(limits: &'a Retry) -> Self {
        Self { limits, upper: FIRST }
    }

    /// Decides after attempt number `attempt` (from 1) failed `elapsed` after the first one began. `stated` is the wait that the
    /// API states, `random` is in `[0, 1)`.
    ///
    /// A stated wait is a lower bound; jitter on top of it keeps waiting tasks from returning at the same instant. Without one,
    /// the wait lies in the upper half of a bound that doubles, so that no wait is shorter than the one before; the last wait is
    /// cut so that the last attempt starts when the total time ends.
    pub(super) fn after(&mut self, attempt: u32, elapsed: Duration, stated: Option<Duration>, random: f64) -> Next {
        if self.limits.attempts.is_some_and(|most| attempt >= most) {
            return Next::OutOfAttempts;
        }
        let left = self.limits.max_elapsed.saturating_sub(elapsed);
        if let Some(stated) = stated {
            let wait = stated + (FIRST / 2).mul_f64(random);
            return if stated <= left { Next::Wait(wait) } else { Next::TooLong(stated) };
        }
        if left.is_zero() {
            return Next::OutOfTime;
        }
        let wait = self.upper / 2 + (self.upper / 2).mul_f64(random);
        self.upper = (self.upper * 2).min(LONGEST);
        Next::Wait(wait.min(left))
    }
}

/// What the headers of a response say about a rate limit and about the time to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hint {
    /// The wait that the API states; `None` also for 0 and for times in the past, which say nothing.
    pub(super) wait: Option<Duration>,
    /// The response has `Retry-After`, or no request is left: a refusal is a rate limit.
    pub(super) limited: bool,
}

/// Reads `Retry-After` (seconds or an HTTP date), and rate limits that are used up until a stated time.
///
/// Dates are compared with the response's own `Date` where there is one: the two clocks need not agree.
pub(super) fn hint(headers: &HeaderMap, now: DateTime<Utc>) -> Hint {
    let retry_after = text(headers, "retry-after").and_then(|value| retry_after(value, their_time(headers, now)));
    let wait = retry_after.filter(|wait| !wait.is_zero()).or_else(|| used_up_for(headers, now));
    Hint { wait, limited: retry_after.is_some() || used_up(headers).next().is_some() }
}

/// The wait that `Retry-After` states; zero for a time in the past.
fn retry_after(value: &str, there: DateTime<Utc>) -> Option<Duration> {
    match value.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() && seconds >= 0.0 => Some(Duration::from_secs_f64(seconds.min(1e9))),
        _ => http_date(value).map(|time| (time - there).to_std().unwrap_or_default()),
    }
}

/// How long until a rate limit that this response has used up is filled again: GitHub, Jira, Sentry, the RFC draft. `None` where
/// no time is stated, or one in the past.
pub(super) fn used_up_for(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let there = their_time(headers, now);
    used_up(headers)
        .find_map(|prefix| reset_time(text(headers, &format!("{prefix}-reset"))?, there))
        .and_then(|time| (time - there).to_std().ok())
        .filter(|wait| !wait.is_zero())
}

/// The prefixes of the headers that say that no request is left.
fn used_up(headers: &HeaderMap) -> impl Iterator<Item = &'static str> {
    ["x-ratelimit", "ratelimit", "x-sentry-rate-limit"].into_iter().filter(|prefix| text(headers, &format!("{prefix}-remaining")) == Some("0"))
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

    fn limits(attempts: Option<u32>, seconds: u64) -> Retry {
        Retry { attempts, max_elapsed: Duration::from_secs(seconds), statuses: Vec::new(), limited_wait: Duration::from_secs(60) }
    }

    #[test]
    fn retries_use_up_the_total_time() {
        let limits = limits(None, 60);
        for random in [0.0, 0.5, 0.999] {
            let (mut waits, mut elapsed, mut last) = (Waits::new(&limits), Duration::ZERO, Duration::ZERO);
            let mut attempt = 1;
            while let Next::Wait(wait) = waits.after(attempt, elapsed, None, random) {
                assert!(wait >= last || elapsed + wait == limits.max_elapsed, "{wait:?} after {last:?}");
                assert!(wait <= LONGEST, "{wait:?}");
                (elapsed, last, attempt) = (elapsed + wait, wait, attempt + 1);
            }
            assert_eq!(elapsed, limits.max_elapsed, "the last attempt starts when the time ends");
            assert!((6..12).contains(&attempt), "{attempt} attempts");
            assert_eq!(waits.after(attempt, elapsed, None, random), Next::OutOfTime);
        }
    }

    #[test]
    fn attempts_are_a_cap_where_they_are_set() {
        let limits = limits(Some(3), 300);
        let mut waits = Waits::new(&limits);
        assert!(matches!(waits.after(1, Duration::ZERO, None, 0.5), Next::Wait(_)));
        assert!(matches!(waits.after(2, Duration::ZERO, Some(Duration::from_secs(9)), 0.5), Next::Wait(_)));
        assert_eq!(waits.after(3, Duration::ZERO, None, 0.5), Next::OutOfAttempts);
    }

    #[test]
    fn a_stated_wait_is_kept_or_given_up() {
        let limits = limits(None, 300);
        let mut waits = Waits::new(&limits);
        let stated = Duration::from_secs(7);
        let Next::Wait(wait) = waits.after(1, Duration::ZERO, Some(stated), 0.9) else { panic!("gave up") };
        assert!(wait >= stated && wait < stated + Duration::from_secs(1), "{wait:?}");
        let hour = Duration::from_secs(3_600);
        assert_eq!(waits.after(2, Duration::ZERO, Some(hour), 0.0), Next::TooLong(hour));
        assert_eq!(waits.after(2, Duration::from_secs(299), Some(stated), 0.0), Next::TooLong(stated));
    }

    #[test]
    fn hints_are_read_in_every_form() {
        let now: DateTime<Utc> = "2026-03-01T12:00:00Z".parse().unwrap();
        type Case<'a> = (&'a [(&'a str, &'a str)], Option<u64>, bool);
        let cases: [Case<'_>; 15] = [
            (&[("retry-after", "17")], Some(17), true),
            (&[("retry-after", "0")], None, true),
            (&[("retry-after", "Sun, 01 Mar 2026 12:00:09 GMT")], Some(9), true),
            (&[("retry-after", "Sun, 01 Mar 2026 11:00:00 GMT")], None, true),
            (&[("retry-after", "Sun, 01 Mar 2026 13:00:09 GMT"), ("date", "Sun, 01 Mar 2026 13:00:00 GMT")], Some(9), true),
            (&[("retry-after", "soon")], None, false),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1772366430")], Some(30), true),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1772366370")], None, true),
            (&[("x-ratelimit-remaining", "0")], None, true),
            (&[("x-ratelimit-remaining", "5"), ("x-ratelimit-reset", "1772366430")], None, false),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "2026-03-01T12:02Z")], Some(120), true),
            (&[("ratelimit-remaining", "0"), ("ratelimit-reset", "40")], Some(40), true),
            (&[("x-sentry-rate-limit-remaining", "0"), ("x-sentry-rate-limit-reset", "1772366430")], Some(30), true),
            (&[("retry-after", "0"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1772366430")], Some(30), true),
            (&[], None, false),
        ];
        for (pairs, seconds, limited) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
            }
            assert_eq!(hint(&headers, now), Hint { wait: seconds.map(Duration::from_secs), limited }, "{pairs:?}");
        }
    }
}
