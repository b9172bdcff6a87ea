//! The relation `run`: what an invocation asks for, in one row.

use chrono::{DateTime, Utc};

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
