//! What every engine behind the seam must do, as functions over an empty database. Each engine's tests call all of them:
//! the list stands once, in [`conforms`].

use std::sync::Arc;

use proptest::{collection::vec, prelude::*, test_runner::TestRunner};

use super::{
    canonical::row_hash,
    destination::Destination,
    sample::{Place, Row, column, load_one, manner, mart, numbers, plan, plans, state, text},
    session::{Access, Few, Session},
    statement::Statements,
    table::Mode,
    target::Target,
    value::Value,
};
use crate::{
    catalog::{ColumnType, Contract, OnMissing},
    error::Kind,
};

/// Makes a test of every check, in places that `$place` makes.
macro_rules! conforms {
    ($place:expr) => {
        $crate::load::conformance::conforms!($place;
            limits_round_trip,
            rows_come_change_and_go,
            kept_rows_stay,
            rows_of_others_are_blocked,
            a_snapshot_owns_its_days,
            days_that_the_last_load_left_are_not_fetched,
            a_load_that_was_overtaken_looks_at_every_day,
            a_broken_load_leaves_nothing,
            loads_exclude_each_other,
            preflight_trims_or_refuses,
            guards_hold,
            edits_by_hand_are_found,
            a_wrong_table_is_told,
            buckets_find_the_same_changes,
            the_projects_migrations_make_its_schema,
            widening_and_adding_keep_every_row,
            what_could_lose_something_is_left_to_a_person,
            files_and_database_that_disagree_are_told,
        );

        #[test]
        fn any_row_round_trips() {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            let place = runtime.block_on(async { $place });
            $crate::load::conformance::any_row_round_trips(&runtime, &place);
        }
    };
    ($place:expr; $($check:ident),* $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $check() {
            let place = $place;
            $crate::load::conformance::$check(&place).await;
        })*
    };
}
pub(super) use super::{migrate::checks::*, snapshots::*};
pub(super) use conforms;

/// A table with every type.
fn everything() -> Contract {
    state(
        "everything",
        vec![
            column("key", ColumnType::Varchar(40), "not null"),
            column("short", ColumnType::SmallInt, ""),
            column("whole", ColumnType::Integer, ""),
            column("long", ColumnType::BigInt, ""),
            column("ratio", ColumnType::Double, ""),
            column("name", ColumnType::Varchar(20), ""),
            column("note", ColumnType::Text, ""),
            column("day", ColumnType::Date, ""),
            column("moment", ColumnType::Timestamp, ""),
        ],
    )
}

/// All rows of the table as they are stored, in key order.
pub(super) async fn stored(destination: &Destination, contract: &Contract) -> Vec<Row> {
    let mut session = destination.open(false).await.unwrap();
    let target = target(session.as_mut(), contract).await;
    let kinds: Vec<ColumnType> = contract.columns.iter().map(|column| column.kind).collect();
    let sql = Statements::new(session.flavour(), &target).all_rows();
    let mut rows: Vec<Row> = Vec::new();
    session
        .fetch(&sql, &[], &kinds, &mut |row| {
            rows.push(row.iter().map(|value| value.clone().into_owned()).collect());
            Ok(())
        })
        .await
        .unwrap();
    rows
}

pub(super) async fn target(session: &mut dyn Session, contract: &Contract) -> Target {
    let facts = session.facts(&contract.table).await.unwrap();
    Target::check(contract, facts.as_ref()).unwrap()
}

pub(super) async fn loaded(destination: &Destination, contract: &Contract, rows: &[Row], as_of: u32) -> (u64, u64, u64, u64, u64) {
    let summary = load_one(destination, contract, &Arc::new(mart(contract, rows, as_of)), &manner(Mode::Load)).await;
    assert!(summary.error.is_none(), "{:?}", summary.error);
    numbers(&summary)
}

/// The limits of every type, NULL apart from the empty text, and texts that quoting or escaping could break.
pub(super) async fn limits_round_trip(place: &Place) {
    let destination = &place.destination;
    let contract = everything();
    place.migrated(&[&contract]).await;
    let null = || Value::Null;
    let rows: Vec<Row> = vec![
        vec![text(""), null(), null(), null(), null(), null(), null(), null(), null()],
        vec![
            text(" "),
            Value::Int(-32_768),
            Value::Int(i32::MIN.into()),
            Value::Int(i64::MIN),
            Value::Double(f64::MIN),
            text(""),
            text(""),
            Value::Date(-354_285),
            Value::Timestamp(-30_610_224_000),
        ],
        vec![
            text("A"),
            Value::Int(32_767),
            Value::Int(i32::MAX.into()),
            Value::Int(i64::MAX),
            Value::Double(f64::MAX),
            text("😀"),
            text("שלום"),
            Value::Date(2_932_896),
            Value::Timestamp(253_402_300_799),
        ],
        vec![
            text("a"),
            Value::Int(0),
            Value::Int(0),
            Value::Int(0),
            Value::Double(f64::MIN_POSITIVE),
            text("it's \"x\""),
            text("a\\b\n\r\t;--"),
            Value::Date(0),
            Value::Timestamp(-1),
        ],
        vec![text("a "), null(), null(), null(), Value::Double(0.1), text("NULL"), text("null"), null(), Value::Timestamp(0)],
        vec![text("é"), null(), null(), null(), Value::Double(5e-324), text("1"), text(&"x".repeat(70_000)), null(), null()],
    ];
    assert_eq!(loaded(destination, &contract, &rows, 1).await, (6, 0, 0, 0, 0));
    assert_eq!(stored(destination, &contract).await, rows);
}

fn any_row() -> impl Strategy<Value = Row> {
    let text_of = |most: usize| {
        vec(any::<char>().prop_filter("no NUL", |c| *c != '\0'), 0..=most).prop_map(|chars| text(&chars.into_iter().collect::<String>()))
    };
    let or_null = |value: BoxedStrategy<Value<'static>>| prop_oneof![1 => Just(Value::Null), 4 => value];
    (
        or_null(any::<i16>().prop_map(|n| Value::Int(n.into())).boxed()),
        or_null(any::<i32>().prop_map(|n| Value::Int(n.into())).boxed()),
        or_null(any::<i64>().prop_map(Value::Int).boxed()),
        or_null(any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| Value::Double(if n == 0.0 { 0.0 } else { n })).boxed()),
        or_null(text_of(20).boxed()),
        or_null(text_of(200).boxed()),
        or_null((-354_285..=2_932_896).prop_map(Value::Date).boxed()),
        or_null((-30_610_224_000_i64..=253_402_300_799).prop_map(Value::Timestamp).boxed()),
    )
        .prop_map(|(a, b, c, d, e, f, g, h)| vec![Value::Null, a, b, c, d, e, f, g, h])
}

/// Any row comes back as it was, with the hash that the mart's row has. The real database is the oracle.
pub(super) fn any_row_round_trips(runtime: &tokio::runtime::Runtime, place: &Place) {
    let destination = &place.destination;
    let contract = everything();
    runtime.block_on(place.migrated(&[&contract]));
    let config = ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() };
    let rows = vec((any_row(), "[ -~é😀]{0,30}"), 1..30).prop_map(|rows| {
        let mut rows: Vec<Row> = rows
            .into_iter()
            .map(|(mut row, key)| {
                row[0] = text(&key);
                row
            })
            .collect();
        rows.sort_by(|a, b| a[0].to_string().as_bytes().cmp(b[0].to_string().as_bytes()));
        rows.dedup_by(|a, b| a[0] == b[0]);
        rows
    });
    TestRunner::new(config)
        .run(&rows, |rows| {
            runtime.block_on(async {
                let mut free = manner(Mode::Load);
                free.accept_shrink = vec![contract.table.clone()];
                let first = load_one(destination, &contract, &Arc::new(mart(&contract, &rows, 1)), &free).await;
                prop_assert!(first.error.is_none(), "{:?}", first.error);
                let got = stored(destination, &contract).await;
                prop_assert_eq!(&got, &rows);
                for (got, want) in got.iter().zip(&rows) {
                    prop_assert_eq!(row_hash(got), row_hash(want));
                }
                let again = load_one(destination, &contract, &Arc::new(mart(&contract, &rows, 1)), &manner(Mode::Load)).await;
                prop_assert_eq!(numbers(&again), (0, 0, 0, rows.len() as u64, 0));
                let verified = load_one(destination, &contract, &Arc::new(mart(&contract, &rows, 1)), &manner(Mode::Verify)).await;
                prop_assert!(verified.error.is_none(), "{:?}", verified.error);
                Ok(())
            })
        })
        .unwrap();
}

/// New, changed, gone and untouched rows; what is `insert_only` stays as it was first written.
pub(super) async fn rows_come_change_and_go(place: &Place) {
    let destination = &place.destination;
    let contract = plans();
    place.migrated(&[&contract]).await;
    assert_eq!(loaded(destination, &contract, &[plan(1, "a", 10), plan(2, "b", 10), plan(3, "c", 10)], 1).await, (3, 0, 0, 0, 0));
    let next = [plan(2, "b", 20), plan(3, "C", 20), plan(4, "d", 20)];
    assert_eq!(loaded(destination, &contract, &next, 2).await, (1, 1, 1, 1, 0));
    assert_eq!(stored(destination, &contract).await, [plan(2, "b", 10), plan(3, "C", 10), plan(4, "d", 20)]);
    assert_eq!(loaded(destination, &contract, &next, 2).await, (0, 0, 0, 3, 0));
}

/// `on missing: keep` never deletes.
pub(super) async fn kept_rows_stay(place: &Place) {
    let destination = &place.destination;
    let contract = Contract { on_missing: OnMissing::Keep, ..plans() };
    place.migrated(&[&contract]).await;
    loaded(destination, &contract, &[plan(1, "a", 10), plan(2, "b", 10)], 1).await;
    assert_eq!(loaded(destination, &contract, &[plan(2, "B", 10)], 2).await, (0, 1, 0, 0, 0));
    assert_eq!(loaded(destination, &contract, &[], 3).await, (0, 0, 0, 0, 0));
    assert_eq!(stored(destination, &contract).await, [plan(1, "a", 10), plan(2, "B", 10)]);
}

/// Rows of others are neither changed nor deleted; one with a key of the mart is told as blocked.
pub(super) async fn rows_of_others_are_blocked(place: &Place) {
    let destination = &place.destination;
    let contract = plans();
    place.migrated(&[&contract]).await;
    let mut session = destination.open(false).await.unwrap();
    session.begin(Access::Write).await.unwrap();
    session.insert("plans", &["plan", "name"], &mut Few::new(&[vec![Value::Int(1), text("mine")], vec![Value::Int(9), text("mine")]])).await.unwrap();
    session.commit().await.unwrap();
    drop(session);
    let rows = [plan(1, "a", 10), plan(2, "b", 10)];
    for (as_of, inserted) in [(1, 1), (2, 0)] {
        let got = loaded(destination, &contract, &rows, as_of).await;
        assert_eq!((got.0, got.4), (inserted, 1));
    }
    let mine = |plan: i64| vec![Value::Int(plan), text("mine"), Value::Null];
    assert_eq!(stored(destination, &contract).await, [mine(1), plan(2, "b", 10), mine(9)]);
    let planned = load_one(destination, &contract, &Arc::new(mart(&contract, &rows, 3)), &manner(Mode::Plan)).await;
    assert!(planned.plan.unwrap().samples.iter().any(|sample| sample.action.word() == "blocked" && sample.key == "plan=1"));
}

/// A connection that goes away before the commit leaves the table as it was.
pub(super) async fn a_broken_load_leaves_nothing(place: &Place) {
    let destination = &place.destination;
    let contract = plans();
    place.migrated(&[&contract]).await;
    let before = [plan(1, "a", 10), plan(2, "b", 10)];
    loaded(destination, &contract, &before, 1).await;
    for statements in 0..3 {
        let mut session = destination.open(false).await.unwrap();
        let target = target(session.as_mut(), &contract).await;
        session.begin(Access::Write).await.unwrap();
        let delete = Statements::new(session.flavour(), &target).delete();
        if statements > 0 {
            assert_eq!(session.execute(&delete, &[vec![Value::Int(1)]]).await.unwrap(), 1);
        }
        if statements > 1 {
            session.insert("plans", &["plan", "_row_hash"], &mut Few::new(&[vec![Value::Int(7), Value::Int(7)]])).await.unwrap();
        }
        // A reader sees the old table meanwhile.
        assert_eq!(stored(destination, &contract).await, before);
        drop(session);
        assert_eq!(stored(destination, &contract).await, before);
    }
    assert_eq!(loaded(destination, &contract, &before, 1).await.3, 2);
}

/// Of two loads at once one waits, and says so if that takes too long.
pub(super) async fn loads_exclude_each_other(place: &Place) {
    let destination = &place.destination;
    let contract = plans();
    place.migrated(&[&contract]).await;
    let rows: Vec<Row> = (0..500).map(|n| plan(n, "x", 1)).collect();
    let (one, two) = (mart(&contract, &rows, 1), mart(&contract, &rows, 2));
    let (one, two) = (Arc::new(one), Arc::new(two));
    let way = manner(Mode::Load);
    let patient = destination.clone().waiting(std::time::Duration::from_secs(20));
    let (a, b) = tokio::join!(load_one(&patient, &contract, &one, &way), load_one(&patient, &contract, &two, &way));
    // Whichever came first, no row is lost or doubled; the older one may find that it comes too late.
    assert!([&a, &b].iter().any(|summary| summary.inserted == 500), "{a:?} {b:?}");
    assert!([&a, &b].iter().filter_map(|summary| summary.error.as_ref()).all(|error| error.kind() == Kind::Guard), "{a:?} {b:?}");
    assert_eq!(stored(destination, &contract).await, rows);

    let mut holder = destination.open(false).await.unwrap();
    holder.begin(Access::Write).await.unwrap();
    let locked = load_one(destination, &contract, &Arc::new(mart(&contract, &[plan(1, "y", 1)], 3)), &way).await;
    assert_eq!(locked.error.unwrap().kind(), Kind::Locked);
    holder.rollback().await.unwrap();
}

/// Cuts and removed NULs are counted, misfits stop the table before anything is written.
pub(super) async fn preflight_trims_or_refuses(place: &Place) {
    let destination = &place.destination;
    let contract = plans();
    place.migrated(&[&contract]).await;
    let rows = [plan(1, "😀😀😀😀😀😀😀😀😀😀😀", 1), plan(2, "a\0b\0", 1), plan(3, "0123456789", 1)];
    let summary = load_one(destination, &contract, &Arc::new(mart(&contract, &rows, 1)), &manner(Mode::Load)).await;
    assert_eq!((summary.cuts, summary.nuls, summary.inserted), (vec![("name".to_owned(), 1)], 2, 3));
    let kept = stored(destination, &contract).await;
    assert_eq!((&kept[0][1], &kept[1][1]), (&text("😀😀😀😀😀😀😀😀😀😀"), &text("ab")));

    let mut bad: Vec<Row> = (1..=7).map(|n| vec![Value::Null, text("x"), Value::Timestamp(n)]).collect();
    bad.push(vec![Value::Int(1), text("x"), Value::Timestamp(300_000_000_000)]);
    let error = load_one(destination, &contract, &Arc::new(mart(&contract, &bad, 2)), &manner(Mode::Load)).await.error.unwrap();
    let told = format!("{error:?}");
    assert_eq!(error.kind(), Kind::Preflight);
    assert!(told.contains("`plan` integer is NULL") && told.contains("7 rows") && told.contains("and 2 more"), "{told}");
    assert!(told.contains("`first_seen` timestamp is outside of the years 1000 to 9999 in 1 row: plan=1"), "{told}");

    let twice = load_one(destination, &contract, &Arc::new(mart(&contract, &[plan(4, "a", 1), plan(4, "b", 1)], 2)), &manner(Mode::Load))
        .await
        .error
        .unwrap();
    assert!(format!("{twice:?}").contains("1 row of `plans` has a key that another row has: plan=4"), "{twice:?}");
    assert_eq!(stored(destination, &contract).await, kept);
}

/// Shrinking, emptying and going back in time are refused until they are asked for.
pub(super) async fn guards_hold(place: &Place) {
    let destination = &place.destination;
    let contract = plans();
    place.migrated(&[&contract]).await;
    let rows: Vec<Row> = (0..60).map(|n| plan(n, "x", 1)).collect();
    loaded(destination, &contract, &rows, 5).await;
    let accepting = {
        let mut way = manner(Mode::Load);
        way.accept_shrink = vec!["plans".to_owned()];
        way
    };
    for left in [30, 0] {
        let fewer = Arc::new(mart(&contract, &rows[..left], 6));
        let refused = load_one(destination, &contract, &fewer, &manner(Mode::Load)).await;
        let error = refused.error.unwrap();
        assert_eq!((error.kind(), refused.deleted), (Kind::Guard, 0));
        assert!(error.remedy().unwrap().contains("--accept-shrink plans"));
        let planned = load_one(destination, &contract, &fewer, &manner(Mode::Plan)).await;
        assert!(planned.error.is_some() && planned.deleted > 0 && !planned.plan.unwrap().samples.is_empty());
        assert_eq!(load_one(destination, &contract, &fewer, &accepting).await.deleted, 30);
    }
    let older = Arc::new(mart(&contract, &rows, 4));
    assert_eq!(load_one(destination, &contract, &older, &manner(Mode::Load)).await.error.unwrap().kind(), Kind::Guard);
    let asked = {
        let mut way = manner(Mode::Load);
        way.asked_for = true;
        way
    };
    assert_eq!(load_one(destination, &contract, &older, &asked).await.inserted, 60);
}

/// Rows edited by hand are invisible to a load, found by `--verify`, and told from rows that wait for a load.
pub(super) async fn edits_by_hand_are_found(place: &Place) {
    let destination = &place.destination;
    let contract = plans();
    place.migrated(&[&contract]).await;
    let rows: Vec<Row> = (1..=20).map(|n| plan(n, "x", 1)).collect();
    let loaded_mart = Arc::new(mart(&contract, &rows, 1));
    load_one(destination, &contract, &loaded_mart, &manner(Mode::Load)).await;
    let mut session = destination.open(false).await.unwrap();
    let target = target(session.as_mut(), &contract).await;
    let update = Statements::new(session.flavour(), &target).update();
    let old_hash = row_hash(&rows[7][..2]);
    session.execute(&update, &[vec![text("edited"), Value::Int(old_hash), Value::Int(8)]]).await.unwrap();
    drop(session);
    assert_eq!(numbers(&load_one(destination, &contract, &loaded_mart, &manner(Mode::Load)).await), (0, 0, 0, 20, 0));

    let mut newer = rows.clone();
    newer[1] = plan(2, "new", 1);
    newer.push(plan(21, "x", 1));
    let summary = load_one(destination, &contract, &Arc::new(mart(&contract, &newer, 2)), &manner(Mode::Verify)).await;
    let found = summary.verification.unwrap();
    assert_eq!((found.rows, found.edited, found.pending, found.missing, found.surplus), (20, 1, 1, 1, 0));
    let sample = &found.samples[0];
    assert_eq!((sample.key.as_str(), sample.changes[0].table.as_str(), sample.changes[0].mart.as_str()), ("plan=8", "'edited'", "'x'"));
    assert!(format!("{:?}", summary.error.unwrap()).contains("1 row of `plans` was edited by hand: plan=8"));
}

/// A table that is not there, or not as the contract wants it, is told with the way out.
pub(super) async fn a_wrong_table_is_told(place: &Place) {
    let destination = &place.destination;
    let contract = plans();
    place.migrated(&[&contract]).await;
    let other = state("absent", contract.columns.clone());
    let missing = load_one(destination, &other, &Arc::new(mart(&other, &[], 1)), &manner(Mode::Load)).await.error.unwrap();
    assert_eq!((missing.kind(), missing.remedy()), (Kind::Database, Some("run `etl migrate run`")));
    let mut wider = contract.clone();
    wider.columns[1].kind = ColumnType::Varchar(11);
    wider.columns.push(column("more", ColumnType::Date, ""));
    let error = load_one(destination, &wider, &Arc::new(mart(&wider, &[], 1)), &manner(Mode::Load)).await.error.unwrap();
    let told = format!("{error:?}");
    assert!(told.contains("column `name` is varchar(10), which cannot hold varchar(11); column `more` is missing"), "{told}");
    assert!(error.remedy().unwrap().contains("etl migrate run"));
}

/// Comparing buckets before keys finds the same changes, rows of others among them, and reads few rows.
pub(super) async fn buckets_find_the_same_changes(place: &Place) {
    let destination = &place.destination;
    let contract = plans();
    place.migrated(&[&contract]).await;
    let mut by_bucket = manner(Mode::Load);
    by_bucket.bucketed_from = 0;
    let rows: Vec<Row> = (0..2_000).map(|number| plan(number, "x", 1)).collect();
    let first = load_one(destination, &contract, &Arc::new(mart(&contract, &rows, 1)), &by_bucket).await;
    assert_eq!(numbers(&first), (2_000, 0, 0, 0, 0), "{:?}", first.error);
    place.run("insert into plans (plan, name) values (5000, 'mine')").await;
    let mut next: Vec<Row> = rows[..1_990].to_vec();
    for number in [3, 700, 1_500] {
        next[number] = plan(number as i64, "y", 1);
    }
    next.extend((3_000..3_005).chain([5_000]).map(|number| plan(number, "new", 1)));
    let next_mart = Arc::new(mart(&contract, &next, 2));
    let second = load_one(destination, &contract, &next_mart, &by_bucket).await;
    assert_eq!(numbers(&second), (5, 3, 10, 1_987, 1), "{:?}", second.error);
    next.last_mut().unwrap().splice(1.., [text("mine"), Value::Null]);
    assert_eq!(stored(destination, &contract).await, next);
    let third =
        load_one(destination, &contract, &Arc::new(mart(&contract, &[&next[..1_995], &[plan(5_000, "new", 1)]].concat(), 3)), &by_bucket).await;
    assert_eq!(numbers(&third), (0, 0, 0, 1_995, 1), "{:?}", third.error);
}
