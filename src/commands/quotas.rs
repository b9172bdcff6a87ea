//! How many requests each source had left when it was last asked, by the exchanges that the lake keeps. Asks no API.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::{
    context::{Context, blocking},
    freshness::{age, written},
};
use crate::{
    catalog::{Selection, Source},
    error::Result,
    http::Quota,
    lake::{Receipt, Wanted, exchange_headers},
    term::{Cell, Format, Rows},
};

/// What the newest pull of a source says.
struct Last {
    /// End of its newest exchange.
    at: DateTime<Utc>,
    /// Of the newest exchange that tells one: not every answer does, and some APIs never.
    quota: Option<(DateTime<Utc>, Quota)>,
}

/// A line for each source of the selection that has an API. Of each only one file is read, that of its newest
/// pull among these receipts.
pub(super) async fn quotas(context: &Context, selection: &Selection, receipts: &[Receipt], now: DateTime<Utc>, format: Format) -> Rows {
    // People see what is not known as an empty field.
    let or_nothing = |known: Option<Cell>| known.unwrap_or_else(|| if format == Format::Json { Cell::Null } else { Cell::from("") });
    let wanted: BTreeSet<&str> =
        selection.waves.iter().flatten().filter_map(|id| context.project.endpoint(id)).map(|endpoint| endpoint.source.as_str()).collect();
    let sources: Vec<&Source> =
        context.project.sources.iter().filter(|source| source.client.is_some() && wanted.contains(source.name.as_str())).collect();
    let asked = sources.iter().map(async |source| {
        let newest = receipts.iter().filter(|receipt| receipt.source == source.name && receipt.requests_file().is_some());
        let newest = newest.max_by_key(|receipt| receipt.finished)?;
        match last(context, newest).await {
            Ok(last) => last,
            Err(error) => {
                context.printer.detail(&format!("what {} had left cannot be told: {error}", source.name));
                None
            }
        }
    });
    let mut rows = Rows::new(["source", "last asked", "requests left", "of", "until", "as of", "age"]);
    for (source, last) in sources.iter().zip(futures::future::join_all(asked).await) {
        let quota = last.as_ref().and_then(|last| last.quota);
        rows.push([
            Cell::from(source.name.as_str()),
            or_nothing(last.map(|last| written(last.at).into())),
            or_nothing(quota.map(|(_, quota)| quota.remaining.into())),
            or_nothing(quota.and_then(|(_, quota)| quota.limit).map(Cell::from)),
            or_nothing(quota.and_then(|(_, quota)| quota.resets).map(|at| written(at).into())),
            or_nothing(quota.map(|(at, _)| written(at).into())),
            or_nothing(quota.map(|(at, _)| age(now - at).into())),
        ]);
    }
    rows
}

async fn last(context: &Context, receipt: &Receipt) -> Result<Option<Last>> {
    let Some(file) = receipt.requests_file() else { return Ok(None) };
    let local = context.lake.local(vec![Wanted::from(file)]).await?;
    let mut exchanges = blocking(move || local.paths().iter().map(|path| exchange_headers(path)).collect::<Result<Vec<_>>>()).await?.concat();
    exchanges.sort_by_key(|(over, _)| *over);
    let quota = exchanges.iter().rev().find_map(|(over, headers)| Some((*over, Quota::of(headers, *over)?)));
    Ok(exchanges.last().map(|(over, _)| Last { at: *over, quota }))
}
