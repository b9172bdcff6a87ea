//! Rules for models that DuckDB itself does not have: no wall clock, no chance, no result that depends on thread timing.

use std::collections::BTreeSet;

use serde_json::Value;

use super::references::SqlPlace;
use crate::{
    catalog::{Model, ModelKind},
    error::{Error, Kind, Result},
};

/// Functions whose value changes from call to call.
const UNSTABLE: [&str; 16] = [
    "now",
    "current_timestamp",
    "get_current_timestamp",
    "current_date",
    "current_time",
    "get_current_time",
    "today",
    "transaction_timestamp",
    "current_localtimestamp",
    "current_localtime",
    "random",
    "setseed",
    "uuid",
    "gen_random_uuid",
    "uuidv4",
    "uuidv7",
];

/// Aggregates whose result depends on the order of rows, unless an order is given.
const ORDERED: [&str; 9] = ["first", "last", "any_value", "arbitrary", "list", "array_agg", "string_agg", "group_concat", "listagg"];

/// Functions that read files or run texts as SQL.
const HIDING: [&str; 6] = ["query", "query_table", "read_text", "read_blob", "getenv", "sql_auto_complete"];

/// Refuses functions that hide what a query reads.
pub(super) fn hidden_queries(place: &str, tree: &Value) -> Result<()> {
    let mut wrong = None;
    functions(tree, &mut |name, _| {
        if wrong.is_none() && HIDING.contains(&name) {
            wrong = Some(name.to_owned());
        }
    });
    match wrong {
        None => Ok(()),
        Some(name) => Err(Error::new(Kind::Config, format!("{place}: `{name}()` hides what it reads"))),
    }
}

/// What is wrong with one model, with file, line and what to write instead.
pub(super) fn check(model: &Model, tree: &Value) -> Vec<Error> {
    let place = SqlPlace::new(model.file.display());
    let mut wrong = Vec::new();
    let mut refuse = |node: &Value, message: String, hint: &str| {
        let offset = node["query_location"].as_u64().and_then(|offset| usize::try_from(offset).ok());
        wrong.push(Error::new(Kind::Config, format!("{}: {message}", place.offset(&model.text, offset))).hint(hint));
    };
    functions(tree, &mut |name, node| {
        if UNSTABLE.contains(&name) {
            refuse(node, format!("`{name}` differs from run to run"), "time is `run.as_of` or `run.run_at`");
        }
        let unordered = node["order_bys"]["orders"].as_array().is_none_or(Vec::is_empty);
        if ORDERED.contains(&name) && unordered {
            refuse(
                node,
                format!("`{name}` without an order depends on thread timing"),
                "give it an order, for example `list(x order by id)`, or use min/max",
            );
        }
        if name == "from_json" && model.kind == ModelKind::Staging && drops_offset(&node["children"][1]) {
            refuse(
                node,
                "`TIMESTAMP` inside from_json silently drops a zone offset".to_owned(),
                "write TIMESTAMPTZ in the struct and `at time zone 'UTC'` outside",
            );
        }
    });
    columns(tree, &mut |name, node| {
        if ["current_timestamp", "current_date", "current_time", "localtimestamp", "localtime"].contains(&name) {
            refuse(node, format!("`{name}` differs from run to run"), "time is `run.as_of` or `run.run_at`");
        }
    });
    wrong
}

/// The constant struct of a staging model's `from_json`, if there is one.
pub(super) fn json_contract(tree: &Value) -> Option<Value> {
    let mut found = None;
    functions(tree, &mut |name, node| {
        if name == "from_json" && found.is_none() {
            let text = node["children"][1]["value"]["value"].as_str().unwrap_or_default();
            found = serde_json::from_str(text).ok();
        }
    });
    found
}

/// Whether each row of a staging model depends on one landed row alone, as far as its tree tells: no window functions, and
/// neither the landed rows nor a CTE are read twice. Only then may several pulls be computed by one statement.
pub(super) fn is_row_by_row(tree: &Value) -> bool {
    fn sound(node: &Value, tables: &mut BTreeSet<String>) -> bool {
        match node {
            Value::Array(items) => items.iter().all(|item| sound(item, tables)),
            Value::Object(fields) => {
                let is = |key: &str, text: &str| fields.get(key).and_then(Value::as_str) == Some(text);
                let again = is("type", "BASE_TABLE") && !tables.insert(format!("{}.{}", fields["schema_name"], fields["table_name"]));
                !again && !is("class", "WINDOW") && fields.values().all(|value| sound(value, tables))
            }
            _ => true,
        }
    }
    sound(tree, &mut BTreeSet::new())
}

fn drops_offset(argument: &Value) -> bool {
    let text = argument["value"]["value"].as_str().unwrap_or_default();
    serde_json::from_str::<Value>(text).is_ok_and(|spec| has_timestamp(&spec))
}

fn has_timestamp(spec: &Value) -> bool {
    match spec {
        Value::String(kind) => kind.trim().eq_ignore_ascii_case("timestamp") || kind.trim().eq_ignore_ascii_case("datetime"),
        Value::Array(items) => items.iter().any(has_timestamp),
        Value::Object(fields) => fields.values().any(has_timestamp),
        _ => false,
    }
}

fn functions(node: &Value, visit: &mut impl FnMut(&str, &Value)) {
    match node {
        Value::Array(items) => items.iter().for_each(|item| functions(item, visit)),
        Value::Object(fields) => {
            if fields.get("class").and_then(Value::as_str) == Some("FUNCTION") {
                visit(fields["function_name"].as_str().unwrap_or_default(), node);
            }
            fields.values().for_each(|value| functions(value, visit));
        }
        _ => {}
    }
}

fn columns(node: &Value, visit: &mut impl FnMut(&str, &Value)) {
    match node {
        Value::Array(items) => items.iter().for_each(|item| columns(item, visit)),
        Value::Object(fields) => {
            if fields.get("class").and_then(Value::as_str) == Some("COLUMN_REF")
                && let Some([name]) = fields["column_names"].as_array().map(Vec::as_slice)
            {
                visit(name.as_str().unwrap_or_default(), node);
            }
            fields.values().for_each(|value| columns(value, visit));
        }
        _ => {}
    }
}
