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
    for key in &diff.delete {
        one(session, &delete, key).await?;
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
        let mut fresh = Vec::new();
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
                let mut parameters: Vec<Value<'_>> = target.updatable.iter().map(|position| values[*position].borrowed()).collect();
                parameters.push(hash(&mut canonical, target, &values));
                parameters.extend(target.key.iter().map(|key| values[key.position].borrowed()));
                one(session, &update, &parameters).await?;
            }
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

/// Runs a statement that must change exactly one row.
async fn one(session: &mut dyn Session, sql: &Sql, values: &[Value<'_>]) -> Result<()> {
    match session.execute(sql, values).await? {
        1 => Ok(()),
        other => Err(Error::new(Kind::Database, format!("a statement for one key changed {other} rows: somebody else writes to the table"))),
    }
}
