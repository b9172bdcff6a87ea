//! `etl run`: extract, transform and load, in this order.

use std::time::Instant;

use super::{
    conservation,
    context::{Context, Outcome},
    extract::{self, Asked},
    load, transform,
};
use crate::{
    cli::{Global, RunArgs},
    error::{Error, Kind, Result},
    settings::Env,
    term::{Printer, Report},
};

pub(super) async fn run(global: &Global, env: Env, printer: &Printer, args: RunArgs) -> Result<Outcome> {
    if args.as_of.is_some() {
        return Err(Error::new(Kind::Usage, "`etl run` pulls what is there now, so it takes no `--as-of`")
            .hint("`etl replay --as-of TIME` computes and loads a past time"));
    }
    let context = Context::open_for(global, env, printer, &args.selection).await?;
    let mut report = Report { title: "etl run".to_owned(), ..Report::default() };
    let started = Instant::now();
    let ended = stages(&context, &args, &mut report).await;
    if ended.is_err() {
        report.seconds = started.elapsed().as_secs_f64();
    }
    // What was done before a stage that could not begin is told all the same.
    if ended.is_ok() || !report.pulls.is_empty() || !report.models.is_empty() {
        printer.report(&report);
    }
    ended
}

/// The three stages. What one scope or table could not do does not stop the others; it is reported and sets the exit code.
pub(super) async fn stages(context: &Context, args: &RunArgs, report: &mut Report) -> Result<Outcome> {
    let started = Instant::now();
    let selection = context.select(&args.selection)?;
    let mut outcome = Outcome::default();
    let mut begun = Instant::now();
    let mut took = |report: &mut Report, stage| {
        report.stages.push((stage, begun.elapsed().as_secs_f64()));
        begun = Instant::now();
    };
    let mut flow = context.flow("run");
    if !selection.tables.is_empty() {
        // A database that cannot be loaded fails the run before an API is called.
        load::ready(context).await?;
        crate::load::check_ready(&context.settings).await?;
    }
    let asked = Asked { selection: &args.selection, full_refresh: args.full_refresh, resume: args.resume, shard: None };
    context.printer.stage("extract", &[]);
    if !selection.waves.is_empty() {
        extract::stage(context, &selection, &asked, report, &mut outcome, &mut flow).await?;
    }
    took(report, "extract");
    context.printer.stage("transform", &[]);
    let shell_file = transform::stage(context, &selection, transform::Asked::default(), report, &mut outcome, &mut flow).await?;
    took(report, "transform");
    context.printer.stage("load", &selection.tables);
    let asked = load::Asked { accept_shrink: &args.accept_shrink, accept_lake: args.accept_lake, ..load::Asked::default() };
    load::stage(context, &selection.tables, &asked, report, &mut outcome, &mut flow).await?;
    took(report, "load");
    conservation::record(context, flow, report).await;
    shell_file.written(&context.printer, &mut outcome).await;
    took(report, "the rest of lake.duckdb");
    report.lake = context.traffic();
    report.seconds = started.elapsed().as_secs_f64();
    Ok(outcome)
}
