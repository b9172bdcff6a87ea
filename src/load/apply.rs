//! Makes the table equal to the mart. Runs inside the caller's transaction and holds no DDL.

use arrow::array::RecordBatch;

use super::{
    canonical::Canonical,
    diff::Diff,
    mart::{Batches, Mart, Rows},
    picked::Positions,
    session::Session,
    statement::{ROW_HASH, Sql, Statements},
    target::Target,
    value::Value,
};
use crate::{
    catalog::Contract,
    error::{Error, Kind, Result},
    names::count,
};

/// Rows handed to the session at once, about: each handing over costs a round trip or two.
const HANDED: usize = 25_000;

/// Bytes of them, about; bounds what is held in memory.
const HANDED_BYTES: usize = 16 << 20;

/// Deletes, updates and inserts what the difference says.
pub(super) async fn apply(
    session: &mut dyn Session,
    contract: &Contract,
    target: &Target,
    mart: &Mart,
    diff: &Diff<Vec<Value<'static>>>,
) -> Result<()> {
    let statements = Statements::new(session.flavour(), target);
    let delete = statements.delete();
    for keys in diff.delete.chunks(HANDED) {
        each_one(session, &delete, keys).await?;
    }
    if diff.insert.is_empty() && diff.update.is_empty() {
        return Ok(());
    }
    let update = statements.update();
    let columns: Vec<&str> = target.columns.iter().map(String::as_str).chain([ROW_HASH]).collect();
    let (mut inserts, mut updates) = (Positions::new(&diff.insert), Positions::new(&diff.update));
    let mut base = 0;
    let mut batches = (mart.open)()?;
    while !(inserts.is_done() && updates.is_done()) {
        let group = group(&mut batches)?;
        if group.is_empty() {
            break;
        }
        let mut canonical = Canonical::default();
        let (mut fresh, mut changed) = (Vec::new(), Vec::new());
        for batch in &group {
            let rows = Rows::of(batch, contract, mart)?;
            for row in 0..rows.len() {
                if inserts.takes(base + row) {
                    let mut values = rows.row(row)?;
                    values.push(hash(&mut canonical, target, &values));
                    fresh.push(values);
                } else if updates.takes(base + row) {
                    let values = rows.row(row)?;
                    let mut parameters: Vec<Value<'_>> = target.updatable.iter().map(|position| values[*position].clone()).collect();
                    parameters.push(hash(&mut canonical, target, &values));
                    parameters.extend(target.key.iter().map(|key| values[key.position].clone()));
                    changed.push(parameters);
                }
            }
            base += rows.len();
        }
        if !changed.is_empty() {
            each_one(session, &update, &changed).await?;
        }
        if !fresh.is_empty() {
            session.insert(&target.table, &columns, &fresh).await?;
        }
    }
    if inserts.is_done() && updates.is_done() {
        return Ok(());
    }
    Err(Error::new(Kind::Internal, format!("the mart `{}` had fewer rows when it was read again", contract.table)))
}

/// The next batches of a mart that are handed over together; none at its end.
fn group(batches: &mut Batches) -> Result<Vec<RecordBatch>> {
    let (mut group, mut rows, mut bytes) = (Vec::new(), 0, 0);
    while rows < HANDED && bytes < HANDED_BYTES {
        let Some(batch) = batches.next().transpose()? else { break };
        rows += batch.num_rows();
        bytes += batch.get_array_memory_size();
        group.push(batch);
    }
    Ok(group)
}

fn hash(canonical: &mut Canonical, target: &Target, values: &[Value<'_>]) -> Value<'static> {
    canonical.start();
    for position in &target.hashed {
        canonical.push(&values[*position]);
    }
    Value::Int(canonical.hash())
}

/// Runs a statement for each of these parameters; each must change exactly one row.
async fn each_one(session: &mut dyn Session, sql: &Sql, many: &[Vec<Value<'_>>]) -> Result<()> {
    let (want, got) = (many.len() as u64, session.execute(sql, many).await?);
    if want == got {
        return Ok(());
    }
    Err(Error::new(Kind::Database, format!("statements for {} changed {got}: somebody else writes to the table", count(want, "row"))))
}
