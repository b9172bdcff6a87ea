//! `etl load`: makes the tables of the database equal to the marts.

use std::{sync::Arc, time::Instant};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    conservation,
    context::{Context, Outcome, nothing},
    inputs::{Inputs, changed},
    logged::Logged,
    too_early,
};
use crate::{
    cli::{Global, LoadArgs},
    error::{Error, Kind, Result},
    lake::Flow,
    load::{self, Change, TableSummary},
    names::count,
    secret::Secret,
    settings::Env,
    term::{Cell, Format, Printer, Report, Rows, TableLine, Verdict},
};

pub(super) async fn run(global: &Global, env: Env, printer: &Printer, args: LoadArgs) -> Result<Outcome> {
    let started = Instant::now();
    let context = Context::open(global, env, printer).await?;
    let selection = context.select(&args.selection)?;
    if selection.tables.is_empty() {
        return Err(nothing("load"));
    }
    printer.stage("load", if args.plan || args.verify { &[] } else { &selection.tables });
    let title = if args.plan { "etl load --plan" } else { "etl load" };
    let mut report = Report { title: title.to_owned(), ..Report::default() };
    let mut outcome = Outcome::default();
    if args.adopt {
        let adoption = adopt(&context, &args).await?;
        if args.plan && !adoption.steps.is_empty() {
            printer.say("nothing was changed; what the load would do to rows is shown by the same command once these steps are done");
            return Ok(outcome);
        }
    } else if !args.plan {
        ready(&context).await?;
    }
    let trial = if args.plan && !args.adopt { migrated_copy(&context).await? } else { None };
    let database = trial.as_ref().map(|(_, database)| database);
    let asked = Asked {
        database,
        plan_only: args.plan,
        verify: args.verify,
        adopt: args.adopt,
        accept_shrink: &args.accept_shrink,
        accept_lake: args.accept_lake,
        as_of: args.as_of,
    };
    let mut flow = context.flow("load");
    stage(&context, &selection.tables, &asked, &mut report, &mut outcome, &mut flow).await?;
    conservation::record(&context, flow, &mut report).await;
    report.lake = context.traffic();
    report.seconds = started.elapsed().as_secs_f64();
    printer.report(&report);
    Ok(outcome)
}

/// Brings a database of the old scripts to what the contracts want, or shows what that takes.
async fn adopt(context: &Context, args: &LoadArgs) -> Result<load::adopt::Adoption> {
    let migrations = context.settings.root.join("migrations");
    let adoption = load::adopt::run(&context.project, &context.settings.database, &migrations, args.plan, args.adopt_widen).await?;
    if !adoption.steps.is_empty() {
        let mut rows = Rows::new(["table", "rows", "needs", "why", "statement"]);
        for step in &adoption.steps {
            let count = step.rows.map(|count| count.to_string()).unwrap_or_default();
            let needs = if step.widens { "--adopt-widen" } else { "" };
            rows.push([Cell::from(step.table.as_str()), count.into(), needs.into(), step.why.as_str().into(), step.statement.as_str().into()]);
        }
        context.printer.rows(&rows, Format::Table)?;
    }
    Ok(adoption)
}

/// What the command line asks of a load.
#[derive(Clone, Copy, Default)]
pub(super) struct Asked<'a> {
    pub(super) plan_only: bool,
    pub(super) verify: bool,
    pub(super) adopt: bool,
    pub(super) accept_shrink: &'a [String],
    pub(super) accept_lake: bool,
    pub(super) as_of: Option<DateTime<Utc>>,
    /// Another database than that of the settings.
    pub(super) database: Option<&'a Secret>,
}

/// The default SQLite file with its pending migrations applied, as a copy for a plan: the load would apply them first. `None` if nothing
/// is pending. The folder goes when it is dropped.
async fn migrated_copy(context: &Context) -> Result<Option<(tempfile::TempDir, Secret)>> {
    if !is_default_file(context) {
        return Ok(None);
    }
    let folder = tempfile::tempdir_in(context.engine.temp())?;
    let migrations = context.settings.root.join("migrations");
    let Some((database, pending)) = load::migrate::trial(&context.settings.database, &migrations, folder.path()).await? else { return Ok(None) };
    let pending = count(pending.len() as u64, "migration");
    context.printer.say(&format!("{pending} pending: `etl load` applies them first, and the plan shows the tables after that"));
    Ok(Some((folder, database)))
}

fn is_default_file(context: &Context) -> bool {
    context.settings.database.expose() == format!("sqlite:{}", context.settings.data.join("etl.sqlite").display())
}

/// The default SQLite file gets its schema by itself: nobody else owns it.
pub(super) async fn ready(context: &Context) -> Result<()> {
    if is_default_file(context) {
        let applied = load::migrate::run(&context.settings.database, &context.settings.root.join("migrations")).await?;
        if !applied.is_empty() {
            context.printer.say(&format!("{} applied: {}", count(applied.len() as u64, "migration"), applied.join(", ")));
        }
    }
    Ok(())
}

/// Runs the stage and adds its lines to the report.
pub(super) async fn stage(
    context: &Context,
    tables: &[String],
    asked: &Asked<'_>,
    report: &mut Report,
    outcome: &mut Outcome,
    flow: &mut Flow,
) -> Result<()> {
    // Before the run log creates the folder. On a bucket this would cost a request, and a load without any mart fails below.
    if !context.lake.is_remote() {
        too_early::check_lake(context, &[]).await?;
    }
    let writes = !asked.plan_only && !asked.verify && asked.as_of.is_none();
    let logged = if writes { Some(Logged::begin(context, "load", Uuid::now_v7(), tables).await) } else { None };
    let summary = job(context, tables, asked).await;
    let outcomes = summary.as_ref().map(|summary| summary.iter().map(|table| (&table.table, table.error.as_ref())));
    Logged::close(logged, outcomes).await;
    let summary = summary?;
    let samples = samples(&summary);
    if !samples.is_empty() {
        context.printer.rows(&samples, Format::Table)?;
    }
    if writes {
        conservation::add_tables(flow, &summary);
    }
    told(context, &summary, report, outcome);
    if summary.iter().all(|table| table.skipped.is_some()) {
        // A load that finds nothing at all was led to the wrong lake, or came too early.
        let error = Error::new(Kind::Lake, format!("the lake `{}` has no mart of any of these tables", context.lake.location()))
            .hint("`etl transform` computes them; or name another lake by `ETL_LAKE` or `--lake`");
        context.printer.error(&error);
        outcome.failed(error.kind());
    }
    Ok(())
}

/// What a load would do, with nothing but its counts told.
pub(super) async fn plan(context: &Context, tables: &[String], asked: &Asked<'_>, report: &mut Report) -> Result<()> {
    let summary = job(context, tables, &Asked { plan_only: true, ..*asked }).await?;
    told(context, &summary, report, &mut Outcome::default());
    Ok(())
}

/// A table's mart and rows, looked at in both ways.
pub(super) struct Compared {
    /// What a load would do.
    pub(super) planned: Vec<TableSummary>,
    /// What was changed by hand.
    pub(super) verified: Vec<TableSummary>,
}

/// Compares marts with their tables and changes nothing.
pub(super) async fn compare(context: &Context, tables: &[String]) -> Result<Compared> {
    let planned = job(context, tables, &Asked { plan_only: true, ..Asked::default() }).await?;
    let verified = job(context, tables, &Asked { verify: true, ..Asked::default() }).await?;
    Ok(Compared { planned, verified })
}

async fn job(context: &Context, tables: &[String], asked: &Asked<'_>) -> Result<Vec<TableSummary>> {
    let mut settings = context.settings.clone();
    settings.database = asked.database.cloned().unwrap_or(settings.database);
    let job = load::Job {
        project: &context.project,
        lake: &context.lake,
        settings: &settings,
        observer: Arc::clone(&context.observer),
        tables,
        plan_only: asked.plan_only,
        verify: asked.verify,
        adopt: asked.adopt,
        accept_shrink: asked.accept_shrink,
        accept_lake: asked.accept_lake,
        as_of: asked.as_of,
    };
    Ok(load::run(&job).await?.tables)
}

fn told(context: &Context, summary: &[TableSummary], report: &mut Report, outcome: &mut Outcome) {
    for table in summary {
        if let Some(error) = &table.error {
            outcome.failed(error.kind());
            report.hint(error.remedy());
        }
        inputs(table).note(context, &table.table, report, outcome);
        report.tables.push(line(context, table));
    }
}

/// What `--plan` would do to single rows, and what `--verify` found in them.
pub(super) fn samples<'t>(tables: impl IntoIterator<Item = &'t TableSummary>) -> Rows {
    let mut rows = Rows::new(["table", "row", "key", "column", "in the table", "in the mart"]);
    let mut add = |table: &str, word: &str, key: &str, changes: &[Change]| {
        if changes.is_empty() {
            rows.push([Cell::from(table), word.into(), key.into(), "".into(), "".into(), "".into()]);
        }
        for change in changes {
            rows.push([
                Cell::from(table),
                word.into(),
                key.into(),
                change.column.as_str().into(),
                change.table.as_str().into(),
                change.mart.as_str().into(),
            ]);
        }
    };
    for table in tables {
        for sample in table.plan.iter().flat_map(|plan| &plan.samples) {
            add(&table.table, sample.action.word(), &sample.key, &sample.changes);
        }
        for edited in table.verification.iter().flat_map(|found| &found.samples) {
            add(&table.table, "edited", &edited.key, &edited.changes);
        }
    }
    rows
}

/// What is known of the inputs of a table's mart.
fn inputs(table: &TableSummary) -> Inputs<'_> {
    Inputs { never_read: &table.origin.never_read, is_failure: table.origin.failed || table.spared > 0, stale_since: table.origin.stale_since }
}

fn line(context: &Context, table: &TableSummary) -> TableLine {
    let mut notes: Vec<String> = table.cuts.iter().map(|(column, number)| format!("{} cut in `{column}`", count(*number, "text"))).collect();
    if table.nuls > 0 {
        notes.push(format!("{} removed", count(table.nuls, "NUL character")));
    }
    notes.extend(table.skipped.clone());
    notes.extend(changed(context, table));
    let problem = inputs(table).problem();
    let problem = problem.map(|problem| if table.spared > 0 { format!("{} kept: {problem}", table.spared) } else { problem });
    TableLine {
        table: table.table.clone(),
        inserted: table.inserted,
        updated: table.updated,
        deleted: table.deleted,
        unchanged: table.unchanged,
        blocked: table.blocked,
        notes,
        inputs: inputs(table).cell(),
        // A seed in a lake without pulls shows no time.
        as_of: Some(table.as_of.filter(|at| *at > DateTime::UNIX_EPOCH).map(|at| at.format("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default()),
        verdict: match (&table.error, &table.skipped) {
            (Some(_), _) => Verdict::Failed,
            (None, Some(_)) => Verdict::Skipped,
            (None, None) if problem.is_some() => Verdict::Partial,
            (None, None) => Verdict::Done,
        },
        error: table.error.as_ref().map(|error| error.told()).or(problem),
    }
}
