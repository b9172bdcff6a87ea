//! Seeds: small CSV files kept by hand, read with the types of their contract.

use std::path::Path;

use super::session::{literal, quoted};
use crate::catalog::Model;

/// The SELECT that reads a seed. An empty cell is NULL; a quoted empty cell is an empty text.
pub(super) fn select(root: &Path, seed: &Model) -> String {
    let file = literal(&root.join(&seed.file).display().to_string());
    let columns = seed.contract.iter().flat_map(|contract| &contract.columns);
    let casts: Vec<String> = columns.map(|column| format!("cast({0} as {1}) as {0}", quoted(&column.name), column.kind.duckdb())).collect();
    format!(
        "select {} from read_csv({file}, header = true, delim = ',', quote = '\"', escape = '\"', all_varchar = true, skip = {}, nullstr = '', allow_quoted_nulls = false, auto_detect = false, columns = {{{}}})",
        casts.join(", "),
        seed.header.lines,
        seed.contract
            .iter()
            .flat_map(|contract| &contract.columns)
            .map(|column| format!("{}: 'VARCHAR'", literal(&column.name)))
            .collect::<Vec<_>>()
            .join(", "),
    )
}
