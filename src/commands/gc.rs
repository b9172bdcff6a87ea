//! `etl gc`: removes from the lake what nothing names.

use super::{
    context::{Context, Outcome},
    too_early,
};
use crate::{
    cli::{GcArgs, Global},
    error::Result,
    lake, names,
    publish::{claims, outcomes},
    settings::Env,
    term::{Cell, Format, Printer, Rows, bytes},
};

pub(super) async fn run(global: &Global, env: Env, printer: &Printer, args: GcArgs) -> Result<Outcome> {
    let context = Context::open(global, env, printer).await?;
    let now = context.settings.clock.now();
    let published = context.lake.receipts(Some(&[outcomes::ENDPOINT.to_owned()].into())).await?;
    too_early::check_lake(&context, &published).await?;
    let hints = lake::GcHints { staged: Some(context.engine.staged_definitions()), ended_claims: claims::ended(&published) };
    let report = lake::gc(&context.lake, &hints, now, args.min_age, args.dry_run).await?;
    let mut rows = Rows::new(["object", "bytes", "why"]);
    for removed in &report.removed {
        rows.push([Cell::from(removed.path.as_str()), removed.bytes.into(), removed.reason.into()]);
    }
    printer.rows(&rows, Format::Table)?;
    for skipped in &report.skipped {
        printer.say(&format!("skipped {skipped}"));
    }
    let verb = if args.dry_run { "would remove" } else { "removed" };
    printer.say(&format!("{verb} {}, {}", names::count(report.removed.len() as u64, "object"), bytes(report.bytes())));
    Ok(Outcome::default())
}
