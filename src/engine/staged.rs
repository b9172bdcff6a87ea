//! The staged cache: the typed rows of each pull, computed once and kept in the lake.
//!
//! A staging model is a pure function of one pull file. Its result lies under a hash of everything else that decides it:
//! the SQL, the columns added here, DuckDB's version. A changed model has another hash and so recomputes itself.

use std::{collections::BTreeSet, sync::PoisonError};

use super::{
    base::Engine,
    session::{self, bare},
    staging::{self, Missing},
};
use crate::{
    catalog::{Model, ModelKind},
    digest,
    error::Result,
    events::Event,
    lake::{Local, Receipt, Wanted, layout},
    names,
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

/// The files with the staged rows of `pulls`, computing what is not in the cache.
pub(super) fn files(engine: &Engine, model: &Model, pulls: &[&Receipt]) -> Result<Local> {
    let needed = fill(engine, model, pulls)?;
    rebuild_damaged(engine, model, &needed)?;
    engine.local(needed.iter().map(|pull| Wanted::sealed(&pull.path)))
}

/// With a full refresh: removes the files of `needed` that were there before.
fn forget_former(engine: &Engine, needed: &[Missing<'_>]) -> Result<()> {
    let former: Vec<String> = match &mut *engine.refreshed() {
        Some(refreshed) => needed.iter().filter(|pull| refreshed.insert(pull.path.clone())).map(|pull| pull.path.clone()).collect(),
        None => return Ok(()),
    };
    former.iter().try_for_each(|path| engine.block_on(engine.lake().discard(path)))
}

/// Computes damaged files of the cache again.
fn rebuild_damaged(engine: &Engine, model: &Model, needed: &[Missing<'_>]) -> Result<()> {
    let lock = engine.staging_lock(&model.name);
    let _held = lock.lock().unwrap_or_else(PoisonError::into_inner);
    let damaged = engine.block_on(engine.lake().damaged(needed.iter().map(|pull| Wanted::sealed(&pull.path)).collect()))?;
    let Some((first, what)) = damaged.first() else { return Ok(()) };
    engine.observer().on(&Event::Warning(format!(
        "{} of `{}` is computed again: `{}` is damaged ({what})",
        names::count(damaged.len() as u64, "cached file"),
        model.name,
        first.path
    )));
    let paths: BTreeSet<&str> = damaged.iter().map(|(object, _)| object.path.as_str()).collect();
    for path in &paths {
        engine.block_on(engine.lake().discard(path))?;
    }
    let missing: Vec<Missing<'_>> = needed.iter().filter(|pull| paths.contains(pull.path.as_str())).cloned().collect();
    staging::compute(engine, model, &missing)
}

/// Computes what the cache lacks of the staged rows of `pulls`; gives all of them, with what they are computed from.
pub(super) fn fill<'r>(engine: &Engine, model: &Model, pulls: &[&'r Receipt]) -> Result<Vec<Missing<'r>>> {
    let definition = definition(model);
    // Two marts that are computed at once may need the same rows: the second finds what the first has made.
    let lock = engine.staging_lock(&model.name);
    let _held = lock.lock().unwrap_or_else(PoisonError::into_inner);
    let needed = needed(model, &definition, pulls);
    forget_former(engine, &needed)?;
    // What is on this disk is there; only of the rest the lake is asked. It stays until the end of this.
    let (mut at_hand, mut elsewhere) = (Vec::new(), Vec::new());
    for pull in &needed {
        match engine.lake().is_remote().then(|| engine.lake().already_local([Wanted::at(&pull.path)])).transpose()?.flatten() {
            Some(found) => at_hand.push(found),
            None => elsewhere.push(pull),
        }
    }
    let known = known(engine, model, &definition, &elsewhere)?;
    let missing: Vec<Missing<'_>> = elsewhere.into_iter().filter(|pull| !known.contains(&pull.path)).cloned().collect();
    staging::compute(engine, model, &missing)?;
    Ok(needed)
}

/// The files with the staged rows of `pulls`, if all of them are on this disk; computes and fetches nothing.
pub(super) fn files_at_hand(engine: &Engine, model: &Model, pulls: &[&Receipt]) -> Result<Option<Local>> {
    let needed = needed(model, &definition(model), pulls);
    engine.lake().already_local(needed.iter().map(|pull| Wanted::at(&pull.path)))
}

fn needed<'r>(model: &Model, definition: &str, pulls: &[&'r Receipt]) -> Vec<Missing<'r>> {
    let landed = pulls.iter().filter_map(|receipt| Some((*receipt, receipt.records_file().filter(|file| file.rows > 0)?)));
    landed.map(|(receipt, landed)| Missing { receipt, landed, path: layout::staged(&model.name, definition, receipt.pull_id) }).collect()
}

/// Which of the files the lake has. Pulls are named by time, so the listing begins where the first of them stands: it does
/// not grow with what lies before.
fn known(engine: &Engine, model: &Model, definition: &str, pulls: &[&Missing<'_>]) -> Result<BTreeSet<String>> {
    let Some(first) = pulls.iter().map(|pull| pull.path.as_str()).min() else { return Ok(BTreeSet::new()) };
    if let Some(names) = engine.lake().names_in(&folder(model, definition))? {
        return Ok(names);
    }
    // The last digit of the first one is left out: a name before it, and after most that are not asked for.
    let after = first.strip_suffix(".parquet").map_or(first, |name| &name[..name.len() - 1]);
    let found = engine.block_on(engine.lake().list_after(&folder(model, definition), after))?;
    Ok(found.into_iter().map(|object| object.path).collect())
}

/// The folder of the present definition's files.
pub(super) fn present_folder(model: &Model) -> String {
    folder(model, &definition(model))
}

/// The folder of one definition's files.
fn folder(model: &Model, definition: &str) -> String {
    let path = layout::staged(&model.name, definition, uuid::Uuid::nil());
    path.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned())
}
