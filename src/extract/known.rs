//! What earlier pulls of an endpoint say that planning needs: the last full list of each scope, and what this run has
//! committed already.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    catalog::{Endpoint, Replaces},
    lake::{Mode, Outcome, Partition, PartitionStatus, Receipt, Stop, canonical_scope},
};

/// What is known, by scope.
#[derive(Clone, Debug, Default)]
pub struct Known {
    last_full: BTreeMap<String, DateTime<Utc>>,
    done: BTreeSet<String>,
    done_partitions: BTreeMap<String, BTreeSet<String>>,
    next_part: BTreeMap<String, u32>,
    previous: BTreeMap<String, Previous>,
    /// When the newest pull that shows it was finished, and whether it came in an envelope.
    envelope: Option<(DateTime<Utc>, bool)>,
}

/// A complete full list of a scope.
#[derive(Clone, Debug, PartialEq)]
pub struct Previous {
    /// Its end.
    pub finished: DateTime<Utc>,
    /// What was asked, and how many records each answer had.
    pub partitions: Vec<Partition>,
}

impl Known {
    /// Reads the receipts of `endpoint`. With `resume`, what the run `run_id` committed counts as done.
    pub fn of(endpoint: &Endpoint, receipts: &[Receipt], run_id: Uuid, resume: bool) -> Self {
        let mut known = Self::default();
        for receipt in receipts.iter().filter(|receipt| receipt.endpoint == endpoint.id) {
            let scope = receipt.scope_key();
            let own = receipt.run_id == run_id;
            if own {
                let next = known.next_part.entry(scope.clone()).or_default();
                *next = (*next).max(receipt.part + 1);
            }
            if !receipt.complete() {
                continue;
            }
            known.note_envelope(endpoint, receipt);
            if receipt.mode == Mode::Full && receipt.outcome == Outcome::Complete && endpoint.replaces != Replaces::Partition {
                let is_newer = known.previous.get(&scope).is_none_or(|other| other.finished < receipt.finished);
                if is_newer {
                    known.previous.insert(scope.clone(), Previous { finished: receipt.finished, partitions: receipt.partitions.clone() });
                }
            }
            if receipt.mode == Mode::Full {
                let last = known.last_full.entry(scope.clone()).or_insert(receipt.run_at);
                *last = (*last).max(receipt.run_at);
            }
            if own && resume {
                let partitions = known.done_partitions.entry(scope.clone()).or_default();
                for partition in receipt.partitions.iter().filter(|partition| partition.status != PartitionStatus::Failed) {
                    let mut identity = serde_json::Map::clone(&partition.params);
                    if !endpoint.partition.is_empty() {
                        identity.retain(|column, _| endpoint.partition.contains(column));
                    }
                    partitions.insert(canonical_scope(&identity));
                }
                known.done.insert(scope);
            }
        }
        known
    }

    /// Only an envelope says that there is no next page; a list without one ends by itself.
    fn note_envelope(&mut self, endpoint: &Endpoint, receipt: &Receipt) {
        let is_enveloped = match receipt.stop {
            Stop::NoNext | Stop::LastFlag | Stop::Total | Stop::ShortPage => true,
            Stop::Single | Stop::EmptyPage if receipt.records > 0 => false,
            _ => return,
        };
        if endpoint.bare_array && self.envelope.is_none_or(|(finished, _)| finished < receipt.finished) {
            self.envelope = Some((receipt.finished, is_enveloped));
        }
    }

    /// The newest complete full list of the scope.
    pub(super) fn previous(&self, scope: &str) -> Option<&Previous> {
        self.previous.get(scope)
    }

    /// Whether the endpoint's newest complete pull came in an envelope, although bare arrays are accepted.
    pub(super) fn is_enveloped(&self) -> bool {
        self.envelope.is_some_and(|(_, is_enveloped)| is_enveloped)
    }

    /// `run_at` of the newest complete full pull of the scope.
    pub(super) fn last_full(&self, scope: &str) -> Option<DateTime<Utc>> {
        self.last_full.get(scope).copied()
    }

    /// Whether nothing of the scope is left to do.
    pub(super) fn is_done(&self, endpoint: &Endpoint, scope: &str) -> bool {
        endpoint.replaces != Replaces::Partition && self.done.contains(scope)
    }

    /// Whether a partition was answered in this run already.
    pub(super) fn is_partition_done(&self, scope: &str, identity: &str) -> bool {
        self.done_partitions.get(scope).is_some_and(|done| done.contains(identity))
    }

    /// The number of the next part of the scope in this run.
    pub(super) fn next_part(&self, scope: &str) -> u32 {
        self.next_part.get(scope).copied().unwrap_or(0)
    }

    #[cfg(test)]
    pub(super) fn with_last_full(scope: &str, run_at: Option<DateTime<Utc>>) -> Self {
        let mut known = Self::default();
        known.last_full.extend(run_at.map(|run_at| (scope.to_owned(), run_at)));
        known
    }
}
