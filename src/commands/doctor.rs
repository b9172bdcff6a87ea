//! `etl doctor`: checks files, variables, lake, database and every API, and changes nothing.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use super::{
    context::{self, Context, Outcome},
    publishers,
    reach::{Known, Line, Mark, reach},
    workflow_variables,
};
use crate::{
    catalog::{Endpoint, Project, ProjectFiles},
    cli::{DoctorArgs, Global, SelectionArgs},
    engine::{RunRow, check_project},
    error::{Error, Kind, Result},
    http::missing_variables,
    lake::Lake,
    load, names,
    settings::{Env, Settings},
    term::{Cell, Printer, Rows, seconds},
};

pub(super) async fn run(global: &Global, env: Env, printer: &Printer, args: DoctorArgs) -> Result<Outcome> {
    let mut checks = Checks { rows: Rows::new(["check", "result", "time", "detail"]), outcome: Outcome::default(), errors: Vec::new(), problems: 0 };
    let settings = context::settings(global, env)?;
    project_files(&settings, &mut checks).await?;
    if !args.offline {
        let started = Instant::now();
        match Context::with(settings.clone(), global, printer).await {
            Ok(context) => online(&context, &settings, &args.nodes, &mut checks).await?,
            // Files that are wrong have been reported.
            Err(_) if checks.problems > 0 => {}
            Err(error) => checks.told("settings", started, Err(error)),
        }
    }
    printer.rows(&checks.rows, args.format)?;
    // A line of the table has no room for what to do.
    printer.errors(&checks.errors);
    printer.say(&match checks.problems {
        0 => "all ok".to_owned(),
        problems => names::count(problems, "problem"),
    });
    Ok(checks.outcome)
}

/// APIs, lake, database and publishers.
async fn online(context: &Context, settings: &Settings, nodes: &[String], checks: &mut Checks) -> Result<()> {
    sources(context, nodes, checks).await?;
    let started = Instant::now();
    checks.told("lake", started, lake(settings).await);
    let started = Instant::now();
    checks.told("database", started, load::check(settings).await);
    if nodes.is_empty() {
        publishers::check(context).await.into_iter().for_each(|line| checks.line(line));
    }
    Ok(())
}

/// Everything that the project's files tell without a lake, a database or a network.
async fn project_files(settings: &Settings, checks: &mut Checks) -> Result<()> {
    let started = Instant::now();
    let mut files = ProjectFiles::read(&settings.root)?;
    let problems = std::mem::take(&mut files.problems);
    let are_read = problems.is_empty();
    checks.group("project files", started, problems, counts(&files.project));
    let started = Instant::now();
    let files = Arc::new(files);
    let (read, used) = (Arc::clone(&files), settings.clone());
    let mut check = context::blocking(move || check_project(&read, &used)).await?;
    checks.group("queries", started, std::mem::take(&mut check.queries), "every query binds".to_owned());
    if !check.skipped.is_empty() {
        let detail = format!("{} not checked, because what they read is wrong", names::count(check.skipped.len() as u64, "query"));
        checks.line(Line { name: "queries".to_owned(), mark: Mark::Skipped, seconds: 0.0, detail });
    }
    checks.group("contracts", started, check.contracts, "select lists agree with their headers".to_owned());
    let started = Instant::now();
    if are_read {
        let wrong = load::migrate::check_migrations(&files.project, &settings.root.join("migrations"));
        checks.group("migrations", started, wrong, "agree with the contracts in every engine".to_owned());
    }
    let started = Instant::now();
    match workflow_variables::check(&files.project) {
        Ok(Some(wrong)) => checks.group("workflows", started, wrong, "pass every variable".to_owned()),
        Ok(None) => {}
        Err(error) => checks.group("workflows", started, vec![error], String::new()),
    }
    Ok(())
}

struct Checks {
    rows: Rows,
    outcome: Outcome,
    /// Shown in full below the table.
    errors: Vec<Error>,
    /// Failed checks; a group of project files counts each of its problems.
    problems: u64,
}

impl Checks {
    /// A check whose failure is told below the table too.
    fn told(&mut self, name: &str, started: Instant, result: Result<String>) {
        let kind = result.as_ref().err().map_or(Kind::Internal, Error::kind);
        self.add(name, started, result.as_ref().map(Clone::clone).map_err(|error| error.told()), kind);
        self.errors.extend(result.err());
    }

    /// A check of project files: all of its problems are listed below the table.
    fn group(&mut self, name: &str, started: Instant, problems: Vec<Error>, detail: String) {
        let count = problems.len() as u64;
        let mut line = Line { name: name.to_owned(), mark: Mark::Ok, seconds: started.elapsed().as_secs_f64(), detail };
        if count > 0 {
            line.mark = Mark::Failed(Kind::Config);
            line.detail = names::count(count, "problem");
            self.problems += count - 1;
        }
        self.line(line);
        self.errors.extend(problems);
    }

    fn add(&mut self, name: &str, started: Instant, result: std::result::Result<String, String>, kind: Kind) {
        let (mark, detail) = match result {
            Ok(detail) => (Mark::Ok, detail),
            Err(what) => (Mark::Failed(kind), what),
        };
        self.line(Line { name: name.to_owned(), mark, seconds: started.elapsed().as_secs_f64(), detail });
    }

    fn line(&mut self, line: Line) {
        if let Mark::Failed(kind) = line.mark {
            self.outcome.failed(kind);
            self.problems += 1;
        }
        self.rows.push([Cell::from(line.name), line.mark.word().into(), seconds(line.seconds).into(), line.detail.into()]);
    }
}

fn counts(project: &Project) -> String {
    format!(
        "{} sources, {} endpoints, {} models, {} tables",
        project.sources.len(),
        project.endpoints().count(),
        project.models.len(),
        project.tables().count()
    )
}

async fn lake(settings: &Settings) -> Result<String> {
    let lake = Lake::of(settings)?;
    let probed = lake.probe().await?;
    let receipts = lake.receipts(None).await?;
    Ok(format!("{}: {} pulls{probed}", lake.location(), receipts.len()))
}

/// Are the variables there, and does each API answer to them, endpoint by endpoint? The sources are asked at once.
async fn sources(context: &Context, nodes: &[String], checks: &mut Checks) -> Result<()> {
    let selection = context.engine.graph().select(&context.project, nodes)?;
    let wanted: BTreeSet<&String> = selection.waves.iter().flatten().collect();
    let known = match known(context).await {
        Ok(known) => known,
        Err(error) => {
            checks.add("endpoints", Instant::now(), Err(format!("the lake cannot say what to ask for: {}", error.told())), Kind::Lake);
            return Ok(());
        }
    };
    let asked = context.project.sources.iter().filter(|source| source.endpoints.iter().any(|endpoint| wanted.contains(&endpoint.id)));
    let reached = asked.map(async |source| {
        let missing = missing_variables(source, &context.settings.env);
        let name = format!("{} variables", source.name);
        if !missing.is_empty() {
            let detail = format!("not set: {}", missing.join(", "));
            return vec![Line { name, mark: Mark::Failed(Kind::MissingVariable), seconds: 0.0, detail }];
        }
        let endpoints: Vec<&Endpoint> = source.endpoints.iter().filter(|endpoint| wanted.contains(&endpoint.id)).collect();
        let mut lines = vec![Line { name, mark: Mark::Ok, seconds: 0.0, detail: "all set".to_owned() }];
        lines.extend(reach(context, source, &endpoints, &known).await);
        lines
    });
    for line in futures::future::join_all(reached).await.into_iter().flatten() {
        checks.line(line);
    }
    Ok(())
}

/// What the lake has to ask by.
async fn known(context: &Context) -> Result<Known> {
    let receipts = context.receipts().await?;
    let now = context.settings.clock.now();
    let newest = receipts.iter().map(|receipt| receipt.finished).max();
    let run = context.run_row(&SelectionArgs::default(), now, false).await?;
    Ok(Known { run: RunRow { as_of: newest.into_iter().fold(now, Ord::max), ..run }, receipts: Arc::new(receipts) })
}
