//! `etl demo`: everything on this machine, against simulated APIs, for several simulated days.

use std::time::{Duration, Instant};

use chrono::{Days, NaiveDate, NaiveTime};

use super::{
    context::{self, Context, Outcome},
    demo_data, run,
};
use crate::{
    catalog::{Project, RateLimit, parse_schedule},
    cli::{DemoArgs, Global, RunArgs},
    clock::Clock,
    error::{Error, Kind, OrFail, Result},
    lake::Lake,
    names,
    settings::{Env, Settings},
    simulator::{Options, Scale, Simulator, World},
    term::{Cell, Format, Printer, Report, Rows, seconds},
};

/// Days between the beginning of the simulated story and the first day of a demo: things change on each day from there.
const SKIPPED: u64 = 2;

/// What a demo shows unless it is told: enough to see every kind of table, and little enough for a few seconds.
const FIRST_LOOK: [&str; 6] = [
    "testrail-test-case-coverage",
    "testrail-test-run-counts",
    "testrail-test-plans-and-runs",
    "testrail-milestones",
    "bugzilla-desktop-bugs",
    "bugzilla-desktop-release-flags-for-bugs",
];

pub(super) async fn run(global: &Global, mut env: Env, printer: &Printer, args: DemoArgs) -> Result<Outcome> {
    let started = Instant::now();
    let world = World::seeded(args.seed, args.scale.map_or_else(Scale::demo, Scale::organisation));
    let mut first_day = world.first_day() + Days::new(SKIPPED);
    let simulator = Simulator::start(world, Options { keep_requests: false, ..Options::default() })
        .await
        .or_fail(Kind::Io, || "cannot start the simulator on loopback")?;
    for (name, value) in simulator.variables() {
        env.set(name, value);
    }
    let mut settings = context::settings(global, env)?;
    // The simulator has no quota to spare.
    for source in Project::read(&settings.root)?.sources {
        settings.rate_limits.insert(source.name, RateLimit { requests: 0, per: Duration::from_secs(1), concurrency: 8 });
    }
    let mut selection = args.selection;
    // Nothing is removed for a command that cannot be done.
    Context::with(settings.clone(), global, printer).await?.select(&selection)?;
    demo_data::prepare(&settings, args.keep).await?;
    if args.keep
        && let Some(last) = last_day(&settings).await?
    {
        first_day = first_day.max(last + Days::new(1));
    }
    let is_open = selection.nodes.is_empty() && selection.report_type.is_empty();
    if is_open {
        selection.report_type = if args.scale.is_some() { vec!["ALL".to_owned()] } else { FIRST_LOOK.map(str::to_owned).to_vec() };
    }
    // A year goes by the calendar; a look at a few days shows everything each day.
    let by_schedule = args.scale.is_some() && is_open;
    let mut outcome = Outcome::default();
    let mut costs = Costs::default();
    let mut last = Report::default();
    let mut before: Option<Context> = None;
    for number in 0..args.days {
        let day = first_day + Days::new(number.into());
        simulator.set_day(day);
        settings.clock = Clock::starting_at(day.and_time(NaiveTime::from_hms_opt(4, 0, 0).unwrap_or_default()).and_utc());
        let context = match &before {
            None => Context::with(settings.clone(), global, printer).await?,
            Some(before) => Context::again(before, settings.clone(), global)?,
        };
        let mut selection = selection.clone();
        if by_schedule {
            selection.report_type.clear();
            selection.nodes = due(&context, day)?;
        }
        let options = RunArgs { selection, as_of: None, full_refresh: false, resume: false, accept_shrink: Vec::new(), accept_lake: false };
        let mut report = Report { title: format!("etl demo, {day}"), ..Report::default() };
        outcome = run::stages(&context, &options, &mut report).await?;
        let records: u64 = report.pulls.iter().map(|pull| pull.records).sum();
        let requests: u64 = report.pulls.iter().map(|pull| pull.requests).sum();
        let changed: u64 = report.tables.iter().map(|table| table.inserted + table.updated + table.deleted).sum();
        printer.say(&format!(
            "{day}  {} in {}, {} changed in the tables, {}{}",
            names::count(records, "record"),
            names::count(requests, "request"),
            names::count(changed, "row"),
            seconds(report.seconds),
            if by_schedule { stages(&report) } else { String::new() }
        ));
        costs.add(&report);
        last = report;
        before = Some(context);
        if outcome.exit_code() != 0 {
            printer.report(&last);
            break;
        }
    }
    simulator.shutdown();
    if outcome.exit_code() == 0 {
        tables(printer, &last)?;
        costs.print(printer)?;
        printer.say(&format!(
            "\nfilled {} from {} in {}; nothing is left running",
            settings.data.join("etl.sqlite").display(),
            settings.lake,
            seconds(started.elapsed().as_secs_f64())
        ));
        printer.say(NEXT);
    }
    Ok(outcome)
}

/// What a day's time went into.
fn stages(report: &Report) -> String {
    let parts: Vec<String> = report.stages.iter().map(|(stage, took)| format!("{stage} {}", seconds(*took))).collect();
    format!(": {}", parts.join(", "))
}

const NEXT: &str = "
try next:
  etl query \"select * from report_test_case_coverage order by test_count desc limit 5\"
  etl query \"select endpoint, count(*) as pulls, sum(records) as records from pulls group by all order by all\"
  etl status
  etl load --plan
  etl lineage report_testrail_test_runs
(without an installed etl: cargo run --quiet -- query …; every report of every source: etl demo --report-type ALL)";

/// The last day of which the lake knows.
async fn last_day(settings: &Settings) -> Result<Option<NaiveDate>> {
    let receipts = Lake::of(settings)?.receipts(None).await?;
    Ok(receipts.iter().map(|receipt| receipt.started.date_naive()).max())
}

/// The tables that are due on a day.
fn due(context: &Context, day: NaiveDate) -> Result<Vec<String>> {
    let mut tables = Vec::new();
    for model in &context.project.models {
        let Some(schedule) = model.contract.as_ref().and_then(|contract| contract.schedule.as_deref()) else { continue };
        let entries = parse_schedule(schedule).map_err(|what| Error::new(Kind::Config, format!("{}: {what}", model.file.display())))?;
        if entries.iter().any(|entry| entry.is_due_on(day)) {
            tables.push(model.name.clone());
        }
    }
    Ok(tables)
}

/// What the days took, to see whether later ones take longer.
#[derive(Default)]
struct Costs {
    /// Of each day, the seconds of each stage.
    days: Vec<Vec<(&'static str, f64)>>,
    requests: u64,
    records: u64,
}

/// Days from which on costs are worth a table.
const MANY_DAYS: usize = 14;

impl Costs {
    fn add(&mut self, report: &Report) {
        self.days.push(report.stages.clone());
        self.requests += report.pulls.iter().map(|pull| pull.requests).sum::<u64>();
        self.records += report.pulls.iter().map(|pull| pull.records).sum::<u64>();
    }

    fn print(&self, printer: &Printer) -> Result<()> {
        if self.days.len() < MANY_DAYS {
            return Ok(());
        }
        let mut rows = Rows::new(["stage", "a day in the first week", "in the last week", "all days"]);
        let stages: Vec<&str> = self.days[0].iter().map(|(name, _)| *name).collect();
        for stage in stages {
            let of = |days: &[Vec<(&str, f64)>]| days.iter().flatten().filter(|(name, _)| *name == stage).map(|(_, took)| took).sum::<f64>();
            let (first, last) = (&self.days[..7], &self.days[self.days.len() - 7..]);
            rows.push([stage.into(), Cell::from(seconds(of(first) / 7.0)), seconds(of(last) / 7.0).into(), seconds(of(&self.days)).into()]);
        }
        printer.say(&format!("\n{}, {}", names::count(self.requests, "request"), names::count(self.records, "record")));
        printer.rows(&rows, Format::Table)
    }
}

fn tables(printer: &Printer, report: &Report) -> Result<()> {
    let mut rows = Rows::new(["table", "rows", "last day: inserted", "updated", "deleted"]);
    for table in &report.tables {
        rows.push([
            Cell::from(table.table.as_str()),
            (table.inserted + table.updated + table.unchanged).into(),
            table.inserted.into(),
            table.updated.into(),
            table.deleted.into(),
        ]);
    }
    printer.rows(&rows, Format::Table)
}
