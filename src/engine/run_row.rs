//! The relation `run`: what an invocation asks for, in one row.

use chrono::{DateTime, Utc};

use crate::lake::Receipt;

/// The one row of `run`.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    /// Start of the run.
    pub run_at: DateTime<Utc>,
    /// The moment whose state is read.
    pub as_of: DateTime<Utc>,
    /// Abbreviations of the chosen projects.
    pub projects: Vec<String>,
    /// Start of the window asked for.
    pub window_start: Option<DateTime<Utc>>,
    /// The instant after the window asked for.
    pub window_end: Option<DateTime<Utc>>,
    /// Cursors are to be ignored.
    pub full_refresh: bool,
}

impl RunRow {
    /// The row of a reader of these pulls: the moment asked for, or that of the newest of them.
    pub fn of<'r>(receipts: impl IntoIterator<Item = &'r Receipt>, as_of: Option<DateTime<Utc>>) -> Self {
        let visible = receipts.into_iter().filter(|receipt| receipt.complete() && as_of.is_none_or(|moment| receipt.finished <= moment));
        let newest = visible.max_by_key(|receipt| receipt.finished);
        let as_of = as_of.or(newest.map(|receipt| receipt.finished)).unwrap_or(DateTime::UNIX_EPOCH);
        let run_at = newest.map_or(as_of, |receipt| receipt.run_at);
        Self { run_at, as_of, projects: Vec::new(), window_start: None, window_end: None, full_refresh: false }
    }
}
