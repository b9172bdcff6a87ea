//! What the stages tell about their progress. `term` listens; the stages never print.

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A pull began; `partitions` is how many requests series it will make.
    PullStarted { endpoint: String, scope: String, partitions: u64 },
    /// A page of a pull arrived.
    Page { endpoint: String, scope: String, records: u64, bytes: u64 },
    /// A partition of a pull is done.
    PartitionDone { endpoint: String, scope: String },
    /// A request has to wait: `seconds` until it is tried again, and why.
    Waiting { source: String, seconds: f64, reason: String },
    /// A pull was committed (`complete`) or kept for diagnosis only.
    PullFinished { endpoint: String, scope: String, records: u64, complete: bool, stop: String },
    /// A model is being computed.
    ModelStarted { model: String },
    /// A model is done; `state` says `computed`, `unchanged`, …
    ModelFinished { model: String, rows: u64, state: &'static str, seconds: f64 },
    /// A table is being loaded.
    TableStarted { table: String },
    /// A table is done.
    TableFinished { table: String, inserted: u64, updated: u64, deleted: u64, unchanged: u64 },
    /// Something a person should know that does not stop the work.
    Warning(String),
}

/// Listens to events; called from many threads.
pub trait Observer: Send + Sync {
    /// Takes one event. Must not block for long.
    fn on(&self, event: &Event);
}

/// Listens to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn on(&self, _: &Event) {}
}
