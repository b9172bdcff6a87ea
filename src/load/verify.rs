//! `--verify`: whether the table still holds what was loaded, by its values and not by the hashes stored beside them.
//!
//! Every owned row is read in full. Its values are brought into the canonical form and compared, by 16 bytes of SHA-256,
//! with the mart's and with the hash stored in the row. So a row that someone edited by hand is told from a row that the
//! mart has changed since the last load.

use std::collections::HashMap;

use super::{
    canonical::Canonical,
    folds::Folds,
    mart::{Mart, Rows, key_text},
    picked::rows_at,
    plan::{Change, changes},
    session::Session,
    statement::Statements,
    target::Target,
    value::Value,
};
use crate::{
    catalog::{ColumnType, Contract},
    error::Result,
};

/// Rows that are shown.
const SHOWN: usize = 20;

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Owned rows that were read.
    pub rows: u64,
    /// Rows whose values are not those that their hash was made of: edited by hand.
    pub edited: u64,
    /// Rows as they were loaded, which the mart has changed since: the next load updates them.
    pub pending: u64,
    /// Rows of the mart that the table does not have: not loaded yet, or deleted by hand.
    pub missing: u64,
    /// Owned rows that the mart does not have.
    pub surplus: u64,
    /// Some of the edited rows.
    pub samples: Vec<Edited>,
}

/// A row that was edited by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// `a=1, b=x`.
    pub key: String,
    /// The columns that differ from the mart; empty if the mart does not have the row.
    pub changes: Vec<Change>,
}

struct Expected {
    values: u128,
    position: u32,
    seen: bool,
}

/// Compares all values of the owned rows with the mart.
pub(super) async fn verify(session: &mut dyn Session, contract: &Contract, target: &Target, mart: &Mart, days: &[Value<'_>]) -> Result<Verification> {
    let folds = Folds::ask(session, contract, target, mart, days).await?;
    let mut expected = expected(contract, target, mart, &folds)?;
    let mut kinds: Vec<ColumnType> = contract.columns.iter().map(|column| column.kind).collect();
    kinds.push(ColumnType::BigInt);
    let sql = Statements::new(session.flavour(), target).owned_rows(days.len());
    let mut found = Verification::default();
    let mut edited: Vec<(Option<u32>, Vec<Value<'static>>)> = Vec::new();
    let mut canonical = Canonical::default();
    session
        .fetch(&sql, days, &kinds, &mut |row| {
            found.rows += 1;
            let key: Vec<Value<'_>> = target.key.iter().map(|key| row[key.position].borrowed()).collect();
            let mart_row = expected.get_mut(&folds.fingerprint(&mut canonical, &key));
            canonical.start();
            target.hashed.iter().for_each(|position| canonical.push(&row[*position]));
            let (hash, values) = canonical.hash_and_digest();
            let as_loaded = row.last() == Some(&Value::Int(hash));
            let position = mart_row.map(|mart_row| {
                mart_row.seen = true;
                (mart_row.position, mart_row.values == values)
            });
            match position {
                Some((_, true)) if as_loaded => return Ok(()),
                None => found.surplus += 1,
                Some(_) if as_loaded => found.pending += 1,
                Some(_) => {}
            }
            if !as_loaded {
                found.edited += 1;
                if edited.len() < SHOWN {
                    edited.push((position.map(|(position, _)| position), row.iter().map(|value| value.clone().into_owned()).collect()));
                }
            }
            Ok(())
        })
        .await?;
    found.missing = expected.values().filter(|row| !row.seen).count() as u64;
    edited.sort_by_key(|(position, _)| *position);
    let positions: Vec<u32> = edited.iter().filter_map(|(position, _)| *position).collect();
    let mut mart_rows = rows_at(contract, mart, &positions)?.into_iter();
    for (position, row) in &edited {
        let key: Vec<Value<'_>> = target.key.iter().map(|key| row[key.position].borrowed()).collect();
        let mart_row = if position.is_some() { mart_rows.next() } else { None };
        let changes = mart_row.map(|mart_row| changes(contract, target, row, &mart_row)).unwrap_or_default();
        found.samples.push(Edited { key: key_text(contract, &key), changes });
    }
    Ok(found)
}

fn expected(contract: &Contract, target: &Target, mart: &Mart, folds: &Folds) -> Result<HashMap<u128, Expected>> {
    let mut expected = HashMap::new();
    let mut canonical = Canonical::default();
    let mut position = 0;
    for batch in mart.batches()? {
        let batch = batch?;
        let rows = Rows::of(&batch, contract, mart)?;
        for row in 0..rows.len() {
            let values = rows.row(row)?;
            let key: Vec<Value<'_>> = target.key.iter().map(|key| values[key.position].borrowed()).collect();
            let key = folds.fingerprint(&mut canonical, &key);
            canonical.start();
            target.hashed.iter().for_each(|position| canonical.push(&values[*position]));
            expected.insert(key, Expected { values: canonical.hash_and_digest().1, position, seen: false });
            position += 1;
        }
    }
    Ok(expected)
}
