//! Makes the table equal to the mart. Runs inside the caller's transaction and holds no DDL.

use super::{
    diff::Diff,
    mart::{Mart, Rows},
    picked::{Found, Picked},
    session::{Session, Source},
    statement::{ROW_HASH, Sql, Statements},
    target::Target,
    value::Value,
};
use crate::{
    catalog::Contract,
    error::{Error, Kind, Result},
    names::count,
};

/// Changed rows handed to the session at once, about: each handing over costs a round trip or two.
const HANDED: usize = 25_000;

/// Bytes of their batches, about; bounds what is held in memory.
const HANDED_BYTES: usize = 16 << 20;

/// All that writing a mart needs.
pub(super) struct Writing<'a> {
    pub(super) contract: &'a Contract,
    pub(super) target: &'a Target,
    pub(super) mart: &'a Mart,
    /// Of all its rows, in order.
    pub(super) hashes: &'a [i64],
}

/// Deletes, updates and inserts what the difference says.
pub(super) async fn apply(session: &mut dyn Session, writing: &Writing<'_>, diff: &Diff<Vec<Value<'static>>>) -> Result<()> {
    let Writing { contract, target, mart, hashes } = *writing;
    let statements = Statements::new(session.flavour(), target);
    let delete = statements.delete();
    for keys in diff.delete.chunks(HANDED) {
        each_one(session, &delete, keys).await?;
    }
    let update = statements.update();
    let mut picked = Picked::of(mart, &diff.update)?;
    while let Some(group) = group(&mut picked)? {
        let mut changed = Vec::new();
        for (batch, places) in &group {
            let rows = Rows::of(batch, contract, mart)?;
            for (row, position) in places {
                let mut parameters = Vec::with_capacity(target.updatable.len() + target.key.len() + 1);
                for column in &target.updatable {
                    parameters.push(rows.sound(*column, *row)?);
                }
                parameters.push(Value::Int(hashes[*position as usize]));
                for key in &target.key {
                    parameters.push(rows.sound(key.position, *row)?);
                }
                changed.push(parameters);
            }
        }
        each_one(session, &update, &changed).await?;
    }
    if diff.insert.is_empty() {
        return Ok(());
    }
    let columns: Vec<&str> = target.columns.iter().map(String::as_str).chain([ROW_HASH]).collect();
    let mut fresh = Fresh { contract, mart, hashes, count: diff.insert.len(), picked: Picked::of(mart, &diff.insert)? };
    session.insert(&target.table, &columns, &mut fresh).await
}

/// The next batches with changed rows that are handed over together.
fn group(picked: &mut Picked<'_>) -> Result<Option<Vec<Found>>> {
    let (mut group, mut rows, mut bytes) = (Vec::new(), 0, 0);
    while rows < HANDED && bytes < HANDED_BYTES {
        let Some((batch, places)) = picked.next()? else { break };
        rows += places.len();
        bytes += batch.get_array_memory_size();
        group.push((batch, places));
    }
    Ok((!group.is_empty()).then_some(group))
}

/// The rows to insert.
struct Fresh<'a> {
    contract: &'a Contract,
    mart: &'a Mart,
    hashes: &'a [i64],
    count: usize,
    picked: Picked<'a>,
}

impl Source for Fresh<'_> {
    fn count(&self) -> usize {
        self.count
    }

    fn some(&mut self, each: &mut dyn FnMut(&[Value<'_>]) -> Result<()>) -> Result<bool> {
        let Some((batch, places)) = self.picked.next()? else { return Ok(false) };
        let rows = Rows::of(&batch, self.contract, self.mart)?;
        for (row, position) in places {
            let mut values = rows.row(row)?;
            values.push(Value::Int(self.hashes[position as usize]));
            each(&values)?;
        }
        Ok(true)
    }
}

/// Runs a statement for each of these parameters; each must change exactly one row.
async fn each_one(session: &mut dyn Session, sql: &Sql, many: &[Vec<Value<'_>>]) -> Result<()> {
    let (want, got) = (many.len() as u64, session.execute(sql, many).await?);
    if want == got {
        return Ok(());
    }
    Err(Error::new(Kind::Database, format!("statements for {} changed {got}: somebody else writes to the table", count(want, "row"))))
}
