//! One view per destination table, made from its contract.

use super::{
    place::{Place, literal},
    view::{View, ViewColumn},
};
use crate::catalog::{ColumnType, Contract, Project};

/// The views of all tables, by name.
pub fn views(project: &Project, place: &Place) -> Vec<View> {
    let mut views: Vec<View> = project.tables().filter_map(|model| model.contract.as_ref()).map(|contract| view(contract, place)).collect();
    views.extend(super::convenience::views(project, place));
    views
}

fn view(contract: &Contract, place: &Place) -> View {
    let mut columns = Vec::new();
    if let Some(identity) = &contract.identity {
        columns.push(column(identity, ColumnType::BigInt, "Filled by the database when the row was inserted"));
    }
    columns.extend(contract.columns.iter().map(|own| column(&own.name, own.kind, &own.meaning)));
    let inner: Vec<String> = columns.iter().map(|column| place.database.quoted(&column.name)).collect();
    let inner = format!("SELECT {} FROM {}", inner.join(", "), place.database.quoted(&contract.table));
    View {
        name: contract.table.clone(),
        description: contract.description.clone(),
        source: format!("FROM EXTERNAL_QUERY({}, {}) AS `rows`", literal(&place.connection()), literal(&inner)),
        columns,
    }
}

/// A column as both kinds of database give it: points in time are DATETIME or TIMESTAMP, flags may be BOOL or INT64.
fn column(name: &str, kind: ColumnType, meaning: &str) -> ViewColumn {
    let plain = format!("`rows`.`{name}`");
    let expression = match kind {
        ColumnType::Timestamp => format!("CAST({plain} AS TIMESTAMP)"),
        ColumnType::SmallInt => format!("CAST({plain} AS INT64)"),
        ColumnType::Varchar(_) | ColumnType::Text | ColumnType::Integer | ColumnType::BigInt | ColumnType::Double | ColumnType::Date => plain,
    };
    ViewColumn { name: name.to_owned(), expression, description: meaning.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{
        super::{Database, script},
        *,
    };

    fn place(database: Database) -> Place {
        Place::new("moz-testops", "testops_staging", "us.cloud-sql", None, database).unwrap()
    }

    fn project() -> Project {
        Project::read(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    #[test]
    fn a_view_of_a_table() {
        let project = project();
        for (database, name) in [(Database::Mysql, "mysql"), (Database::Postgres, "postgres")] {
            let place = place(database);
            let views = views(&project, &place);
            let chosen = ["report_sentry_rates", "report_jira_softvision_issues_qa_teams", "test_sub_suites"];
            let chosen: Vec<View> = views.into_iter().filter(|view| chosen.contains(&view.name.as_str())).collect();
            insta::assert_snapshot!(format!("tables_{name}"), script(&chosen, &place));
        }
    }

    #[test]
    fn every_table_has_its_view_and_no_star() {
        let (project, place) = (project(), place(Database::Mysql));
        let all = views(&project, &place);
        for model in project.tables() {
            let view = all.iter().find(|view| view.name == model.name).unwrap_or_else(|| panic!("{}", model.name));
            let contract = model.contract.as_ref().unwrap();
            assert_eq!(view.columns.len(), contract.columns.len() + usize::from(contract.identity.is_some()));
        }
        assert!(all.iter().all(|view| !view.query().contains('*') && view.columns.iter().all(|column| !column.description.is_empty())));
        let names: std::collections::BTreeSet<&str> = all.iter().map(|view| view.name.as_str()).collect();
        assert_eq!(names.len(), all.len(), "no name is there twice");
        assert_eq!(script(&all, &place), script(&views(&project, &place), &place));
    }

    #[test]
    fn a_definition_changes_with_all_that_is_shown() {
        let place = place(Database::Mysql);
        let base = View {
            name: "a".into(),
            description: "d".into(),
            columns: vec![ViewColumn { name: "x".into(), expression: "1".into(), description: "e".into() }],
            source: "FROM t".into(),
        };
        let mut other = base.clone();
        other.columns[0].description = "f".into();
        let mut third = base.clone();
        third.source = "FROM u".into();
        let definitions = [&base, &other, &third].map(|view| view.definition(&place));
        assert!(definitions[0] != definitions[1] && definitions[0] != definitions[2]);
        assert_eq!(base.definition(&place), base.clone().definition(&place));
    }
}
