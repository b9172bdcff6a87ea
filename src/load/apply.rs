//! Makes the table equal to the mart. Runs inside the caller's transaction and holds no DDL.

use super::{
    canonical::Canonical,
    diff::Diff,
    mart::{Mart, Rows},
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

/// Rows handed to the session at once; bounds what is held in memory.
const HANDED: usize = 5_000;

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
    for batch in (mart.open)()? {
        if inserts.is_done() && updates.is_done() {
            break;
        }
        let batch = batch?;
        let rows = Rows::of(&batch, contract, mart)?;
        let mut canonical = Canonical::default();
        let (mut fresh, mut changed) = (Vec::new(), Vec::new());
        for row in 0..rows.len() {
            if inserts.takes(base + row) {
                let mut values = rows.row(row)?;
                values.push(hash(&mut canonical, target, &values));
                fresh.push(values);
                if fresh.len() == HANDED {
                    session.insert(&target.table, &columns, &fresh).await?;
                    fresh.clear();
                }
            } else if updates.takes(base + row) {
                let values = rows.row(row)?;
                let mut parameters: Vec<Value<'_>> = target.updatable.iter().map(|position| values[*position].clone()).collect();
                parameters.push(hash(&mut canonical, target, &values));
                parameters.extend(target.key.iter().map(|key| values[key.position].clone()));
                changed.push(parameters);
                if changed.len() == HANDED {
                    each_one(session, &update, &changed).await?;
                    changed.clear();
                }
            }
        }
        if !changed.is_empty() {
            each_one(session, &update, &changed).await?;
        }
        if !fresh.is_empty() {
            session.insert(&target.table, &columns, &fresh).await?;
        }
        base += rows.len();
    }
    if inserts.is_done() && updates.is_done() {
        return Ok(());
    }
    Err(Error::new(Kind::Internal, format!("the mart `{}` had fewer rows when it was read again", contract.table)))
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
