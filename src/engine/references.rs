//! What a query refers to, found by DuckDB's own parser (`json_serialize_sql`).

use std::collections::BTreeSet;

use duckdb::Connection;
use serde_json::Value;

use super::{lint, session};
use crate::{
    catalog::{Endpoint, Project, Reference},
    error::{Error, Kind, OrFail, Result},
};

/// Table functions that hide no relation.
const TABLE_FUNCTIONS: [&str; 7] = ["unnest", "range", "generate_series", "json_each", "json_tree", "repeat_row", "values"];

/// What is wanted in a file and on the command line.
const ONE_SELECT: &str = "write one SELECT in DuckDB's dialect";

/// A parsed query: its relations and its syntax tree.
pub(super) struct Parsed {
    /// Relations by schema and name, in order, without CTE names.
    pub(super) references: Vec<Reference>,
    /// The tree as `json_serialize_sql` gives it.
    pub(super) tree: Value,
}

/// Where a query is written, for errors.
pub(super) struct SqlPlace {
    file: String,
    /// Line of the file on which the query begins, from 1.
    first_line: usize,
    /// What it is, if a file holds several.
    subject: String,
}

impl SqlPlace {
    /// A query that is a file of its own, or has no file.
    pub(super) fn new(file: impl std::fmt::Display) -> Self {
        Self { file: file.to_string(), first_line: 1, subject: String::new() }
    }

    /// The `for_each` of an endpoint.
    pub(super) fn for_each(project: &Project, endpoint: &Endpoint) -> Self {
        let file = project.source(&endpoint.source).map(|source| source.file.display().to_string()).unwrap_or_default();
        Self { file, first_line: endpoint.for_each_line.max(1), subject: format!(": for_each of `{}`", endpoint.name) }
    }

    /// File and line; `line` counts from 1 in the query.
    pub(super) fn line(&self, line: Option<usize>) -> String {
        let line = line.map(|line| format!(":{}", self.first_line + line - 1)).unwrap_or_default();
        format!("{}{line}{}", self.file, self.subject)
    }

    /// File and line of a byte of the query.
    pub(super) fn offset(&self, sql: &str, offset: Option<usize>) -> String {
        self.line(offset.and_then(|offset| sql.get(..offset)).map(|before| before.matches('\n').count() + 1))
    }
}

/// Parses one SELECT. `place` names the file in errors.
///
/// # Errors
/// [`Kind::Config`] for a syntax error, several statements, a statement that is no SELECT, or a table function that hides
/// what it reads.
pub(super) fn parse(connection: &Connection, place: &SqlPlace, sql: &str) -> Result<Parsed> {
    // Planned once: a project has hundreds of queries, and to plan this takes longer than to parse one of them.
    let text: String = connection
        .prepare_cached("select json_serialize_sql(?::varchar)::varchar")
        .and_then(|mut statement| statement.query_row([sql], |row| row.get(0)))
        .map_err(|error| session::refused(error, "json_serialize_sql"))?;
    let tree: Value =
        serde_json::from_str(&text).or_fail(Kind::Internal, || format!("{}: DuckDB's syntax tree is not valid JSON", place.line(None)))?;
    if tree["error"].as_bool() == Some(true) {
        let message = tree["error_message"].as_str().unwrap_or("unknown error");
        let message = if message.contains("serialized to json") { "this is no SELECT" } else { message };
        let offset = tree["position"].as_str().and_then(|position| position.parse().ok());
        return Err(Error::new(Kind::Config, format!("{}: {message}", place.offset(sql, offset))).hint(ONE_SELECT));
    }
    let refuse = |what: String| Error::new(Kind::Config, format!("{}: {what}", place.line(None)));
    match tree["statements"].as_array().map_or(0, Vec::len) {
        1 => {}
        0 => return Err(refuse("there is no statement".to_owned()).hint(ONE_SELECT)),
        more => return Err(refuse(format!("there are {more} statements")).hint(ONE_SELECT)),
    }
    let mut found = BTreeSet::new();
    walk(&tree["statements"][0]["node"], &BTreeSet::new(), &mut found).map_err(|function| {
        refuse(format!("the table function `{function}` hides what it reads"))
            .hint(format!("read a relation (landed.*, latest.*, history.*, a seed or a model); allowed functions are {}", TABLE_FUNCTIONS.join(", ")))
    })?;
    lint::hidden_queries(&place.line(None), &tree)?;
    Ok(Parsed { references: found.into_iter().collect(), tree })
}

/// Collects the base tables of `node`; `ctes` are the CTE names that are visible there. The error is a table function.
fn walk(node: &Value, ctes: &BTreeSet<String>, found: &mut BTreeSet<Reference>) -> Result<(), String> {
    match node {
        Value::Array(items) => items.iter().try_for_each(|item| walk(item, ctes, found)),
        Value::Object(fields) => {
            let mut visible = ctes.clone();
            if let Some(list) = fields.get("cte_map").and_then(|map| map["map"].as_array()) {
                for entry in list {
                    let name = entry["key"].as_str().unwrap_or_default().to_lowercase();
                    let query = &entry["value"]["query"];
                    let mut inside = visible.clone();
                    if query["node"]["type"].as_str() == Some("RECURSIVE_CTE_NODE") {
                        inside.insert(name.clone());
                    }
                    walk(query, &inside, found)?;
                    visible.insert(name);
                }
            }
            match fields.get("type").and_then(Value::as_str) {
                Some("BASE_TABLE") => {
                    let schema = fields["schema_name"].as_str().unwrap_or_default().to_lowercase();
                    let name = fields["table_name"].as_str().unwrap_or_default().to_lowercase();
                    if !schema.is_empty() || !visible.contains(&name) {
                        found.insert(Reference { schema: (!schema.is_empty() && schema != "main").then_some(schema), name });
                    }
                }
                Some("TABLE_FUNCTION") => {
                    let function = fields["function"]["function_name"].as_str().unwrap_or_default().to_lowercase();
                    if !TABLE_FUNCTIONS.contains(&function.as_str()) {
                        return Err(function);
                    }
                }
                _ => {}
            }
            fields.iter().filter(|(key, _)| *key != "cte_map").try_for_each(|(_, value)| walk(value, &visible, found))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(sql: &str) -> Result<Vec<String>> {
        let connection = Connection::open_in_memory().unwrap();
        let parsed = parse(&connection, &SqlPlace::new("sql/x.sql"), sql)?;
        Ok(parsed.references.iter().map(|found| found.schema.iter().map(|schema| format!("{schema}.")).collect::<String>() + &found.name).collect())
    }

    #[test]
    fn finds_relations_and_scopes_cte_names() {
        let sql = "-- c\nwith a as (select * from seed), b as (select * from a join latest.x using (i)) select * from b where i in (select i from history.y) and exists (select 1 from a)";
        assert_eq!(names(sql).unwrap(), ["seed", "history.y", "latest.x"]);
        // A CTE is not visible before it is defined, nor outside of its query.
        assert_eq!(names("with b as (select * from a), a as (select 1) select * from b").unwrap(), ["a"]);
        assert_eq!(names("select * from (with t as (select 1) select * from t) cross join t").unwrap(), ["t"]);
        assert_eq!(
            names("with recursive r as (select 1 as n union all select n + 1 from r where n < 3) select * from r").unwrap(),
            Vec::<String>::new()
        );
        assert_eq!(names("select unnest([1]) union all select * from range(3) union all from z").unwrap(), ["z"]);
    }

    #[test]
    fn knows_which_models_work_row_by_row() {
        let connection = Connection::open_in_memory().unwrap();
        let row_by_row = |sql: &str| lint::is_row_by_row(&parse(&connection, &SqlPlace::new("sql/x.sql"), sql).unwrap().tree);
        assert!(row_by_row(
            "with a as (select _meta, from_json(payload, '{}') as r from landed.x) select _meta, [y for y in r.z], (select max(v) from unnest(r.z) as t (v)) from a"
        ));
        for wide in [
            "select _meta, row_number() over () from landed.x",
            "select _meta, (select max(other.fetched_at) from landed.x as other) from landed.x",
            "with a as (from landed.x) select * from a cross join (select count(*) from a)",
        ] {
            assert!(!row_by_row(wide), "{wide}");
        }
    }

    #[test]
    fn refuses_what_hides_references() {
        for (sql, part) in [
            ("select 1; select 2", "2 statements"),
            ("select * from read_parquet('x')", "`read_parquet` hides"),
            ("select * from query('select 1')", "`query` hides"),
            ("delete from x", "SELECT"),
            ("selec 1", "sql/x.sql"),
            ("", "no statement"),
        ] {
            let error = names(sql).unwrap_err();
            assert!(error.to_string().contains(part) || error.remedy().unwrap_or_default().contains(part), "{sql}: {error:?}");
        }
    }
}
