//! `etl status --last`: every step between the API and the table, with the rows that are left after it.

use std::{collections::BTreeSet, sync::Arc};

use super::context::{Context, blocking};
use crate::{
    catalog::Selection,
    engine::RunRow,
    error::Result,
    lake::{Census, Flow, Held, Manifest, Receipt, Receipts, Steps},
    parallel,
    term::{Cell, Format, Rows},
    transform,
};

/// The rows of all selected endpoints and tables.
pub(super) async fn write(context: &Context, selection: &Selection, receipts: &Receipts, format: Format) -> Result<()> {
    let endpoints: BTreeSet<String> = selection.waves.iter().flatten().cloned().collect();
    let tables: BTreeSet<String> = selection.tables.iter().cloned().collect();
    let flow = context.lake.last_flow(&endpoints, &tables).await?;
    let flow = flow.unwrap_or_else(|| context.flow("status"));
    let flow = completed(context, flow, &endpoints, &tables, receipts).await?;
    context.printer.rows(&rows(&endpoints, &tables, receipts, &flow), format)
}

/// Counts what no run has counted since it changed: the lake still has all that it takes.
async fn completed(context: &Context, mut flow: Flow, endpoints: &BTreeSet<String>, tables: &BTreeSet<String>, receipts: &Receipts) -> Result<Flow> {
    let newest_run = |name: &str| {
        let complete = receipts.iter().filter(|receipt| receipt.endpoint == name && receipt.complete());
        complete.max_by_key(|receipt| (receipt.finished, receipt.pull_id)).map(|receipt| receipt.run_id)
    };
    let uncounted = |name: &&String| newest_run(name).is_some_and(|run| flow.census.get(*name).is_none_or(|census| census.run_id != run));
    let endpoints: Vec<String> = endpoints.iter().filter(uncounted).cloned().collect();
    let mut marts = Vec::new();
    for name in tables {
        let Some(manifest) = context.lake.newest_manifest(name).await? else { continue };
        let known = flow.marts.get(name).filter(|steps| steps.transform_id == manifest.transform_id);
        if known.is_none_or(|steps| steps.steps.is_empty()) {
            marts.push((name.clone(), manifest));
        }
    }
    let (engine, receipts) = (Arc::clone(&context.engine), receipts.clone());
    let now = RunRow::of(receipts.iter(), None);
    let rows: Vec<RunRow> = marts.iter().map(|(_, manifest)| RunRow::of(receipts.iter(), Some(manifest.as_of))).collect();
    let (census, steps) = blocking(move || {
        let moment = || engine.moment(&now, &receipts).ok();
        let census = parallel::map_init(&endpoints, moment, |moment, name| Some((name.clone(), moment.as_ref()?.census(name).ok()??)));
        let asked: Vec<(&(String, Manifest), &RunRow)> = marts.iter().zip(&rows).collect();
        let steps = parallel::map_init(
            &asked,
            || (),
            |(), ((name, manifest), row)| {
                let model = engine.project().model(name)?;
                Some((name.clone(), transform::explain(&engine, model, &receipts, row, manifest)))
            },
        );
        Ok((census, steps))
    })
    .await?;
    flow.census.extend(census.into_iter().flatten());
    flow.marts.extend(steps.into_iter().flatten());
    Ok(flow)
}

struct Lines {
    rows: Rows,
}

impl Lines {
    fn add(&mut self, node: &str, step: &str, rows: Option<u64>, change: Option<i64>, why: impl Into<String>) {
        let change = change.map_or(Cell::Null, |change| Cell::Number(change.to_string()));
        self.rows.push([Cell::from(node), step.into(), rows.into(), change, why.into().into()]);
    }
}

fn rows(endpoints: &BTreeSet<String>, tables: &BTreeSet<String>, receipts: &[Receipt], flow: &Flow) -> Rows {
    let mut lines = Lines { rows: Rows::new(["node", "step", "rows", "change", "why"]) };
    for name in endpoints {
        let of: Vec<&Receipt> = receipts.iter().filter(|receipt| receipt.endpoint == *name).collect();
        pulled(&mut lines, name, &of);
        if let Some(census) = flow.census.get(name) {
            live(&mut lines, name, census);
        }
    }
    for name in tables {
        if let Some(steps) = flow.marts.get(name) {
            computed(&mut lines, name, steps);
        }
        if let Some(held) = flow.tables.get(name) {
            loaded(&mut lines, name, held);
        }
    }
    lines.rows
}

/// What the newest run brought.
fn pulled(lines: &mut Lines, name: &str, receipts: &[&Receipt]) {
    let Some(newest) = receipts.iter().max_by_key(|receipt| receipt.finished) else {
        return lines.add(name, "fetched", None, None, "never pulled");
    };
    let run: Vec<&&Receipt> = receipts.iter().filter(|receipt| receipt.run_id == newest.run_id).collect();
    let sum = |of: &dyn Fn(&Receipt) -> u64| run.iter().map(|receipt| of(receipt)).sum::<u64>();
    let expected: Option<u64> = run.iter().map(|receipt| receipt.expected).sum();
    let fetched = sum(&|receipt| receipt.records);
    let landed = sum(&|receipt| if receipt.complete() { receipt.records } else { 0 });
    let change = |from: u64, to: u64| Some(to.cast_signed() - from.cast_signed());
    if let Some(expected) = expected {
        lines.add(name, "expected by the API", Some(expected), None, "");
    }
    let parts = crate::names::count(run.len() as u64, "pull");
    lines.add(
        name,
        "fetched",
        Some(fetched),
        expected.and_then(|expected| change(expected, fetched)),
        format!("{parts} of the run of {}", at(newest)),
    );
    lines.add(
        name,
        "landed",
        Some(landed),
        change(fetched, landed),
        if landed == fetched { "" } else { "pulls that failed are kept for diagnosis only" },
    );
}

fn at(receipt: &Receipt) -> String {
    receipt.run_at.format("%Y-%m-%d %H:%M:%S").to_string()
}

fn live(lines: &mut Lines, name: &str, census: &Census) {
    let less = |number: u64| Some(-number.cast_signed());
    let twice = census.landed.saturating_sub(census.keys);
    let why = if twice == 0 { "" } else { "a record came twice: pages moved while they were read, or two partitions have it" };
    lines.add(name, "keys", Some(census.keys), less(twice), why);
    lines.add(name, "landed so far", Some(census.ever), None, "by all complete pulls");
    lines.add(
        name,
        "not replaced",
        Some(census.ever - census.replaced),
        less(census.replaced),
        "later lists, partitions and windows replace earlier ones",
    );
    lines.add(name, "latest", Some(census.latest), less(census.older), "older versions of a key, and records that came twice");
}

fn computed(lines: &mut Lines, name: &str, steps: &Steps) {
    for step in &steps.steps {
        let place = step.of.strip_prefix(name).map_or(step.of.as_str(), |rest| rest.trim_start_matches([':', ',', ' ']));
        let text = if place.is_empty() { step.clause.clone() } else { format!("{place}: {}", step.clause) };
        lines.add(name, &text, Some(step.rows), step.change, "");
    }
    match (&steps.error, steps.day) {
        (Some(error), _) => lines.add(name, "mart", Some(steps.rows).filter(|_| !steps.steps.is_empty()), None, error.as_str()),
        (None, Some(day)) => lines.add(name, "mart", Some(steps.rows), None, format!("all days; the steps are those of {day}")),
        (None, None) => lines.add(name, "mart", Some(steps.rows), None, ""),
    }
}

fn loaded(lines: &mut Lines, name: &str, held: &Held) {
    if let Some(error) = &held.error {
        return lines.add(name, "table", None, None, format!("not loaded: {error}"));
    }
    let why = |number: u64, text: &'static str| if number == 0 { "" } else { text };
    let (blocked, kept) = (held.blocked, held.kept());
    lines.add(
        name,
        "loaded",
        Some(held.of_mart()),
        Some(-blocked.cast_signed()),
        why(blocked, "blocked: rows that etl did not write have their keys"),
    );
    lines.add(
        name,
        "owned",
        Some(held.owned),
        Some(kept.cast_signed()),
        why(kept, "of earlier marts: days that this one does not have, or rows that are kept when they are missing"),
    );
    lines.add(
        name,
        "table",
        Some(held.owned + held.foreign),
        Some(held.foreign.cast_signed()),
        why(held.foreign, "not owned: etl did not write them"),
    );
    for (column, number) in &held.cuts {
        lines.add(name, "cut", None, None, format!("{} cut at the length of `{column}`; no row is lost", crate::names::count(*number, "text")));
    }
}
