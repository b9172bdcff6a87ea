//! `etl status`: what was pulled, computed and loaded, how old it is, and what failed.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::context::{Context, Outcome};
use crate::{
    catalog::Node,
    cli::{Global, StatusArgs},
    error::{Kind, Result},
    lake::Receipt,
    settings::Env,
    term::{Cell, Printer, Rows},
};

pub(super) async fn run(global: &Global, env: Env, printer: &Printer, args: StatusArgs) -> Result<Outcome> {
    let context = Context::open(global, env, printer).await?;
    let selection = context.engine.graph().select(&context.project, &args.nodes)?;
    let receipts = context.receipts().await?;
    let now = context.settings.clock.now();
    let mut outcome = Outcome::default();

    let mut pulls = Rows::new(["endpoint", "scopes", "last complete", "age", "records", "last failure"]);
    let endpoints: Vec<&String> = selection.waves.iter().flatten().chain(&selection.recorded).collect();
    for id in endpoints {
        let of = |receipt: &&Receipt| receipt.endpoint == **id;
        let newest = receipts.iter().filter(of).filter(|receipt| receipt.complete()).max_by_key(|receipt| receipt.finished);
        let mut scopes: BTreeMap<String, &Receipt> = BTreeMap::new();
        for receipt in receipts.iter().filter(of).filter(|receipt| receipt.complete()) {
            scopes.insert(receipt.scope_key(), receipt);
        }
        let failure = receipts
            .iter()
            .filter(of)
            .filter(|receipt| !receipt.complete() || receipt.error.is_some())
            .filter(|receipt| scopes.get(&receipt.scope_key()).is_none_or(|good| good.finished <= receipt.finished))
            .max_by_key(|receipt| receipt.finished);
        pulls.push([
            Cell::from(id.as_str()),
            (scopes.len() as u64).into(),
            newest.map_or_else(|| "never".to_owned(), |receipt| time(receipt.finished)).into(),
            newest.map_or_else(String::new, |receipt| age(now - receipt.finished)).into(),
            newest.map_or(0, |receipt| receipt.records).into(),
            failure
                .map_or_else(String::new, |receipt| format!("{}: {}", time(receipt.finished), receipt.error.as_deref().unwrap_or("incomplete")))
                .into(),
        ]);
    }

    let mut tables = Rows::new(["table", "report", "rows", "as of", "age", "schedule", "state"]);
    for name in &selection.tables {
        let Some(model) = context.project.model(name) else { continue };
        let manifest = context.lake.newest_manifest(name).await?;
        let schedule = model.header.schedule.clone().unwrap_or_default();
        // A report is as old as the pulls behind it, not as the day on which a model last changed.
        let node = Node::Model(name.clone());
        let behind = context.engine.graph().upstream([node]);
        let newest = receipts
            .iter()
            .filter(|receipt| context.project.source(&receipt.source).is_none_or(|source| source.client.is_some()))
            .filter(|receipt| receipt.complete() && behind.contains(&Node::Endpoint(receipt.endpoint.clone())))
            .map(|receipt| receipt.finished)
            .max();
        let late = newest.is_none_or(|newest| now - newest > allowed(&schedule));
        let state = match (&manifest, model.header.reports.is_empty()) {
            (None, true) => "not computed",
            (None, false) => "never computed",
            (Some(_), false) if late => "late",
            (Some(_), _) => "fresh",
        };
        if !model.header.reports.is_empty() && (late || manifest.is_none()) {
            outcome.failed(Kind::Incomplete);
        }
        let as_of = if model.header.reports.is_empty() { manifest.as_ref().map(|manifest| manifest.as_of) } else { newest };
        tables.push([
            Cell::from(name.as_str()),
            model.header.reports.join(", ").into(),
            manifest.as_ref().map_or(Cell::from(""), |manifest| manifest.rows.into()),
            as_of.map(time).unwrap_or_default().into(),
            as_of.map(|at| age(now - at)).unwrap_or_default().into(),
            schedule.as_str().into(),
            state.into(),
        ]);
    }
    printer.rows(&pulls, args.format)?;
    if !tables.is_empty() {
        if args.format == crate::term::Format::Table {
            printer.data("\n")?;
        }
        printer.rows(&tables, args.format)?;
    }
    Ok(outcome)
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// The oldest age that a schedule allows: its cadence and a quarter of it, so that one slow job is no alarm.
fn allowed(schedule: &str) -> TimeDelta {
    let days = if schedule.contains("daily") {
        1
    } else if schedule.contains("weekly") || ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].iter().any(|day| schedule.contains(day)) {
        7
    } else if schedule.contains("fortnightly") {
        14
    } else {
        31
    };
    TimeDelta::hours(days * 30)
}

fn age(delta: TimeDelta) -> String {
    match delta.num_seconds() {
        seconds if seconds < 0 => "in the future".to_owned(),
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds if seconds < 7_200 => format!("{} min", seconds / 60),
        seconds if seconds < 172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_allow_a_quarter_more() {
        assert_eq!(allowed("desktop daily 04:00; mobile weekly sat 04:00"), TimeDelta::hours(30));
        assert_eq!(allowed("weekly sat 07:00"), TimeDelta::hours(210));
        assert_eq!(allowed(""), TimeDelta::hours(930));
    }

    #[test]
    fn ages() {
        assert_eq!(age(TimeDelta::seconds(5)), "5 s");
        assert_eq!(age(TimeDelta::hours(30)), "30 h");
        assert_eq!(age(TimeDelta::days(3)), "3 days");
    }
}
