//! What an extraction did, pull by pull.

use uuid::Uuid;

use crate::{
    error::{Error, Kind},
    lake::{Outcome, Stop},
};

/// One pull, or the reason why there was none.
#[derive(Clone, Debug, PartialEq)]
pub struct PullSummary {
    /// `testrail_cases`.
    pub endpoint: String,
    /// Canonical JSON; empty if it did not come to scopes.
    pub scope: String,
    /// What was committed; `None` = nothing (nothing to ask for, or a failure before the commit).
    pub outcome: Option<Outcome>,
    /// Why paging stopped; [`Stop::NoPartitions`] = there was nothing to ask for.
    pub stop: Stop,
    /// Records landed.
    pub records: u64,
    /// Records that the API said there are.
    pub expected: Option<u64>,
    /// HTTP exchanges, without retries.
    pub requests: u64,
    /// Attempts beyond the first.
    pub retries: u64,
    /// Body bytes.
    pub bytes: u64,
    /// Partitions that failed; they keep what was known of them.
    pub partitions_failed: u64,
    /// Partitions that the API says are gone, may not be read, or did not answer for.
    pub partitions_gone: u64,
    /// What went wrong, causes included.
    pub error: Option<String>,
    /// Its kind.
    pub kind: Option<Kind>,
    /// Duration.
    pub seconds: f64,
}

impl PullSummary {
    /// A pull that has not been made.
    pub(super) fn empty(endpoint: &str, scope: &str, stop: Stop) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            scope: scope.to_owned(),
            outcome: None,
            stop,
            records: 0,
            expected: None,
            requests: 0,
            retries: 0,
            bytes: 0,
            partitions_failed: 0,
            partitions_gone: 0,
            error: None,
            kind: None,
            seconds: 0.0,
        }
    }

    /// A pull that failed before its commit.
    pub(super) fn failure(endpoint: &str, scope: &str, error: &Error) -> Self {
        Self { error: Some(error.told()), kind: Some(error.kind()), ..Self::empty(endpoint, scope, Stop::Error) }
    }

    /// Whether something is stale now.
    pub fn failed(&self) -> bool {
        self.error.is_some()
    }
}

/// Everything that one extraction did.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The run.
    pub run_id: Uuid,
    /// In the order of waves, endpoints, scopes and parts.
    pub pulls: Vec<PullSummary>,
    /// Endpoints whose questions come from endpoints that failed in this run: they asked by what the lake held.
    pub stale: Vec<Stale>,
}

/// An endpoint that asked by older knowledge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// The endpoint.
    pub endpoint: String,
    /// What failed above it: endpoints with their scopes.
    pub because: Vec<String>,
}

impl Summary {
    /// Whether any pull failed, wholly or in part.
    pub fn any_failed(&self) -> bool {
        self.pulls.iter().any(PullSummary::failed)
    }

    /// Whether nothing at all was committed although something was asked for.
    pub fn all_failed(&self) -> bool {
        self.any_failed() && self.pulls.iter().all(|pull| matches!(pull.outcome, None | Some(Outcome::Incomplete)))
    }
}
