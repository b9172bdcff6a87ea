//! How fast a source may be asked: requests in a sliding window, requests at once, and pauses that the API asked for.
//! Shared by all tasks that ask the same source.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep},
};

use crate::catalog::RateLimit;

/// The gate that every attempt passes.
pub(super) struct Gate {
    slots: Semaphore,
    window: Mutex<Window>,
}

impl Gate {
    pub(super) fn new(limit: &RateLimit) -> Self {
        Self { slots: Semaphore::new(limit.concurrency.max(1) as usize), window: Mutex::new(Window::new(limit.requests, limit.per)) }
    }

    /// Waits until a request may start; `waiting` is told of each wait. Holding the permit is being under way.
    pub(super) async fn enter(&self, waiting: impl Fn(Duration)) -> SemaphorePermit<'_> {
        let permit = self.slots.acquire().await.expect("the semaphore is never closed");
        loop {
            let wait = self.window.lock().unwrap_or_else(PoisonError::into_inner).admit(Instant::now());
            match wait {
                None => return permit,
                Some(wait) => {
                    waiting(wait);
                    sleep(wait).await;
                }
            }
        }
    }

    /// Nobody may start before `until`: the API asked for a pause.
    pub(super) fn pause(&self, until: Instant) {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.not_before = Some(window.not_before.map_or(until, |known| known.max(until)));
    }
}

/// The starts of the last requests. At most `most` of them lie within any span of `per`.
struct Window {
    most: usize,
    per: Duration,
    starts: VecDeque<Instant>,
    not_before: Option<Instant>,
}

impl Window {
    fn new(most: u32, per: Duration) -> Self {
        Self { most: most as usize, per, starts: VecDeque::new(), not_before: None }
    }

    /// Admits a request at `now`, or says how long to wait before asking again.
    fn admit(&mut self, now: Instant) -> Option<Duration> {
        if let Some(wait) = self.not_before.and_then(|until| until.checked_duration_since(now)).filter(|wait| !wait.is_zero()) {
            return Some(wait);
        }
        if self.most == 0 {
            return None;
        }
        while self.starts.front().is_some_and(|start| now.duration_since(*start) >= self.per) {
            self.starts.pop_front();
        }
        match self.starts.front() {
            Some(oldest) if self.starts.len() >= self.most => Some(self.per - now.duration_since(*oldest)),
            _ => {
                self.starts.push_back(now);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_more_than_allowed_in_any_window() {
        let mut window = Window::new(3, Duration::from_secs(60));
        let mut now = Instant::now();
        let begin = now;
        let mut admitted = Vec::new();
        while admitted.len() < 10 {
            match window.admit(now) {
                None => admitted.push(now.duration_since(begin).as_secs()),
                Some(wait) => now += wait,
            }
        }
        assert_eq!(admitted, [0, 0, 0, 60, 60, 60, 120, 120, 120, 180]);
    }

    #[test]
    fn a_pause_holds_everybody_back() {
        let mut window = Window::new(0, Duration::from_secs(1));
        let now = Instant::now();
        window.not_before = Some(now + Duration::from_secs(5));
        assert_eq!(window.admit(now), Some(Duration::from_secs(5)));
        assert_eq!(window.admit(now + Duration::from_secs(5)), None);
    }

    #[tokio::test]
    async fn concurrency_is_bounded() {
        let gate = Gate::new(&RateLimit { requests: 0, per: Duration::from_secs(1), concurrency: 1 });
        let first = gate.enter(|_| {}).await;
        assert!(tokio::time::timeout(Duration::from_millis(20), gate.enter(|_| {})).await.is_err());
        drop(first);
        let _second = gate.enter(|_| {}).await;
    }
}
