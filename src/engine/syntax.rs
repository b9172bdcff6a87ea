//! Queries as trees, both ways: DuckDB parses a text into a tree (`json_serialize_sql`) and prints a tree that we changed.

use std::{collections::BTreeSet, sync::OnceLock};

use duckdb::Connection;
use serde_json::{Value, json};

use super::session;
use crate::error::{Error, Kind, OrFail, Result};

/// Parser and printer over a connection.
pub(super) struct Syntax<'c> {
    connection: &'c Connection,
    words: &'static Words,
}

/// What does not depend on the connection.
struct Words {
    /// The tree of `select 1`.
    select: Value,
    /// The expression `true`.
    truth: Value,
    /// Names of the aggregate functions.
    aggregates: BTreeSet<String>,
}

static WORDS: OnceLock<Words> = OnceLock::new();

impl<'c> Syntax<'c> {
    /// With the parser of this connection.
    pub(super) fn of(connection: &'c Connection) -> Result<Self> {
        let words = match WORDS.get() {
            Some(words) => words,
            None => {
                let truth = parse(connection, "select true")?["select_list"][0].take();
                let words = Words { select: parse(connection, "select 1")?, truth, aggregates: aggregates(connection)? };
                WORDS.get_or_init(|| words)
            }
        };
        Ok(Self { connection, words })
    }

    /// The tree of an expression, which may have an alias.
    pub(super) fn expression(&self, text: &str) -> Result<Value> {
        Ok(parse(self.connection, &format!("select {text}"))?["select_list"][0].take())
    }

    /// A SELECT without anything but a constant.
    pub(super) fn select(&self) -> Value {
        self.words.select.clone()
    }

    /// The text of a query.
    pub(super) fn print(&self, node: &Value) -> Result<String> {
        let tree = json!({ "error": false, "statements": [{ "node": node, "named_param_map": [] }] }).to_string();
        self.connection
            .prepare_cached("select json_deserialize_sql(?::json)")
            .and_then(|mut statement| statement.query_row([tree], |row| row.get(0)))
            .map_err(|error| session::refused(error, "json_deserialize_sql"))
    }

    /// The text of an expression.
    pub(super) fn print_expression(&self, expression: &Value) -> Result<String> {
        let mut select = self.select();
        select["select_list"] = json!([expression]);
        let text = self.print(&select)?;
        Ok(text.strip_prefix("SELECT ").unwrap_or(&text).to_owned())
    }

    /// Writes cross joins as joins on `true`: the printer separates them by a comma, which binds less than the joins around it.
    pub(super) fn spell_out_cross_joins(&self, node: &mut Value) {
        match node {
            Value::Array(items) => items.iter_mut().for_each(|item| self.spell_out_cross_joins(item)),
            Value::Object(_) => {
                if node["type"] == "JOIN" && node["ref_type"] == "CROSS" {
                    node["ref_type"] = json!("REGULAR");
                    node["condition"] = self.words.truth.clone();
                }
                if let Value::Object(fields) = node {
                    fields.values_mut().for_each(|value| self.spell_out_cross_joins(value));
                }
            }
            _ => {}
        }
    }

    /// Whether a SELECT gives one row for several: it has groups, or an aggregate outside of windows and subqueries.
    pub(super) fn is_grouped(&self, select: &Value) -> bool {
        let groups = select["group_expressions"].as_array().is_some_and(|groups| !groups.is_empty());
        groups
            || select["aggregate_handling"] == "FORCE_AGGREGATES"
            || self.has_aggregate(&select["select_list"])
            || self.has_aggregate(&select["having"])
    }

    fn has_aggregate(&self, expression: &Value) -> bool {
        any_expression(expression, &|value| {
            value["class"] == "FUNCTION" && value["function_name"].as_str().is_some_and(|name| self.words.aggregates.contains(&name.to_lowercase()))
        })
    }

    /// Whether a join is on `true`.
    pub(super) fn is_cross_join(&self, join: &Value) -> bool {
        join["condition"] == self.words.truth
    }
}

/// The tree of one SELECT that we wrote ourselves.
fn parse(connection: &Connection, sql: &str) -> Result<Value> {
    let text: String = connection
        .prepare_cached("select json_serialize_sql(?::varchar)::varchar")
        .and_then(|mut statement| statement.query_row([sql], |row| row.get(0)))
        .map_err(|error| session::refused(error, sql))?;
    let mut tree: Value = serde_json::from_str(&text).or_fail(Kind::Internal, || "DuckDB's syntax tree is no JSON")?;
    match tree["statements"][0]["node"].take() {
        Value::Null => Err(Error::new(Kind::Internal, format!("DuckDB does not parse `{sql}`"))),
        node => Ok(node),
    }
}

fn aggregates(connection: &Connection) -> Result<BTreeSet<String>> {
    let sql = "select distinct function_name from duckdb_functions() where function_type = 'aggregate'";
    let failed = |error| session::refused(error, sql);
    let mut statement = connection.prepare(sql).map_err(failed)?;
    let names = statement.query_map([], |row| row.get::<_, String>(0)).map_err(failed)?;
    names.collect::<duckdb::Result<_>>().map_err(failed)
}

/// The common table expressions of a query, in order: name and query.
pub(super) fn ctes(node: &Value) -> impl Iterator<Item = (String, &Value)> {
    node["cte_map"]["map"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| (entry["key"].as_str().unwrap_or_default().to_lowercase(), &entry["value"]["query"]["node"]))
}

/// Schema and name of a base table, in lower case.
pub(super) fn base_table(table: &Value) -> Option<(String, String)> {
    let text = |key: &str| table[key].as_str().unwrap_or_default().to_lowercase();
    (table["type"] == "BASE_TABLE").then(|| (text("schema_name"), text("table_name")))
}

/// Whether `test` holds for an object anywhere below; what is inside of windows and subqueries does not count.
pub(super) fn any_expression(value: &Value, test: &dyn Fn(&Value) -> bool) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| any_expression(item, test)),
        Value::Object(fields) => {
            value["class"] != "SUBQUERY" && value["class"] != "WINDOW" && (test(value) || fields.values().any(|field| any_expression(field, test)))
        }
        _ => false,
    }
}
