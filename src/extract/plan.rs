//! From the rows of `for_each` to pulls: which scopes, which partitions, which calls. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use super::{
    known::{Known, Previous},
    request::{Asked, Joined, asked, column_value, plain},
};
use crate::{
    catalog::{Batch, Endpoint, Replaces},
    engine::{Row, RunRow, Value},
    error::{Error, Kind, Result},
    lake::{Mode, canonical_scope},
    names,
};

/// One pull to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Pull {
    /// The scope's columns.
    pub scope: serde_json::Map<String, Json>,
    /// [`canonical_scope`] of it.
    pub scope_key: String,
    /// A long fan-out is committed in parts.
    pub part: u32,
    /// In full or since a cursor.
    pub mode: Mode,
    /// The least cursor of its rows.
    pub cursor: Option<DateTime<Utc>>,
    /// First instant of the window.
    pub window_from: Option<DateTime<Utc>>,
    /// The instant after the window.
    pub window_to: Option<DateTime<Utc>>,
    /// The rows, in the order of the query.
    pub partitions: Vec<Partition>,
    /// The series of requests, each for one partition or for a batch of them.
    pub calls: Vec<Call>,
    /// The last complete full list of the scope, where this pull is to be compared with it.
    pub previous: Option<Previous>,
    /// The endpoint's last complete pull came in an envelope.
    pub is_enveloped: bool,
}

/// One row of `for_each`.
#[derive(Clone, Debug, PartialEq)]
pub struct Partition {
    /// All its columns.
    pub params: serde_json::Map<String, Json>,
    /// The same as text, for record rows.
    pub params_text: String,
    /// The value of the batch column as it is asked for.
    pub batch_value: Option<String>,
}

/// One series of requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The partitions that it answers, as positions in the pull.
    pub partitions: Range<usize>,
    /// What it asks for.
    pub asked: Asked,
}

/// Plans the pulls of one endpoint. `place` is file and line of the query, for errors.
///
/// # Errors
/// [`Kind::Config`] for rows that do not fit the endpoint: a missing column, a partition that is there twice, rows of one
/// scope that ask for different windows.
pub fn plan(endpoint: &Endpoint, place: &str, mut rows: Vec<Row>, run: &RunRow, known: &Known, commit_every: u32) -> Result<Vec<Pull>> {
    let wrong = |what: String| Error::new(Kind::Config, format!("{place}: for_each of `{}`: {what}", endpoint.name));
    if endpoint.for_each.is_none() {
        rows = vec![Row::new()];
    }
    if let Some(row) = rows.first() {
        let there: Vec<&str> = row.iter().map(|(name, _)| name.as_str()).collect();
        for column in endpoint.needed_columns() {
            if !there.contains(&column) {
                let near = names::did_you_mean(column, there.iter().copied());
                return Err(
                    wrong(format!("it gives no column `{column}`, which the endpoint uses{near}")).hint(format!("it gives {}", there.join(", ")))
                );
            }
        }
    }
    let mut scopes: BTreeMap<String, (serde_json::Map<String, Json>, Vec<Row>)> = BTreeMap::new();
    for row in rows {
        let scope = columns_json(&row, &endpoint.scope);
        if let Some((column, _)) = scope.iter().find(|(_, value)| value.is_null()) {
            return Err(wrong(format!("`{column}` is NULL in a row, and it is part of the scope")));
        }
        scopes.entry(canonical_scope(&scope)).or_insert_with(|| (scope, Vec::new())).1.push(row);
    }
    let mut pulls = Vec::new();
    for (scope_key, (scope, mut rows)) in scopes {
        refuse_duplicates(endpoint, &rows).map_err(wrong)?;
        let (mode, cursor) = cursor(endpoint, &mut rows, run, known, &scope_key);
        let (window_from, window_to) = window(endpoint, &rows).map_err(|what| wrong(format!("{what} (scope {scope_key})")))?;
        if known.is_done(endpoint, &scope_key) {
            continue;
        }
        rows.retain(|row| !known.is_partition_done(&scope_key, &identity(endpoint, row)));
        let size = if endpoint.replaces == Replaces::Partition { commit_every.max(1) as usize } else { usize::MAX };
        let rows = in_batch_order(endpoint, rows);
        for (index, rows) in rows.chunks(size).enumerate() {
            let partitions: Vec<Partition> = rows.iter().map(|row| partition(endpoint, row)).collect();
            pulls.push(Pull {
                scope: scope.clone(),
                scope_key: scope_key.clone(),
                part: known.next_part(&scope_key) + u32::try_from(index).unwrap_or(u32::MAX),
                mode,
                cursor,
                window_from,
                window_to,
                calls: calls(endpoint, rows, &partitions).map_err(wrong)?,
                previous: known.previous(&scope_key).filter(|_| mode == Mode::Full && endpoint.window.is_none()).cloned(),
                is_enveloped: known.is_enveloped(),
                partitions,
            });
        }
    }
    Ok(pulls)
}

fn columns_json(row: &Row, columns: &[String]) -> serde_json::Map<String, Json> {
    columns.iter().map(|column| (column.clone(), column_value(row, column).to_json())).collect()
}

/// What identifies the partition of a row: its `partition` columns, else all of it.
pub(super) fn identity(endpoint: &Endpoint, row: &Row) -> String {
    let identity = if endpoint.partition.is_empty() { params(row) } else { columns_json(row, &endpoint.partition) };
    canonical_scope(&identity)
}

fn params(row: &Row) -> serde_json::Map<String, Json> {
    row.iter().map(|(name, value)| (name.clone(), value.to_json())).collect()
}

fn refuse_duplicates(endpoint: &Endpoint, rows: &[Row]) -> std::result::Result<(), String> {
    let mut seen = BTreeSet::new();
    for row in rows {
        let identity = identity(endpoint, row);
        if !seen.insert(identity.clone()) {
            return Err(format!("the partition {identity} is there twice"));
        }
    }
    if let Some(batch) = &endpoint.batch {
        let mut seen = BTreeSet::new();
        for row in rows {
            let value =
                plain(column_value(row, &batch.column)).ok_or_else(|| format!("`{}` is NULL in a row, and it is the batch column", batch.column))?;
            if !seen.insert(value.clone()) {
                return Err(format!("`{}` = `{value}` is there twice", batch.column));
            }
        }
    }
    Ok(())
}

/// Decides between full and incremental, and sets the cursor of a full pull to NULL.
fn cursor(endpoint: &Endpoint, rows: &mut [Row], run: &RunRow, known: &Known, scope_key: &str) -> (Mode, Option<DateTime<Utc>>) {
    let Some(cursor) = &endpoint.cursor else { return (Mode::Full, None) };
    let days = |time: DateTime<Utc>| (run.run_at.date_naive() - time.date_naive()).num_days();
    let due = match known.last_full(scope_key) {
        // Changes alone say nothing without a full list under them.
        None => true,
        Some(last) => cursor.full_every_days.is_some_and(|every| days(last) >= i64::from(every)),
    };
    let any_full = rows.iter().any(|row| column_value(row, &cursor.column).is_null());
    if due || run.full_refresh || any_full {
        for row in rows.iter_mut() {
            if let Some((_, value)) = row.iter_mut().find(|(name, _)| *name == cursor.column) {
                *value = Value::Null;
            }
        }
        return (Mode::Full, None);
    }
    (Mode::Incremental, rows.iter().filter_map(|row| column_value(row, &cursor.column).as_timestamp()).min())
}

type Bound = Option<DateTime<Utc>>;

fn window(endpoint: &Endpoint, rows: &[Row]) -> std::result::Result<(Bound, Bound), String> {
    let Some(window) = &endpoint.window else { return Ok((None, None)) };
    let bound = |column: &String| -> std::result::Result<Bound, String> {
        let mut found: Option<Bound> = None;
        for row in rows {
            let value = column_value(row, column);
            let time = value.as_timestamp();
            if time.is_none() && !value.is_null() {
                return Err(format!("the window column `{column}` must be a TIMESTAMP"));
            }
            if found.is_some_and(|found| found != time) {
                return Err(format!("the rows of one scope ask for different windows (`{column}`)"));
            }
            found = Some(time);
        }
        Ok(found.flatten())
    };
    Ok((bound(&window.from)?, bound(&window.to)?))
}

fn partition(endpoint: &Endpoint, row: &Row) -> Partition {
    let params = params(row);
    Partition {
        params_text: Json::Object(params.clone()).to_string(),
        params,
        batch_value: endpoint.batch.as_ref().and_then(|batch| plain(column_value(row, &batch.column))),
    }
}

/// Rows that may share a call lie side by side.
fn in_batch_order(endpoint: &Endpoint, mut rows: Vec<Row>) -> Vec<Row> {
    if let Some(batch) = &endpoint.batch {
        // A stable sort: inside a group the order of the query stays.
        rows.sort_by_cached_key(|row| group(endpoint, batch, row));
    }
    rows
}

/// What the rows of one batched call must share: every column that the request uses, but the batch column.
fn group(endpoint: &Endpoint, batch: &Batch, row: &Row) -> String {
    let columns: Vec<String> =
        endpoint.templates().flat_map(|template| template.columns()).filter(|column| *column != batch.column).map(str::to_owned).collect();
    canonical_scope(&columns_json(row, &columns))
}

fn calls(endpoint: &Endpoint, rows: &[Row], partitions: &[Partition]) -> std::result::Result<Vec<Call>, String> {
    let mut calls = Vec::new();
    let mut start = 0;
    while start < rows.len() {
        let mut end = start + 1;
        let mut joined = None;
        if let Some(batch) = &endpoint.batch {
            let first = group(endpoint, batch, &rows[start]);
            while end < rows.len() && end - start < batch.size as usize && group(endpoint, batch, &rows[end]) == first {
                end += 1;
            }
            let values: Vec<&str> = partitions[start..end].iter().filter_map(|partition| partition.batch_value.as_deref()).collect();
            let own = |row: &Row| column_value(row, &batch.column).to_json();
            joined = Some(Joined { text: values.join(&batch.join), values: rows[start..end].iter().map(own).collect() });
        }
        let asked = asked(endpoint, &rows[start], joined.as_ref()).map_err(|what| format!("{what} (row {})", partitions[start].params_text))?;
        calls.push(Call { partitions: start..end, asked });
        start = end;
    }
    Ok(calls)
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::extract::samples::endpoint;

    fn run() -> RunRow {
        let run_at = "2026-03-10T04:00:00Z".parse().unwrap();
        RunRow { run_at, as_of: run_at, projects: vec![], window_start: None, window_end: None, full_refresh: false }
    }

    fn row(pairs: &[(&str, Value)]) -> Row {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    fn int(value: i64) -> Value {
        Value::Int(value)
    }

    fn plan_of(endpoint: &Endpoint, rows: Vec<Row>, known: &Known) -> Result<Vec<Pull>> {
        plan(endpoint, "sources/demo.toml:9", rows, &run(), known, 2)
    }

    fn asked_paths(pull: &Pull) -> Vec<&str> {
        pull.calls.iter().map(|call| call.asked.path.as_str()).collect()
    }

    #[test]
    fn rows_become_pulls_by_scope() {
        let endpoint = endpoint("path = \"p/{p}/s/{s}\"\nscope = [\"p\"]\npartition = [\"s\"]\nfor_each = \"x\"");
        let rows = vec![row(&[("p", int(2)), ("s", int(1))]), row(&[("p", int(1)), ("s", int(3))]), row(&[("p", int(2)), ("s", int(0))])];
        let pulls = plan_of(&endpoint, rows, &Known::default()).unwrap();
        assert_eq!(pulls.iter().map(|pull| pull.scope_key.as_str()).collect::<Vec<_>>(), [r#"{"p":1}"#, r#"{"p":2}"#]);
        assert_eq!(asked_paths(&pulls[1]), ["p/2/s/1", "p/2/s/0"]);
        assert_eq!(pulls[1].partitions[0].params_text, r#"{"p":2,"s":1}"#);
    }

    #[test]
    fn no_query_is_one_request_and_no_rows_is_nothing() {
        assert_eq!(asked_paths(&plan_of(&endpoint("path = \"fields\""), vec![], &Known::default()).unwrap()[0]), ["fields"]);
        assert!(plan_of(&endpoint("for_each = \"x\""), vec![], &Known::default()).unwrap().is_empty());
    }

    #[test]
    fn rows_that_do_not_fit_are_named_with_their_place() {
        let fan = endpoint("path = \"p/{suite_id}\"\npartition = [\"suite_id\"]\nfor_each = \"x\"");
        let windowed = endpoint("path = \"p\"\nwindow = { field = \"/t\", from = \"a\", to = \"b\" }\nfor_each = \"x\"");
        let time = |hour: i64| Value::Timestamp(run().run_at + Duration::hours(hour));
        let cases = [
            (
                &fan,
                vec![row(&[("suite", int(1))])],
                "sources/demo.toml:9: for_each of `things`: it gives no column `suite_id`, which the endpoint uses; did you mean `suite`?",
            ),
            (&fan, vec![row(&[("suite_id", int(1))]), row(&[("suite_id", int(1))])], "twice"),
            (&fan, vec![row(&[("suite_id", Value::Null)])], "NULL"),
            (
                &windowed,
                vec![row(&[("a", time(0)), ("b", time(1)), ("n", int(1))]), row(&[("a", time(0)), ("b", time(2)), ("n", int(2))])],
                "different windows (`b`)",
            ),
            (&windowed, vec![row(&[("a", int(1)), ("b", time(1))])], "must be a TIMESTAMP"),
        ];
        for (endpoint, rows, part) in cases {
            let error = plan_of(endpoint, rows, &Known::default()).unwrap_err();
            assert_eq!(error.kind(), Kind::Config);
            assert!(error.to_string().contains(part), "{error}");
        }
    }

    #[test]
    fn full_or_incremental() {
        let every =
            "path = \"p\"\nreplaces = \"keys\"\ncursor = \"since\"\nfull_every = \"7d\"\nparams = { since = \"{since:epoch}\" }\nfor_each = \"x\"";
        let never = every.replace("full_every = \"7d\"\n", "");
        let since = Value::Timestamp(run().run_at - Duration::days(1));
        let at = |text: &str| Some(text.parse().unwrap());
        let cases = [
            (every, None, since.clone(), Mode::Full),
            (every, at("2026-03-04T00:00:00Z"), since.clone(), Mode::Incremental),
            // Calendar days count, not 24 hours: the weekly run of 04:00 is due although last week's began at 04:01.
            (every, at("2026-03-03T04:01:00Z"), since.clone(), Mode::Full),
            (every, at("2026-03-09T00:00:00Z"), Value::Null, Mode::Full),
            (never.as_str(), at("2020-01-01T00:00:00Z"), since, Mode::Incremental),
        ];
        for (keys, last_full, value, mode) in cases {
            let endpoint = endpoint(keys);
            let known = Known::with_last_full("{}", last_full);
            let pulls = plan_of(&endpoint, vec![row(&[("since", value)])], &known).unwrap();
            assert_eq!(pulls[0].mode, mode, "{keys} {last_full:?}");
            assert_eq!(pulls[0].calls[0].asked.query.is_empty(), mode == Mode::Full);
            assert_eq!(pulls[0].cursor.is_some(), mode == Mode::Incremental);
        }
    }

    #[test]
    fn batches_and_parts() {
        let mut endpoint = endpoint(
            "path = \"bug\"\nparams = { id = \"{id}\", kind = \"{kind}\" }\npartition = [\"id\"]\nreplaces = \"partition\"\nbatch = { column = \"id\", size = 2, join = \",\", match = \"/id\" }\nfor_each = \"x\"",
        );
        let rows = |count: i64| (0..count).map(|id| row(&[("id", int(id)), ("kind", int(id % 2))])).collect::<Vec<_>>();
        let pulls = plan(&endpoint, "", rows(7), &run(), &Known::default(), 100).unwrap();
        let ids: Vec<&str> = pulls[0].calls.iter().map(|call| call.asked.query[0].1.as_str()).collect();
        assert_eq!(ids, ["0,2", "4,6", "1,3", "5"]);
        assert_eq!(pulls[0].calls[3].partitions, 6..7);
        endpoint.batch = None;
        let parts: Vec<_> = plan_of(&endpoint, rows(5), &Known::default()).unwrap().iter().map(|pull| (pull.part, pull.partitions.len())).collect();
        assert_eq!(parts, [(0, 2), (1, 2), (2, 1)]);
    }
}
