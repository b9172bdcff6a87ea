//! Takes over rows of the old scripts whose key the mart has: they become rows of `etl` that differ, and the load that
//! follows in the same transaction writes them as the mart has them. Their `id` and their first-seen times stay.

use std::collections::HashMap;

use crate::{
    catalog::{ColumnType, Contract},
    error::{Error, Kind, Result},
    load::{
        mart::{Mart, Rows, key_text},
        picked::rows_at,
        session::Session,
        statement::Statements,
        target::Target,
        value::Value,
    },
};

use super::rows::renumbered;

/// Rows read and marked at a time.
const HANDED: usize = 25_000;

/// Marks the rows that block these positions of the mart.
pub(in crate::load) async fn take(session: &mut dyn Session, contract: &Contract, target: &Target, mart: &Mart, blocked: &[u32]) -> Result<()> {
    let sql = Statements::new(session.flavour(), target).take();
    for positions in blocked.chunks(HANDED) {
        let rows = rows_at(contract, mart, positions)?;
        same_ids(session, contract, target, &rows).await?;
        let keys: Vec<Vec<Value<'_>>> = rows.iter().map(|row| target.key.iter().map(|key| row[key.position].borrowed()).collect()).collect();
        session.execute(&sql, &keys).await?;
    }
    Ok(())
}

/// Ids of lookup tables come from the project's seeds, and rows of other tables hold them: a seed that disagrees with the
/// database would make all of those name something else.
async fn same_ids(session: &mut dyn Session, contract: &Contract, target: &Target, rows: &[Vec<Value<'_>>]) -> Result<()> {
    let id = contract.columns.iter().position(|column| column.name == "id" && !contract.key.contains(&column.name));
    let Some(id) = id.filter(|_| !renumbered(&contract.table)) else { return Ok(()) };
    let kinds: Vec<ColumnType> = contract.columns.iter().map(|column| column.kind).collect();
    let sql = Statements::new(session.flavour(), target).one_row();
    for row in rows {
        let key: Vec<Value<'_>> = target.key.iter().map(|key| row[key.position].borrowed()).collect();
        let mut stored = Value::Null;
        session
            .fetch(&sql, &key, &kinds, &mut |found| {
                stored = found[id].clone().into_owned();
                Ok(())
            })
            .await?;
        if stored != row[id] {
            return Err(Error::new(
                Kind::Database,
                format!(
                    "the row {} of `{}` has the id {stored} and is to have {}, and rows of other tables hold the old one",
                    key_text(contract, &key),
                    contract.table,
                    row[id]
                ),
            )
            .hint(format!("give it that id in sql/seeds/{}.csv, transform, and load again", contract.table)));
        }
    }
    Ok(())
}

/// Fills in a key column that old rows do not have (`app` of a build, the keyword of a bug): where the rest of the key stands
/// in exactly one row of the mart, the value is that row's. One old row gets it, the newest.
pub(in crate::load) async fn complete(session: &mut dyn Session, contract: &Contract, target: &Target, mart: &Mart) -> Result<()> {
    let statements = Statements::new(session.flavour(), target);
    for missing in target.key.iter().filter(|key| target.date.as_ref() != Some(&key.name)) {
        let rest: Vec<&str> = target.key.iter().map(|key| key.name.as_str()).filter(|name| *name != missing.name).collect();
        if !rest.iter().any(|name| target.date.as_deref() != Some(name)) {
            continue;
        }
        let mut keyless = 0;
        session
            .fetch(&statements.keyless(&missing.name), &[], &[ColumnType::BigInt], &mut |row| {
                keyless = row.first().map_or(0, |value| if let Value::Int(count) = value { *count } else { 0 });
                Ok(())
            })
            .await?;
        if keyless == 0 {
            continue;
        }
        let places: Vec<usize> = target.key.iter().filter(|key| key.name != missing.name).map(|key| key.position).collect();
        let fill = statements.fill(&missing.name, &rest, contract.identity.as_deref());
        let rows = alone(contract, mart, missing.position, &places)?;
        for rows in rows.chunks(HANDED) {
            session.execute(&fill, rows).await?;
        }
    }
    Ok(())
}

/// The value at `missing` and those at `places`, of rows whose values at `places` no other row has.
fn alone(contract: &Contract, mart: &Mart, missing: usize, places: &[usize]) -> Result<Vec<Vec<Value<'static>>>> {
    let mut seen: HashMap<String, Option<Vec<Value<'static>>>> = HashMap::new();
    for batch in mart.batches()? {
        let batch = batch?;
        let rows = Rows::of(&batch, contract, mart)?;
        for row in 0..rows.len() {
            let values = std::iter::once(missing).chain(places.iter().copied()).map(|place| Ok(rows.sound(place, row)?.into_owned()));
            let values = values.collect::<Result<Vec<_>>>()?;
            let rest = format!("{:?}", &values[1..]);
            seen.entry(rest).and_modify(|found| *found = None).or_insert(Some(values));
        }
    }
    Ok(seen.into_values().flatten().collect())
}
