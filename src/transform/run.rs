//! One transform: the selected tables in order, each on its own; a table that fails leaves its last good result in place.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use uuid::Uuid;

use super::{
    audit,
    behind::{Behind, Coverages, same_gaps},
    compute,
    fingerprint::{self, Closure},
    publish, snapshot, trace,
};
use crate::{
    catalog::{Grain, Model, ModelKind, Node},
    clock::Clock,
    digest,
    engine::{Engine, Moment, RunRow},
    error::{Error, Result},
    events::{Event, Observer},
    lake::{Census, Lake, Manifest, Part, Receipt, Receipts, Steps, Wanted},
    parallel,
};

/// What to transform, and over what.
#[derive(Clone)]
pub struct Job<'a> {
    /// DuckDB over the lake.
    pub engine: &'a Engine,
    /// The lake.
    pub lake: &'a Lake,
    /// Every committed receipt of what the tables read.
    pub receipts: &'a Receipts,
    /// The moment.
    pub run: RunRow,
    /// Whether no moment was asked for: that of each table then is the newest pull of what it reads itself.
    pub newest: bool,
    /// Whether a past moment was asked for: the result is kept apart from the newest ones.
    pub replay: bool,
    /// Compute everything anew, whatever was computed before.
    pub fresh: bool,
    /// Of snapshots only the days from the first to the last of these.
    pub days: Option<(NaiveDate, NaiveDate)>,
    /// All projects: what `for_each` is evaluated for to find out which scopes should be there.
    pub projects: Vec<String>,
    /// The lake holds what a test gives, and nothing else is missed.
    pub fixtures: bool,
    /// Count the rows after every step of what is computed.
    pub trace: bool,
    /// The invocation.
    pub transform_id: Uuid,
    /// When the newest result of the table at hand was published; set by the job itself.
    pub published: Option<DateTime<Utc>>,
    /// The tables, in an order that respects what they need.
    pub models: Vec<String>,
    /// Listens.
    pub observer: Arc<dyn Observer>,
    /// The clock.
    pub clock: Clock,
    /// For the lake's calls; the job itself blocks.
    pub runtime: tokio::runtime::Handle,
}

/// What became of all tables.
#[derive(Debug, Default)]
pub struct Summary {
    /// In the order of computation.
    pub models: Vec<ModelSummary>,
    /// With `trace`: what is live of the endpoints behind what was computed.
    pub census: BTreeMap<String, Census>,
}

/// What became of one table.
#[derive(Debug)]
pub struct ModelSummary {
    /// Its name.
    pub model: String,
    /// Rows of the result that now counts.
    pub rows: u64,
    /// How it went.
    pub state: State,
    /// Time it took.
    pub seconds: f64,
    /// Why it was not computed, although nothing failed.
    pub skipped: Option<String>,
    /// Why it failed.
    pub error: Option<Error>,
    /// The result that now counts.
    pub manifest: Option<Manifest>,
    /// Of a new result: its rows, with `trace` how they came about.
    pub steps: Option<Steps>,
}

/// How one table went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A new result was published; of a snapshot so many days were computed.
    Computed { days: Option<u64> },
    /// The inputs and rules are those of the last result.
    Unchanged,
    /// Nothing of what it reads was ever pulled, so there is no result.
    NeverPulled,
    /// The last good result stays.
    Failed,
}

impl Job<'_> {
    /// The moment of a table that reads these receipts. It does not depend on what else is computed, and never goes back.
    pub(super) fn moment_of(&self, relevant: &[&Receipt], former: &[Manifest]) -> RunRow {
        if !self.newest {
            return self.run.clone();
        }
        // A seed reads none, and where there was nothing to ask for nothing was pulled.
        let own = if !relevant.iter().any(|receipt| receipt.complete()) { self.run.clone() } else { RunRow::of(relevant.iter().copied(), None) };
        let shown = former.last().map(|manifest| manifest.as_of);
        RunRow { as_of: shown.into_iter().fold(own.as_of, Ord::max), run_at: own.run_at, ..self.run.clone() }
    }

    /// Whether the files of a former result hold what was published. A bucket keeps what it has; its copies here are compared when
    /// they are read.
    pub(super) fn is_intact(&self, parts: &[Part]) -> Result<bool> {
        if self.lake.is_remote() {
            return Ok(true);
        }
        let damaged = self.block_on(self.lake.damaged(parts.iter().map(Wanted::from).collect()))?;
        for (part, what) in &damaged {
            self.observer.on(&Event::Warning(format!("`{}` is damaged ({what}) and is computed again", part.path)));
        }
        Ok(damaged.is_empty())
    }

    /// The job as it publishes after `former`: neither its id nor its time is before theirs, whatever the clock shows. What is
    /// recorded later is newer for every reader.
    fn after(&self, former: &[Manifest]) -> Self {
        let newest = former.iter().map(|manifest| manifest.transform_id).max();
        let transform_id = match newest {
            Some(newest) if newest >= self.transform_id => following(newest).unwrap_or(self.transform_id),
            _ => self.transform_id,
        };
        let published = former.iter().map(|manifest| manifest.created).max();
        Self { transform_id, published, ..self.clone() }
    }

    /// The time of publication.
    pub(super) fn publishes_at(&self) -> DateTime<Utc> {
        let next = self.published.map(|newest| newest + TimeDelta::milliseconds(1));
        next.into_iter().fold(self.clock.now(), Ord::max)
    }

    pub(super) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Whether a former manifest may stand for this job's result.
    pub(super) fn reuses(&self, manifest: &Manifest) -> bool {
        if self.fresh {
            return false;
        }
        if self.replay { manifest.replay && manifest.as_of == self.run.as_of } else { !manifest.replay }
    }
}

/// Runs the job. Failures of single tables are in the summary.
///
/// # Errors
/// Only what concerns all tables: the lake cannot be read.
pub fn run(job: &Job<'_>) -> Result<Summary> {
    let coverages = Coverages::new(job);
    let mut done: Vec<ModelSummary> = Vec::new();
    for level in levels(job) {
        // State marts of a thread share one moment: a relation that several of them read is made once.
        done.extend(parallel::map_init(&level, || None, |shared: &mut Option<Moment<'_>>, model| one(job, &coverages, model, shared)));
    }
    done.sort_by_key(|summary| job.models.iter().position(|name| *name == summary.model));
    let census = if job.trace { trace::census(job, &done) } else { BTreeMap::new() };
    Ok(Summary { models: done, census })
}

/// The tables so that each comes after what it needs. Those of one level need nothing of one another.
fn levels<'j>(job: &'j Job<'_>) -> Vec<Vec<&'j Model>> {
    let project = job.engine.project();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let mut levels: Vec<Vec<&Model>> = Vec::new();
    for name in &job.models {
        let Some(model) = project.model(name).filter(|model| model.is_table()) else { continue };
        let above = job.engine.graph().upstream([Node::Model(name.clone())]);
        let below = above.iter().filter_map(|node| known.get(node.name())).max();
        let level = below.map_or(0, |level| level + 1);
        known.insert(name, level);
        if levels.len() <= level {
            levels.resize_with(level + 1, Vec::new);
        }
        levels[level].push(model);
    }
    levels
}

fn one<'e>(job: &Job<'e>, coverages: &Coverages<'_>, model: &Model, shared: &mut Option<Moment<'e>>) -> ModelSummary {
    let name = &model.name;
    job.observer.on(&Event::ModelStarted { model: name.clone() });
    let started = Instant::now();
    let result = table(job, coverages, model, shared).and_then(|ended| match ended {
        Ended::Made(made) => audit_uncomputed(job, model, *made, shared).map(Ended::made),
        Ended::NeverPulled(endpoints) => Ok(Ended::NeverPulled(endpoints)),
    });
    if result.is_err() {
        // It may show a candidate that failed; whatever reads that model next must not see it.
        *shared = None;
    }
    let seconds = started.elapsed().as_secs_f64();
    let mut summary =
        ModelSummary { model: name.clone(), rows: 0, state: State::Failed, seconds, skipped: None, error: None, manifest: None, steps: None };
    match result {
        Ok(Ended::Made(made)) => {
            let Made { state, manifest, steps } = *made;
            (summary.state, summary.rows, summary.steps) = (state, manifest.rows, steps);
            summary.manifest = Some(manifest);
        }
        Ok(Ended::NeverPulled(endpoints)) => {
            summary.state = State::NeverPulled;
            summary.skipped = Some(format!("never pulled: {}", endpoints.join(", ")));
        }
        Err(error) => summary.error = Some(error),
    }
    let word = match summary.state {
        State::Computed { .. } => "computed",
        State::Unchanged => "unchanged",
        State::NeverPulled => "never pulled",
        State::Failed => "failed",
    };
    job.observer.on(&Event::ModelFinished { model: name.clone(), rows: summary.rows, state: word, seconds });
    summary
}

/// How the work on a table ends, if nothing fails.
enum Ended {
    Made(Box<Made>),
    /// These endpoints have no complete pull.
    NeverPulled(Vec<String>),
}

impl Ended {
    fn made(made: Made) -> Self {
        Self::Made(Box::new(made))
    }
}

/// Runs the audits that do not read the table, if nothing of it was computed: their inputs may have changed all the same.
fn audit_uncomputed<'e>(job: &Job<'e>, model: &Model, made: Made, shared: &mut Option<Moment<'e>>) -> Result<Made> {
    if matches!(made.state, State::Computed { days: None | Some(1..) } | State::Failed) {
        return Ok(made);
    }
    for audit in audit::independent(job.engine.project(), model) {
        let moment = match shared {
            Some(moment) => moment,
            None => shared.insert(job.engine.moment(&job.run, job.receipts)?.of_project()),
        };
        audit::one(moment, model, audit, job.observer.as_ref())?;
    }
    Ok(made)
}

/// What a table came to.
pub(super) struct Made {
    pub(super) state: State,
    pub(super) manifest: Manifest,
    pub(super) steps: Option<Steps>,
}

fn table<'e>(job: &Job<'e>, coverages: &Coverages<'_>, model: &Model, shared: &mut Option<Moment<'e>>) -> Result<Ended> {
    let contract = compute::contract(model)?;
    let closure = fingerprint::closure(job.engine, model);
    // Only the newest counts, and reading the others would take longer every day; a replay looks for its like among all.
    let former: Vec<Manifest> = if job.replay {
        job.block_on(job.lake.manifests(&model.name))?
    } else {
        job.block_on(job.lake.newest_manifest(&model.name))?.into_iter().collect()
    };
    let mut rows_of = closure.endpoints().clone();
    if let Grain::Snapshot { of, .. } = &contract.grain {
        rows_of.insert(of.clone());
    }
    let behind = coverages.behind(model, &rows_of, former.last());
    if !behind.never_pulled.is_empty() {
        return Ok(Ended::NeverPulled(behind.never_pulled));
    }
    let job = &job.after(&former);
    if let Grain::Snapshot { of, .. } = &contract.grain {
        let driver = snapshot::driver(job, model, of)?;
        return snapshot::run(job, model, &closure, &behind, driver, &former).map(Ended::made);
    }
    let relevant = closure.relevant(job.receipts);
    let run = job.moment_of(&relevant, &former);
    let fingerprint = closure.fingerprint(job.engine, &relevant, &run);
    // Only the newest counts: after A, B, A again the third must be published, or B would stay in the table.
    let same = former.iter().rev().find(|manifest| job.reuses(manifest)).filter(|manifest| manifest.fingerprint == fingerprint);
    if let Some(manifest) = same
        && job.is_intact(&manifest.parts)?
    {
        return unchanged(job, model, &closure, &behind, manifest).map(Ended::made);
    }
    let mut own = None;
    let moment = match shared {
        // `run` differs from table to table.
        _ if closure.reads_run() => own.insert(job.engine.moment(&run, job.receipts)?.of_project()),
        Some(moment) => moment,
        None => shared.insert(job.engine.moment(&job.run, job.receipts)?.of_project()),
    };
    let candidate = compute::candidate(moment, model, job.observer.as_ref())?;
    let last = former.last().and_then(|manifest| manifest.parts.first());
    let part = publish::part(job, &model.name, None, &candidate, fingerprint.clone(), closure.sources(job.engine, &relevant, &run), last)?;
    let draft = publish::Draft { model, as_of: run.as_of, fingerprint, definition: closure.definition(job.engine), behind: &behind };
    let manifest = publish::manifest(job, draft, vec![part])?;
    if model.kind != ModelKind::Seed {
        // The candidate's own file goes; who reads this model next reads what was published.
        let published = job.block_on(job.lake.local(manifest.parts.iter().map(Wanted::from).collect()))?;
        moment.show_result(&model.name, published)?;
    }
    let steps = Some(trace::steps(job, moment, model, manifest.rows));
    Ok(Ended::made(Made { state: State::Computed { days: None }, manifest, steps }))
}

/// A result that is the last one. Where other scopes are missing than it says, it is published once more, with the same files.
pub(super) fn unchanged(job: &Job<'_>, model: &Model, closure: &Closure, behind: &Behind<'_>, last: &Manifest) -> Result<Made> {
    let manifest = if same_gaps(&last.scopes, &behind.scopes) {
        last.clone()
    } else {
        let (as_of, fingerprint) = (last.as_of, last.fingerprint.clone());
        let draft = publish::Draft { model, as_of, fingerprint, definition: closure.definition(job.engine), behind };
        publish::manifest(job, draft, last.parts.clone())?
    };
    Ok(Made { state: State::Unchanged, manifest, steps: None })
}

/// An id of version 7 whose time is a millisecond after that of `id`.
fn following(id: Uuid) -> Option<Uuid> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    let next = std::time::Duration::new(seconds, nanos) + std::time::Duration::from_millis(1);
    Some(Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, next.as_secs(), next.subsec_nanos())))
}

/// Sixteen bytes of SHA-256 as hex.
pub(super) fn hash(text: &str) -> String {
    digest::short(text, 16)
}
