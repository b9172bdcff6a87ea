//! The clock of a run. Tests, the demo and replays set it; nothing else reads the machine's time for data.

use std::time::Instant;

use chrono::{DateTime, Datelike, SubsecRound, Utc};
use uuid::Uuid;

/// The years that a time of a run may lie in: file names, UUIDs and databases hold all of them.
pub const YEARS: std::ops::RangeInclusive<i32> = 1970..=2999;

/// Whether a time may be that of a run.
pub fn is_usable(at: DateTime<Utc>) -> bool {
    YEARS.contains(&at.year())
}

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

    /// A UUID of version 7 by this clock: ids sort by time also where the clock is set.
    pub fn new_id(&self) -> Uuid {
        let now = self.now();
        let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
        Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, now.timestamp_subsec_nanos()))
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
