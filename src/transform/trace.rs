//! What is written down of a computation for people who ask where rows went. Never a reason for a transform to fail.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    at::at,
    fingerprint,
    run::{Job, ModelSummary, State},
};
use crate::{
    catalog::{Model, ModelKind},
    engine::{Engine, Moment, RunRow},
    lake::{Census, Manifest, Receipts, Step, Steps},
    parallel,
};

/// What is known of a result that was just computed in `moment`; with `trace` the steps too.
pub(super) fn steps(job: &Job<'_>, moment: &Moment<'_>, model: &Model, rows: u64) -> Steps {
    let steps = Steps { transform_id: job.transform_id, rows, ..Steps::default() };
    if job.trace { traced(moment, model, rows, steps) } else { steps }
}

/// The steps of a result that was published before, computed now; `rows` are those of its newest day where it is a snapshot.
pub fn explain(engine: &Engine, model: &Model, receipts: &Receipts, run: &RunRow, manifest: &Manifest) -> Steps {
    let newest = manifest.parts.iter().filter_map(|part| Some((part.day?, part.rows))).max();
    let day = newest.map(|(day, _)| day);
    let steps = Steps { transform_id: manifest.transform_id, day, rows: manifest.rows, ..Steps::default() };
    match at(engine, model, receipts, run, day) {
        Err(error) => Steps { error: Some(error.told()), ..steps },
        Ok(None) => Steps { error: Some("nothing was pulled".to_owned()), ..steps },
        Ok(Some(at)) => traced(&at.moment, model, newest.map_or(manifest.rows, |(_, rows)| rows), steps),
    }
}

fn traced(moment: &Moment<'_>, model: &Model, rows: u64, mut traced: Steps) -> Steps {
    if model.kind == ModelKind::Seed {
        let clause = "from the file".to_owned();
        traced.steps = vec![Step { of: model.name.clone(), clause, rows, change: None }];
        return traced;
    }
    match moment.steps(model) {
        Err(error) => traced.error = Some(error.told()),
        Ok(steps) => {
            let end = steps.last().map_or(0, |step| step.rows);
            if end != rows {
                traced.error = Some(format!("the steps end with {end} rows, and the result has {rows}: the model or the lake has changed since"));
            }
            traced.steps = steps;
        }
    }
    traced
}

/// What is live of the endpoints behind the models that were computed anew.
pub(super) fn census(job: &Job<'_>, done: &[ModelSummary]) -> BTreeMap<String, Census> {
    let mut endpoints: BTreeSet<String> = BTreeSet::new();
    for summary in done.iter().filter(|summary| matches!(summary.state, State::Computed { .. })) {
        if let Some(model) = job.engine.project().model(&summary.model) {
            endpoints.extend(fingerprint::closure(job.engine, model).endpoints().iter().cloned());
        }
    }
    let endpoints: Vec<String> = endpoints.into_iter().collect();
    let moment = || job.engine.moment(&job.run, job.receipts).ok();
    let counted =
        parallel::map_init(&endpoints, moment, |moment, endpoint| moment.as_ref().and_then(|moment| moment.census(endpoint).ok().flatten()));
    endpoints.into_iter().zip(counted).filter_map(|(endpoint, census)| Some((endpoint, census?))).collect()
}
