//! Computes staged files. What takes the time of a small pull is DuckDB's planning: small ones are computed together, and what
//! is left side by side.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use super::{
    base::Engine,
    drift, landed, lint,
    session::{self, Session, execute, literal},
    staged::select,
};
use crate::{
    catalog::Model,
    error::{Error, Kind, Result},
    lake::{Created, File, Receipt, seal},
    parallel,
};

/// Rows of a pull that is small, and of all pulls that are computed by one statement.
const SMALL: u64 = 1_000;
const TOGETHER: u64 = 10_000;

/// A pull whose staged rows are not in the cache.
#[derive(Clone)]
pub(super) struct Missing<'a> {
    pub(super) receipt: &'a Receipt,
    pub(super) landed: &'a File,
    /// Where the staged rows belong.
    pub(super) path: String,
}

/// Computes and uploads all of them.
///
/// # Errors
/// [`Kind::Sql`] if the model does not run, [`Kind::Contract`] if it does not give one row per record.
pub(super) fn compute(engine: &Engine, model: &Model, missing: &[Missing<'_>]) -> Result<()> {
    let groups = groups(engine, model, missing);
    let broken = AtomicBool::new(false);
    let results = parallel::map_init(
        &groups,
        || None,
        |session: &mut Option<Session>, group| {
            let session = match session {
                Some(session) => session,
                None => session.insert(scratch(engine)?),
            };
            // After a failure the others need not go on.
            if broken.load(Ordering::Relaxed) {
                return Ok(());
            }
            let computed = several(engine, session, model, group);
            broken.fetch_or(computed.is_err(), Ordering::Relaxed);
            computed
        },
    );
    results.into_iter().collect()
}

fn scratch(engine: &Engine) -> Result<Session> {
    let session = engine.session()?;
    execute(&session, "create schema landed")?;
    Ok(session)
}

/// What is computed by one statement: each large pull alone, small ones together.
fn groups<'g, 'm>(engine: &Engine, model: &Model, missing: &'g [Missing<'m>]) -> Vec<Vec<&'g Missing<'m>>> {
    let row_by_row = engine.tree(&model.name).is_some_and(lint::is_row_by_row);
    let mut groups: Vec<Vec<&Missing<'_>>> = Vec::new();
    let mut room = 0;
    for pull in missing {
        let rows = pull.landed.rows;
        if !row_by_row || rows > SMALL {
            groups.insert(0, vec![pull]);
        } else if rows <= room {
            room -= rows;
            groups.last_mut().into_iter().for_each(|group| group.push(pull));
        } else {
            room = TOGETHER - rows;
            groups.push(vec![pull]);
        }
    }
    groups
}

fn several(engine: &Engine, session: &Session, model: &Model, group: &[&Missing<'_>]) -> Result<()> {
    if group.len() > 1 && together(engine, session, model, group).is_ok() {
        return Ok(());
    }
    // Also where something is wrong with one of several: alone it can be named.
    group.iter().try_for_each(|pull| alone(engine, session, model, pull))
}

fn alone(engine: &Engine, session: &Session, model: &Model, pull: &Missing<'_>) -> Result<()> {
    let (receipt, landed) = (pull.receipt, pull.landed.rows);
    let local = engine.local([pull.landed])?;
    execute(session, &format!("create or replace view landed.{} as {}", model.name, landed::of_pull(local.paths(), receipt)))?;
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
    drift::check(engine, session, model, &[receipt])?;
    upload(engine, &pull.path, &spool)
}

/// One statement for all: it writes a file for each pull.
fn together(engine: &Engine, session: &Session, model: &Model, group: &[&Missing<'_>]) -> Result<()> {
    let local = engine.local(group.iter().map(|pull| pull.landed))?;
    let receipts: Vec<&Receipt> = group.iter().map(|pull| pull.receipt).collect();
    execute(session, &format!("create or replace view landed.{} as {}", model.name, landed::of_several(local.paths(), &receipts)))?;
    let folder = tempfile::Builder::new().prefix("staged-").tempdir_in(engine.temp())?;
    let sql = format!(
        "copy ({}) to {} (format parquet, compression zstd, compression_level 1, partition_by (_pull_id), write_partition_columns true, \
         return_stats true)",
        select(model),
        literal(&folder.path().display().to_string())
    );
    let failed = |error| session::refused(error, &model.text);
    let mut statement = session.prepare(&sql).map_err(failed)?;
    let mut written = statement.query([]).map_err(failed)?;
    let mut found: Vec<(PathBuf, u64)> = Vec::with_capacity(group.len());
    while let Some(row) = written.next().map_err(failed)? {
        found.push((PathBuf::from(row.get::<_, String>(0).map_err(failed)?), row.get(1).map_err(failed)?));
    }
    let mut paired = Vec::with_capacity(group.len());
    for pull in group {
        let own = format!("_pull_id={}", pull.receipt.pull_id);
        let mut of_pull = found.iter().filter(|(path, _)| path.parent().is_some_and(|folder| folder.ends_with(&own)));
        match (of_pull.next(), of_pull.next()) {
            (Some((path, rows)), None) if *rows == pull.landed.rows => paired.push((pull, path)),
            _ => return Err(Error::new(Kind::Contract, "not one file of all rows for each pull")),
        }
    }
    drift::check(engine, session, model, &receipts)?;
    paired.into_iter().try_for_each(|(pull, path)| upload(engine, &pull.path, path))
}

/// Another process may have been first; its file holds the same rows, if not the same bytes.
fn upload(engine: &Engine, path: &str, local: &Path) -> Result<()> {
    seal(local)?;
    engine.block_on(engine.lake().upload_new(path, local)).map(Created::accept_existing)
}
