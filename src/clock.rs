//! The clock of a run. Tests, the demo and replays set it; nothing else reads the machine's time for data.

use std::time::Instant;

use chrono::{DateTime, SubsecRound, Utc};

/// A source of "now" in UTC, cut to microseconds (what Parquet and DuckDB keep).
#[derive(Clone, Debug, Default)]
pub struct Clock {
    base: Option<(DateTime<Utc>, Instant)>,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that shows `start` now and runs on from there.
    pub fn starting_at(start: DateTime<Utc>) -> Self {
        Self { base: Some((start, Instant::now())) }
    }

    /// The present time.
    pub fn now(&self) -> DateTime<Utc> {
        let now = match self.base {
            #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
            None => Utc::now(),
            Some((start, since)) => start + since.elapsed(),
        };
        now.trunc_subsecs(6)
    }
}
