//! The flow record: how many rows each step of a run took in and gave out. One object per run that moved something.
//!
//! It is for people who ask why a table has fewer rows than the API; nothing depends on it. `etl status --last` reads it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    document,
    layout::{self, Place},
    store::Lake,
};
use crate::error::Result;

/// Version of the flow record; readers refuse a newer one.
pub const FLOW_VERSION: u32 = 1;

/// Records that are read at once while looking back.
const READ_AT_ONCE: usize = 32;

/// What one run moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// [`FLOW_VERSION`].
    pub version: u32,
    /// The invocation.
    pub run_id: Uuid,
    /// Its start (decides the path).
    pub run_at: DateTime<Utc>,
    /// The verb.
    pub command: String,
    /// When it was written.
    pub finished: DateTime<Utc>,
    /// What was pulled, by endpoint.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pulled: BTreeMap<String, Pulled>,
    /// What is live of each endpoint that was read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub census: BTreeMap<String, Census>,
    /// How the rows of each mart came about.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub marts: BTreeMap<String, Steps>,
    /// What became of them in each table.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, Held>,
}

/// The pulls of one endpoint in one run together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pulled {
    /// Pulls that were committed whole or in part.
    pub pulls: u64,
    /// Pulls and partitions that failed: what was known of them stays.
    pub failed: u64,
    /// Records that the API said there are, where it says so for every pull.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<u64>,
    /// Records that came.
    pub fetched: u64,
    /// Records in the files that were committed to be read.
    pub landed: u64,
}

/// From what was landed of an endpoint to what is live of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// The run that pulled it last.
    pub run_id: Uuid,
    /// Records that it landed.
    pub landed: u64,
    /// Different keys among them; less than `landed` where a record came twice.
    pub keys: u64,
    /// Records that all pulls so far landed.
    pub ever: u64,
    /// Of these, replaced by a later list, partition or window.
    pub replaced: u64,
    /// Of the rest, older versions of a key, and records that came twice.
    pub older: u64,
    /// Rows of `latest.<endpoint>`.
    pub latest: u64,
}

/// How the rows of a mart came about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steps {
    /// The transform that published it.
    pub transform_id: Uuid,
    /// The day that the steps are of, for a snapshot: its newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<chrono::NaiveDate>,
    /// In the order of the query.
    pub steps: Vec<Step>,
    /// Rows of the mart, of a snapshot all days together.
    pub rows: u64,
    /// Why the steps are missing, or why the mart was not published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One clause of a query and the rows that are left after it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The model, with the common table expression that the clause stands in: `report_x`, `report_x: cases`.
    pub of: String,
    /// The clause: `from latest.testrail_cases`, `where …`.
    pub clause: String,
    /// Rows after it.
    pub rows: u64,
    /// What it added or took; none for a clause that begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<i64>,
}

/// What a load made of a mart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The transform whose mart it is.
    pub transform_id: Uuid,
    /// Rows inserted, updated, deleted, and right already.
    pub inserted: u64,
    pub updated: u64,
    pub deleted: u64,
    pub unchanged: u64,
    /// Rows of the mart that were left out, because rows that `etl` did not write have their keys.
    pub blocked: u64,
    /// Rows of the table that `etl` wrote.
    pub owned: u64,
    /// Rows of the table that it did not write.
    pub foreign: u64,
    /// Texts cut at their column's length, by column. No row is lost by it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cuts: BTreeMap<String, u64>,
    /// Why nothing was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Flow {
    /// The record of a run that has moved nothing so far.
    pub fn of(run_id: Uuid, run_at: DateTime<Utc>, command: &str) -> Self {
        Self {
            version: FLOW_VERSION,
            run_id,
            run_at,
            command: command.to_owned(),
            finished: run_at,
            pulled: BTreeMap::new(),
            census: BTreeMap::new(),
            marts: BTreeMap::new(),
            tables: BTreeMap::new(),
        }
    }

    /// Whether nothing was moved.
    pub fn is_empty(&self) -> bool {
        self.pulled.is_empty() && self.census.is_empty() && self.marts.is_empty() && self.tables.is_empty()
    }

    /// Adds what an earlier record knows of the nodes that this one does not speak of.
    fn complete_from(&mut self, earlier: Self) {
        fn add<V>(own: &mut BTreeMap<String, V>, earlier: BTreeMap<String, V>) {
            earlier.into_iter().for_each(|(name, value)| {
                own.entry(name).or_insert(value);
            });
        }
        add(&mut self.pulled, earlier.pulled);
        add(&mut self.census, earlier.census);
        add(&mut self.marts, earlier.marts);
        add(&mut self.tables, earlier.tables);
    }

    /// Whether it speaks of all these.
    fn knows(&self, endpoints: &BTreeSet<String>, tables: &BTreeSet<String>) -> bool {
        endpoints.iter().all(|name| self.pulled.contains_key(name) && self.census.contains_key(name))
            && tables.iter().all(|name| self.marts.contains_key(name) && self.tables.contains_key(name))
    }
}

impl Held {
    /// Rows of the mart that the table holds.
    pub fn of_mart(&self) -> u64 {
        self.inserted + self.updated + self.unchanged
    }

    /// Rows that an earlier mart brought and that stay: days that this mart does not own, or rows that are kept when they are missing.
    pub fn kept(&self) -> u64 {
        self.owned.saturating_sub(self.of_mart())
    }
}

impl Lake {
    /// Writes the record of a run.
    ///
    /// # Errors
    /// As [`Lake::start_run`].
    pub async fn record_flow(&self, flow: &Flow) -> Result<()> {
        self.put_document(&layout::run_flow(flow.run_at.date_naive(), flow.run_id), flow).await
    }

    /// What the newest records say of each of these endpoints and tables. Looks back only as far as it must.
    ///
    /// # Errors
    /// [`crate::error::Kind::Lake`] if the store cannot be read or a record is damaged or too new.
    pub async fn last_flow(&self, endpoints: &BTreeSet<String>, tables: &BTreeSet<String>) -> Result<Option<Flow>> {
        let mut paths: Vec<(chrono::NaiveDate, Uuid, String)> = Vec::new();
        for object in self.list("runs").await? {
            if let Some(Place::RunFlow { day, run_id }) = layout::parse(&object.path) {
                paths.push((day, run_id, object.path));
            }
        }
        // Days are of the run's clock, ids of the machine's: inside a day the record says which is later.
        paths.sort();
        let mut found: Option<Flow> = None;
        while !paths.is_empty() && !found.as_ref().is_some_and(|flow| flow.knows(endpoints, tables)) {
            let mut at = paths.len().saturating_sub(READ_AT_ONCE);
            // A day is read as a whole.
            while at > 0 && paths[at - 1].0 == paths[at].0 {
                at -= 1;
            }
            let some = paths.split_off(at);
            let mut flows = Vec::new();
            for (path, bytes) in self.get_all(some.into_iter().map(|(_, _, path)| path).collect()).await? {
                let flow: Flow = document::parse(&bytes, &path, FLOW_VERSION)?;
                flows.push(flow);
            }
            flows.sort_by_key(|flow| (flow.finished, flow.run_id));
            for flow in flows.into_iter().rev() {
                match &mut found {
                    None => found = Some(flow),
                    Some(found) => found.complete_from(flow),
                }
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::sample::{self, at};

    fn flow(run: u128, finished: &str) -> Flow {
        Flow { finished: at(finished), ..Flow::of(Uuid::from_u128(run), at(finished), "run") }
    }

    #[tokio::test]
    async fn the_newest_word_on_each_node_counts() {
        let (_folder, lake) = sample::lake();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
        assert_eq!(lake.last_flow(&names(&[]), &names(&["t"])).await.unwrap(), None);
        let held = |blocked| Held { inserted: 3, unchanged: 4, blocked, owned: 9, ..Held::default() };
        let mut first = flow(9, "2026-01-01T00:00:00Z");
        first.tables.extend([("t".to_owned(), held(1)), ("u".to_owned(), held(2))]);
        // A later run whose id sorts before, and so does not decide.
        let mut second = flow(2, "2026-01-01T05:00:00Z");
        second.tables.insert("t".to_owned(), held(3));
        let mut third = flow(1, "2026-02-01T00:00:00Z");
        third.pulled.insert("e".to_owned(), Pulled { fetched: 7, ..Pulled::default() });
        for flow in [&first, &third, &second] {
            lake.record_flow(flow).await.unwrap();
        }
        let found = lake.last_flow(&names(&["e"]), &names(&["t", "u"])).await.unwrap().unwrap();
        assert_eq!((found.run_id, found.pulled["e"].fetched), (third.run_id, 7));
        assert_eq!((found.tables["t"].blocked, found.tables["u"].blocked), (3, 2));
        assert_eq!((found.tables["t"].of_mart(), found.tables["t"].kept()), (7, 2));
    }
}
