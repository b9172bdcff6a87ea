//! `data/lake.duckdb`: views over the lake for the DuckDB shell, Python, R and BI tools.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{
    base::Engine,
    builtins, landed, live, packed,
    run_row::RunRow,
    seeds,
    session::{self, bare, execute, literal, parquet, quoted},
    staged,
    typed::{self, View},
};
use crate::{
    catalog::{Model, ModelKind},
    error::{Error, Kind, OrFail, Result},
    lake::{Local, Manifest, Receipt},
};

/// Writes the database file anew and puts it in the place of the former one.
///
/// `results` are the marts' newest manifests by table.
///
/// # Errors
/// [`Kind::Sql`] or [`Kind::Io`]; the former file stays then.
pub fn write_shell_file(engine: &Engine, run: &RunRow, receipts: &[Receipt], results: &BTreeMap<String, Manifest>, path: &Path) -> Result<()> {
    // In a folder of this process alone: another run may be writing its own.
    let part = engine.temp().join("lake.duckdb");
    let mut shown = Local::default();
    {
        let connection = session::open(&engine.settings().engine, engine.temp(), Some(&part))?;
        execute(&connection, "begin; create schema landed; create schema latest; create schema history; create schema etl")?;
        builtins::run(&connection, run)?;
        builtins::vars(&connection, engine.settings_vars())?;
        let receipts: Vec<&Receipt> = receipts.iter().filter(|receipt| receipt.finished <= run.as_of).collect();
        builtins::pulls(&connection, receipts.iter().copied())?;
        builtins::partitions(&connection, receipts.iter().copied())?;
        for model in &engine.project().models {
            match model.kind {
                ModelKind::Seed => {
                    execute(&connection, &format!("create table {} as {}", quoted(&model.name), seeds::select(&engine.project().root, model)))?;
                    comment(&connection, &format!("table {}", quoted(&model.name)), &model.header.description)?;
                }
                ModelKind::Staging => shown.extend(staging_views(&connection, engine, run, &receipts, &model.name)?),
                ModelKind::Intermediate | ModelKind::Mart | ModelKind::Audit { .. } => {}
            }
        }
        for model in engine.project().models.iter().filter(|model| model.kind == ModelKind::Intermediate) {
            // One that reads a mart without a result yet is left out, as is what reads it.
            let _ = connection.execute_batch(&format!("create view {} as\n{}", quoted(&model.name), bare(&model.text)));
        }
        for (table, manifest) in results {
            let Some(model) = engine.project().model(table).filter(|model| model.kind == ModelKind::Mart) else { continue };
            let Some(files) = engine.lake().already_local(&manifest.parts)?.filter(|files| !files.paths().is_empty()) else { continue };
            execute(&connection, &format!("create view {} as select * from {}", quoted(table), parquet(files.paths(), "")))?;
            shown.extend(files);
            comment(&connection, &format!("view {}", quoted(table)), &model.header.description)?;
            for column in model.contract.iter().flat_map(|contract| &contract.columns) {
                comment(&connection, &format!("column {}.{}", quoted(table), quoted(&column.name)), &column.meaning)?;
            }
        }
        execute(&connection, "commit; checkpoint")?;
        connection.close().map_err(|(_, error)| Error::new(Kind::Sql, "cannot close lake.duckdb").because(error))?;
    }
    // Before the file can be opened: from then on nobody may evict what it reads.
    engine.lake().keep_for(path, &shown)?;
    fs_err::rename(&part, path).or_fail(Kind::Io, || "cannot replace lake.duckdb")
}

fn comment(connection: &duckdb::Connection, what: &str, text: &str) -> Result<()> {
    execute(connection, &format!("comment on {what} is {}", literal(text)))
}

fn staging_views(connection: &duckdb::Connection, engine: &Engine, run: &RunRow, receipts: &[&Receipt], name: &str) -> Result<Local> {
    let mut shown = Local::default();
    let (Some(endpoint), Some(model)) = (engine.project().endpoint(name), engine.project().model(name)) else { return Ok(shown) };
    let pulls = live::inputs(receipts.iter().copied(), name, run.as_of);
    if pulls.is_empty() {
        // Nothing to look at, and most of a project may never be pulled.
        return Ok(shown);
    }
    let cover = live::cover(endpoint, &pulls);
    let landed = engine.lake().already_local(pulls.iter().filter_map(|pull| pull.records_file()).filter(|file| file.rows > 0))?;
    if let Some(files) = landed {
        execute(connection, &format!("create view landed.{name} as {}", landed::of_pulls(files.paths())))?;
        shown.extend(files);
    } else {
        // Stands behind the typed views where there is no file to take the columns from.
        execute(connection, &format!("create view landed.{name} as {}", landed::empty()))?;
    }
    let live: BTreeSet<_> = cover.live_pulls().into_iter().collect();
    let newest: Vec<&Receipt> = pulls.iter().copied().filter(|pull| live.contains(&pull.pull_id)).collect();
    for (view, pulls, cover) in [(View::Latest, &newest, &cover.live()), (View::History, &pulls, &cover)] {
        if let Some(files) = of_disk(engine, model, view, cover, pulls)? {
            typed::create(connection, view, model, cover, files.paths())?;
            shown.extend(files);
            if view == View::Latest {
                comment(connection, &format!("view latest.{name}"), &model.header.description)?;
            }
        }
    }
    Ok(shown)
}

/// Staged rows: all of them where the lake is a folder. Of a bucket only what is here is shown: nobody should wait, or pay,
/// for a file that may never be opened.
fn of_disk(engine: &Engine, model: &Model, view: View, cover: &live::Cover, pulls: &[&Receipt]) -> Result<Option<Local>> {
    if engine.lake().is_remote() { packed::files_at_hand(engine, model, view, cover, pulls) } else { staged::files(engine, model, pulls).map(Some) }
}
