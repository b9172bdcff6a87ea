//! The receipt of one pull: the commit. Written last, create-only, never changed.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Version of the receipt format; readers refuse a newer one.
pub const RECEIPT_VERSION: u32 = 1;

/// Everything that is known about one pull.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// [`RECEIPT_VERSION`].
    pub version: u32,
    /// The invocation.
    pub run_id: Uuid,
    /// This pull.
    pub pull_id: Uuid,
    /// `testrail`.
    pub source: String,
    /// `testrail_cases`.
    pub endpoint: String,
    /// The scope's columns, `{}` if there is one scope only.
    pub scope: serde_json::Map<String, serde_json::Value>,
    /// A long fan-out is committed in parts, from 0.
    pub part: u32,
    /// Whether the list was asked for in full.
    pub mode: Mode,
    /// How it ended.
    pub outcome: Outcome,
    /// Why paging stopped.
    pub stop: Stop,
    /// What went wrong, if anything did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What a person should know although the pull counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The cursor's value, if it was incremental.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<DateTime<Utc>>,
    /// First instant of the window that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_from: Option<DateTime<Utc>>,
    /// The instant after the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_to: Option<DateTime<Utc>>,
    /// Records that the API said there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<u64>,
    /// Records that were landed.
    pub records: u64,
    /// Records with a defect.
    pub defects: u64,
    /// HTTP exchanges, without retries.
    pub requests: u64,
    /// Attempts beyond the first.
    pub retries: u64,
    /// Body bytes received.
    pub bytes: u64,
    /// Each row of `for_each`.
    pub partitions: Vec<Partition>,
    /// The objects of the pull.
    pub files: Vec<File>,
    /// JSON pointers that were blanked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redacted: Vec<String>,
    /// The host that answered.
    pub host: String,
    /// Hash of the endpoint's definition.
    pub definition: String,
    /// Version of `etl`.
    pub etl: String,
    /// Start of the run.
    pub run_at: DateTime<Utc>,
    /// Start of the pull.
    pub started: DateTime<Utc>,
    /// End of the pull: as of a time T, pulls with `finished <= T` are visible.
    pub finished: DateTime<Utc>,
}

/// Whether a list was asked for in full or since a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Everything (inside the window, if there is one).
    Full,
    /// Changes since the cursor.
    Incremental,
}

/// How a pull ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every page of every partition was read.
    Complete,
    /// Some partitions failed; the others are whole and count (only where `replaces = "partition"`).
    Partial,
    /// Kept for diagnosis, invisible to readers.
    Incomplete,
}

/// Why paging stopped. Of a pull with several partitions: the one that they share, else the first failure's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// A page shorter than the size that the response states; in old receipts also: than requested.
    ShortPage,
    /// The API said that there is no next page.
    NoNext,
    /// A page without records.
    EmptyPage,
    /// The API flagged the last page.
    LastFlag,
    /// As many records came as the API said that there are.
    Total,
    /// One answer holds everything.
    Single,
    /// There was nothing to ask for.
    NoPartitions,
    /// The cap on pages: a failure.
    Cap,
    /// A failure.
    Error,
}

impl Stop {
    /// The name, as receipts and the relation `pulls` write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ShortPage => "short_page",
            Self::NoNext => "no_next",
            Self::EmptyPage => "empty_page",
            Self::LastFlag => "last_flag",
            Self::Total => "total",
            Self::Single => "single",
            Self::NoPartitions => "no_partitions",
            Self::Cap => "cap",
            Self::Error => "error",
        }
    }
}

/// One row of `for_each` and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Partition {
    /// From 0, unique in the pull.
    pub no: u32,
    /// The row's columns; shared with the same row of other pulls, where receipts are read together.
    pub params: Arc<serde_json::Map<String, serde_json::Value>>,
    /// What became of it.
    pub status: PartitionStatus,
    /// Records landed, also 0.
    pub records: u64,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What became of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartitionStatus {
    /// Read whole.
    Ok,
    /// The API says that it does not exist.
    Gone,
    /// It may not be read.
    Forbidden,
    /// Asked for in a batch and not answered.
    Absent,
    /// It failed; what was known of it stays.
    Failed,
}

impl PartitionStatus {
    /// The name, as receipts and the relation `partitions` write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Gone => "gone",
            Self::Forbidden => "forbidden",
            Self::Absent => "absent",
            Self::Failed => "failed",
        }
    }
}

/// An object of a pull.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Path below the lake.
    pub path: String,
    /// What it holds.
    pub kind: FileKind,
    /// Rows, as its footer says.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// Of the whole object, lower-case hex.
    pub sha256: String,
}

/// What an object of a pull holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// One row per record.
    Records,
    /// One row per HTTP exchange.
    Requests,
}

impl Receipt {
    /// Whether readers may see the pull.
    pub fn complete(&self) -> bool {
        self.outcome != Outcome::Incomplete
    }

    /// The scope as canonical JSON: keys in order, no blanks.
    pub fn scope_key(&self) -> String {
        canonical_scope(&self.scope)
    }

    /// The file with the records, if any were landed.
    pub fn records_file(&self) -> Option<&File> {
        self.files.iter().find(|file| file.kind == FileKind::Records)
    }

    /// The file with the HTTP exchanges, if there were any.
    pub fn requests_file(&self) -> Option<&File> {
        self.files.iter().find(|file| file.kind == FileKind::Requests && file.rows > 0)
    }
}

/// A JSON object as canonical text: keys in order, no blanks.
pub fn canonical_scope(scope: &serde_json::Map<String, serde_json::Value>) -> String {
    let mut sorted: Vec<_> = scope.iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(b.0));
    let sorted: serde_json::Map<_, _> = sorted.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    serde_json::Value::Object(sorted).to_string()
}
