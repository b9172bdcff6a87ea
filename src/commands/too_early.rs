//! Refuses a time before all history: what could be shown of it would look like a lake in which everything was deleted.

use chrono::{DateTime, Utc};

use super::context::Context;
use crate::{
    catalog::Node,
    error::{Error, Kind, Result},
    lake::Receipt,
};

/// # Errors
/// [`Kind::NothingSelected`] if nothing behind these tables was pulled whole by `at`. Tables that need no pull have no such time.
pub(super) fn check(context: &Context, tables: &[String], receipts: &[Receipt], at: DateTime<Utc>) -> Result<()> {
    let behind = context.engine.graph().upstream(tables.iter().map(|table| Node::Model(table.clone())));
    let pulled = || receipts.iter().filter(|receipt| receipt.complete() && behind.contains(&Node::Endpoint(receipt.endpoint.clone())));
    let needs_none = !behind.iter().any(|node| matches!(node, Node::Endpoint(_)));
    if needs_none || pulled().any(|receipt| receipt.finished <= at) {
        return Ok(());
    }
    let error = Error::new(Kind::NothingSelected, format!("nothing was pulled by {}", written(at)));
    Err(match pulled().map(|receipt| receipt.finished).min() {
        Some(first) => error.hint(format!("the first pull of what is behind ended at {}", written(first))),
        None => error.hint("the lake has no complete pull of what is behind"),
    })
}

/// Refuses a lake that does not exist: a mistyped folder must not pass for a lake in which nothing was pulled. Costs a request only
/// where `receipts` are empty.
///
/// # Errors
/// [`Kind::Lake`] if there is no object at the lake's location.
pub(super) async fn check_lake(context: &Context, receipts: &[Receipt]) -> Result<()> {
    if receipts.is_empty() && context.lake.list_folders("").await?.is_empty() {
        return Err(no_lake(context));
    }
    Ok(())
}

/// The error for a lake that does not exist.
pub(super) fn no_lake(context: &Context) -> Error {
    Error::new(Kind::Lake, format!("there is no lake at `{}`", context.lake.location()))
        .hint("check `--lake`, `ETL_LAKE` and `lake` in etl.toml; `etl extract` or `etl run` creates a lake")
}

/// Refuses a time before the first of these pulls.
///
/// # Errors
/// [`Kind::NothingSelected`] if none of them was complete by `at`.
pub(super) fn check_pulls(receipts: &[Receipt], at: DateTime<Utc>) -> Result<()> {
    let pulled = || receipts.iter().filter(|receipt| receipt.complete()).map(|receipt| receipt.finished);
    if receipts.is_empty() || pulled().any(|finished| finished <= at) {
        return Ok(());
    }
    let error = Error::new(Kind::NothingSelected, format!("nothing was pulled by {}", written(at)));
    Err(match pulled().min() {
        Some(first) => error.hint(format!("the first pull of what is read ended at {}", written(first))),
        None => error.hint("the lake has no complete pull of what is read"),
    })
}

fn written(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}
