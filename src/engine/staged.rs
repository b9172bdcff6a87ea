//! The staged cache: the typed rows of each pull, computed once and kept in the lake.
//!
//! A staging model is a pure function of one pull file. Its result lies under a hash of everything else that decides it:
//! the SQL, the columns added here, DuckDB's version. A changed model has another hash and so recomputes itself.

use std::{collections::BTreeSet, path::PathBuf};

use duckdb::Connection;

use super::{
    drift, landed,
    moment::Engine,
    session::{self, bare, execute, literal},
};
use crate::{
    catalog::Model,
    digest,
    error::{Error, Kind, Result},
    lake::{Receipt, layout},
};

/// Version of [`COLUMNS`]; part of the hash.
const VERSION: u32 = 1;

/// The columns that every staged row carries besides those of its model.
pub(super) const COLUMNS: &str = "staged._meta.pull_id as _pull_id, staged._meta.pulled_at as _pulled_at, staged._meta.run_at as _run_at, \
    staged._meta.fetched_at as _fetched_at, staged._meta.scope as _scope, staged._meta.record_key as _record_key, \
    staged._meta.partition_no as _partition_no, staged._meta.request_no as _request_no, staged._meta.record_no as _record_no, \
    staged._meta.window_at as _window_at";

/// The hash of what decides the staged rows of `model`, beside the pull.
pub(super) fn definition(model: &Model) -> String {
    digest::short(&format!("{VERSION}\n{}\n{COLUMNS}\n{}", session::DUCKDB, model.text), 8)
}

/// The SELECT that gives staged rows from whatever `landed.<model>` is in the session.
pub(super) fn select(model: &Model) -> String {
    format!("select {COLUMNS}, staged.* exclude (_meta) from (\n{}\n) as staged", bare(&model.text))
}

/// The local files with the staged rows of `pulls`, computing what is not in the cache.
pub(super) fn files(engine: &Engine, model: &Model, pulls: &[&Receipt]) -> Result<Vec<PathBuf>> {
    let definition = definition(model);
    let known: BTreeSet<String> = engine.block_on(engine.lake().list(&folder(model, &definition)))?.into_iter().map(|object| object.path).collect();
    let mut session: Option<Connection> = None;
    let mut files = Vec::new();
    for receipt in pulls {
        let Some(landed) = receipt.records_file().filter(|file| file.rows > 0) else { continue };
        let path = layout::staged(&model.name, &definition, receipt.pull_id);
        if !known.contains(&path) {
            let connection = match &session {
                Some(connection) => connection,
                None => session.insert(scratch(engine)?),
            };
            let local = engine.lake().local_path(&landed.path)?;
            execute(connection, &format!("create or replace view landed.{} as {}", model.name, landed::of_pull(&local, receipt)))?;
            compute(engine, connection, model, receipt, landed.rows, &path)?;
        }
        files.push(engine.lake().local_path(&path)?);
    }
    Ok(files)
}

/// The folder of one definition's files.
fn folder(model: &Model, definition: &str) -> String {
    let path = layout::staged(&model.name, definition, uuid::Uuid::nil());
    path.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned())
}

fn scratch(engine: &Engine) -> Result<Connection> {
    let connection = engine.connect()?;
    execute(&connection, "create schema landed")?;
    Ok(connection)
}

fn compute(engine: &Engine, connection: &Connection, model: &Model, receipt: &Receipt, landed: u64, path: &str) -> Result<()> {
    let spool = tempfile::Builder::new().prefix("staged-").suffix(".parquet").tempfile_in(engine.temp())?.into_temp_path();
    let sql =
        format!("copy ({}) to {} (format parquet, compression zstd, compression_level 1)", select(model), literal(&spool.display().to_string()));
    let rows = connection
        .execute(&sql, [])
        .map_err(|error| session::refused(error, &model.text).within(format!("{}: staging pull {} failed", model.file.display(), receipt.pull_id)))?;
    if rows as u64 != landed {
        return Err(Error::new(
            Kind::Contract,
            format!(
                "{}: gives {rows} rows for the {landed} records of pull {}; a staging model gives one row per record",
                model.file.display(),
                receipt.pull_id
            ),
        )
        .hint("move filters, joins and unnest into a mart or an intermediate model"));
    }
    drift::check(engine, connection, model, receipt)?;
    // Another process may have been first; its file is the same.
    engine.block_on(engine.lake().upload_new(path, &spool)).map(|_| ())
}
