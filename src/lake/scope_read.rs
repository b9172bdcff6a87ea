//! How completely the scopes behind a mart were read, as its manifest states it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One scope (a project, a filter, a whole list) of an endpoint behind a mart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeRead {
    /// The endpoint: `testrail_plans`.
    pub endpoint: String,
    /// The scope's columns; `{}` where there is one scope only.
    pub scope: Map<String, Value>,
    /// How completely it was read.
    pub state: ReadState,
    /// What people call it; only where it is not complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Stale: the end of its last complete pull.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// What went wrong in the newest pull.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Partitions that were never read, in a scope that was read otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<u64>,
}

/// How completely a scope was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadState {
    /// Its newest pull is complete.
    Complete,
    /// A complete pull was followed by one that failed.
    Stale,
    /// The lake holds no complete pull of it.
    NeverRead,
}

impl ScopeRead {
    /// What people call it, with the number of partitions if only some were never read.
    pub fn label(&self) -> String {
        let name = self.name.as_deref().unwrap_or(&self.endpoint);
        match self.partitions {
            None => name.to_owned(),
            Some(partitions) => format!("{} of {name}", crate::names::count(partitions, "partition")),
        }
    }
}

/// The names of the scopes that were never read, each once.
pub fn never_read<'s>(scopes: impl IntoIterator<Item = &'s ScopeRead>) -> Vec<String> {
    let mut names = Vec::new();
    for scope in scopes.into_iter().filter(|scope| scope.state == ReadState::NeverRead) {
        let label = scope.label();
        if !names.contains(&label) {
            names.push(label);
        }
    }
    names
}

/// Whether a scope was never read although a pull tried: not only because it was never selected.
pub fn failed_to_read<'s>(scopes: impl IntoIterator<Item = &'s ScopeRead>) -> bool {
    scopes.into_iter().any(|scope| scope.state == ReadState::NeverRead && scope.error.is_some())
}

/// The time since which the first of these scopes is stale.
pub fn stale_since<'s>(scopes: impl IntoIterator<Item = &'s ScopeRead>) -> Option<DateTime<Utc>> {
    scopes.into_iter().filter(|scope| scope.state == ReadState::Stale).filter_map(|scope| scope.since).min()
}
