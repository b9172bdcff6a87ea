//! What every engine must do with snapshots, whose days come and stay. The conformance suite lists these checks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use chrono::NaiveDate;
use futures::future::BoxFuture;
use uuid::Uuid;

use super::{
    conformance::stored,
    mart::{Before, Head, Mart, Published},
    sample::{Place, Row, column, day, january, load_one, manner, mart, numbers, state},
    table::{Mode, TableSummary},
    value::Value,
};
use crate::{
    catalog::{ColumnType, Contract, Grain, OnMissing},
    error::{Kind, Result},
};

/// `on_day date`, `thing integer` (the key) and `n integer`.
fn daily() -> Contract {
    let mut contract = state(
        "daily",
        vec![column("on_day", ColumnType::Date, "not null"), column("thing", ColumnType::Integer, "not null"), column("n", ColumnType::Integer, "")],
    );
    contract.key = vec!["on_day".to_owned(), "thing".to_owned()];
    contract.grain = Grain::Snapshot { of: "x".to_owned(), date: "on_day".to_owned() };
    contract
}

fn row(on: u32, thing: i64, n: i64) -> Row {
    vec![day(on), Value::Int(thing), Value::Int(n)]
}

/// A snapshot mart compares and deletes inside its own days only.
pub(super) async fn a_snapshot_owns_its_days(place: &Place) {
    let (destination, contract) = (&place.destination, daily());
    place.migrated(&[&contract]).await;
    let load = async |rows: &[Row], days: &[u32], as_of: u32| {
        let mut mart = mart(&contract, rows, as_of);
        mart.head.days = Some(january(days));
        load_one(destination, &contract, &Arc::new(mart), &manner(Mode::Load)).await
    };
    assert_eq!(numbers(&load(&[row(1, 1, 1), row(1, 2, 1), row(2, 1, 1)], &[1, 2], 2).await), (3, 0, 0, 0, 0));
    // Day 1 is not in this mart: a lost lake or retention deletes nothing.
    assert_eq!(numbers(&load(&[row(2, 1, 2), row(3, 1, 1)], &[2, 3], 3).await), (1, 1, 0, 0, 0));
    // A day that was computed and has fewer rows loses them.
    assert_eq!(numbers(&load(&[row(1, 2, 1)], &[1], 4).await), (0, 0, 1, 1, 0));
    assert_eq!(stored(destination, &contract).await, [row(1, 2, 1), row(2, 1, 2), row(3, 1, 1)]);
    let outside = load(&[row(5, 1, 1)], &[4], 5).await.error.unwrap();
    assert_eq!(outside.kind(), Kind::Preflight);
}

/// The file of a day: which one it is, and its rows as (thing, n).
type File = (u32, Vec<(i64, i64)>);

/// Marts of [`daily`] whose days lie in files of their own, with a past.
struct Days {
    head: Head,
    contract: Contract,
    files: BTreeMap<NaiveDate, File>,
    /// What was published before, by transform.
    past: BTreeMap<Uuid, BTreeMap<NaiveDate, File>>,
    /// Days fetched, as days of the month; each time ends with 0.
    fetched: Mutex<Vec<u32>>,
    /// What somebody else does when files are fetched for the first time.
    meanwhile: Mutex<Option<BoxFuture<'static, ()>>>,
}

impl Days {
    /// The first one.
    fn first(files: &[(u32, File)], as_of: u32) -> Self {
        Self::published(BTreeMap::new(), files, as_of)
    }

    /// The next one.
    fn then(&self, files: &[(u32, File)], as_of: u32) -> Self {
        let mut past = self.past.clone();
        past.insert(self.head.transform_id, self.files.clone());
        Self::published(past, files, as_of)
    }

    fn published(past: BTreeMap<Uuid, BTreeMap<NaiveDate, File>>, files: &[(u32, File)], as_of: u32) -> Self {
        let files: BTreeMap<NaiveDate, File> = files.iter().map(|(on, file)| (january(&[*on]).pop_first().unwrap(), file.clone())).collect();
        let contract = daily();
        let head = Head { days: Some(files.keys().copied().collect()), ..mart(&contract, &[], as_of).head };
        Self { head, contract, files, past, fetched: Mutex::default(), meanwhile: Mutex::default() }
    }

    fn fetched(&self) -> Vec<u32> {
        std::mem::take(&mut self.fetched.lock().unwrap())
    }
}

fn number(day: NaiveDate) -> u32 {
    chrono::Datelike::day(&day)
}

impl Published for Days {
    fn head(&self) -> &Head {
        &self.head
    }

    fn before(&self, transform_id: Uuid) -> BoxFuture<'_, Result<Option<Before>>> {
        let before = self.past.get(&transform_id).map(|before| Before {
            days: before.keys().copied().collect(),
            replay: false,
            same: before.iter().filter(|(day, file)| self.files.get(day).is_some_and(|ours| ours.0 == file.0)).map(|(day, _)| *day).collect(),
        });
        Box::pin(async { Ok(before) })
    }

    fn fetch<'a>(&'a self, days: Option<&'a BTreeSet<NaiveDate>>) -> BoxFuture<'a, Result<Mart>> {
        Box::pin(async move {
            let days = days.or(self.head.days.as_ref()).unwrap();
            self.fetched.lock().unwrap().extend(days.iter().map(|day| number(*day)).chain([0]));
            let meanwhile = self.meanwhile.lock().unwrap().take();
            if let Some(meanwhile) = meanwhile {
                meanwhile.await;
            }
            let rows: Vec<Row> = self
                .files
                .iter()
                .filter(|(day, _)| days.contains(day))
                .flat_map(|(day, (_, rows))| rows.iter().map(|(thing, n)| row(number(*day), *thing, *n)))
                .collect();
            Ok(Mart { head: Head { days: Some(days.clone()), ..self.head.clone() }, ..mart(&self.contract, &rows, 1) })
        })
    }
}

/// A load fetches the days whose files are others than those of the last load, and all of them where anything speaks
/// against that. What the table holds is the same either way.
pub(super) async fn days_that_the_last_load_left_are_not_fetched(place: &Place) {
    let (destination, contract) = (&place.destination, daily());
    place.migrated(&[&contract]).await;
    let load = async |days: Days, contract: &Contract| -> (Days, (u64, u64, u64, u64, u64), Vec<u32>) {
        let days = Arc::new(days);
        let summary: TableSummary = load_one(destination, contract, &days, &manner(Mode::Load)).await;
        assert!(summary.error.is_none(), "{:?}", summary.error);
        // Whatever was fetched, the table holds the mart's days as they are.
        let mut want: Vec<Row> = days.files.iter().flat_map(|(day, (_, rows))| rows.iter().map(|(thing, n)| row(number(*day), *thing, *n))).collect();
        want.sort_by_key(|row| format!("{row:?}"));
        let mut got = stored(destination, contract).await;
        got.retain(|row| want.iter().any(|wanted| wanted[0] == row[0]));
        got.sort_by_key(|row| format!("{row:?}"));
        assert_eq!(got, want);
        let fetched = days.fetched();
        (Arc::into_inner(days).unwrap(), numbers(&summary), fetched)
    };
    let (one, two, three): ((u32, File), (u32, File), (u32, File)) =
        ((1, (1, vec![(1, 1), (2, 1), (3, 1)])), (2, (1, vec![(1, 1), (2, 1), (3, 1)])), (3, (1, vec![(1, 1)])));
    let (first, counts, fetched) = load(Days::first(&[one.clone(), two.clone()], 2), &contract).await;
    assert_eq!((counts, fetched), ((6, 0, 0, 0, 0), vec![1, 2, 0]));
    // A new day, then the same mart once more.
    let (second, counts, fetched) = load(first.then(&[one.clone(), two.clone(), three.clone()], 3), &contract).await;
    assert_eq!((counts, fetched), ((1, 0, 0, 6, 0), vec![3, 0]));
    let (second, counts, fetched) = load(second, &contract).await;
    assert_eq!((counts, fetched), ((0, 0, 0, 7, 0), vec![]));
    // The last day was computed again, and has more rows; then fewer: of that day half, of the table a seventh.
    let (third, counts, fetched) = load(second.then(&[one.clone(), two.clone(), (3, (2, vec![(1, 2), (2, 2)]))], 3), &contract).await;
    assert_eq!((counts, fetched), ((1, 1, 0, 6, 0), vec![3, 0]));
    let (fourth, counts, fetched) = load(third.then(&[one.clone(), two.clone(), three.clone()], 3), &contract).await;
    assert_eq!((counts, fetched), ((0, 1, 1, 6, 0), vec![3, 0]));
    // A mart with the same files in all of its days, and one that has lost a day.
    let (fifth, counts, fetched) = load(fourth.then(&[one.clone(), two.clone(), three.clone()], 4), &contract).await;
    assert_eq!((counts, fetched), ((0, 0, 0, 7, 0), vec![0]));
    let (sixth, counts, fetched) = load(fifth.then(&[two.clone(), three.clone()], 5), &contract).await;
    assert_eq!((counts, fetched), ((0, 0, 0, 4, 0), vec![0]));
    // Somebody has changed a row since.
    place.run("update daily set n = 9, _row_hash = 0 where thing = 2").await;
    let four: (u32, File) = (4, (1, vec![(1, 1)]));
    let (seventh, counts, fetched) = load(sixth.then(&[two.clone(), three.clone(), four.clone()], 6), &contract).await;
    assert_eq!((counts, fetched), ((1, 1, 0, 3, 0), vec![2, 3, 4, 0]));
    // The contract says otherwise how rows are stored.
    let keeping = Contract { on_missing: OnMissing::Keep, ..contract.clone() };
    let (eighth, counts, fetched) = load(seventh.then(&[two.clone(), three.clone(), four.clone()], 7), &keeping).await;
    assert_eq!((counts, fetched), ((0, 0, 0, 5, 0), vec![2, 3, 4, 0]));
    // A transform of which nothing is known, and a plan.
    let unknown = Days::first(&[two.clone(), three.clone(), four.clone()], 8);
    let (ninth, counts, fetched) = load(unknown, &keeping).await;
    assert_eq!((counts, fetched), ((0, 0, 0, 5, 0), vec![2, 3, 4, 0]));
    let planned = Arc::new(ninth.then(&[two, three, four, (5, (1, vec![(1, 1), (2, 1)]))], 9));
    assert_eq!(numbers(&load_one(destination, &keeping, &planned, &manner(Mode::Plan)).await), (2, 0, 0, 5, 0));
    assert_eq!(planned.fetched(), [5, 0]);
    let verified = load_one(destination, &keeping, &planned, &manner(Mode::Verify)).await.verification.unwrap();
    assert_eq!((verified.rows, verified.missing, planned.fetched()), (5, 2, vec![2, 3, 4, 5, 0]));
    // A row that was left out may be free the next time.
    place.run("insert into daily (on_day, thing, n) values ('2025-01-05', 1, 7)").await;
    let blocked = load_one(destination, &keeping, &planned, &manner(Mode::Load)).await;
    assert_eq!((numbers(&blocked), planned.fetched()), ((1, 0, 0, 5, 1), vec![5, 0]));
    place.run("delete from daily where n = 7").await;
    let freed = load_one(destination, &keeping, &planned, &manner(Mode::Load)).await;
    assert_eq!((numbers(&freed), planned.fetched()), ((1, 0, 0, 6, 0), vec![2, 3, 4, 5, 0]));
    assert!(eighth.fetched().is_empty());
}

/// Between the look at the table and the lock another load may come.
pub(super) async fn a_load_that_was_overtaken_looks_at_every_day(place: &Place) {
    let (destination, contract) = (&place.destination, daily());
    place.migrated(&[&contract]).await;
    let (one, two): ((u32, File), (u32, File)) = ((1, (1, vec![(1, 1), (2, 1)])), (2, (1, vec![(1, 1)])));
    let first = Arc::new(Days::first(std::slice::from_ref(&one), 1));
    assert_eq!(load_one(destination, &contract, &first, &manner(Mode::Load)).await.inserted, 2);
    let other = Arc::new(first.then(&[(1, (2, vec![(1, 5)]))], 2));
    let ours = Arc::new(first.then(&[one, two], 2));
    let (theirs, at, by) = (Arc::clone(&other), destination.clone(), contract.clone());
    *ours.meanwhile.lock().unwrap() = Some(Box::pin(async move {
        let overtaking = load_one(&at, &by, &theirs, &manner(Mode::Load)).await;
        assert_eq!(numbers(&overtaking), (0, 1, 1, 0, 0), "{:?}", overtaking.error);
    }));
    let summary = load_one(destination, &contract, &ours, &manner(Mode::Load)).await;
    assert_eq!(numbers(&summary), (2, 1, 0, 0, 0), "{:?}", summary.error);
    assert_eq!(ours.fetched(), [2, 0, 1, 2, 0]);
    assert_eq!(stored(destination, &contract).await, [row(1, 1, 1), row(1, 2, 1), row(2, 1, 1)]);
}
