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
    /// Of a load: the database, without its password; older logs lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
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
    /// Of a transform or load: the tables that came out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<String>,
    /// And those that did not, with what went wrong.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<String, String>,
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
        self.ensure_identity().await?;
        self.put_document(&layout::run_start(run.run_at.date_naive(), run.run_id), run).await
    }

    /// Logs that a run ended.
    ///
    /// # Errors
    /// As [`Lake::start_run`].
    pub async fn end_run(&self, end: &RunEnd) -> Result<()> {
        self.put_document(&layout::run_end(end.run_at.date_naive(), end.run_id), end).await
    }

    /// The run that started last; reads as little as it can.
    ///
    /// # Errors
    /// As [`Lake::runs`].
    pub async fn newest_run(&self) -> Result<Option<Run>> {
        let mut starts: Vec<(chrono::NaiveDate, Uuid)> = Vec::new();
        for object in self.list("runs").await? {
            if let Some(Place::RunStart { day, run_id }) = layout::parse(&object.path) {
                starts.push((day, run_id));
            }
        }
        let Some(day) = starts.iter().map(|(day, _)| *day).max() else { return Ok(None) };
        let of_day: Vec<String> = starts.iter().filter(|start| start.0 == day).map(|(day, run_id)| layout::run_start(*day, *run_id)).collect();
        let mut newest: Option<RunStart> = None;
        for (path, bytes) in self.get_all(of_day).await? {
            let start: RunStart = document::parse(&bytes, &path, RUN_LOG_VERSION)?;
            if newest.as_ref().is_none_or(|newest| (newest.run_at, newest.run_id) < (start.run_at, start.run_id)) {
                newest = Some(start);
            }
        }
        let Some(start) = newest else { return Ok(None) };
        let path = layout::run_end(day, start.run_id);
        let end = if self.exists(&path).await? { Some(document::parse(&self.get(&path).await?, &path, RUN_LOG_VERSION)?) } else { None };
        Ok(Some(Run { start, end }))
    }

    /// All runs, ordered by (`run_at`, `run_id`).
    ///
    /// # Errors
    /// [`crate::error::Kind::Lake`] if the store cannot be read or an object is damaged or too new.
    pub async fn runs(&self) -> Result<Vec<Run>> {
        self.runs_since(chrono::NaiveDate::MIN).await
    }

    /// Those that started on this UTC date or later.
    ///
    /// # Errors
    /// As [`Lake::runs`].
    pub async fn runs_since(&self, first: chrono::NaiveDate) -> Result<Vec<Run>> {
        let (mut starts, mut ends) = (Vec::new(), Vec::new());
        for object in self.list("runs").await? {
            match layout::parse(&object.path) {
                Some(Place::RunStart { day, .. }) if day >= first => starts.push(object.path),
                Some(Place::RunEnd { day, .. }) if day >= first => ends.push(object.path),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::sample::{self, at};

    fn start(run: u128, run_at: &str) -> RunStart {
        RunStart {
            version: RUN_LOG_VERSION,
            run_id: Uuid::from_u128(run),
            run_at: at(run_at),
            command: "extract".into(),
            arguments: vec!["--project".into(), "fenix".into()],
            host: "ci-1".into(),
            destination: None,
            etl: "0.1.0".into(),
        }
    }

    #[tokio::test]
    async fn a_killed_run_has_no_end() {
        let (_folder, lake) = sample::lake();
        let (killed, ended) = (start(1, "2026-01-01T23:59:00Z"), start(2, "2026-01-01T23:58:00Z"));
        lake.start_run(&killed).await.unwrap();
        lake.start_run(&ended).await.unwrap();
        let end = RunEnd {
            version: RUN_LOG_VERSION,
            run_id: ended.run_id,
            run_at: ended.run_at,
            finished: at("2026-01-02T00:10:00Z"),
            exit_code: 3,
            error: Some("1 of 4 scopes failed".into()),
            counts: BTreeMap::from([("pulls".into(), 4)]),
            done: Vec::new(),
            failed: BTreeMap::new(),
        };
        lake.end_run(&end).await.unwrap();
        assert!(lake.exists(&format!("runs/date=2026-01-01/{}.end.json", end.run_id)).await.unwrap(), "beside its start");
        assert_eq!(lake.newest_run().await.unwrap(), Some(Run { start: killed.clone(), end: None }));
        assert_eq!(lake.runs().await.unwrap(), [Run { start: ended, end: Some(end) }, Run { start: killed, end: None }]);
    }

    #[tokio::test]
    async fn a_run_id_is_used_once() {
        let (_folder, lake) = sample::lake();
        lake.start_run(&start(1, "2026-01-01T00:00:00Z")).await.unwrap();
        lake.start_run(&start(1, "2026-01-01T00:00:00Z")).await.unwrap();
        let error = lake.start_run(&RunStart { host: "other".into(), ..start(1, "2026-01-01T00:00:00Z") }).await.unwrap_err();
        assert!(error.to_string().ends_with(".start.json` exists and says something else"));
    }
}
