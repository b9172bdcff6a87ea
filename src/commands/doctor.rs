//! `etl doctor`: checks files, variables, lake, database and every API, and changes nothing.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use super::{
    context::{self, Context, Outcome},
    publishers,
    reach::{Known, Line, Mark, reach},
};
use crate::{
    catalog::Endpoint,
    cli::{DoctorArgs, Global, SelectionArgs},
    engine::RunRow,
    error::{Error, Kind, Result},
    http::missing_variables,
    lake::Lake,
    load,
    settings::{Env, Settings},
    term::{Cell, Printer, Rows, seconds},
};

pub(super) async fn run(global: &Global, env: Env, printer: &Printer, args: DoctorArgs) -> Result<Outcome> {
    let mut checks = Checks { rows: Rows::new(["check", "result", "time", "detail"]), outcome: Outcome::default(), errors: Vec::new() };
    let settings = context::settings(global, env)?;
    let started = Instant::now();
    let context = Context::with(settings.clone(), global, printer).await;
    checks.add("project files", started, context.as_ref().map(files).map_err(|error| error.told()), Kind::Config);
    if let (Ok(context), false) = (&context, args.offline) {
        sources(context, &args.nodes, &mut checks).await?;
        let started = Instant::now();
        checks.told("lake", started, lake(&settings).await);
        let started = Instant::now();
        checks.told("database", started, load::check(&settings).await);
        if args.nodes.is_empty() {
            publishers::check(context).await.into_iter().for_each(|line| checks.line(line));
        }
    }
    printer.rows(&checks.rows, args.format)?;
    // A line of the table has no room for what to do.
    printer.errors(&checks.errors);
    Ok(checks.outcome)
}

struct Checks {
    rows: Rows,
    outcome: Outcome,
    /// To be told in full.
    errors: Vec<Error>,
}

impl Checks {
    /// A check whose failure is told below the table too.
    fn told(&mut self, name: &str, started: Instant, result: Result<String>) {
        let kind = result.as_ref().err().map_or(Kind::Internal, Error::kind);
        self.add(name, started, result.as_ref().map(Clone::clone).map_err(|error| error.told()), kind);
        self.errors.extend(result.err());
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
        }
        self.rows.push([Cell::from(line.name), line.mark.word().into(), seconds(line.seconds).into(), line.detail.into()]);
    }
}

fn files(context: &Context) -> String {
    let project = &context.project;
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
