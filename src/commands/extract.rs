//! `etl extract`: pulls from the APIs into the lake.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{
    conservation,
    context::{Context, Outcome, nothing},
    demo_data,
};
use crate::{
    catalog::Selection,
    cli::{ExtractArgs, Global, SelectionArgs},
    error::{Kind, Result},
    extract::{self, PullSummary},
    lake::{Flow, Outcome as PullOutcome, RUN_LOG_VERSION, RunEnd, RunStart, Stop},
    settings::Env,
    term::{Printer, PullLine, Report, Verdict},
};

/// A run that began earlier is not resumed: most of what it pulled would be that old, and the job would be green.
const RESUMABLE: TimeDelta = TimeDelta::hours(12);

pub(super) async fn run(global: &Global, env: Env, printer: &Printer, args: ExtractArgs) -> Result<Outcome> {
    let started = Instant::now();
    let context = Context::open_for(global, env, printer, &args.selection).await?;
    let selection = context.select(&args.selection)?;
    let mut report = Report { title: "etl extract".to_owned(), ..Report::default() };
    let mut outcome = Outcome::default();
    let mut flow = context.flow("extract");
    stage(
        &context,
        &selection,
        &Asked { selection: &args.selection, full_refresh: args.full_refresh, resume: args.resume, shard: args.shard },
        &mut report,
        &mut outcome,
        &mut flow,
    )
    .await?;
    conservation::record(&context, flow, &mut report).await;
    report.seconds = started.elapsed().as_secs_f64();
    report.lake = context.traffic();
    printer.report(&report);
    Ok(outcome)
}

/// What the command line asks of an extract.
pub(super) struct Asked<'a> {
    pub(super) selection: &'a SelectionArgs,
    pub(super) full_refresh: bool,
    pub(super) resume: bool,
    pub(super) shard: Option<(u32, u32)>,
}

/// Runs the stage and adds its lines to the report.
pub(super) async fn stage(
    context: &Context,
    selection: &Selection,
    asked: &Asked<'_>,
    report: &mut Report,
    outcome: &mut Outcome,
    flow: &mut Flow,
) -> Result<()> {
    if selection.waves.is_empty() {
        return Err(nothing("extract"));
    }
    demo_data::refuse_real(context, selection)?;
    // What a schedule selects on this day is known now, and not when the log is read.
    let names = if asked.selection.schedule.is_some() { selection.tables.clone() } else { asked.selection.names() };
    let arguments = arguments(names, asked);
    let unfinished = if asked.resume { unfinished(context, &arguments).await? } else { None };
    let resumes = unfinished.is_some();
    let (run_id, run_at) = unfinished.unwrap_or_else(|| (Uuid::now_v7(), context.settings.clock.now()));
    let run = context.run_row(asked.selection, run_at, asked.full_refresh).await?;
    if run.projects.is_empty() && !asked.selection.project.is_empty() {
        return Err(nothing("extract for these projects"));
    }
    // A resumed run has started already.
    let start = RunStart {
        version: RUN_LOG_VERSION,
        run_id,
        run_at,
        command: "extract".to_owned(),
        arguments,
        host: String::new(),
        destination: None,
        etl: env!("CARGO_PKG_VERSION").to_owned(),
    };
    if !resumes {
        context.lake.start_run(&start).await?;
        // A resumed run may have written its record already; what goes on has one of its own.
        (flow.run_id, flow.run_at) = (run_id, run_at);
    }
    let job = extract::Job {
        project: &context.project,
        graph: context.engine.graph(),
        settings: &context.settings,
        lake: &context.lake,
        engine: &context.engine,
        observer: Arc::clone(&context.observer),
        selection,
        run,
        run_id,
        resume: resumes,
        shard: asked.shard.map(|(number, of)| extract::Shard { number, of }),
    };
    let summary = extract::run(&job).await?;
    let chose_projects = !asked.selection.project.is_empty();
    if chose_projects
        && !resumes
        && !summary.pulls.is_empty()
        && summary.pulls.iter().all(|pull| !pull.failed() && pull.outcome.is_none() && pull.stop == Stop::NoPartitions)
    {
        return Err(nothing("extract for these projects"));
    }
    if summary.all_failed() {
        // Nothing at all came: that is no partial success.
        outcome.failed(summary.pulls.iter().find_map(|pull| pull.kind).unwrap_or(Kind::Partial));
    } else if summary.any_failed() {
        outcome.failed(Kind::Partial);
    }
    report.stale.extend(
        summary.stale.iter().map(|stale| format!("{} asked by what the lake held, because {} failed", stale.endpoint, stale.because.join(", "))),
    );
    conservation::add_pulls(flow, &summary.pulls);
    for pull in &summary.pulls {
        report.pulls.push(PullLine { cause: cause(context, pull), ..line(pull) });
        report.hint(match pull.kind.filter(|_| pull.failed()) {
            // Its only SQL.
            Some(Kind::Sql) => Some("correct the endpoint's `for_each` in sources/"),
            kind => kind.and_then(Kind::remedy),
        });
    }
    let exit_code = outcome.exit_code();
    if exit_code != 0 {
        // Without an end the run can be resumed.
        return Ok(());
    }
    let counts = [("pulls", summary.pulls.len() as u64), ("records", summary.pulls.iter().map(|pull| pull.records).sum())];
    let end = RunEnd {
        version: RUN_LOG_VERSION,
        run_id,
        run_at,
        finished: context.settings.clock.now(),
        exit_code,
        error: None,
        counts: counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
        done: Vec::new(),
        failed: BTreeMap::new(),
    };
    context.lake.end_run(&end).await
}

/// The options that decide what an extract pulls, as the run log keeps them.
fn arguments(names: Vec<String>, asked: &Asked<'_>) -> Vec<String> {
    let selection = asked.selection;
    let mut words = names;
    let mut option = |name: &str, value: String| words.push(format!("--{name}={value}"));
    selection.project.iter().for_each(|project| option("project", project.clone()));
    if let Some(platform) = selection.platform {
        option("platform", format!("{platform:?}").to_lowercase());
    }
    let days = selection.num_days.map(|days| days.to_string());
    let dates =
        [("start-date", selection.start_date), ("end-date", selection.end_date)].map(|(name, date)| (name, date.map(|date| date.to_string())));
    for (name, value) in std::iter::once(("num-days", days)).chain(dates) {
        value.into_iter().for_each(|value| option(name, value));
    }
    selection.variables().into_iter().for_each(|(name, value)| option(name, value.to_string()));
    if asked.full_refresh {
        words.push("--full-refresh".to_owned());
    }
    words.extend(asked.shard.map(shard_word));
    words
}

/// The newest run of the same selection, if it has not ended and began within [`RESUMABLE`]. Reports what `--resume` does.
async fn unfinished(context: &Context, arguments: &[String]) -> Result<Option<(Uuid, DateTime<Utc>)>> {
    let since = context.settings.clock.now() - RESUMABLE;
    let runs = context.lake.runs_since(since.date_naive()).await?;
    let newest = runs.iter().filter(|run| run.start.command == "extract").rfind(|run| run.start.arguments == arguments);
    let found = newest.filter(|run| run.end.is_none() && run.start.run_at >= since).map(|run| (run.start.run_id, run.start.run_at));
    let written = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%M:%S").to_string();
    context.printer.say(&match (found, newest) {
        (Some((_, at)), _) => format!("resuming the run of {}", written(at)),
        (None, Some(run)) if run.end.is_some() => {
            format!("starting a new run: the last one of this selection ({}) is complete", written(run.start.run_at))
        }
        (None, Some(run)) => format!("starting a new run: the unfinished one of {} is too old to resume", written(run.start.run_at)),
        (None, None) => "starting a new run: there is no unfinished run of this selection".to_owned(),
    });
    Ok(found)
}

/// How the run log says which part of the work a run was.
fn shard_word((number, of): (u32, u32)) -> String {
    format!("--shard={number}/{of}")
}

/// The cause that all pulls of a source can share.
fn cause(context: &Context, pull: &PullSummary) -> Option<String> {
    let source = &context.project.endpoint(&pull.endpoint)?.source;
    let what = match pull.kind? {
        Kind::Unauthorized => "refused access (401 or 403)",
        Kind::Network => "cannot be reached",
        Kind::TimedOut => "does not answer in time",
        Kind::Unavailable => "is unavailable",
        Kind::RateLimited => "limits the rate of requests",
        _ => return None,
    };
    Some(format!("{source} {what}"))
}

fn line(pull: &PullSummary) -> PullLine {
    PullLine {
        endpoint: pull.endpoint.clone(),
        scope: pull.scope.clone(),
        expected: pull.expected,
        records: pull.records,
        stop: pull.stop.name().to_owned(),
        requests: pull.requests,
        retries: pull.retries,
        bytes: pull.bytes,
        seconds: pull.seconds,
        verdict: match pull.outcome {
            Some(PullOutcome::Complete) => Verdict::Done,
            Some(PullOutcome::Partial) => Verdict::Partial,
            Some(PullOutcome::Incomplete) => Verdict::Failed,
            None if pull.failed() => Verdict::Failed,
            None => Verdict::Skipped,
        },
        cause: None,
        // The line begins with the endpoint as it is.
        error: pull.error.as_ref().map(|error| error.strip_prefix(&format!("`{}`: ", pull.endpoint)).unwrap_or(error).to_owned()),
    }
}
