//! `etl extract`: pulls from the APIs into the lake.

use std::{sync::Arc, time::Instant};

use uuid::Uuid;

use super::context::{Context, Outcome, nothing};
use crate::{
    catalog::Selection,
    cli::{ExtractArgs, Global, SelectionArgs},
    error::{Error, Kind, Result},
    extract::{self, PullSummary},
    lake::{Outcome as PullOutcome, RunEnd, RunStart},
    settings::Env,
    term::{Printer, PullLine, Report, Verdict},
};

pub(super) async fn run(global: &Global, env: Env, printer: &Printer, args: ExtractArgs) -> Result<Outcome> {
    let started = Instant::now();
    let context = Context::open(global, env, printer).await?;
    let selection = context.select(&args.selection)?;
    let mut report = Report { title: "etl extract".to_owned(), ..Report::default() };
    let mut outcome = Outcome::default();
    stage(&context, &selection, &Asked { selection: &args.selection, full_refresh: args.full_refresh, resume: args.resume }, &mut report, &mut outcome).await?;
    report.seconds = started.elapsed().as_secs_f64();
    printer.report(&report);
    Ok(outcome)
}

/// What the command line asks of an extract.
pub(super) struct Asked<'a> {
    pub(super) selection: &'a SelectionArgs,
    pub(super) full_refresh: bool,
    pub(super) resume: bool,
}

/// Runs the stage and adds its lines to the report.
pub(super) async fn stage(context: &Context, selection: &Selection, asked: &Asked<'_>, report: &mut Report, outcome: &mut Outcome) -> Result<()> {
    if selection.waves.is_empty() {
        return Err(nothing("extract"));
    }
    let (run_id, run_at) = identity(context, asked.resume).await?;
    let run = context.run_row(asked.selection, run_at, asked.full_refresh).await?;
    if run.projects.is_empty() && !asked.selection.project.is_empty() {
        return Err(nothing("extract for these projects"));
    }
    context.lake.start_run(&RunStart::new(run_id, run_at, selection.waves.concat())).await?;
    let job = extract::Job {
        project: &context.project,
        settings: &context.settings,
        lake: &context.lake,
        engine: &context.engine,
        observer: Arc::clone(&context.observer),
        selection,
        run,
        run_id,
        resume: asked.resume,
    };
    let summary = extract::run(&job).await?;
    let failed = summary.pulls.iter().filter(|pull| pull.outcome == PullOutcome::Incomplete).count();
    let partial = summary.pulls.iter().filter(|pull| pull.outcome == PullOutcome::Partial).count();
    let kind = match (failed, partial) {
        (0, 0) => None,
        // Nothing at all came: that is no partial success.
        (failed, 0) if failed == summary.pulls.len() => Some(summary.pulls.iter().find_map(|pull| pull.kind).unwrap_or(Kind::Partial)),
        _ => Some(Kind::Partial),
    };
    if let Some(kind) = kind {
        outcome.failed(kind);
    }
    for pull in &summary.pulls {
        report.pulls.push(line(pull));
    }
    let code = outcome.exit_code();
    context.lake.end_run(&RunEnd::new(run_id, run_at, context.settings.clock.now(), code)).await
}

/// The run that this invocation is: a new one, or with `--resume` the newest that did not end well.
async fn identity(context: &Context, resume: bool) -> Result<(Uuid, chrono::DateTime<chrono::Utc>)> {
    if !resume {
        return Ok((Uuid::now_v7(), context.settings.clock.now()));
    }
    let runs = context.lake.runs().await?;
    match runs.last() {
        Some(run) if !run.ended_well() => Ok((run.start.run_id, run.start.run_at)),
        Some(run) => Err(Error::new(Kind::NothingSelected, format!("there is nothing to resume: the run of {} ended well", run.start.run_at.format("%Y-%m-%d %H:%M:%S")))
            .hint("run without `--resume`")),
        None => Err(Error::new(Kind::NothingSelected, "there is nothing to resume: the lake knows no run").hint("run without `--resume`")),
    }
}

fn line(pull: &PullSummary) -> PullLine {
    PullLine {
        endpoint: pull.endpoint.clone(),
        scope: pull.scope.clone(),
        expected: pull.expected,
        records: pull.records,
        stop: pull.stop.to_string(),
        requests: pull.requests,
        retries: pull.retries,
        bytes: pull.bytes,
        seconds: pull.seconds,
        verdict: match pull.outcome {
            PullOutcome::Complete => Verdict::Done,
            PullOutcome::Partial => Verdict::Partial,
            PullOutcome::Incomplete => Verdict::Failed,
        },
        error: pull.error.clone(),
    }
}
