//! `etl publish`: pictures, pages and messages made from the marts.

mod bigquery;
mod build_validation;
mod confluence;
mod csv;
mod looker;
mod slack;

use std::sync::Arc;

use super::{
    context::{Context, Outcome},
    too_early,
};
use crate::{
    cli::{Global, PublishArgs, PublishVerb},
    engine::RunRow,
    error::{Error, Kind, Result},
    http::HttpClient,
    publish::marts::{Health, Marts},
    settings::Env,
    term::Printer,
};

pub(super) async fn run(global: &Global, env: Env, printer: &Printer, args: PublishArgs) -> Result<Outcome> {
    let context = Context::open(global, env, printer).await?;
    match args.verb {
        PublishVerb::Looker(args) => looker::run(&context, &args).await,
        PublishVerb::Confluence(args) => confluence::run(&context, &args).await,
        PublishVerb::BuildValidation(args) => build_validation::run(&context, &args).await,
        PublishVerb::Slack(args) => slack::run(&context, args).await,
        PublishVerb::Csv(args) => csv::run(&context, args).await,
        PublishVerb::Bigquery(args) => bigquery::run(&context, args).await,
    }
}

/// The published results of some marts; `more` are endpoints that are read beside them.
async fn marts(context: &Context, tables: &[&str], more: &[&str]) -> Result<Marts> {
    let names: Vec<String> = tables.iter().chain(more).map(|name| (*name).to_owned()).collect();
    let receipts = Arc::new(context.receipts_behind(&names).await?);
    too_early::check_lake(context, &receipts).await?;
    let row = RunRow::of(receipts.iter(), None);
    Marts::open(Arc::clone(&context.engine), &context.lake, receipts, row, tables).await
}

/// The connection to a source that takes its credentials: asked before anything else, so that wrong ones are told once.
async fn client(context: &Context, source: &str) -> Result<HttpClient> {
    let source = context
        .project
        .source(source)
        .ok_or_else(|| Error::new(Kind::Config, format!("there is no `sources/{source}.toml`, which says how to reach it")))?;
    let client = HttpClient::new(source, &context.settings, context.settings.clock.clone(), Arc::clone(&context.observer))?;
    client.probe().await.map_err(|error| error.within(format!("{} does not answer as it should", client.host())))?;
    Ok(client)
}

/// Says what speaks against the data behind a mart.
fn tell(context: &Context, table: &str, health: &Health) {
    for problem in &health.problems {
        context.printer.warn(&format!("`{table}` may be out of date: {problem}"));
    }
}
