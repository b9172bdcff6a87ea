//! A snapshot mart: one immutable partition for every UTC day on which its driving endpoint was pulled.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{
    behind::Behind,
    compute,
    fingerprint::Closure,
    publish,
    run::{Job, Made, State, unchanged},
    trace,
};
use crate::{
    catalog::Model,
    engine::RunRow,
    error::{Error, Kind, Result},
    lake::{Manifest, Receipt, Steps},
};

/// Computes the days that are new or whose inputs changed, and publishes all days together.
///
/// A day shows the driving endpoint's pulls of that day only, each scope's newest (no carry-forward), and everything else
/// as of the day's last pull.
pub(super) fn run(job: &Job<'_>, model: &Model, closure: &Closure, behind: &Behind<'_>, driver: &str, former: &[Manifest]) -> Result<Made> {
    let mut parts = Vec::new();
    let mut computed = 0;
    let mut steps = None;
    // Each past day is looked at again: a year of them must not look at what others read.
    let relevant = closure.relevant(job.receipts);
    let days = days(job.receipts, driver, &job.run);
    let newest = days.last_key_value().map(|(day, _)| *day);
    for (day, run) in days.into_iter().filter(|(day, _)| job.days.is_none_or(|(first, last)| (first..=last).contains(day))) {
        let visible: Vec<&Receipt> = relevant
            .iter()
            .copied()
            .filter(|receipt| receipt.finished <= run.as_of && (receipt.endpoint != driver || receipt.run_at.date_naive() == day))
            .collect();
        let fingerprint = closure.fingerprint(job.engine, &visible, &run);
        let known = former.iter().rev().flat_map(|manifest| &manifest.parts).filter(|part| part.day == Some(day));
        let same = known.clone().find(|part| part.fingerprint == fingerprint && !job.fresh);
        if let Some(part) = same
            && job.is_intact(std::slice::from_ref(part))?
        {
            parts.push(part.clone());
            continue;
        }
        let moment = job.engine.moment_of_day(&run, job.receipts, Some((driver, day)))?.of_project();
        let candidate =
            compute::candidate(&moment, model, job.observer.as_ref()).map_err(|error| error.within(format!("day {day} of `{}`", model.name)))?;
        if newest == Some(day) {
            steps = Some(Steps { day: Some(day), ..trace::steps(job, &moment, model, candidate.rows) });
        }
        let last = known.clone().next();
        let mut part = publish::part(job, &model.name, Some(day), &candidate, fingerprint, closure.sources(job.engine, &visible, &run), last)?;
        part.unread = behind.unread_by(run.as_of, newest == Some(day), last.map_or(&[], |last| &last.unread));
        parts.push(part);
        computed += 1;
    }
    let total: Vec<&str> = parts.iter().map(|part| part.fingerprint.as_str()).collect();
    let fingerprint = super::run::hash(&total.join(","));
    let same = former.iter().rev().find(|manifest| job.reuses(manifest)).filter(|manifest| manifest.fingerprint == fingerprint);
    if let Some(manifest) = same.filter(|_| computed == 0) {
        return unchanged(job, model, closure, behind, manifest);
    }
    let as_of = job.moment_of(&relevant, former).as_of;
    let draft = publish::Draft { model, as_of, fingerprint, definition: closure.definition(job.engine), behind };
    let manifest = publish::manifest(job, draft, parts)?;
    let mut steps = steps.unwrap_or_else(|| Steps { transform_id: job.transform_id, day: newest, ..Steps::default() });
    steps.rows = manifest.rows;
    Ok(Made { state: State::Computed { days: Some(computed) }, manifest, steps: Some(steps) })
}

/// Each day with a complete pull of `driver` by `run.as_of`, with the run that its result belongs to.
pub(super) fn days(receipts: &[Receipt], driver: &str, run: &RunRow) -> BTreeMap<NaiveDate, RunRow> {
    let mut days: BTreeMap<NaiveDate, RunRow> = BTreeMap::new();
    for receipt in crate::engine::inputs(receipts, driver, run.as_of) {
        let row = RunRow { run_at: receipt.run_at, as_of: receipt.finished, ..run.clone() };
        let known = days.entry(receipt.run_at.date_naive()).or_insert_with(|| row.clone());
        known.run_at = known.run_at.max(row.run_at);
        known.as_of = known.as_of.max(row.as_of);
    }
    days
}

/// The endpoint that a snapshot's header names.
pub(super) fn driver<'a>(job: &Job<'_>, model: &Model, of: &'a str) -> Result<&'a str> {
    if job.engine.project().endpoint(of).is_some() {
        return Ok(of);
    }
    let known: Vec<&str> = job.engine.project().endpoints().map(|endpoint| endpoint.id.as_str()).collect();
    Err(Error::new(
        Kind::Config,
        format!("{}: `snapshot of: {of}` is no endpoint model{}", model.file.display(), crate::names::did_you_mean(of, known)),
    ))
}
