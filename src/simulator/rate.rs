//! Rate limits, as each API announces that one is exceeded.

use std::time::{Duration, Instant};

use super::{answer::Answer, bugzilla, testrail};

/// At most so many requests in so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests that are answered.
    pub requests: u32,
    /// Time after which counting starts anew.
    pub per: Duration,
}

/// Counts the requests to one API.
#[derive(Debug)]
pub(super) struct Meter {
    limit: RateLimit,
    since: Instant,
    requests: u32,
}

impl Meter {
    pub(super) fn new(limit: RateLimit, now: Instant) -> Self {
        Self { limit, since: now, requests: 0 }
    }

    /// Counts a request. When it is one too many: how many too many it is, and when to come again.
    pub(super) fn exceeded(&mut self, now: Instant) -> Option<(u32, Duration)> {
        if now.duration_since(self.since) >= self.limit.per {
            (self.since, self.requests) = (now, 0);
        }
        self.requests = self.requests.saturating_add(1);
        let excess = self.requests.checked_sub(self.limit.requests).filter(|excess| *excess > 0)?;
        Some((excess, self.limit.per - now.duration_since(self.since)))
    }
}

/// The answer to a request that is `excess` too many.
pub(super) fn answer(of_bugzilla: bool, excess: u32, wait: Duration) -> Answer {
    match (of_bugzilla, excess) {
        // Bugzilla says it once in JSON; then its web server takes over. It never says when to come again.
        (true, 1) => bugzilla::error(400, 32000, "You have exceeded the rate limit. Please slow down and try again later."),
        (true, _) => Answer::html(429, "<html><body><h1>Too Many Requests</h1></body></html>"),
        (false, _) => {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            Answer { retry_after: Some(seconds.to_string()), ..testrail::refusal(429, "API Rate Limit Exceeded") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_starts_anew_after_the_time() {
        let start = Instant::now();
        let per = Duration::from_secs(60);
        let mut meter = Meter::new(RateLimit { requests: 2, per }, start);
        assert_eq!(meter.exceeded(start), None);
        assert_eq!(meter.exceeded(start), None);
        assert_eq!(meter.exceeded(start + Duration::from_secs(10)), Some((1, Duration::from_secs(50))));
        assert_eq!(meter.exceeded(start + per), None);
    }

    #[test]
    fn each_api_words_it_its_own_way() {
        let wait = Duration::from_millis(1500);
        let (first, later, testrail) = (answer(true, 1, wait), answer(true, 2, wait), answer(false, 1, wait));
        assert_eq!((first.status, first.retry_after), (400, None));
        assert!(String::from_utf8(first.body).unwrap().contains("rate limit"));
        assert_eq!((later.status, later.content_type, later.retry_after), (429, "text/html; charset=UTF-8", None));
        assert_eq!((testrail.status, testrail.retry_after.as_deref()), (429, Some("2")));
    }
}
