//! `etl doctor`: checks files, variables, lake, database and every API, and changes nothing.

use std::time::Instant;

use super::context::{self, Context, Outcome};
use crate::{
    catalog::Source,
    cli::{DoctorArgs, Global},
    error::{Error, Kind, Result},
    http::HttpClient,
    lake::Lake,
    load,
    settings::{Env, Settings},
    term::{Cell, Printer, Rows, seconds},
};

pub(super) async fn run(global: &Global, env: Env, printer: &Printer, args: DoctorArgs) -> Result<Outcome> {
    let mut checks = Checks { rows: Rows::new(["check", "result", "time", "detail"]), outcome: Outcome::default() };
    let settings = context::settings(global, env)?;
    let started = Instant::now();
    let context = Context::with(settings.clone(), global, printer).await;
    checks.add("project files", started, context.as_ref().map(files).map_err(|error| format!("{error:?}")), Kind::Config);
    if let (Ok(context), false) = (&context, args.offline) {
        for source in context.project.sources.iter().filter(|source| source.client.is_some()) {
            source_checks(context, source, &mut checks).await;
        }
        let started = Instant::now();
        checks.add("lake", started, lake(&settings).await.map_err(|error| format!("{error:?}")), Kind::Lake);
        let started = Instant::now();
        checks.add("database", started, load::check(&settings).await.map_err(|error| format!("{error:?}")), Kind::Database);
    }
    printer.rows(&checks.rows, args.format)?;
    Ok(checks.outcome)
}

struct Checks {
    rows: Rows,
    outcome: Outcome,
}

impl Checks {
    fn add(&mut self, name: &str, started: Instant, result: std::result::Result<String, String>, kind: Kind) {
        let (word, detail) = match result {
            Ok(detail) => ("ok", detail),
            Err(what) => {
                self.outcome.failed(kind);
                ("FAILED", what)
            }
        };
        self.rows.push([Cell::from(name), word.into(), seconds(started.elapsed().as_secs_f64()).into(), detail.into()]);
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

/// Are the variables there, and does the API answer to them?
async fn source_checks(context: &Context, source: &Source, checks: &mut Checks) {
    let started = Instant::now();
    let missing = missing_variables(source, &context.settings);
    let name = format!("{} variables", source.name);
    if missing.is_empty() {
        checks.add(&name, started, Ok("all set".to_owned()), Kind::MissingVariable);
    } else {
        checks.add(&name, started, Err(format!("not set: {}", missing.join(", "))), Kind::MissingVariable);
        return;
    }
    let started = Instant::now();
    let result = probe(context, source).await.map_err(|error| format!("{error:?}"));
    checks.add(&format!("{} API", source.name), started, result, Kind::Unauthorized);
}

async fn probe(context: &Context, source: &Source) -> Result<String> {
    let client = HttpClient::new(source, &context.settings, context.settings.clock.clone(), std::sync::Arc::clone(&context.observer))?;
    client.probe().await.map_err(|error: Error| error.within(format!("{} does not answer as it should", client.host())))
}

/// The variables that the source names and the environment lacks.
fn missing_variables(source: &Source, settings: &Settings) -> Vec<String> {
    let Some(client) = &source.client else { return Vec::new() };
    let mut texts = Vec::new();
    if settings.env.get(&format!("ETL_{}_BASE_URL", source.name.to_uppercase())).is_none() {
        texts.push(client.base_url.clone());
    }
    texts.extend(client.credential_texts().into_iter().map(str::to_owned));
    let mut names: Vec<String> = texts.iter().flat_map(|text| Env::names_in(text)).filter(|name| settings.env.get(name).is_none()).collect();
    names.sort();
    names.dedup();
    names
}
