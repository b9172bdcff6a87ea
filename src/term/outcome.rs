//! What became of one pull, model or table. Plain structs: `commands` fills them from the stages' summaries.

/// How one thing ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should.
    Done,
    /// In part; what was whole counts.
    Partial,
    /// Not at all; the last good state stays.
    Failed,
    /// Nothing was to do, or something it needs failed.
    Skipped,
}

impl Verdict {
    /// The word in tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Partial => "partial",
            Self::Failed => "FAILED",
            Self::Skipped => "skipped",
        }
    }
}

/// One pull.
#[derive(Clone, Debug)]
pub struct PullLine {
    /// `testrail_cases`.
    pub endpoint: String,
    /// The scope as canonical JSON; `{}` is shown as nothing.
    pub scope: String,
    /// Records that the API said there are, if it does.
    pub expected: Option<u64>,
    /// Records landed.
    pub records: u64,
    /// Why paging stopped.
    pub stop: String,
    /// HTTP exchanges.
    pub requests: u64,
    /// Attempts beyond the first.
    pub retries: u64,
    /// Body bytes.
    pub bytes: u64,
    /// How long it took.
    pub seconds: f64,
    /// How it ended.
    pub verdict: Verdict,
    /// Why it is not done; also what a partial pull misses.
    pub error: Option<String>,
    /// What other pulls may have failed for too, such as refused credentials.
    pub cause: Option<String>,
}

/// One model.
#[derive(Clone, Debug)]
pub struct ModelLine {
    /// Its name.
    pub model: String,
    /// Rows of the result.
    pub rows: u64,
    /// `computed`, `unchanged`, …
    pub state: String,
    /// What is wrong with its inputs: `stale since 2026-11-30 04:10`.
    pub inputs: Option<String>,
    /// How long it took.
    pub seconds: f64,
    /// How it ended.
    pub verdict: Verdict,
    /// Failed audits of severity `warn` and the like.
    pub warnings: Vec<String>,
    /// Why it is not done.
    pub error: Option<String>,
}

/// One table of the database.
#[derive(Clone, Debug)]
pub struct TableLine {
    /// Its name.
    pub table: String,
    /// Rows inserted (or to insert).
    pub inserted: u64,
    /// Rows updated.
    pub updated: u64,
    /// Rows deleted.
    pub deleted: u64,
    /// Rows that are equal already.
    pub unchanged: u64,
    /// Rows that others wrote and that are in the way.
    pub blocked: u64,
    /// Texts cut to the column's length, and other notes, as people read them.
    pub notes: Vec<String>,
    /// What is wrong with its mart's inputs: `stale since 2026-11-30 04:10`.
    pub inputs: Option<String>,
    /// The moment that the data show.
    pub as_of: Option<String>,
    /// How it ended.
    pub verdict: Verdict,
    /// Why it is not done.
    pub error: Option<String>,
}
