//! Which pulls and partitions hold the live rows, from receipts alone. Pure; design.md section 3 gives the rules.
//!
//! A row is live until a later pull of its scope *covers* it. A pull covers an earlier one whole when it is a full list
//! without a window or with a window that contains the earlier one's; a windowed list covers single rows by their time;
//! a fan-out covers by partition; an incremental list covers nothing but equal keys.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    catalog::{Endpoint, Replaces},
    lake::{Mode, Partition, PartitionStatus, Receipt},
};

/// What covers the rows of an endpoint's pulls.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Cover {
    /// Each pull with the end of the first later pull that covers it whole.
    pub(super) pulls: Vec<(Uuid, Option<DateTime<Utc>>)>,
    /// Fan-outs: each partition that was read, with the end of the next pull that answered the same one.
    pub(super) partitions: Vec<(Uuid, u32, Option<DateTime<Utc>>)>,
    /// Windowed lists: scope, end of the pull, pull, window.
    pub(super) windows: Vec<WindowOfPull>,
}

/// The window that one pull replaced.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WindowOfPull {
    pub(super) scope: String,
    pub(super) pulled_at: DateTime<Utc>,
    pub(super) pull_id: Uuid,
    pub(super) from: Option<DateTime<Utc>>,
    pub(super) to: Option<DateTime<Utc>>,
}

/// The pulls that a relation of this endpoint is made of: complete, finished by `as_of`, in order.
pub fn inputs<'a>(receipts: impl IntoIterator<Item = &'a Receipt>, endpoint: &str, as_of: DateTime<Utc>) -> Vec<&'a Receipt> {
    let mut chosen: Vec<&Receipt> =
        receipts.into_iter().filter(|receipt| receipt.endpoint == endpoint && receipt.complete() && receipt.finished <= as_of).collect();
    chosen.sort_by_key(|receipt| (receipt.finished, receipt.pull_id));
    chosen
}

/// Those of an endpoint's pulls, which are in order, that may hold a live row.
pub fn with_live_rows<'a>(endpoint: &Endpoint, mut pulls: Vec<&'a Receipt>) -> Vec<&'a Receipt> {
    let live: BTreeSet<Uuid> = cover(endpoint, &pulls).live_pulls().into_iter().collect();
    pulls.retain(|pull| live.contains(&pull.pull_id));
    pulls
}

/// Computes the cover of `pulls`, which are in order.
pub(super) fn cover(endpoint: &Endpoint, pulls: &[&Receipt]) -> Cover {
    match endpoint.replaces {
        Replaces::Partition => Cover { partitions: by_partition(endpoint, pulls), ..Cover::default() },
        Replaces::Scope | Replaces::Keys => {
            let mut windows = Vec::new();
            if endpoint.window.is_some() {
                windows.extend(pulls.iter().map(|pull| WindowOfPull {
                    scope: pull.scope_key(),
                    pulled_at: pull.finished,
                    pull_id: pull.pull_id,
                    from: pull.window_from,
                    to: pull.window_to,
                }));
            }
            Cover { pulls: by_pull(pulls), partitions: Vec::new(), windows }
        }
    }
}

fn by_pull(pulls: &[&Receipt]) -> Vec<(Uuid, Option<DateTime<Utc>>)> {
    // From the newest back, so that each pull looks only at the few later ones that may still matter to its scope.
    let mut later: BTreeMap<String, Vec<&Receipt>> = BTreeMap::new();
    let mut found = Vec::with_capacity(pulls.len());
    for pull in pulls.iter().rev() {
        let others = later.entry(pull.scope_key()).or_default();
        let first = others.iter().rev().find(|other| covers_whole(other, pull)).map(|other| other.finished);
        found.push((pull.pull_id, first));
        if pull.mode == Mode::Full {
            if pull.window_from.is_none() && pull.window_to.is_none() {
                // Nothing earlier can be covered first by anything later than this.
                others.clear();
            }
            others.push(pull);
        }
    }
    found.reverse();
    found
}

fn covers_whole(later: &Receipt, earlier: &Receipt) -> bool {
    let from = match (later.window_from, earlier.window_from) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(later), Some(earlier)) => later <= earlier,
    };
    let to = match (later.window_to, earlier.window_to) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(later), Some(earlier)) => later >= earlier,
    };
    later.mode == Mode::Full && from && to
}

fn by_partition(endpoint: &Endpoint, pulls: &[&Receipt]) -> Vec<(Uuid, u32, Option<DateTime<Utc>>)> {
    let mut next: BTreeMap<(String, String), DateTime<Utc>> = BTreeMap::new();
    let mut found = Vec::new();
    for pull in pulls.iter().rev() {
        let scope = pull.scope_key();
        let mut answered = Vec::new();
        for partition in &pull.partitions {
            let identity = (scope.clone(), identity(endpoint, partition));
            match partition.status {
                PartitionStatus::Ok => found.push((pull.pull_id, partition.no, next.get(&identity).copied())),
                PartitionStatus::Gone => {}
                PartitionStatus::Forbidden | PartitionStatus::Absent | PartitionStatus::Failed => continue,
            }
            answered.push(identity);
        }
        next.extend(answered.into_iter().map(|identity| (identity, pull.finished)));
    }
    found.reverse();
    found
}

/// What makes two partitions the same thing: the values of the endpoint's `partition` columns.
fn identity(endpoint: &Endpoint, partition: &Partition) -> String {
    let values: Vec<&serde_json::Value> =
        endpoint.partition.iter().map(|column| partition.params.get(column).unwrap_or(&serde_json::Value::Null)).collect();
    serde_json::to_string(&values).unwrap_or_default()
}

impl Cover {
    /// What of it tells whether a row is live: a year of history has hundreds of pulls, and a few that hold live rows.
    ///
    /// A window that a later one covers whole says nothing that the later one does not say.
    pub(super) fn live(&self) -> Self {
        let live: BTreeSet<Uuid> = self.live_pulls().into_iter().collect();
        Self {
            pulls: self.pulls.iter().filter(|(_, covered)| covered.is_none()).copied().collect(),
            partitions: self.partitions.iter().filter(|(_, _, covered)| covered.is_none()).copied().collect(),
            windows: self.windows.iter().filter(|window| live.contains(&window.pull_id)).cloned().collect(),
        }
    }

    /// The pulls that may hold a live row.
    pub(super) fn live_pulls(&self) -> Vec<Uuid> {
        let whole = self.pulls.iter().filter(|(_, covered)| covered.is_none()).map(|(pull, _)| *pull);
        let parts = self.partitions.iter().filter(|(_, _, covered)| covered.is_none()).map(|(pull, _, _)| *pull);
        let mut pulls: Vec<Uuid> = whole.chain(parts).collect();
        pulls.dedup();
        pulls
    }
}
