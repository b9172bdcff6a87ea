//! `data/lake.duckdb`: views over the lake for the DuckDB shell, Python, R and BI tools.

use std::{collections::BTreeMap, path::Path};

use super::{
    base::Engine,
    builtins, landed, live,
    run_row::RunRow,
    seeds,
    session::{self, bare, execute, file_list, literal, quoted},
    staged,
    typed::{self, View},
};
use crate::{
    catalog::ModelKind,
    error::{Error, Kind, OrFail, Result},
    lake::{Manifest, Receipt},
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
                ModelKind::Staging => staging_views(&connection, engine, run, &receipts, &model.name)?,
                ModelKind::Intermediate | ModelKind::Mart | ModelKind::Audit { .. } => {}
            }
        }
        for model in engine.project().models.iter().filter(|model| model.kind == ModelKind::Intermediate) {
            // One that reads a mart without a result yet is left out, as is what reads it.
            let _ = connection.execute_batch(&format!("create view {} as\n{}", quoted(&model.name), bare(&model.text)));
        }
        for (table, manifest) in results {
            let Some(model) = engine.project().model(table).filter(|model| model.kind == ModelKind::Mart) else { continue };
            let mut files = Vec::new();
            for part in manifest.parts.iter() {
                files.push(engine.lake().local_path(&part.path)?);
            }
            if files.is_empty() {
                continue;
            }
            execute(&connection, &format!("create view {} as select * from read_parquet({})", quoted(table), file_list(&files)))?;
            comment(&connection, &format!("view {}", quoted(table)), &model.header.description)?;
            for column in model.contract.iter().flat_map(|contract| &contract.columns) {
                comment(&connection, &format!("column {}.{}", quoted(table), quoted(&column.name)), &column.meaning)?;
            }
        }
        execute(&connection, "commit; checkpoint")?;
        connection.close().map_err(|(_, error)| Error::new(Kind::Sql, "cannot close lake.duckdb").because(error))?;
    }
    fs_err::rename(&part, path).or_fail(Kind::Io, || "cannot replace lake.duckdb")
}

fn comment(connection: &duckdb::Connection, what: &str, text: &str) -> Result<()> {
    execute(connection, &format!("comment on {what} is {}", literal(text)))
}

fn staging_views(connection: &duckdb::Connection, engine: &Engine, run: &RunRow, receipts: &[&Receipt], name: &str) -> Result<()> {
    let (Some(endpoint), Some(model)) = (engine.project().endpoint(name), engine.project().model(name)) else { return Ok(()) };
    let pulls = live::inputs(receipts.iter().copied(), name, run.as_of);
    if pulls.is_empty() {
        // Nothing to look at, and most of a project may never be pulled.
        return Ok(());
    }
    let mut landed_files = Vec::new();
    for file in pulls.iter().filter_map(|pull| pull.records_file()).filter(|file| file.rows > 0) {
        landed_files.push(engine.lake().local_path(&file.path)?);
    }
    execute(connection, &format!("create view landed.{name} as {}", landed::of_pulls(&landed_files)))?;
    let cover = live::cover(endpoint, &pulls);
    let files = staged::files(engine, model, &pulls)?;
    typed::create(connection, View::Latest, model, &cover, &files)?;
    typed::create(connection, View::History, model, &cover, &files)?;
    comment(connection, &format!("view latest.{name}"), &model.header.description)
}
