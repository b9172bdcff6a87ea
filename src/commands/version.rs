//! `etl --version`: what exactly runs here.

use crate::{engine, error::Result};

/// One line: version, commit, DuckDB, optional features.
pub(super) fn line() -> Result<String> {
    let commit = match env!("ETL_COMMIT") {
        "" => "no commit known".to_owned(),
        commit => format!("commit {commit}"),
    };
    let features = if cfg!(feature = "bundled") { "bundled" } else { "none" };
    Ok(format!("etl {} ({commit}, DuckDB {}, features: {features})\n", env!("CARGO_PKG_VERSION"), engine::duckdb_version()?))
}
