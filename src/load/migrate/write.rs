//! `etl migrate new`: writes the three files of a migration and the schema after it.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::{
    change::{Change, changes},
    ddl, files,
    schema::{Schema, Table, wanted},
};
use crate::{
    catalog::Project,
    error::{Error, Kind, Result},
    load::flavour::Flavour,
    names,
};

/// Writes a migration from the difference between the contracts and the schema so far. Gives the files written; none if
/// there is no difference.
///
/// # Errors
/// [`Kind::Usage`] for a name that cannot be one, [`Kind::Config`] for contracts that no table can hold.
pub fn new(project: &Project, migrations: &Path, name: &str, now: DateTime<Utc>) -> Result<Vec<PathBuf>> {
    write(migrations, &wanted(project)?, name, now)
}

/// What the contracts want that the migrations do not say yet, one line each; none if both agree.
///
/// # Errors
/// [`Kind::Config`] for contracts that no table can hold, or a schema that cannot be read.
pub fn drift(project: &Project, migrations: &Path) -> Result<Vec<String>> {
    let wanted = wanted(project)?;
    let (changes, _) = changes(&wanted, &Schema::read(migrations)?)?;
    Ok(changes
        .iter()
        .map(|change| match change {
            Change::Create(table) => format!("table `{}` is new", table.name),
            Change::Alter { table, .. } => format!("table `{}` has changed", table.name),
            Change::Retire(table) => format!("table `{table}` is not wanted any more"),
        })
        .collect())
}

pub(in crate::load) fn write(migrations: &Path, wanted: &[Table], name: &str, now: DateTime<Utc>) -> Result<Vec<PathBuf>> {
    if !names::is_identifier(name) {
        return Err(Error::new(Kind::Usage, format!("`{name}` cannot name a migration")).hint("use a-z, 0-9 and _, for example `add_milestones`"));
    }
    let before = Schema::read(migrations)?;
    let (changes, after) = changes(wanted, &before)?;
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let mut version: i64 = now.format("%Y%m%d%H%M%S").to_string().parse().unwrap_or_default();
    for flavour in Flavour::ALL {
        fs_err::create_dir_all(migrations.join(flavour.name()))?;
        // Later than every migration there is, whatever the clock says.
        version = files::list(migrations, flavour)?.last().map_or(version, |last| version.max(last.version + 1));
    }
    let mut written = Vec::new();
    for flavour in Flavour::ALL {
        let path = migrations.join(flavour.name()).join(format!("{version}_{name}.sql"));
        fs_err::write(&path, ddl::text(flavour, name, &changes))?;
        written.push(path);
    }
    after.write(migrations)?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::{ColumnType, Contract},
        load::{
            migrate::{
                bring,
                schema::{StoredTable, tables},
            },
            sample::{column, load_one, manner, mart, numbers, plan, plans, sqlite, state, text},
            statement::ROW_HASH,
            table::Mode,
            target::TableFacts,
        },
    };

    fn now() -> DateTime<Utc> {
        "2025-01-01T00:00:00Z".parse().unwrap()
    }

    fn migration(migrations: &Path, contracts: &[&Contract], name: &str) -> Vec<PathBuf> {
        write(migrations, &tables(contracts.iter().copied()).unwrap(), name, now()).unwrap()
    }

    /// What a database has that `schema.json` does not say, and the other way round.
    fn unlike(name: &str, stored: &StoredTable, facts: Option<&TableFacts>, owned: bool) -> Vec<String> {
        let Some(facts) = facts else { return vec![format!("no table {name}")] };
        let mut want: Vec<(String, String, bool)> =
            stored.columns.iter().map(|column| (column.name.clone(), column.kind.clone(), column.not_null)).collect();
        if owned {
            want.push((ROW_HASH.to_owned(), "bigint".to_owned(), false));
        }
        let mut got: Vec<_> = facts
            .columns
            .iter()
            .filter(|column| stored.identity.as_deref() != Some(column.name.as_str()))
            .map(|column| (column.name.clone(), column.kind.map_or(column.declared.clone(), |kind| kind.to_string()), column.not_null))
            .collect();
        want.sort();
        got.sort();
        let mut wrong: Vec<String> = want.iter().filter(|column| !got.contains(column)).map(|column| format!("{name}: want {column:?}")).collect();
        wrong.extend(got.iter().filter(|column| !want.contains(column)).map(|column| format!("{name}: have {column:?}")));
        let key = facts.unique.iter().any(|index| index.columns.iter().map(|(column, _)| column).eq(stored.key.iter()));
        if !key && !stored.key.is_empty() {
            wrong.push(format!("{name}: no unique index on {:?}", stored.key));
        }
        if stored.identity.as_ref().is_some_and(|identity| !facts.columns.iter().any(|column| column.name == *identity && column.filled)) {
            wrong.push(format!("{name}: no identity column"));
        }
        wrong
    }

    /// Runs the SQLite migrations on an empty file and holds the result against `schema.json`.
    async fn applied_differs(migrations: &Path, folder: &Path) -> Vec<String> {
        let destination = sqlite(folder);
        bring(&destination, migrations).await.unwrap();
        let mut session = destination.open(false).await.unwrap();
        let mut wrong = Vec::new();
        for (name, stored) in &Schema::read(migrations).unwrap().tables {
            let facts = session.facts(name).await.unwrap();
            wrong.extend(unlike(name, stored, facts.as_ref(), name != crate::load::ledger::LEDGER));
        }
        wrong
    }

    /// `etl migrate new NAME` was forgotten if this fails.
    #[test]
    fn the_projects_migrations_say_what_its_contracts_want() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let project = Project::read(root).unwrap();
        assert_eq!(drift(&project, &root.join("migrations")).unwrap(), Vec::<String>::new());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_projects_migrations_make_exactly_that_schema() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(applied_differs(&Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations"), folder.path()).await, Vec::<String>::new());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn widening_and_adding_keep_every_row() {
        let folder = tempfile::tempdir().unwrap();
        let migrations = folder.path().join("migrations");
        let destination = sqlite(folder.path());
        let first = plans();
        assert_eq!(migration(&migrations, &[&first], "first").len(), 3);
        bring(&destination, &migrations).await.unwrap();
        let rows = std::sync::Arc::new(mart(&first, &[plan(1, "a", 1), plan(2, "b", 1)], 1));
        load_one(&destination, &first, &rows, &manner(Mode::Load)).await;

        let mut second = first.clone();
        second.columns[1].kind = ColumnType::Text;
        second.columns.push(column("rank", ColumnType::Integer, "not null"));
        second.columns.push(column("later", ColumnType::Date, ""));
        assert_eq!(migration(&migrations, &[&second], "second").len(), 3);
        assert_eq!(bring(&destination, &migrations).await.unwrap(), ["20250101000001_second"]);
        assert_eq!(applied_differs(&migrations, &folder.path().join("empty")).await, Vec::<String>::new());
        let wide = |plan: i64, name: &str| {
            vec![crate::load::Value::Int(plan), text(name), crate::load::Value::Timestamp(1), crate::load::Value::Int(plan), crate::load::Value::Null]
        };
        let rows = std::sync::Arc::new(mart(&second, &[wide(1, "a"), wide(2, &"long ".repeat(9))], 2));
        assert_eq!(numbers(&load_one(&destination, &second, &rows, &manner(Mode::Load)).await), (0, 2, 0, 0, 0));
        assert!(migration(&migrations, &[&second], "third").is_empty());
        assert!(bring(&destination, &migrations).await.unwrap().is_empty());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_could_lose_something_is_left_to_a_person() {
        let folder = tempfile::tempdir().unwrap();
        let migrations = folder.path().join("migrations");
        let mut first = plans();
        first.columns.push(column("gone", ColumnType::Integer, "not null"));
        let other = state("other", vec![column("k", ColumnType::Integer, "not null")]);
        migration(&migrations, &[&first, &other], "first");
        let mut second = plans();
        second.columns[1].kind = ColumnType::Varchar(5);
        for path in migration(&migrations, &[&second], "second") {
            let text = fs_err::read_to_string(&path).unwrap();
            let active: String = text.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n");
            let word = |word: &str| (text.contains(word), active.contains(word));
            assert_eq!(
                (word("DROP COLUMN"), word("VARCHAR(5)"), word("DROP TABLE `other`").1, word("DROP TABLE \"other\"").1),
                ((true, false), (true, false), false, false),
                "{text}"
            );
        }
        // Inserts still work: what nobody fills any more allows NULL.
        let destination = sqlite(folder.path());
        bring(&destination, &migrations).await.unwrap();
        let rows = std::sync::Arc::new(mart(&second, &[plan(1, "a", 1)], 1));
        assert_eq!(load_one(&destination, &second, &rows, &manner(Mode::Load)).await.inserted, 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn files_and_database_that_disagree_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let migrations = folder.path().join("migrations");
        let destination = sqlite(folder.path());
        let file = migration(&migrations, &[&plans()], "first").remove(0);
        bring(&destination, &migrations).await.unwrap();
        let text = fs_err::read_to_string(&file).unwrap();
        fs_err::write(&file, format!("{text}-- changed\n")).unwrap();
        let changed = bring(&destination, &migrations).await.unwrap_err();
        assert!(changed.to_string().contains("has been changed since"), "{changed}");
        fs_err::remove_file(&file).unwrap();
        let missing = bring(&destination, &migrations).await.unwrap_err();
        assert!(missing.to_string().contains("its file is missing"), "{missing}");
        fs_err::write(&file, text).unwrap();
        fs_err::write(migrations.join("sqlite/20250101000009_bad.sql"), "create table good (a); create table good (a);").unwrap();
        let failed = bring(&destination, &migrations).await.unwrap_err();
        assert!(failed.to_string().contains("the database is as it was before"), "{failed}");
        assert!(destination.open(false).await.unwrap().facts("good").await.unwrap().is_none());
    }

    #[test]
    fn text_keys_and_the_ledgers_name_are_refused() {
        let contract = state("t", vec![column("k", ColumnType::Text, "not null")]);
        assert!(tables([&contract]).unwrap_err().to_string().contains("which MySQL cannot index"));
        let contract = state("etl_loads", vec![column("k", ColumnType::Integer, "not null")]);
        assert!(tables([&contract]).unwrap_err().to_string().contains("belongs to etl"));
        let bad = write(Path::new("nowhere"), &[], "Bad Name", now()).unwrap_err();
        assert_eq!(bad.kind(), Kind::Usage);
    }
}
