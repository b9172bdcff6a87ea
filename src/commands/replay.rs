//! `etl replay`: the tables as of a past time, or over a range of days, from the lake alone.

use std::{collections::BTreeSet, time::Instant};

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::{
    context::{Context, Outcome, nothing},
    load, too_early, transform,
};
use crate::{
    catalog::{Grain, Node, Selection},
    cli::{Global, ReplayArgs},
    error::{Error, Kind, Result},
    names::count,
    settings::Env,
    term::{Printer, Report, Verdict},
};

pub(super) async fn run(global: &Global, env: Env, printer: &Printer, args: ReplayArgs) -> Result<Outcome> {
    let started = Instant::now();
    let context = Context::open(global, env, printer).await?;
    let selection = context.select(&args.selection)?;
    if selection.tables.is_empty() {
        return Err(nothing("replay"));
    }
    let steps = steps(&context, &selection, &args).await?;
    load::ready(&context).await?;
    let title = if args.plan { "etl replay --plan" } else { "etl replay" };
    let mut report = Report { title: title.to_owned(), ..Report::default() };
    let mut outcome = Outcome::default();
    for step in &steps {
        if steps.len() > 1 || step.days.is_some() {
            printer.say(&step.heading());
        }
        one(&context, step, &args, &mut report, &mut outcome).await?;
    }
    report.seconds = started.elapsed().as_secs_f64();
    printer.report(&report);
    Ok(outcome)
}

/// Some tables at one time.
struct Step {
    as_of: DateTime<Utc>,
    tables: Vec<String>,
    /// Snapshots: these days only.
    days: Option<(NaiveDate, NaiveDate)>,
}

impl Step {
    fn heading(&self) -> String {
        let tables = count(self.tables.len() as u64, "table");
        match self.days {
            Some((first, last)) => format!("{tables}: the days from {first} to {last}"),
            None => format!("{tables} as of {}", self.as_of.format("%Y-%m-%d %H:%M:%S")),
        }
    }
}

/// One time for `--as-of`; for a range every day that brought something, and the days of all snapshots together.
async fn steps(context: &Context, selection: &Selection, args: &ReplayArgs) -> Result<Vec<Step>> {
    let receipts = context.receipts_of(selection).await?;
    too_early::check_lake(context, &receipts).await?;
    let finished = |from: Option<DateTime<Utc>>, to: DateTime<Utc>, behind: &BTreeSet<Node>| {
        receipts.iter().any(|receipt| {
            let inside = receipt.finished <= to && from.is_none_or(|from| receipt.finished > from);
            receipt.complete() && inside && behind.contains(&Node::Endpoint(receipt.endpoint.clone()))
        })
    };
    if let Some(as_of) = args.as_of {
        too_early::check(context, &selection.tables, &receipts, as_of)?;
        return Ok(vec![Step { as_of, tables: selection.tables.clone(), days: None }]);
    }
    let (Some(first), Some(last)) = (args.from, args.to) else {
        return Err(Error::new(Kind::Usage, "`etl replay` needs `--as-of`, or `--from` and `--to`"));
    };
    if first > last {
        return Err(Error::new(Kind::Usage, format!("`--from {first}` is after `--to {last}`")));
    }
    too_early::check(context, &selection.tables, &receipts, end_of(last))?;
    let is_snapshot = |table: &&String| {
        let contract = context.project.model(table).and_then(|model| model.contract.as_ref());
        contract.is_some_and(|contract| matches!(contract.grain, Grain::Snapshot { .. }))
    };
    let (snapshots, others): (Vec<String>, Vec<String>) = (
        selection.tables.iter().filter(is_snapshot).cloned().collect(),
        selection.tables.iter().filter(|table| !is_snapshot(table)).cloned().collect(),
    );
    let mut steps = Vec::new();
    if !others.is_empty() {
        let behind = context.engine.graph().upstream(others.iter().map(|table| Node::Model(table.clone())));
        for day in first.iter_days().take_while(|day| *day <= last) {
            let before = day.pred_opt().map(end_of);
            // On a day without a pull the tables are those of the day before; the first day of the range shows what stood then.
            if finished(before, end_of(day), &behind) || (day == first && finished(None, end_of(day), &behind)) {
                steps.push(Step { as_of: end_of(day), tables: others.clone(), days: None });
            }
        }
    }
    if !snapshots.is_empty() {
        steps.push(Step { as_of: end_of(last), tables: snapshots, days: Some((first, last)) });
    }
    Ok(steps)
}

/// The last instant of a UTC day.
fn end_of(day: NaiveDate) -> DateTime<Utc> {
    let next = day.checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX);
    next.and_time(NaiveTime::MIN).and_utc() - TimeDelta::microseconds(1)
}

async fn one(context: &Context, step: &Step, args: &ReplayArgs, report: &mut Report, outcome: &mut Outcome) -> Result<()> {
    let mut flow = context.flow("replay");
    // Only the tables of this step: what they read is computed where it is read.
    let selection = Selection { tables: step.tables.clone(), models: step.tables.clone(), ..Selection::default() };
    let asked = transform::Asked { as_of: Some(step.as_of), fresh: args.as_newest, days: step.days, as_newest: args.as_newest };
    transform::stage(context, &selection, asked, report, outcome, &mut flow).await?.written(&context.printer, outcome).await;
    let is_made = |verdict| matches!(verdict, Verdict::Done | Verdict::Partial);
    let failed: Vec<&str> = report.models.iter().filter(|model| !is_made(model.verdict)).map(|model| model.model.as_str()).collect();
    let tables: Vec<String> = step.tables.iter().filter(|table| !failed.contains(&table.as_str())).cloned().collect();
    if tables.is_empty() {
        return Ok(());
    }
    let asked = load::Asked {
        plan_only: true,
        accept_shrink: &args.accept_shrink,
        accept_lake: args.accept_lake,
        as_of: Some(step.as_of),
        ..load::Asked::default()
    };
    if args.plan {
        return load::stage(context, &tables, &asked, report, outcome, &mut flow).await;
    }
    // Shown before anything changes; what the plan refuses the load refuses too, and that is told then.
    let mut plan = Report::default();
    load::plan(context, &tables, &asked, &mut plan).await?;
    context.printer.say(plan.table_rows().to_table(None).trim_end());
    load::stage(context, &tables, &load::Asked { plan_only: false, ..asked }, report, outcome, &mut flow).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_before_the_next() {
        assert_eq!(end_of("2026-01-31".parse().unwrap()).to_string(), "2026-01-31 23:59:59.999999 UTC");
    }
}
