//! What is compared after each day: the lake as readers see it, its objects, and the tables.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use etl::{
    catalog::{Column, Project},
    load,
    secret::Secret,
};
use serde_json::Value;

use super::worker::Worker;
use crate::pump::{META, Pump, assert_same_lines, files};

/// In a snapshot's table: when its run began. The twin's run began at another time.
const MOMENT: &str = "created_at";

/// Rows of tables as text, by table; without first-seen times and moments.
pub(super) type Rows = BTreeMap<String, Vec<String>>;

pub(super) async fn tables(pump: &Pump, database: &str) -> Rows {
    let project = Project::read(pump.root()).unwrap();
    let mut tables = Rows::new();
    for contract in project.tables().filter_map(|model| model.contract.as_ref()) {
        let rows = load::read_table(&Secret::new(database), contract).await.unwrap();
        let is_moment = |column: &Column| column.insert_only || contract.snapshot_date().is_some() && column.name == MOMENT;
        let is_compared: Vec<bool> = contract.columns.iter().map(|column| !is_moment(column)).collect();
        let text = |row: &Vec<load::Value<'static>>| {
            let values: Vec<String> =
                row.iter().zip(&is_compared).filter(|(_, compared)| **compared).map(|(value, _)| format!("{value:?}")).collect();
            values.join(", ")
        };
        let mut rows: Vec<String> = rows.iter().map(text).collect();
        // Each engine orders by its own collation.
        rows.sort_unstable();
        tables.insert(contract.table.clone(), rows);
    }
    tables
}

#[track_caller]
pub(super) fn assert_same_tables(what: &str, twin: &Rows, soaked: &Rows) {
    assert_eq!(twin.keys().collect::<Vec<_>>(), soaked.keys().collect::<Vec<_>>(), "{what}");
    for (table, rows) in twin {
        assert_same_lines(&format!("{what}: `{table}`"), rows, &soaked[table]);
    }
}

/// A list of what changed since the run before: what is in it depends on when that run was. What is read because of it is
/// compared.
const SINCE_LAST_RUN: &str = "jira_worklog_updates";

/// Every endpoint that has an API behind it.
fn endpoints(pump: &Pump) -> Vec<String> {
    let project = Project::read(pump.root()).unwrap();
    let compared = project.endpoints().filter(|endpoint| endpoint.source != "etl" && endpoint.id != SINCE_LAST_RUN);
    compared.map(|endpoint| endpoint.id.clone()).collect()
}

/// What is live, and all versions that ever were.
#[track_caller]
pub(super) fn assert_same_lake(what: &str, twin: &Pump, soaked: &Pump) {
    let ids = endpoints(twin);
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    assert_same_lines(&format!("{what}: live rows"), &twin.live_rows(&ids), &soaked.live_rows(&ids));
    let parts: Vec<String> = ids
        .iter()
        .map(|id| format!("select distinct '{id}' as part, cast(to_json(item) as varchar) as row from (select * exclude ({META}, valid_from, valid_to) from history.{id}) as item"))
        .collect();
    let sql = format!("{} order by all", parts.join(" union all "));
    assert_same_lines(&format!("{what}: versions of rows"), &twin.lines(&sql), &soaked.lines(&sql));
}

/// After `etl gc`: what is there is named or a cache, and what is named is there.
#[track_caller]
pub(super) fn assert_no_leftovers(what: &str, soaked: &Worker) {
    assert_eq!(files(soaked.temporary()), Vec::<PathBuf>::new(), "{what}: left in the temporary folder");
    let names = fs_err::read_dir(soaked.pump.root().join("data")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<String> = names.filter(|name| name.starts_with(".etl-") || name.ends_with(".part")).collect();
    assert_eq!(left, [""; 0], "{what}: left in the data folder");
    let lake = soaked.pump.lake();
    let named = named(&lake);
    let found: BTreeSet<String> = files(&lake).iter().map(|path| path.strip_prefix(&lake).unwrap().to_str().unwrap().to_owned()).collect();
    let is_known = |path: &String| {
        named.contains_key(path)
            || path == "lake.json"
            || path.ends_with(".json") && ["receipts/", "marts/", "runs/"].iter().any(|top| path.starts_with(top))
            || ["checkpoints/", "staged/", "packed/"].iter().any(|top| path.starts_with(top)) && path.ends_with(".parquet")
    };
    let unknown: Vec<&String> = found.iter().filter(|path| !is_known(path)).collect();
    assert!(unknown.is_empty(), "{what}: `etl gc` leaves {unknown:#?}");
    for (path, bytes) in &named {
        let is = fs_err::metadata(lake.join(path)).map(|metadata| metadata.len()).ok();
        assert_eq!(is, Some(*bytes), "{what}: `{path}` is named, and is not as it was written");
    }
}

/// What receipts and manifests name, and how long each is.
fn named(lake: &Path) -> BTreeMap<String, u64> {
    let mut named = BTreeMap::new();
    let documents = ["receipts", "marts"].iter().flat_map(|top| files(&lake.join(top)));
    for document in documents.filter(|path| path.extension().is_some_and(|extension| extension == "json")) {
        let value: Value = serde_json::from_slice(&fs_err::read(document).unwrap()).unwrap();
        for entry in ["files", "parts"].iter().filter_map(|list| value[list].as_array()).flatten() {
            named.insert(entry["path"].as_str().unwrap().to_owned(), entry["bytes"].as_u64().unwrap());
        }
    }
    named
}
