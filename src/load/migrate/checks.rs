//! What the migrations of every engine must do, on real databases. The conformance suite lists them.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{DateTime, Utc};

use super::{
    schema::{Schema, StoredTable, tables},
    write::write,
};
use crate::{
    catalog::{ColumnType, Contract},
    error::Kind,
    load::{
        flavour::Flavour,
        ledger::LEDGER,
        sample::{Place, column, load_one, manner, mart, numbers, plan, plans, state, text},
        statement::ROW_HASH,
        table::Mode,
        target::TableFacts,
        value::Value,
    },
};

fn migration(migrations: &Path, contracts: &[&Contract], name: &str) -> Vec<PathBuf> {
    let now: DateTime<Utc> = "2025-01-01T00:00:00Z".parse().unwrap();
    write(migrations, &tables(contracts.iter().copied()).unwrap(), name, now).unwrap()
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

/// Holds the database against the folder's `schema.json`.
async fn differs(place: &Place, migrations: &Path) -> Vec<String> {
    let mut session = place.destination.open(false).await.unwrap();
    let mut wrong = Vec::new();
    for (name, stored) in &Schema::read(migrations).unwrap().tables {
        let facts = session.facts(name).await.unwrap();
        wrong.extend(unlike(name, stored, facts.as_ref(), name != LEDGER));
    }
    wrong
}

/// The project's own migrations run on an empty database and make what `schema.json` says, no more and no less.
pub(in crate::load) async fn the_projects_migrations_make_its_schema(place: &Place) {
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    place.bring_from(&migrations).await.unwrap();
    assert_eq!(differs(place, &migrations).await, Vec::<String>::new());
    assert!(place.bring_from(&migrations).await.unwrap().is_empty());
}

/// New columns and wider types: what is there stays, and the next load fills in the rest.
pub(in crate::load) async fn widening_and_adding_keep_every_row(place: &Place) {
    let (destination, migrations) = (&place.destination, place.migrations());
    let first = plans();
    assert_eq!(migration(&migrations, &[&first], "first").len(), 3);
    place.bring().await.unwrap();
    let rows = Arc::new(mart(&first, &[plan(1, "a", 1), plan(2, "b", 1)], 1));
    assert_eq!(load_one(destination, &first, &rows, &manner(Mode::Load)).await.inserted, 2);

    let mut second = first.clone();
    second.columns[1].kind = ColumnType::Text;
    for (name, kind) in [
        ("rank", ColumnType::Integer),
        ("ratio", ColumnType::Double),
        ("word", ColumnType::Varchar(5)),
        ("note", ColumnType::Text),
        ("since", ColumnType::Date),
        ("at", ColumnType::Timestamp),
    ] {
        second.columns.push(column(name, kind, "not null"));
    }
    second.columns.push(column("later", ColumnType::Date, ""));
    assert_eq!(migration(&migrations, &[&second], "second").len(), 3);
    assert_eq!(place.bring().await.unwrap(), ["20250101000001_second"]);
    assert_eq!(differs(place, &migrations).await, Vec::<String>::new());
    let wide = |plan: i64, name: &str| {
        let more = [Value::Int(plan), Value::Double(0.5), text("w"), text("n"), Value::Date(1), Value::Timestamp(1), Value::Null];
        [vec![Value::Int(plan), text(name), Value::Timestamp(1)], more.to_vec()].concat()
    };
    let rows = Arc::new(mart(&second, &[wide(1, "a"), wide(2, &"long ".repeat(9))], 2));
    assert_eq!(numbers(&load_one(destination, &second, &rows, &manner(Mode::Load)).await), (0, 2, 0, 0, 0));
    assert!(migration(&migrations, &[&second], "third").is_empty());
    assert!(place.bring().await.unwrap().is_empty());

    // Another key, NULL allowed from now on.
    let mut third = second.clone();
    third.key = vec!["plan".to_owned(), "word".to_owned()];
    third.columns[3].not_null = false;
    assert_eq!(migration(&migrations, &[&third], "third").len(), 3);
    assert_eq!(place.bring().await.unwrap().len(), 1);
    assert_eq!(differs(place, &migrations).await, Vec::<String>::new());
}

/// Dropping, narrowing and refusing NULL are written as comments; inserts still work meanwhile.
pub(in crate::load) async fn what_could_lose_something_is_left_to_a_person(place: &Place) {
    let migrations = place.migrations();
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
    place.bring().await.unwrap();
    let rows = Arc::new(mart(&second, &[plan(1, "a", 1)], 1));
    let loaded = load_one(&place.destination, &second, &rows, &manner(Mode::Load)).await;
    assert_eq!(loaded.inserted, 1, "{:?}", loaded.error);
}

/// Files changed after they were run, missing files, and migrations that fail: each is told with what to do.
pub(in crate::load) async fn files_and_database_that_disagree_are_told(place: &Place) {
    let migrations = place.migrations();
    let flavour = place.destination.flavour();
    migration(&migrations, &[&plans()], "first");
    place.bring().await.unwrap();
    let file = migrations.join(flavour.name()).join("20250101000000_first.sql");
    let text = fs_err::read_to_string(&file).unwrap();
    fs_err::write(&file, format!("{text}-- changed\n")).unwrap();
    let changed = place.bring().await.unwrap_err();
    assert!(changed.to_string().contains("has been changed since"), "{changed}");
    fs_err::remove_file(&file).unwrap();
    let missing = place.bring().await.unwrap_err();
    assert!(missing.to_string().contains("its file is missing"), "{missing}");
    fs_err::write(&file, text).unwrap();

    let bad = migrations.join(flavour.name()).join("20250101000009_bad.sql");
    fs_err::write(&bad, "create table good (a integer); create table good (a integer);").unwrap();
    let failed = place.bring().await.unwrap_err();
    let exists = place.destination.open(false).await.unwrap().facts("good").await.unwrap().is_some();
    assert_eq!(failed.kind(), Kind::Database);
    if flavour != Flavour::Mysql {
        assert!(failed.to_string().contains("the database is as it was before"), "{failed}");
        assert!(!exists);
        return;
    }
    // MySQL cannot roll back DDL: the first statement stays, and the next run continues at the failed one.
    assert!(failed.to_string().contains("migration `20250101000009` stopped at statement 2 of 2"), "{failed}");
    assert!(failed.remedy().unwrap().contains("_sqlx_migrations"), "{failed:?}");
    assert!(exists);
    let again = place.bring().await.unwrap_err();
    assert!(again.to_string().contains("stopped at statement 2 of 2"), "a failure is not taken for a repetition: {again}");
    fs_err::write(&bad, "create table good (a integer);").unwrap();
    let edited = place.bring().await.unwrap_err();
    assert!(edited.to_string().contains("is half applied, and its file has been changed"), "{edited}");
    // As the hint says: undo what was done, delete the row, correct the file, run again.
    place.run("drop table good; delete from _sqlx_migrations where version = 20250101000009").await;
    fs_err::write(&bad, "create table good (a integer);").unwrap();
    assert_eq!(place.bring().await.unwrap(), ["20250101000009_bad"]);
}
