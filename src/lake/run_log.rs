//! The run log: one object when a run starts, one when it ends. A run without an end was killed or is still going.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    document,
    layout::{self, Place},
    store::Lake,
};
use crate::error::Result;

/// Version of the run log's objects; readers refuse a newer one.
pub const RUN_LOG_VERSION: u32 = 1;

/// The start of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStart {
    /// [`RUN_LOG_VERSION`].
    pub version: u32,
    /// The invocation.
    pub run_id: Uuid,
    /// Its start.
    pub run_at: DateTime<Utc>,
    /// The verb: `extract`, `transform`, `load`, `run`, …
    pub command: String,
    /// What was asked for, as words of the command line without the verb. Never holds secrets.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// The machine.
    #[serde(default)]
    pub host: String,
    /// Version of `etl`.
    pub etl: String,
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunEnd {
    /// [`RUN_LOG_VERSION`].
    pub version: u32,
    /// The invocation.
    pub run_id: Uuid,
    /// Its start (decides the path).
    pub run_at: DateTime<Utc>,
    /// Its end.
    pub finished: DateTime<Utc>,
    /// Exit code of the process.
    pub exit_code: u8,
    /// What went wrong, if anything did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Counts by name, such as `pulls`, `records`, `rows_inserted`.
    #[serde(default)]
    pub counts: BTreeMap<String, u64>,
}

/// A run as the log shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its start.
    pub start: RunStart,
    /// Its end, if it came to one.
    pub end: Option<RunEnd>,
}

impl Lake {
    /// Logs that a run started.
    ///
    /// # Errors
    /// [`crate::error::Kind::Lake`] if it cannot be written or the run id was used before.
    pub async fn start_run(&self, run: &RunStart) -> Result<()> {
        self.put_document(&layout::run_start(run.run_at.date_naive(), run.run_id), run).await
    }

    /// Logs that a run ended.
    ///
    /// # Errors
    /// As [`Lake::start_run`].
    pub async fn end_run(&self, end: &RunEnd) -> Result<()> {
        self.put_document(&layout::run_end(end.run_at.date_naive(), end.run_id), end).await
    }

    /// All runs, ordered by (`run_at`, `run_id`).
    ///
    /// # Errors
    /// [`crate::error::Kind::Lake`] if the store cannot be read or an object is damaged or too new.
    pub async fn runs(&self) -> Result<Vec<Run>> {
        let (mut starts, mut ends) = (Vec::new(), Vec::new());
        for object in self.list("runs").await? {
            match layout::parse(&object.path) {
                Some(Place::RunStart { .. }) => starts.push(object.path),
                Some(Place::RunEnd { .. }) => ends.push(object.path),
                _ => {}
            }
        }
        let mut by_run = BTreeMap::new();
        for (path, bytes) in self.get_all(ends).await? {
            let end: RunEnd = document::parse(&bytes, &path, RUN_LOG_VERSION)?;
            by_run.insert(end.run_id, end);
        }
        let mut runs = Vec::new();
        for (path, bytes) in self.get_all(starts).await? {
            let start: RunStart = document::parse(&bytes, &path, RUN_LOG_VERSION)?;
            runs.push(Run { end: by_run.remove(&start.run_id), start });
        }
        runs.sort_by_key(|run| (run.start.run_at, run.start.run_id));
        Ok(runs)
    }
}
