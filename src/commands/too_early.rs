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

fn written(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}
