//! The drift audit: JSON types as they came against the struct that the staging model parses into.
//!
//! `from_json` turns a value of another type into NULL or into something near it without a word. So each new pull is
//! looked at once: keys whose JSON type does not fit, and records that have none of the struct's keys.

use std::collections::BTreeMap;

use duckdb::Connection;
use serde_json::{Map, Value};

use super::{base::Engine, lint};
use crate::{catalog::Model, error::Result, events::Event, lake::Receipt};

/// Records of a large pull that are looked at: one vector of DuckDB. Twice as many take twice as long, on one core, while nothing
/// else of the pull goes on.
const SAMPLE: u32 = 2_048;

/// Warns of drift in the pulls that `landed.<model>` shows, each by itself.
pub(super) fn check(engine: &Engine, connection: &Connection, model: &Model, receipts: &[&Receipt]) -> Result<()> {
    let Some(Value::Object(contract)) = engine.tree(&model.name).and_then(lint::json_contract) else { return Ok(()) };
    let sql = match receipts {
        // One large pull: so many of its first records.
        [_] => format!("select any_value(pull_id), json_group_structure(payload)::varchar from (from landed.{} limit {SAMPLE})", model.name),
        _ => format!("select pull_id, json_group_structure(payload)::varchar from landed.{} group by pull_id", model.name),
    };
    let failed = |error| super::session::refused(error, &sql);
    let mut statement = connection.prepare(&sql).map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut structures: BTreeMap<String, String> = BTreeMap::new();
    while let Some(row) = rows.next().map_err(failed)? {
        if let (Some(pull), Some(structure)) = (row.get(0).map_err(failed)?, row.get(1).map_err(failed)?) {
            structures.insert(pull, structure);
        }
    }
    for receipt in receipts {
        let seen = structures.get(&receipt.pull_id.to_string()).and_then(|text| serde_json::from_str::<Value>(text).ok());
        let found = seen.map(|seen| differences(&contract, &seen)).unwrap_or_default();
        if !found.is_empty() {
            engine.observer().on(&Event::Warning(format!(
                "{} in pull {}: the answers differ from what {} parses: {}",
                model.name,
                receipt.pull_id,
                model.file.display(),
                found.join("; ")
            )));
        }
    }
    Ok(())
}

fn differences(contract: &Map<String, Value>, seen: &Value) -> Vec<String> {
    let mut found = Vec::new();
    // A key that no record has is ordinary (APIs leave out what is empty); records without any known key are not.
    if !contract.is_empty() && !contract.keys().any(|key| seen.get(key).is_some()) {
        found.push("no record has any of its keys".to_owned());
    }
    for (key, expected) in contract {
        if let Some(actual) = seen.get(key) {
            compare(&format!("/{key}"), expected, actual, &mut found);
        }
    }
    found
}

/// Compares one JSON structure with the struct's type for it.
fn compare(path: &str, expected: &Value, actual: &Value, found: &mut Vec<String>) {
    match (expected, actual) {
        (_, Value::String(kind)) if kind == "NULL" => {}
        (Value::String(expected), Value::String(actual)) => {
            if !fits(&expected.to_uppercase(), actual) {
                found.push(format!("`{path}` is {actual}, expected {expected}"));
            }
        }
        (Value::String(expected), _) => {
            let expected = expected.to_uppercase();
            if !(expected.starts_with("JSON") || expected.starts_with("MAP") || expected.starts_with("STRUCT") || expected.ends_with("[]")) {
                found.push(format!("`{path}` is {}, expected {expected}", if actual.is_array() { "a list" } else { "an object" }));
            }
        }
        (Value::Array(expected), Value::Array(actual)) => {
            if let ([expected], [actual]) = (expected.as_slice(), actual.as_slice()) {
                compare(&format!("{path}/*"), expected, actual, found);
            }
        }
        (Value::Object(expected), Value::Object(actual)) => {
            for (key, expected) in expected {
                if let Some(actual) = actual.get(key) {
                    compare(&format!("{path}/{key}"), expected, actual, found);
                }
            }
        }
        (_, Value::String(actual)) => found.push(format!("`{path}` is {actual}, expected a list or an object")),
        _ => found.push(format!("`{path}` is {}, expected another shape", if actual.is_array() { "a list" } else { "an object" })),
    }
}

/// Whether a JSON type as `json_group_structure` names it can be read as the DuckDB type without loss.
fn fits(expected: &str, actual: &str) -> bool {
    let whole = matches!(actual, "UBIGINT" | "BIGINT" | "HUGEINT");
    match expected {
        "JSON" => true,
        "VARCHAR" | "TIMESTAMPTZ" | "TIMESTAMP WITH TIME ZONE" | "DATE" | "TIME" | "UUID" => actual == "VARCHAR",
        "BOOLEAN" => actual == "BOOLEAN",
        "DOUBLE" | "FLOAT" => whole || actual == "DOUBLE",
        _ if expected.starts_with("DECIMAL") => whole || actual == "DOUBLE",
        "BIGINT" | "INTEGER" | "SMALLINT" | "TINYINT" | "UBIGINT" | "UINTEGER" | "HUGEINT" => whole,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn drift(expected: Value, actual: Value) -> Vec<String> {
        let mut found = Vec::new();
        compare("/x", &expected, &actual, &mut found);
        found
    }

    #[test]
    fn tells_what_does_not_fit_and_nothing_else() {
        assert!(drift(json!("BIGINT"), json!("UBIGINT")).is_empty());
        assert!(drift(json!("BIGINT"), json!("NULL")).is_empty());
        assert!(drift(json!(["BIGINT"]), json!(["UBIGINT"])).is_empty());
        assert!(drift(json!("JSON"), json!({"a": "VARCHAR"})).is_empty());
        assert_eq!(drift(json!("BIGINT"), json!("DOUBLE")), ["`/x` is DOUBLE, expected BIGINT"]);
        assert_eq!(drift(json!("VARCHAR"), json!(["VARCHAR"])).len(), 1);
        assert_eq!(drift(json!({"a": "BOOLEAN"}), json!({"a": "BIGINT"})), ["`/x/a` is BIGINT, expected BOOLEAN"]);
        assert_eq!(drift(json!(["BIGINT"]), json!("JSON")).len(), 1);
    }
}
