//! The staged cache: the typed rows of each pull, computed once and kept in the lake.
//!
//! A staging model is a pure function of one pull file. Its result lies under a hash of everything else that decides it:
//! the SQL, the columns added here, DuckDB's version. A changed model has another hash and so recomputes itself.

use std::{
    collections::BTreeSet,
    num::NonZero,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::{
    base::Engine,
    drift, landed,
    session::{self, Session, bare, execute, literal},
};
use crate::{
    catalog::{Model, ModelKind},
    digest,
    error::{Error, Kind, Result},
    lake::{File, Receipt, layout},
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

impl Engine {
    /// The definitions that the present models give their staged files; others are garbage.
    pub fn staged_definitions(&self) -> BTreeSet<(String, String)> {
        let staging = self.project().models.iter().filter(|model| model.kind == ModelKind::Staging);
        staging.map(|model| (model.name.clone(), definition(model))).collect()
    }
}

/// The SELECT that gives staged rows from whatever `landed.<model>` is in the session.
pub(super) fn select(model: &Model) -> String {
    format!("select {COLUMNS}, staged.* exclude (_meta) from (\n{}\n) as staged", bare(&model.text))
}

/// The local files with the staged rows of `pulls`, computing what is not in the cache.
pub(super) fn files(engine: &Engine, model: &Model, pulls: &[&Receipt]) -> Result<Vec<PathBuf>> {
    let definition = definition(model);
    let known: BTreeSet<String> = engine.block_on(engine.lake().list(&folder(model, &definition)))?.into_iter().map(|object| object.path).collect();
    let mut files = Vec::new();
    let mut missing = Vec::new();
    for receipt in pulls {
        let Some(landed) = receipt.records_file().filter(|file| file.rows > 0) else { continue };
        let path = layout::staged(&model.name, &definition, receipt.pull_id);
        files.push(engine.lake().local_path(&path)?);
        if !known.contains(&path) {
            missing.push(Missing { receipt, landed, path });
        }
    }
    compute_all(engine, model, &missing)?;
    Ok(files)
}

/// A pull whose staged rows are not in the cache.
struct Missing<'a> {
    receipt: &'a Receipt,
    landed: &'a File,
    /// Where they belong.
    path: String,
}

/// Computes what is missing, several at a time: of small pulls the planning takes the time, and DuckDB plans on one core.
fn compute_all(engine: &Engine, model: &Model, missing: &[Missing<'_>]) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let workers = missing.len().min(cores);
    let next = AtomicUsize::new(0);
    let work = || -> Result<()> {
        let session = engine.session()?;
        execute(&session, "create schema landed")?;
        while let Some(pull) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
            let local = engine.lake().local_path(&pull.landed.path)?;
            execute(&session, &format!("create or replace view landed.{} as {}", model.name, landed::of_pull(&local, pull.receipt)))?;
            let computed = compute(engine, &session, model, pull);
            if computed.is_err() {
                // The others need not go on.
                next.store(missing.len(), Ordering::Relaxed);
            }
            computed?;
        }
        Ok(())
    };
    match workers {
        0 => Ok(()),
        1 => work(),
        _ => std::thread::scope(|scope| {
            let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            threads.into_iter().try_for_each(|thread| match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        }),
    }
}

/// The folder of one definition's files.
fn folder(model: &Model, definition: &str) -> String {
    let path = layout::staged(&model.name, definition, uuid::Uuid::nil());
    path.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned())
}

fn compute(engine: &Engine, session: &Session, model: &Model, pull: &Missing<'_>) -> Result<()> {
    let (receipt, landed) = (pull.receipt, pull.landed.rows);
    let spool = tempfile::Builder::new().prefix("staged-").suffix(".parquet").tempfile_in(engine.temp())?.into_temp_path();
    let sql =
        format!("copy ({}) to {} (format parquet, compression zstd, compression_level 1)", select(model), literal(&spool.display().to_string()));
    let rows = session
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
    drift::check(engine, session, model, receipt)?;
    // Another process may have been first; its file is the same.
    engine.block_on(engine.lake().upload_new(&pull.path, &spool)).map(|_| ())
}
