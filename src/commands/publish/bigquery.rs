//! `etl publish bigquery`: views over the tables of Cloud SQL.

use std::{path::Path, sync::Arc};

use super::super::context::{Context, Outcome};
use crate::{
    cli::BigqueryArgs,
    error::Result,
    names,
    publish::{
        bigquery::{Applied, Change, Database, Place, apply, script, views},
        outcomes::{Outcome as Record, Outcomes, Status},
    },
    term::{Format, Rows},
};

pub(super) async fn run(context: &Context, args: BigqueryArgs) -> Result<Outcome> {
    let database = Database::of(context.settings.database.expose())?;
    let place = Place::new(&args.project, &args.dataset, &args.connection, args.location.as_deref(), database)?;
    let views = views(&context.project, &place);
    if let Some(out) = &args.out {
        let text = script(&views, &place);
        if out == Path::new("-") {
            context.printer.data(&text)?;
        } else {
            fs_err::write(out, text)?;
            context.printer.say(&format!("{} written to `{}`", names::count(views.len() as u64, "view"), out.display()));
        }
        return Ok(Outcome::default());
    }
    let mut outcomes = Outcomes::open(&context.project, &context.lake, &context.settings).await?;
    let started = outcomes.now();
    let applied = apply(&views, &place, &context.settings, Arc::clone(&context.observer), args.plan).await?;
    let mut outcome = Outcome::default();
    let mut shown = Rows::new(["view", "change", "error"]);
    let mut records = Vec::new();
    for done in &applied {
        shown.push([done.view.as_str().into(), done.change.word().into(), done.error.as_ref().map(|error| error.told()).into()]);
        if let Some(error) = &done.error {
            outcome.failed(error.kind());
        }
        if done.change != Change::Unchanged && !args.plan {
            let key = format!("{}.{}.{}", args.project, args.dataset, done.view);
            records.push(record(done, &key, &args.dataset, started));
        }
    }
    outcomes.record(records).await?;
    context.printer.rows(&shown, Format::Table)?;
    Ok(outcome)
}

fn record(done: &Applied, key: &str, dataset: &str, started: chrono::DateTime<chrono::Utc>) -> Record {
    let mut record = Record::begin("bigquery_view", key, dataset, &done.definition, started);
    record.status = if done.error.is_some() { Status::Failed } else { Status::Published };
    record.error = done.error.as_ref().map(ToString::to_string);
    record
}
