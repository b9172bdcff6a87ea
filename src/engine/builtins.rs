//! The relations that are always there: `pulls`, `partitions`, `run`, `vars`.

use chrono::{DateTime, Utc};
use duckdb::{Connection, types::TimeUnit, types::Value as Cell};

use super::{
    run_row::RunRow,
    session::{execute, instant, literal, quoted},
};
use crate::{
    error::{Error, Kind, OrFail, Result},
    lake::{Mode, PartitionStatus, Receipt},
    names,
};

const PULLS: &str = "create table pulls (run_id varchar, pull_id varchar, source varchar, endpoint varchar, scope json, part integer, mode varchar, \
    complete boolean, run_at timestamp, started timestamp, finished timestamp, window_from timestamp, window_to timestamp, cursor timestamp, \
    stop varchar, expected bigint, records bigint, requests bigint, retries bigint, definition varchar, version varchar)";

const PARTITIONS: &str = "create table partitions (pull_id varchar, endpoint varchar, scope json, partition_no integer, params json, status varchar, \
    records bigint, run_at timestamp, finished timestamp, complete boolean)";

/// Creates and fills `pulls`.
pub(super) fn pulls(connection: &Connection, receipts: &[Receipt]) -> Result<()> {
    execute(connection, PULLS)?;
    fill(
        connection,
        "pulls",
        receipts.iter().map(|receipt| {
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
pub(super) fn partitions(connection: &Connection, receipts: &[Receipt]) -> Result<()> {
    execute(connection, PARTITIONS)?;
    let rows = receipts.iter().flat_map(|receipt| {
        let scope = receipt.scope_key();
        receipt.partitions.iter().map(move |partition| {
            vec![
                text(receipt.pull_id),
                text(&receipt.endpoint),
                text(&scope),
                Cell::Int(i32::try_from(partition.no).unwrap_or(i32::MAX)),
                text(serde_json::Value::Object(partition.params.clone())),
                text(status_name(partition.status)),
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
            let items: Result<Vec<String>, String> = items.iter().map(constant).collect();
            let items = items?;
            if items.is_empty() { "[]::varchar[]".to_owned() } else { format!("[{}]", items.join(", ")) }
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => {
            return Err("only texts, numbers, true/false and lists of them can be variables".to_owned());
        }
    })
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

fn status_name(status: PartitionStatus) -> &'static str {
    match status {
        PartitionStatus::Ok => "ok",
        PartitionStatus::Gone => "gone",
        PartitionStatus::Forbidden => "forbidden",
        PartitionStatus::Absent => "absent",
        PartitionStatus::Failed => "failed",
    }
}
