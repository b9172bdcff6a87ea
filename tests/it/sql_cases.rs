//! What the SQL tests must try of every mart, found out from the cases themselves: their records, pulls and expected rows.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use chrono::{DateTime, TimeDelta, Utc};
use etl::catalog::{Endpoint, ModelKind, Project};
use regex::Regex;
use serde_json::Value;

/// What every mart has a case for.
const WANTED: [&str; 7] = ["ordinary rows", "empty input", "nulls", "missing keys", "duplicates", "4-byte text", "as of a past time"];

fn project() -> Project {
    Project::read(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Which of [`WANTED`] a case tries.
fn tried(project: &Project, folder: &Path) -> BTreeSet<&'static str> {
    let text = fs_err::read_to_string(folder.join("case.toml")).unwrap();
    let case: toml::Table = text.parse().unwrap();
    let rows = csv::Reader::from_path(folder.join("expect.csv")).unwrap().records().count();
    let pulls: Vec<&toml::Table> =
        case.get("pull").and_then(toml::Value::as_array).into_iter().flatten().map(|pull| pull.as_table().unwrap()).collect();
    let mut found = BTreeSet::new();
    let mut note = |is: bool, what: &'static str| {
        if is {
            found.insert(what);
        }
    };
    note(text.chars().any(|letter| letter > '\u{ffff}'), "4-byte text");
    // The shapes of all objects that stand at one place of an endpoint's records: more than one is a missing key.
    let mut shapes: BTreeMap<String, BTreeSet<Vec<String>>> = BTreeMap::new();
    let mut any = false;
    for pull in &pulls {
        let endpoint = project.endpoint(pull["endpoint"].as_str().unwrap()).unwrap();
        let mut keys = BTreeSet::new();
        for (file, params) in files(pull) {
            let text = fs_err::read_to_string(folder.join(file)).unwrap();
            note(text.chars().any(|letter| letter > '\u{ffff}'), "4-byte text");
            for record in text.lines().filter(|line| !line.trim().is_empty()).map(|line| serde_json::from_str::<Value>(line).unwrap()) {
                any = true;
                note(has_null(&record), "nulls");
                shape(&record, &endpoint.id, &mut shapes);
                note(!keys.insert(key(endpoint, &record, params)), "duplicates");
            }
        }
    }
    note(shapes.values().any(|shapes| shapes.len() > 1), "missing keys");
    note(any && rows > 0, "ordinary rows");
    note(!any, "empty input");
    let as_of = case.get("run").and_then(|run| run.get("as_of")).map(instant);
    note(as_of.is_some_and(|as_of| pulls.iter().any(|pull| finished(pull) > as_of)), "as of a past time");
    found
}

/// The record files of a pull with the parameters that they were asked by.
fn files(pull: &toml::Table) -> Vec<(&str, Option<&toml::Table>)> {
    let of = |part: &'static str, table: &toml::Table| table.get(part).is_some();
    let partitions = pull.get("partitions").and_then(toml::Value::as_array);
    let parts: Vec<&toml::Table> = match partitions {
        Some(parts) => parts.iter().filter_map(toml::Value::as_table).collect(),
        None => vec![pull],
    };
    let name = if partitions.is_some() { "params" } else { "scope" };
    parts
        .into_iter()
        .filter(|part| of("records", part))
        .map(|part| (part["records"].as_str().unwrap(), part.get(name).and_then(toml::Value::as_table)))
        .collect()
}

fn key(endpoint: &Endpoint, record: &Value, params: Option<&toml::Table>) -> String {
    let part = |key: &String| match key.strip_prefix('@') {
        Some(column) => params.and_then(|params| params.get(column)).map(ToString::to_string),
        None => record.pointer(key).map(ToString::to_string),
    };
    format!("{:?}", endpoint.key.iter().map(part).collect::<Vec<_>>())
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        _ => false,
    }
}

fn shape(value: &Value, at: &str, shapes: &mut BTreeMap<String, BTreeSet<Vec<String>>>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| shape(item, &format!("{at}/*"), shapes)),
        Value::Object(members) => {
            let mut names: Vec<String> = members.keys().cloned().collect();
            names.sort();
            shapes.entry(at.to_owned()).or_default().insert(names);
            members.iter().for_each(|(name, member)| shape(member, &format!("{at}/{name}"), shapes));
        }
        _ => {}
    }
}

fn instant(value: &toml::Value) -> DateTime<Utc> {
    value.to_string().parse().unwrap()
}

/// As `etl test` has it: a minute after the start where nothing is said.
fn finished(pull: &toml::Table) -> DateTime<Utc> {
    pull.get("finished").map_or_else(|| instant(&pull["run_at"]) + TimeDelta::minutes(1), instant)
}

#[test]
fn every_mart_has_a_case_for_everything_that_goes_wrong_with_rows() {
    let project = project();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/tests");
    let mut missing = Vec::new();
    for mart in project.models.iter().filter(|model| model.kind == ModelKind::Mart) {
        let cases = fs_err::read_dir(root.join(&mart.name)).map(|cases| cases.map(|case| case.unwrap().path()).collect::<Vec<_>>());
        let tried: BTreeSet<&str> = cases.unwrap_or_default().iter().flat_map(|case| tried(&project, case)).collect();
        missing.extend(WANTED.iter().filter(|what| !tried.contains(**what)).map(|what| format!("{}: {what}", mart.name)));
    }
    assert!(missing.is_empty(), "add cases below sql/tests/ for\n{}", missing.join("\n"));
}

/// Keys, required columns and finite numbers are checked of every mart by its contract; what else can be wrong needs audits.
#[test]
fn every_mart_has_audits_for_references_totals_and_ranges() {
    let project = project();
    let count = Regex::new("_count$|_total").unwrap();
    let rate = Regex::new("(^|_)rate(_|$)").unwrap();
    let mut missing = Vec::new();
    for mart in project.models.iter().filter(|model| model.kind == ModelKind::Mart) {
        let audits: Vec<&str> = project.audits(&mart.name).map(|audit| audit.name.split("__").nth(1).unwrap()).collect();
        let contract = mart.contract.as_ref().unwrap();
        let mut need = |is: bool, parts: &[&str]| {
            if is && !audits.iter().any(|audit| parts.iter().any(|part| audit.contains(part))) {
                missing.push(format!("{}: none named `{}`, it has {audits:?}", mart.name, parts.join("` or `")));
            }
        };
        let column = |pattern: &Regex| contract.columns.iter().any(|column| pattern.is_match(&column.name));
        need(true, &[""]);
        need(contract.column("projects_id").is_some(), &["project_unknown"]);
        need(column(&count), &["count", "total"]);
        need(column(&rate), &["out_of_range"]);
    }
    assert!(missing.is_empty(), "add audits to sql/audits/ for\n{}", missing.join("\n"));
}
