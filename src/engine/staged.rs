//! The staged cache: the typed rows of each pull, computed once and kept in the lake.
//!
//! A staging model is a pure function of one pull file. Its result lies under a hash of everything else that decides it:
//! the SQL, the columns added here, DuckDB's version. A changed model has another hash and so recomputes itself.

use std::{collections::BTreeSet, path::PathBuf, sync::PoisonError};

use super::{
    base::Engine,
    session::{self, bare},
    staging::{self, Missing},
};
use crate::{
    catalog::{Model, ModelKind},
    digest,
    error::Result,
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
    // Two marts that are computed at once may need the same rows: the second finds what the first has made.
    let lock = engine.staging_lock(&model.name);
    let _held = lock.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known(engine, model, &definition, pulls)?;
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
    staging::compute(engine, model, &missing)?;
    Ok(files)
}

/// Pulls whose files are looked for one by one: beyond that a listing is quicker, which in turn grows with the history.
const FEW: usize = 40;

/// The staged files that are there, those of other pulls perhaps among them.
fn known(engine: &Engine, model: &Model, definition: &str, pulls: &[&Receipt]) -> Result<BTreeSet<String>> {
    if pulls.len() > FEW {
        let listed = engine.block_on(engine.lake().list(&folder(model, definition)))?;
        return Ok(listed.into_iter().map(|object| object.path).collect());
    }
    let mut known = BTreeSet::new();
    for pull in pulls {
        let path = layout::staged(&model.name, definition, pull.pull_id);
        if engine.block_on(engine.lake().exists(&path))? {
            known.insert(path);
        }
    }
    Ok(known)
}

/// The folder of one definition's files.
fn folder(model: &Model, definition: &str) -> String {
    let path = layout::staged(&model.name, definition, uuid::Uuid::nil());
    path.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned())
}
