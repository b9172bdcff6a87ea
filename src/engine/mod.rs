//! DuckDB over the lake: the state of every relation as of one moment, for `for_each` queries, models, audits and people.

mod base;
mod builtins;
mod census;
mod contract_check;
mod cut;
mod difference;
mod drift;
mod evidence;
mod landed;
mod lint;
mod live;
mod moment;
mod origin;
mod query;
mod references;
mod row;
mod run_row;
mod seeds;
mod session;
mod shell_file;
mod staged;
mod staging;
mod steps;
mod syntax;
mod typed;

pub use base::Engine;
pub use contract_check::projection;
pub use difference::{Difference, Differing};
pub use evidence::Evidence;
pub use live::inputs;
pub use moment::Moment;
pub use origin::Trail;
pub use query::Batches;
pub use row::{Row, Value};
pub use run_row::RunRow;
pub use shell_file::write_shell_file;
