//! The relations that are always there: `pulls`, `partitions`, `run`, `vars`.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use duckdb::{Connection, types::TimeUnit, types::Value as Cell};

use super::{
    run_row::RunRow,
    session::{execute, instant, literal, quoted},
};
use crate::{
    error::{Error, Kind, OrFail, Result},
    lake::{Mode, Receipt},
    names,
};

const PULLS: &str = "create table pulls (run_id varchar, pull_id varchar, source varchar, endpoint varchar, scope json, part integer, mode varchar, \
    complete boolean, run_at timestamp, started timestamp, finished timestamp, window_from timestamp, window_to timestamp, cursor timestamp, \
    stop varchar, expected bigint, records bigint, requests bigint, retries bigint, definition varchar, version varchar)";

const PARTITIONS: &str = "create table partitions (pull_id varchar, endpoint varchar, scope json, partition_no integer, params json, status varchar, \
    records bigint, run_at timestamp, finished timestamp, complete boolean)";

/// Creates and fills `pulls`.
pub(super) fn pulls<'r>(connection: &Connection, receipts: impl Iterator<Item = &'r Receipt>) -> Result<()> {
    execute(connection, PULLS)?;
    add_pulls(connection, receipts)
}

/// Adds to `pulls`.
pub(super) fn add_pulls<'r>(connection: &Connection, receipts: impl Iterator<Item = &'r Receipt>) -> Result<()> {
    fill(
        connection,
        "pulls",
        receipts.map(|receipt| {
            vec![
                text(receipt.run_id),
                text(receipt.pull_id),
                text(&receipt.source),
                text(&receipt.endpoint),
                text(receipt.scope_key()),
                Cell::Int(i32::try_from(receipt.part).unwrap_or(i32::MAX)),
                text(match receipt.mode {
                    Mode::Full => "full",
                    Mode::Incremental => "incremental",
                }),
                Cell::Boolean(receipt.complete()),
                time(Some(receipt.run_at)),
                time(Some(receipt.started)),
                time(Some(receipt.finished)),
                time(receipt.window_from),
                time(receipt.window_to),
                time(receipt.cursor),
                text(receipt.stop.name()),
                receipt.expected.map_or(Cell::Null, number),
                number(receipt.records),
                number(receipt.requests),
                number(receipt.retries),
                text(&receipt.definition),
                text(&receipt.etl),
            ]
        }),
    )
}

/// Creates and fills `partitions`.
pub(super) fn partitions<'r>(connection: &Connection, receipts: impl Iterator<Item = &'r Receipt>) -> Result<()> {
    execute(connection, PARTITIONS)?;
    add_partitions(connection, receipts)
}

/// Adds to `partitions`.
pub(super) fn add_partitions<'r>(connection: &Connection, receipts: impl Iterator<Item = &'r Receipt>) -> Result<()> {
    let rows = receipts.flat_map(|receipt| {
        let scope = receipt.scope_key();
        receipt.partitions.iter().map(move |partition| {
            vec![
                text(receipt.pull_id),
                text(&receipt.endpoint),
                text(&scope),
                Cell::Int(i32::try_from(partition.no).unwrap_or(i32::MAX)),
                text(serde_json::Value::Object(serde_json::Map::clone(&partition.params))),
                text(partition.status.name()),
                number(partition.records),
                time(Some(receipt.run_at)),
                time(Some(receipt.finished)),
                Cell::Boolean(receipt.complete()),
            ]
        })
    });
    fill(connection, "partitions", rows)
}

/// Creates `run`, replacing a former one.
pub(super) fn run(connection: &Connection, row: &RunRow) -> Result<()> {
    let optional = |at: Option<DateTime<Utc>>| at.map_or_else(|| "null::timestamp".to_owned(), instant);
    let projects: Vec<String> = row.projects.iter().map(|project| literal(project)).collect();
    execute(
        connection,
        &format!(
            "create or replace table run as select {} as run_at, {} as as_of, [{}]::varchar[] as projects, {} as window_start, {} as window_end, {} as full_refresh",
            instant(row.run_at),
            instant(row.as_of),
            projects.join(", "),
            optional(row.window_start),
            optional(row.window_end),
            row.full_refresh,
        ),
    )
}

/// Creates `vars` from `[vars]` of `etl.toml`.
pub(super) fn vars(connection: &Connection, values: &std::collections::BTreeMap<String, toml::Value>) -> Result<()> {
    let mut columns = Vec::new();
    for (name, value) in values {
        if !names::is_identifier(name) {
            return Err(Error::new(Kind::Config, format!("etl.toml: vars.{name} is no valid column name (a-z, 0-9 and _)")));
        }
        let sql = constant(value).map_err(|what| Error::new(Kind::Config, format!("etl.toml: vars.{name}: {what}")))?;
        columns.push(format!("{sql} as {}", quoted(name)));
    }
    if columns.is_empty() {
        columns.push("1 as empty".to_owned());
    }
    execute(connection, &format!("create table vars as select {}", columns.join(", ")))
}

fn constant(value: &toml::Value) -> Result<String, String> {
    Ok(match value {
        toml::Value::String(text) => format!("{}::varchar", literal(text)),
        toml::Value::Integer(number) => format!("{number}::bigint"),
        toml::Value::Float(number) if number.is_finite() => format!("{number:?}::double"),
        toml::Value::Boolean(flag) => flag.to_string(),
        toml::Value::Array(items) => {
            let names: BTreeSet<&String> = items.iter().filter_map(toml::Value::as_table).flat_map(toml::Table::keys).collect();
            let items: Result<Vec<String>, String> = items
                .iter()
                .map(|item| match item {
                    toml::Value::Table(table) => structure(table, names.iter().copied()),
                    _ if !names.is_empty() => Err("a list holds either tables or single values, not both".to_owned()),
                    item => constant(item),
                })
                .collect();
            let items = items?;
            if items.is_empty() { "[]::varchar[]".to_owned() } else { format!("[{}]", items.join(", ")) }
        }
        toml::Value::Table(table) => structure(table, table.keys())?,
        toml::Value::Float(_) | toml::Value::Datetime(_) => {
            return Err("only texts, numbers, true/false, and lists and tables of them can be variables".to_owned());
        }
    })
}

/// A struct with these members; those that the table lacks are NULL, so that all items of a list have one type.
fn structure<'n>(table: &toml::Table, names: impl Iterator<Item = &'n String>) -> Result<String, String> {
    let mut members = Vec::new();
    for name in names {
        if !names::is_identifier(name) {
            return Err(format!("`{name}` is no valid name of a member (a-z, 0-9 and _)"));
        }
        let value = table.get(name).map_or_else(|| Ok("null".to_owned()), constant).map_err(|what| format!("{name}: {what}"))?;
        members.push(format!("{}: {value}", literal(name)));
    }
    if members.is_empty() {
        return Err("a table needs members".to_owned());
    }
    Ok(format!("{{{}}}", members.join(", ")))
}

fn fill(connection: &Connection, table: &str, rows: impl Iterator<Item = Vec<Cell>>) -> Result<()> {
    let failed = || format!("cannot fill the relation `{table}`");
    let mut appender = connection.appender(table).or_fail(Kind::Sql, failed)?;
    for row in rows {
        appender.append_row(duckdb::appender_params_from_iter(row)).or_fail(Kind::Sql, failed)?;
    }
    appender.flush().or_fail(Kind::Sql, failed)
}

fn text(value: impl ToString) -> Cell {
    Cell::Text(value.to_string())
}

fn number(value: u64) -> Cell {
    Cell::BigInt(i64::try_from(value).unwrap_or(i64::MAX))
}

fn time(value: Option<DateTime<Utc>>) -> Cell {
    value.map_or(Cell::Null, |at| Cell::Timestamp(TimeUnit::Microsecond, at.timestamp_micros()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Result<String, String> {
        let table: toml::Table = text.parse().unwrap();
        constant(&table["v"])
    }

    #[test]
    fn variables_become_constants() {
        for (text, expected) in [
            ("v = \"it's\"", "'it''s'::varchar"),
            ("v = [1, 2]", "[1::bigint, 2::bigint]"),
            ("v = []", "[]::varchar[]"),
            ("v = { b = 1, a = \"x\" }", "{'b': 1::bigint, 'a': 'x'::varchar}"),
            ("v = [{ b = 1 }, { a = [true] }]", "[{'a': null, 'b': 1::bigint}, {'a': [true], 'b': null}]"),
        ] {
            assert_eq!(written(text).as_deref(), Ok(expected), "{text}");
        }
        for (text, part) in [
            ("v = 1979-05-27", "only texts"),
            ("v = [{ a = nan }]", "a: only texts"),
            ("v = [{ A = 1 }]", "`A` is no valid name"),
            ("v = [{ a = 1 }, 2]", "not both"),
            ("v = {}", "needs members"),
        ] {
            let message = written(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
