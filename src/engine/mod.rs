//! DuckDB over the lake: the state of every relation as of one moment, for `for_each` queries, models, audits and people.

mod asked;
mod base;
mod builtins;
mod contract_check;
mod drift;
mod landed;
mod lint;
mod live;
mod moment;
mod query;
mod references;
mod row;
mod run_row;
mod seeds;
mod session;
mod shell_file;
mod staged;
mod staging;
mod typed;

pub use base::Engine;
pub use contract_check::projection;
pub use live::{inputs, with_live_rows};
pub use moment::Moment;
pub use query::Batches;
pub use row::{Row, Value};
pub use run_row::RunRow;
pub use session::duckdb_version;
pub use shell_file::write_shell_file;
