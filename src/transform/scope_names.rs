//! What people call a scope of an endpoint.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::{
    engine::{Engine, Row, RunRow},
    lake::{Receipts, ScopeRead},
};

/// The name that the scope consists of or the project that its columns name, else its columns, else the endpoint.
pub(super) fn name(engine: &Engine, run: &RunRow, read: &ScopeRead) -> String {
    if read.scope.is_empty() {
        return read.endpoint.clone();
    }
    let source = engine.project().endpoint(&read.endpoint).map(|endpoint| endpoint.source.as_str()).unwrap_or_default();
    if let [(_, Value::String(only))] = read.scope.iter().collect::<Vec<_>>().as_slice() {
        // A project, an app, a keyword: it is a name.
        return only.clone();
    }
    let names = project_names(source, &read.scope, &projects(engine, run).unwrap_or_default());
    if names.is_empty() { format!("{} ({})", read.endpoint, columns(&read.scope)) } else { names.into_iter().collect::<Vec<_>>().join("/") }
}

/// The rows of the seed `projects`. Only asked for where something is missing.
fn projects(engine: &Engine, run: &RunRow) -> Option<Vec<Row>> {
    engine.project().model("projects")?;
    let moment = engine.moment(run, Receipts::none()).ok()?;
    let sql = "select * from projects";
    moment.require_for(sql).and_then(|()| moment.rows(sql)).ok()
}

/// The projects whose column of the same name, or of that name after the source's, has the scope's value.
fn project_names(source: &str, scope: &Map<String, Value>, projects: &[Row]) -> BTreeSet<String> {
    let is_of = |row: &&Row| {
        scope.iter().any(|(column, value)| {
            let prefixed = format!("{source}_{column}");
            row.iter().any(|(name, cell)| (name == column || *name == prefixed) && cell.to_json() == *value)
        })
    };
    let label = |row: &Row| {
        let found = row.iter().find(|(name, _)| name == "project_name_abbrev");
        found.and_then(|(_, value)| value.to_json().as_str().map(str::to_owned))
    };
    projects.iter().filter(is_of).filter_map(label).collect()
}

fn columns(scope: &Map<String, Value>) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    scope.iter().map(|(column, value)| format!("{column} {}", text(value))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::engine::Value as Cell;

    #[test]
    fn a_scope_is_called_by_its_project() {
        let row = |id: i64, name: &str| {
            vec![("testrail_project_id".to_owned(), Cell::Int(id)), ("project_name_abbrev".to_owned(), Cell::Text(name.to_owned()))]
        };
        let projects = [row(17, "firefox-desktop"), row(59, "fenix"), row(59, "focus")];
        let names = |source: &str, scope: Value| project_names(source, scope.as_object().unwrap(), &projects).into_iter().collect::<Vec<_>>();
        assert_eq!(names("testrail", json!({ "project_id": 17 })), ["firefox-desktop"]);
        assert_eq!(names("testrail", json!({ "project_id": 59 })), ["fenix", "focus"]);
        assert!(names("jira", json!({ "project_id": 17 })).is_empty());
        assert_eq!(columns(json!({ "filter_id": "7", "n": 1 }).as_object().unwrap()), "filter_id 7, n 1");
    }
}
