//! `etl transform`: models over the lake become marts.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use chrono::{DateTime, NaiveDate, Utc};
use tokio::task::JoinHandle;

use super::{
    conservation,
    context::{Context, Outcome, blocking, nothing},
    inputs::Inputs,
    logged::Logged,
    too_early,
};
use crate::{
    catalog::{Model, ModelKind, Selection},
    cli::{Global, TransformArgs},
    engine::{self, RunRow},
    error::{Error, Kind, OrFail, Result},
    lake::{Flow, Manifest, failed_to_read, never_read, stale_since},
    settings::Env,
    term::{ModelLine, Printer, Report, Verdict},
    transform::{self, State},
};

pub(super) async fn run(global: &Global, env: Env, printer: &Printer, args: TransformArgs) -> Result<Outcome> {
    let started = Instant::now();
    let context = Context::open(global, env, printer).await?;
    let selection = context.select(&args.selection)?;
    if selection.models.is_empty() {
        return Err(nothing("transform"));
    }
    let mut report = Report { title: "etl transform".to_owned(), ..Report::default() };
    let mut outcome = Outcome::default();
    let mut flow = context.flow("transform");
    let asked = Asked { as_of: args.as_of, fresh: args.full_refresh, ..Asked::default() };
    stage(&context, &selection, asked, &mut report, &mut outcome, &mut flow).await?.written(printer, &mut outcome).await;
    conservation::record(&context, flow, &mut report).await;
    report.lake = context.traffic();
    report.seconds = started.elapsed().as_secs_f64();
    printer.report(&report);
    let is_mart = |line: &&ModelLine| context.project.model(&line.model).is_some_and(|model| model.kind == ModelKind::Mart);
    let mut marts = report.models.iter().filter(is_mart).peekable();
    if marts.peek().is_some() && marts.all(|line| line.verdict == Verdict::Skipped) {
        let error = Error::new(
            Kind::Lake,
            format!("no table was computed: each reads an endpoint without a complete pull in the lake `{}`", context.lake.location()),
        )
        .hint("`etl run` pulls what is missing; if the data is in another lake, set `ETL_LAKE` or `--lake`");
        printer.error(&error);
        outcome.failed(error.kind());
    }
    Ok(outcome)
}

/// What the command line asks of a transform.
#[derive(Clone, Copy, Default)]
pub(super) struct Asked {
    pub(super) as_of: Option<DateTime<Utc>>,
    pub(super) fresh: bool,
    /// Of snapshots these days only.
    pub(super) days: Option<(NaiveDate, NaiveDate)>,
    /// The result counts as the newest, although its time was asked for.
    pub(super) as_newest: bool,
}

/// `data/lake.duckdb`, which may still be being written: nothing of a load depends on it.
#[must_use]
pub(super) struct ShellFile(Option<JoinHandle<Result<()>>>);

impl ShellFile {
    /// Waits until it is there. Where it cannot be written that is told, and hides nothing else that is to tell.
    pub(super) async fn written(self, printer: &Printer, outcome: &mut Outcome) {
        let Some(writing) = self.0 else { return };
        if let Err(error) = writing.await.or_fail(Kind::Internal, || "a blocking task ended early").and_then(|written| written) {
            let error = error.within("lake.duckdb is as it was before");
            printer.error(&error);
            outcome.failed(error.kind());
        }
    }
}

/// Runs the stage and adds its lines to the report.
pub(super) async fn stage(
    context: &Context,
    selection: &Selection,
    asked: Asked,
    report: &mut Report,
    outcome: &mut Outcome,
    flow: &mut Flow,
) -> Result<ShellFile> {
    let Asked { as_of, fresh, days, as_newest } = asked;
    let replay = as_of.is_some() && !as_newest;
    if fresh {
        context.engine.refresh_caches();
    }
    // Counting every step takes longer than the rest; it is done where the job's summary shows it, and else when it is asked for.
    let trace = !replay && context.printer.keeps_summary();
    let receipts = Arc::new(context.receipts_of(selection).await?);
    if let Some(at) = as_of {
        too_early::check(context, &selection.tables, &receipts, at)?;
    }
    let row = RunRow::of(receipts.iter(), as_of);
    let transform_id = context.settings.clock.new_id();
    let wanted = |name: &String| selection.models.contains(name) || selection.tables.contains(name);
    let mut models: Vec<String> = selection.models.clone();
    models.extend(selection.tables.iter().filter(|table| !selection.models.contains(table)).cloned());
    models.retain(wanted);
    let (engine, lake, observer) = (Arc::clone(&context.engine), context.lake.clone(), Arc::clone(&context.observer));
    let (clock, runtime) = (context.settings.clock.clone(), tokio::runtime::Handle::current());
    let projects = context.known_projects().await?.into_iter().map(|(project, _)| project).collect();
    let (job_row, job_receipts) = (row.clone(), Arc::clone(&receipts));
    let tables: Vec<String> = models.iter().filter(|name| context.project.model(name).is_some_and(Model::is_table)).cloned().collect();
    let logged = if as_of.is_none() { Some(Logged::begin(context, "transform", transform_id, &tables).await) } else { None };
    let summary = blocking(move || {
        let (engine, lake) = (engine, lake);
        transform::run(&transform::Job {
            engine: &engine,
            lake: &lake,
            receipts: &job_receipts,
            run: job_row,
            newest: as_of.is_none(),
            replay,
            fresh,
            days,
            projects,
            fixtures: false,
            trace,
            transform_id,
            published: None,
            models,
            observer,
            clock,
            runtime,
        })
    })
    .await;
    let outcomes = summary.as_ref().map(|summary| summary.models.iter().map(|model| (&model.model, model.error.as_ref())));
    Logged::close(logged, outcomes).await;
    let summary = summary?;
    if !replay {
        conservation::add_models(flow, &summary);
    }
    let mut changed = false;
    // One line for each would hide everything else after the first pull of one source.
    let few_skipped = summary.models.iter().filter(|model| model.skipped.is_some()).count() <= 5;
    for model in &summary.models {
        let (state, verdict) = match model.state {
            State::Computed { days: None } => ("computed".to_owned(), Verdict::Done),
            State::Computed { days: Some(days) } => (format!("computed {}", crate::names::count(days, "day")), Verdict::Done),
            State::Unchanged => ("unchanged".to_owned(), Verdict::Done),
            State::NeverPulled => ("never pulled".to_owned(), Verdict::Skipped),
            State::Failed => ("failed".to_owned(), Verdict::Failed),
        };
        changed |= !matches!(model.state, State::Unchanged | State::NeverPulled);
        let scopes = model.manifest.as_ref().map_or(&[][..], |manifest| &manifest.scopes);
        let (never_read, since) = (never_read(scopes), stale_since(scopes));
        let inputs = Inputs { never_read: &never_read, is_failure: failed_to_read(scopes), stale_since: since };
        inputs.note(context, &model.model, report, outcome);
        let verdict = if verdict == Verdict::Done && inputs.problem().is_some() { Verdict::Partial } else { verdict };
        if let Some(error) = &model.error {
            outcome.failed(error.kind());
            report.hint(error.remedy());
        }
        report.models.push(ModelLine {
            model: model.model.clone(),
            rows: model.rows,
            state,
            inputs: inputs.cell(),
            seconds: model.seconds,
            verdict,
            warnings: if few_skipped { model.skipped.iter().cloned().collect() } else { Vec::new() },
            error: model.error.as_ref().map(|error| error.told()).or_else(|| inputs.problem()),
        });
    }
    let path = context.settings.data.join("lake.duckdb");
    // Of a bucket, a job that computes a part on an empty disk would fetch what it does not need.
    let of_all = context.project.endpoints().all(|endpoint| receipts.cover(&endpoint.id));
    let unasked = context.lake.is_remote() && !of_all && !path.exists();
    if as_of.is_some() || (!changed && path.exists()) || unasked {
        return Ok(ShellFile(None));
    }
    let mut results: BTreeMap<String, Manifest> =
        summary.models.into_iter().filter_map(|model| Some((model.model, model.manifest.filter(|manifest| !manifest.replay)?))).collect();
    let (engine, lake, runtime) = (Arc::clone(&context.engine), context.lake.clone(), tokio::runtime::Handle::current());
    let write = move || {
        let mut receipts = Arc::unwrap_or_clone(receipts);
        runtime.block_on(lake.add_receipts(&mut receipts, None))?;
        let row = RunRow::of(receipts.iter(), None);
        for table in engine.project().tables().filter(|table| table.kind == ModelKind::Mart) {
            if !results.contains_key(&table.name) {
                let newest = runtime.block_on(lake.newest_manifest(&table.name))?;
                results.extend(newest.map(|manifest| (table.name.clone(), manifest)));
            }
        }
        engine::write_shell_file(&engine, &row, &receipts, &results, &path)
    };
    Ok(ShellFile(Some(tokio::task::spawn_blocking(write))))
}
