//! The drift audit: JSON types as they came against the struct that the staging model parses into.
//!
//! `from_json` turns a value of another type into NULL or into something near it without a word. So each new pull is
//! looked at once: keys whose JSON type does not fit, and records that have none of the struct's keys.
//!
//! Records are read where they lie, one after the other, and only along the struct: neither their size nor their nesting costs
//! memory.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::AsArray;
use duckdb::Connection;
use serde_json::{Map, Value};

use super::{base::Engine, lint};
use crate::{catalog::Model, error::Result, events::Event, lake::Receipt, scan};

/// Records of a pull that are looked at: one vector of DuckDB.
const SAMPLE: u32 = 2_048;

/// Bytes of the longest record that is looked at. A longer one takes DuckDB's memory once more.
const LONGEST: usize = 1 << 20;

/// Elements of a list that are looked at.
const ELEMENTS: usize = 100;

/// Warns of drift in the pulls that `landed.<model>` shows, each by itself.
pub(super) fn check(engine: &Engine, connection: &Connection, model: &Model, receipts: &[&Receipt]) -> Result<()> {
    let Some(Value::Object(contract)) = engine.tree(&model.name).and_then(lint::json_contract) else { return Ok(()) };
    let limit = if receipts.len() == 1 { format!(" limit {SAMPLE}") } else { String::new() };
    let sql = format!("select pull_id::varchar, payload::varchar from landed.{} where strlen(payload) <= {LONGEST}{limit}", model.name);
    let failed = |error| super::session::refused(error, &sql);
    let mut statement = connection.prepare(&sql).map_err(failed)?;
    let mut looks: BTreeMap<String, Look> = BTreeMap::new();
    for batch in statement.stream_arrow([]).map_err(failed)? {
        let (pulls, payloads) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
        for (pull, payload) in pulls.iter().zip(payloads) {
            if let (Some(pull), Some(payload)) = (pull, payload) {
                if !looks.contains_key(pull) {
                    looks.insert(pull.to_owned(), Look::default());
                }
                looks.entry(pull.to_owned()).or_default().record(payload.as_bytes(), &contract);
            }
        }
    }
    for receipt in receipts {
        let found = looks.remove(&receipt.pull_id.to_string()).map(|look| look.differences(&contract)).unwrap_or_default();
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

/// What was seen of one pull.
#[derive(Default)]
struct Look {
    /// Objects among its records, and those of them with a key of the struct.
    objects: u64,
    known: u64,
    found: BTreeSet<String>,
}

impl Look {
    fn record(&mut self, record: &[u8], contract: &Map<String, Value>) {
        let at = scan::skip_blanks(record, 0);
        let mut known = false;
        scan::members(record, at, |key, value| {
            if let Some((key, expected)) = contract.get_key_value(&*key) {
                known = true;
                compare(&format!("/{key}"), expected, record, value, &mut self.found);
            }
        });
        self.objects += 1;
        self.known += u64::from(known);
    }

    fn differences(self, contract: &Map<String, Value>) -> Vec<String> {
        // A key that no record has is ordinary (APIs leave out what is empty); records without any known key are not.
        let none = !contract.is_empty() && self.objects > 0 && self.known == 0;
        none.then(|| "no record has any of its keys".to_owned()).into_iter().chain(self.found).collect()
    }
}

/// Compares the JSON value at `at` with the struct's type for it.
fn compare(path: &str, expected: &Value, text: &[u8], at: usize, found: &mut BTreeSet<String>) {
    let actual = kind(text, at);
    match (expected, actual) {
        (_, "NULL") => {}
        (Value::String(expected), "a list" | "an object") => {
            let expected = expected.to_uppercase();
            if !(expected.starts_with("JSON") || expected.starts_with("MAP") || expected.starts_with("STRUCT") || expected.ends_with("[]")) {
                found.insert(format!("`{path}` is {actual}, expected {expected}"));
            }
        }
        (Value::String(expected), actual) => {
            if !fits(&expected.to_uppercase(), actual) {
                found.insert(format!("`{path}` is {actual}, expected {expected}"));
            }
        }
        (Value::Array(expected), "a list") => {
            if let [expected] = expected.as_slice() {
                let path = format!("{path}/*");
                scan::starts_of_elements(text, at).take(ELEMENTS).for_each(|at| compare(&path, expected, text, at, found));
            }
        }
        (Value::Object(expected), "an object") => scan::members(text, at, |key, at| {
            if let Some((key, expected)) = expected.get_key_value(&*key) {
                compare(&format!("{path}/{key}"), expected, text, at, found);
            }
        }),
        (_, "a list" | "an object") => drop(found.insert(format!("`{path}` is {actual}, expected another shape"))),
        (_, actual) => drop(found.insert(format!("`{path}` is {actual}, expected a list or an object"))),
    }
}

/// The type of the JSON value at `at`, in DuckDB's words.
fn kind(text: &[u8], at: usize) -> &'static str {
    match text.get(at) {
        Some(b'"') => "VARCHAR",
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b't' | b'f') => "BOOLEAN",
        Some(b'-' | b'0'..=b'9') => {
            let number = &text[at..scan::value_end(text, at).unwrap_or(text.len())];
            if number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
                "DOUBLE"
            } else {
                let number = std::str::from_utf8(number).unwrap_or_default();
                match (number.parse::<u64>(), number.parse::<i64>()) {
                    (Ok(_), _) => "UBIGINT",
                    (_, Ok(_)) => "BIGINT",
                    _ => "DOUBLE",
                }
            }
        }
        _ => "NULL",
    }
}

/// Whether a JSON type can be read as the DuckDB type without loss.
fn fits(expected: &str, actual: &str) -> bool {
    let whole = matches!(actual, "UBIGINT" | "BIGINT");
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

    fn drift(contract: Value, records: &[&str]) -> Vec<String> {
        let Value::Object(contract) = contract else { panic!("not a struct") };
        let mut look = Look::default();
        records.iter().for_each(|record| look.record(record.as_bytes(), &contract));
        look.differences(&contract)
    }

    #[test]
    fn only_what_does_not_fit_is_reported() {
        let none: [(Value, &[&str]); 6] = [
            (json!({"x": "BIGINT"}), &[r#"{"x":1}"#, r#" { "x" : -1 } "#, r#"{"x":null}"#, r#"{}"#]),
            (json!({"x": ["BIGINT"]}), &[r#"{"x":[1,2]}"#, r#"{"x":[ ]}"#]),
            (json!({"x": "JSON"}), &[r#"{"x":{"a":"t"}}"#, r#"{"x":[1]}"#, r#"{"x":1}"#]),
            (json!({"x": "DOUBLE"}), &[r#"{"x":1}"#, r#"{"x":1.5}"#, r#"{"x":123456789012345678901234567890}"#]),
            (json!({"x": {"a": "BOOLEAN"}}), &[r#"{"x":{"b":1,"a":true}}"#]),
            (json!({"x": "BIGINT"}), &[]),
        ];
        for (contract, records) in none {
            assert_eq!(drift(contract, records), [""; 0], "{records:?}");
        }
        let some: [(Value, &[&str], &str); 8] = [
            (json!({"x": "BIGINT"}), &[r#"{"x":1}"#, r#"{"x":1.5}"#, r#"{"x":2.5}"#], "`/x` is DOUBLE, expected BIGINT"),
            (json!({"x": "VARCHAR"}), &[r#"{"x":["t"]}"#], "`/x` is a list, expected VARCHAR"),
            (json!({"x": {"a": "BOOLEAN"}}), &[r#"{"x":{"a":1}}"#], "`/x/a` is UBIGINT, expected BOOLEAN"),
            (json!({"x": [{"a": "BIGINT"}]}), &[r#"{"x":[{},{"\u0061":"1"}]}"#], "`/x/*/a` is VARCHAR, expected BIGINT"),
            (json!({"x": ["BIGINT"]}), &[r#"{"x":"t"}"#], "`/x` is VARCHAR, expected a list or an object"),
            (json!({"x": ["BIGINT"]}), &[r#"{"x":{"a":1}}"#], "`/x` is an object, expected another shape"),
            (json!({"x": "BIGINT"}), &[r#"{"y":1}"#], "no record has any of its keys"),
            (json!({"x": "BIGINT"}), &["null"], "no record has any of its keys"),
        ];
        for (contract, records, expected) in some {
            assert_eq!(drift(contract, records), [expected], "{records:?}");
        }
    }

    #[test]
    fn deep_records_are_no_danger() {
        let deep = format!("{{\"y\":{}{},\"x\":\"t\"}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(drift(json!({"x": "BIGINT"}), &[&deep]), ["`/x` is VARCHAR, expected BIGINT"]);
    }
}
