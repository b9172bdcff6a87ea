//! Stand-in until the branch with DuckDB is merged.

mod row;
mod run_row;

pub use row::{Row, Value};
pub use run_row::RunRow;

/// Stand-in.
pub struct Engine;

impl Engine {
    /// Stand-in.
    pub fn for_each(&self, _: &crate::catalog::Endpoint, _: &RunRow, _: &[crate::lake::Receipt]) -> crate::error::Result<Vec<Row>> {
        Ok(Vec::new())
    }
}
