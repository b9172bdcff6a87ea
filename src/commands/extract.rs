//! `etl extract`: pulls from the APIs into the lake.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use uuid::Uuid;

use super::{
    conservation,
    context::{Context, Outcome, nothing},
    demo_data,
};
use crate::{
    catalog::Selection,
    cli::{ExtractArgs, Global, SelectionArgs},
    error::{Error, Kind, Result},
    extract::{self, PullSummary},
    lake::{Flow, Outcome as PullOutcome, RUN_LOG_VERSION, Run, RunEnd, RunStart},
    settings::Env,
    term::{Printer, PullLine, Report, Verdict},
};

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
    let (run_id, run_at) = identity(context, asked).await?;
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
        // What a schedule stands for on this day is known now, and not when the log is read.
        arguments: if asked.selection.schedule.is_some() { selection.tables.clone() } else { asked.selection.names() }
            .into_iter()
            .chain(asked.shard.map(shard_word))
            .collect(),
        host: String::new(),
        etl: env!("CARGO_PKG_VERSION").to_owned(),
    };
    if !asked.resume {
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
        resume: asked.resume,
        shard: asked.shard.map(|(number, of)| extract::Shard { number, of }),
    };
    let summary = extract::run(&job).await?;
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
        report.pulls.push(line(pull));
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

/// Whether every extract that the lake knows of ended well: what was interrupted came after it.
pub(super) async fn ended_well(context: &Context) -> Result<bool> {
    Ok(context.lake.runs().await?.iter().rfind(is_extract).is_some_and(|run| run.end.is_some()))
}

fn is_extract(run: &&Run) -> bool {
    run.start.command == "extract"
}

/// The run that this invocation is: a new one, or with `--resume` the newest that did not end well.
async fn identity(context: &Context, asked: &Asked<'_>) -> Result<(Uuid, chrono::DateTime<chrono::Utc>)> {
    if !asked.resume {
        return Ok((Uuid::now_v7(), context.settings.clock.now()));
    }
    let runs = context.lake.runs().await?;
    // Another part of the same work may have started later: it is not ours to go on with.
    let shard = asked.shard.map(shard_word);
    let part_of = |run: &Run| run.start.arguments.iter().find(|word| word.starts_with("--shard=")).cloned();
    match runs.iter().filter(is_extract).rfind(|run| part_of(run) == shard) {
        Some(run) if run.end.is_none() => Ok((run.start.run_id, run.start.run_at)),
        Some(run) => Err(Error::new(
            Kind::NothingSelected,
            format!("there is nothing to resume: the run of {} ended well", run.start.run_at.format("%Y-%m-%d %H:%M:%S")),
        )
        .hint("run without `--resume`")),
        None => Err(Error::new(Kind::NothingSelected, "there is nothing to resume: the lake knows no run").hint("run without `--resume`")),
    }
}

/// How the run log says which part of the work a run was.
fn shard_word((number, of): (u32, u32)) -> String {
    format!("--shard={number}/{of}")
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
        // The line begins with the endpoint as it is.
        error: pull.error.as_ref().map(|error| error.strip_prefix(&format!("`{}`: ", pull.endpoint)).unwrap_or(error).to_owned()),
    }
}
