//! Takes over rows of the old scripts whose key the mart has: they become rows of `etl` that differ, and the load that
//! follows in the same transaction writes them as the mart has them. Their `id` and their first-seen times stay.

use crate::{
    catalog::Contract,
    error::Result,
    load::{mart::Mart, picked::rows_at, session::Session, statement::Statements, target::Target, value::Value},
};

/// Rows read and marked at a time.
const HANDED: usize = 25_000;

/// Marks the rows that block these positions of the mart.
pub(in crate::load) async fn take(session: &mut dyn Session, contract: &Contract, target: &Target, mart: &Mart, blocked: &[u32]) -> Result<()> {
    let sql = Statements::new(session.flavour(), target).take();
    for positions in blocked.chunks(HANDED) {
        let rows = rows_at(contract, mart, positions)?;
        let keys: Vec<Vec<Value<'_>>> = rows.iter().map(|row| target.key.iter().map(|key| row[key.position].borrowed()).collect()).collect();
        session.execute(&sql, &keys).await?;
    }
    Ok(())
}
