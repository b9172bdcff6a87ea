//! The lake: objects, their layout, receipts and Parquet files. See `docs/lake.md`.
//!
//! [`Lake`] reads and writes objects and knows what they mean; [`RecordWriter`] and [`ExchangeWriter`] make the files of a
//! pull on the local disk; [`Lake::commit`] makes a pull visible. Everything is written once and under a name of its own,
//! so any number of processes may use one lake, and a kill at any instant leaves garbage at worst.

mod bucket;
mod budget;
mod checkpoint;
mod checkpoint_file;
mod commit;
mod created;
mod document;
mod endpoint;
mod exchange_file;
mod export;
mod flow;
mod folder;
mod footer;
mod gc;
mod identity;
mod integrity;
pub mod layout;
mod local;
mod location;
mod manifest;
mod mirror;
mod pages;
mod probe;
mod receipt;
mod receipts;
mod record_file;
mod record_rows;
mod refused;
mod rows;
mod run_log;
#[cfg(test)]
mod sample;
mod scope_read;
mod seal;
mod spill;
mod spool;
mod store;
mod traffic;
mod upload;
mod walk;

pub use budget::WriteBudget;
pub use created::Created;
pub use exchange_file::{ExchangeRow, ExchangeWriter, exchange_headers};
pub use export::{Exports, Written};
pub use flow::{Census, FLOW_VERSION, Flow, Held, Pulled, Step, Steps};
pub use footer::Footer;
pub use gc::{GcHints, GcReport, Removed, StagedKeep, gc};
pub use identity::{IDENTITY_VERSION, Identity};
pub use local::{Local, Wanted};
pub use manifest::{MANIFEST_VERSION, Manifest, Part};
pub use receipt::{File, FileKind, Mode, Outcome, Partition, PartitionStatus, RECEIPT_VERSION, Receipt, Stop, canonical_scope};
pub use receipts::Receipts;
pub use record_file::{PullHead, RecordRow, RecordWriter};
pub use rows::{Batches, RowGroups, read_batches};
pub use run_log::{RUN_LOG_VERSION, Run, RunEnd, RunStart};
pub use scope_read::{ReadState, ScopeRead, failed_to_read, never_read, stale_since};
pub use seal::seal;
pub use spill::SpillFolder;
pub use spool::Finished;
pub use store::{Lake, Object};
pub use traffic::Traffic;
