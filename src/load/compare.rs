//! Reads what the table holds and compares it with a mart: first by one digest, then row by row.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use chrono::NaiveDate;

use super::{
    buckets::{Buckets, bucket},
    canonical::{Canonical, SetDigest},
    cores::on_all_cores,
    diff::{Diff, Differ, MartRow},
    folds::{self, Folds},
    mart::{Mart, Rows, key_text},
    picked::rows_at,
    preflight::{SAMPLES, duplicates},
    session::Session,
    statement::Statements,
    target::Target,
    value::{Value, days_of},
};
use crate::{
    catalog::{ColumnType, Contract},
    error::{Error, Kind, Result},
};

/// The days of a snapshot as parameters.
pub(super) fn day_parameters<'d>(days: impl IntoIterator<Item = &'d NaiveDate>) -> Vec<Value<'static>> {
    days.into_iter().map(|day| Value::Date(days_of(*day))).collect()
}

/// What the owned rows come to.
pub(super) async fn digest(session: &mut dyn Session, target: &Target, days: &[Value<'_>]) -> Result<SetDigest> {
    let sql = Statements::new(session.flavour(), target).digest(days.len());
    let mut digest = SetDigest::default();
    session
        .fetch(&sql, days, &[ColumnType::BigInt; 3], &mut |row| {
            digest = SetDigest::of(row);
            Ok(())
        })
        .await?;
    Ok(digest)
}

/// The difference between mart and table, row by row. `hashes`: of the mart's rows, in order.
///
/// # Errors
/// [`crate::error::Kind::Preflight`] for keys that are in the mart more than once.
pub(super) async fn difference(
    session: &mut dyn Session,
    contract: &Contract,
    target: &Target,
    mart: &Mart,
    hashes: &[i64],
    days: &[Value<'_>],
    bucketed: bool,
) -> Result<Diff<Vec<Value<'static>>>> {
    let folds = Folds::ask(session, contract, target, mart, days).await?;
    // Keys that are equal under a collation only may stand in different buckets, so there all are needed.
    let buckets = if bucketed && !folds::is_needed(target) { Buckets::compare(session, target, hashes, days).await?.worth_marking() } else { None };
    let marked = buckets.as_ref().map(|buckets| buckets.marked.as_slice());
    let begin = || index(contract, target, mart, hashes, &folds, marked);
    let mut kinds: Vec<ColumnType> = target.key.iter().map(|key| contract.columns[key.position].kind).collect();
    kinds.push(ColumnType::BigInt);
    let spared = Spared::of(target, mart);
    let sql = Statements::new(session.flavour(), target).keys(days.len(), marked);
    let mut canonical = Canonical::default();
    let mut begun = None;
    session
        .fetch(&sql, days, &kinds, &mut |row| {
            // Only now that the server is at work: it goes on sending while the mart's keys are read.
            if begun.is_none() {
                begun = Some(begin()?);
            }
            let (Some(differ), Some((hash, key))) = (&mut begun, row.split_last()) else { return Ok(()) };
            let hash = match hash {
                Value::Int(hash) => Some(*hash),
                _ => None,
            };
            differ.see(folds.fingerprint(&mut canonical, key), hash, spared.holds(key), || {
                key.iter().map(|value| value.clone().into_owned()).collect()
            });
            Ok(())
        })
        .await?;
    let mut diff = begun.map_or_else(begin, Ok)?.finish();
    diff.add_rest(buckets.as_ref().map(|buckets| buckets.settled).unwrap_or_default());
    Ok(diff)
}

/// The rows that are not deleted, although the mart does not have them: not every scope behind it was read.
struct Spared {
    all: bool,
    /// The day column's place in the key, and the days.
    days: Option<(usize, BTreeSet<i32>)>,
}

impl Spared {
    fn of(target: &Target, mart: &Mart) -> Self {
        let origin = &mart.head.origin;
        let place = target.date.as_ref().and_then(|date| target.key.iter().position(|key| key.name == *date));
        let days = place.map(|place| (place, origin.unread_days.iter().map(|day| days_of(*day)).collect()));
        Self { all: days.is_none() && !origin.never_read.is_empty(), days }
    }

    fn holds(&self, key: &[Value<'_>]) -> bool {
        let of_day = |(place, days): &(usize, BTreeSet<i32>)| matches!(key.get(*place), Some(Value::Date(day)) if days.contains(day));
        self.all || self.days.as_ref().is_some_and(of_day)
    }
}

/// The mart's keys, or those in marked buckets: only the key columns are read, on all cores.
fn index(
    contract: &Contract,
    target: &Target,
    mart: &Mart,
    hashes: &[i64],
    folds: &Folds,
    marked: Option<&[bool]>,
) -> Result<Differ<Vec<Value<'static>>>> {
    let differ = Mutex::new(Differ::new(contract.on_missing));
    let names: Vec<&str> = target.key.iter().map(|key| key.name.as_str()).collect();
    let positions: Vec<usize> = target.key.iter().map(|key| key.position).collect();
    on_all_cores((mart.open)()?, Some(&names), Canonical::default, |canonical, first, batch| {
        let rows = Rows::of_columns(batch, contract, mart, &positions)?;
        let (mut found, mut key) = (Vec::with_capacity(rows.len()), Vec::with_capacity(positions.len()));
        for (row, position) in (first..first + rows.len()).enumerate() {
            let more = || Error::new(Kind::Internal, format!("the mart `{}` had more rows when it was read again", contract.table));
            let hash = *hashes.get(position).ok_or_else(more)?;
            if marked.is_some_and(|marked| !marked[bucket(hash)]) {
                continue;
            }
            key.clear();
            for column in &positions {
                key.push(rows.sound(*column, row)?);
            }
            found.push(MartRow { key: folds.fingerprint(canonical, &key), hash, position: u32::try_from(position).map_err(|_| more())? });
        }
        differ.lock().unwrap_or_else(PoisonError::into_inner).add(&found);
        Ok(())
    })?;
    let mut differ = differ.into_inner().unwrap_or_else(PoisonError::into_inner);
    let twice = differ.twice();
    if twice.is_empty() {
        return Ok(differ);
    }
    let mut samples = Vec::new();
    for row in rows_at(contract, mart, &twice[..twice.len().min(SAMPLES)])? {
        samples.push(key_text(contract, positions.iter().map(|position| &row[*position])));
    }
    Err(duplicates(contract, target, twice.len() as u64, &samples))
}
