//! The lake: objects, their layout, receipts and Parquet files. See `docs/lake.md`.

mod receipt;

pub use receipt::{File, FileKind, Mode, Outcome, Partition, PartitionStatus, RECEIPT_VERSION, Receipt, Stop, canonical_scope};
