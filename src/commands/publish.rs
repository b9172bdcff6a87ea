//! `etl publish`: pictures, pages and messages made from the marts.

use std::sync::Arc;

use super::context::{Context, Outcome};
use crate::{
    cli::{Global, PublishArgs, PublishVerb},
    error::Result,
    publish::marts::Marts,
    settings::Env,
    term::Printer,
};

pub(super) async fn run(global: &Global, env: Env, printer: &Printer, args: PublishArgs) -> Result<Outcome> {
    let context = Context::open(global, env, printer).await?;
    match args.verb {
        PublishVerb::Looker(args) => looker(&context, &args).await,
    }
}

/// The published results of some marts.
async fn marts(context: &Context, tables: &[&str]) -> Result<Marts> {
    let receipts = Arc::new(context.receipts().await?);
    let row = context.moment_row(&receipts, None);
    Marts::open(Arc::clone(&context.engine), &context.lake, receipts, row, tables).await
}

async fn looker(context: &Context, _args: &crate::cli::LookerArgs) -> Result<Outcome> {
    marts(context, &["report_looker_looks"]).await?;
    Ok(Outcome::default())
}
