//! Extract: asks the APIs for what the `for_each` queries want and lands it in the lake, pull by pull.
//!
//! [`plan`] says what to ask for, [`paginate`] when a list is whole, [`slice`], [`defect`], [`redact`] and [`field`] what
//! a record is: all pure. [`call`] asks, [`writer`] writes, [`pull`] commits, [`run`] goes through the waves.

mod call;
pub mod defect;
pub mod field;
pub mod known;
mod look;
pub mod mark;
pub mod paginate;
pub mod plan;
pub mod prepare;
mod pull;
pub mod redact;
pub mod request;
mod run;
#[cfg(test)]
mod samples;
mod shard;
pub mod slice;
mod summary;
mod verdict;
mod writer;

pub use look::{known_partition, look};
pub use run::{Job, run};
pub use shard::Shard;
pub use summary::{PullSummary, Summary};
