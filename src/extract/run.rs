//! The waves of a run: what parents committed is what children ask by.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::StreamExt;
use tokio::runtime::{Handle, RuntimeFlavor};
use uuid::Uuid;

use super::{
    known::Known,
    plan::{Pull, plan},
    pull::Context,
    shard::Shard,
    summary::{PullSummary, Stale, Summary},
};
use crate::{
    catalog::{Endpoint, Graph, Node, Project, Selection, Source},
    engine::{Engine, Moment, RunRow},
    error::{Error, Kind, Result},
    events::{Event, Observer},
    http::{HttpClient, missing_variables},
    lake::{Lake, Receipts, Stop, WriteBudget},
    parallel,
    settings::{Env, Settings},
};

/// Pulls that are open at once. Each holds a file and a few pages; how many requests are under way is the sources' matter.
const OPEN_PULLS: usize = 12;

/// What an extraction needs.
pub struct Job<'a> {
    /// The files.
    pub project: &'a Project,
    /// What needs what.
    pub graph: &'a Graph,
    /// Configuration and environment.
    pub settings: &'a Settings,
    /// Where it lands.
    pub lake: &'a Lake,
    /// Answers the `for_each` queries.
    pub engine: &'a Engine,
    /// Is told of the progress.
    pub observer: Arc<dyn Observer>,
    /// What to extract.
    pub selection: &'a Selection,
    /// The relation `run`.
    pub run: RunRow,
    /// This run, or the one that is resumed.
    pub run_id: Uuid,
    /// Skip what the run has committed already.
    pub resume: bool,
    /// The part of the work that is this run's; `None` = all of it.
    pub shard: Option<Shard>,
}

/// Extracts everything that is selected. One failure does not stop the rest. Dropping the future interrupts it: what is
/// committed stays, nothing else is visible.
///
/// # Errors
/// Only where nothing could be tried: a source that is not configured, a lake that cannot be read.
pub async fn run(job: &Job<'_>) -> Result<Summary> {
    let clients = clients(job)?;
    let refused = ping(job, &clients).await;
    let budget = WriteBudget::new(job.settings.write_buffer, job.engine.temp());
    let context = Context {
        lake: job.lake,
        clock: &job.settings.clock,
        budget: &budget,
        observer: job.observer.as_ref(),
        run_id: job.run_id,
        run_at: job.run.run_at,
        full_refresh: job.run.full_refresh,
    };
    let mut summary = Summary { run_id: job.run_id, pulls: Vec::new(), stale: Vec::new() };
    let mut receipts = job.lake.receipts(job.engine.read_by(job.selection).as_ref()).await?;
    let mut committed: BTreeSet<String> = BTreeSet::new();
    let mut pulled = BTreeSet::new();
    let own = job.shard.map(|shard| shard.endpoints(job.graph, job.selection.waves.iter().flatten()));
    for wave in &job.selection.waves {
        // Everything that earlier waves committed is visible to this wave's questions.
        job.lake.add_receipts(&mut receipts, Some(&committed)).await?;
        committed = wave.iter().cloned().collect();
        let mut asked: Vec<(&Endpoint, &HttpClient)> = Vec::new();
        let mut planned: Vec<(&Endpoint, &HttpClient, Pull)> = Vec::new();
        for id in wave.iter().filter(|id| own.as_ref().is_none_or(|own| own.contains(id.as_str()))) {
            let endpoint =
                job.project.endpoint(id).ok_or_else(|| Error::new(Kind::Internal, format!("the selected endpoint `{id}` does not exist")))?;
            note_stale(job, endpoint, &mut summary);
            if let Some(error) = refused.get(&endpoint.source) {
                summary.pulls.push(PullSummary::failure(id, "", error));
                continue;
            }
            pulled.insert((endpoint.source.clone(), endpoint.name.clone()));
            let client = clients.get(&endpoint.source).ok_or_else(|| Error::new(Kind::Internal, format!("no client for `{}`", endpoint.source)))?;
            asked.push((endpoint, client));
        }
        let plans = blocking(|| plans(job, &asked, &receipts));
        for ((endpoint, client), plan) in asked.into_iter().zip(plans) {
            let id = &endpoint.id;
            match plan {
                Ok(pulls) if pulls.is_empty() && job.shard.is_some() => {}
                Ok(pulls) if pulls.is_empty() => summary.pulls.push(PullSummary::empty(id, "", Stop::NoPartitions)),
                Ok(pulls) => planned.extend(pulls.into_iter().map(|pull| (endpoint, client, pull))),
                Err(error) => {
                    job.observer.on(&Event::Warning(format!("`{id}` is not extracted: {error}")));
                    summary.pulls.push(PullSummary::failure(id, "", &error));
                }
            }
        }
        let pulls = planned.iter().enumerate().map(|(no, (endpoint, client, pull))| {
            let newest = receipts.iter().filter(|receipt| receipt.endpoint == endpoint.id).map(|receipt| receipt.finished).max();
            let work = context.pull(endpoint, client, pull, newest);
            Box::pin(async move { (no, work.await) })
        });
        let mut done: Vec<(usize, PullSummary)> = futures::stream::iter(pulls).buffer_unordered(OPEN_PULLS).collect().await;
        done.sort_by_key(|(no, _)| *no);
        summary.pulls.extend(done.into_iter().map(|(_, pull)| pull));
    }
    futures::future::join_all(clients.values().map(HttpClient::close)).await;
    // A cache for readers: that it could not be written is no reason to say that the extract failed.
    let pulled = pulled.into_iter().collect();
    let _ = job.lake.settle(pulled).await;
    Ok(summary)
}

/// Asks each source's `ping`; the sources that must not be asked further, and why.
async fn ping(job: &Job<'_>, clients: &BTreeMap<String, HttpClient>) -> BTreeMap<String, Error> {
    let pings = clients.iter().map(async |(source, client)| (source.clone(), client.ping().await));
    let mut refused = BTreeMap::new();
    for (source, result) in futures::future::join_all(pings).await {
        if let Err(error) = result {
            let error = error.within(format!("nothing of `{source}` is extracted, because its first question failed"));
            job.observer.on(&Event::Warning(format!("{error}")));
            refused.insert(source, error);
        }
    }
    refused
}

/// One client per selected source, all before the first request. All missing variables are named at once.
fn clients(job: &Job<'_>) -> Result<BTreeMap<String, HttpClient>> {
    let endpoints = job.selection.waves.iter().flatten().filter_map(|id| job.project.endpoint(id));
    let sources: BTreeMap<&str, &Source> =
        endpoints.filter_map(|endpoint| job.project.source(&endpoint.source)).map(|source| (source.name.as_str(), source)).collect();
    let missing: BTreeSet<String> = sources.values().flat_map(|source| missing_variables(source, &job.settings.env)).collect();
    if !missing.is_empty() {
        let names: Vec<String> = missing.into_iter().collect();
        let needed: Vec<&str> = sources.into_keys().collect();
        return Err(Env::missing(&names).within(format!("extracting from {}", needed.join(", "))));
    }
    let client = |(name, source): (&str, &Source)| {
        let client = HttpClient::new(source, job.settings, job.settings.clock.clone(), Arc::clone(&job.observer))?;
        Ok((name.to_owned(), client))
    };
    sources.into_iter().map(client).collect()
}

/// The pulls of the endpoints of one wave.
fn plans(job: &Job<'_>, asked: &[(&Endpoint, &HttpClient)], receipts: &Receipts) -> Vec<Result<Vec<Pull>>> {
    // Questions are about the lake as it is now: what the waves before have committed is younger than the run, and a pull of a
    // machine whose clock is ahead is there all the same.
    let newest = receipts.iter().map(|receipt| receipt.finished).max();
    let now = RunRow { as_of: newest.into_iter().fold(job.settings.clock.now(), Ord::max), ..job.run.clone() };
    parallel::map_init(
        asked,
        || None,
        |shared: &mut Option<Moment<'_>>, (endpoint, _)| {
            let plan = ask(job, endpoint, &now, receipts, shared);
            if plan.is_err() {
                // Half of a relation may be left in it.
                *shared = None;
            }
            plan
        },
    )
}

/// The pulls of one endpoint. Questions of one thread share a moment: a relation that several of them read is made once.
fn ask<'j>(job: &Job<'j>, endpoint: &Endpoint, now: &RunRow, receipts: &'j Receipts, shared: &mut Option<Moment<'j>>) -> Result<Vec<Pull>> {
    let rows = match (&endpoint.for_each, shared) {
        (None, _) => Vec::new(),
        (Some(_), Some(moment)) => moment.for_each(endpoint)?,
        (Some(_), shared) => shared.insert(job.engine.moment(now, receipts)?.of_project()).for_each(endpoint)?,
    };
    let rows = match job.shard {
        None => rows,
        Some(shard) => match shard.share(endpoint, rows) {
            Some(rows) => rows,
            None => return Ok(Vec::new()),
        },
    };
    let file = job.project.source(&endpoint.source).map(|source| source.file.display().to_string()).unwrap_or_default();
    let line = if endpoint.for_each_line > 0 { endpoint.for_each_line } else { endpoint.line };
    let known = Known::of(endpoint, receipts, job.run_id, job.resume);
    plan(endpoint, &format!("{file}:{line}"), rows, &job.run, &known, job.settings.commit_every)
}

/// Says so if the endpoint asks by endpoints that failed in this run.
fn note_stale(job: &Job<'_>, endpoint: &Endpoint, summary: &mut Summary) {
    let failed: Vec<&PullSummary> = summary.pulls.iter().filter(|pull| pull.failed()).collect();
    if failed.is_empty() {
        return;
    }
    let above: BTreeSet<Node> = job.graph.upstream([Node::Endpoint(endpoint.id.clone())]);
    let because: Vec<String> = failed
        .iter()
        .filter(|pull| pull.endpoint != endpoint.id && above.contains(&Node::Endpoint(pull.endpoint.clone())))
        .map(|pull| pull.endpoint.clone())
        .collect::<BTreeSet<String>>()
        .into_iter()
        .collect();
    if !because.is_empty() {
        job.observer.on(&Event::Warning(format!("`{}` is asked for by what the lake held of {}, which failed", endpoint.id, because.join(", "))));
        summary.stale.push(Stale { endpoint: endpoint.id.clone(), because });
    }
}

/// Runs something that blocks without holding up other tasks, where the runtime has threads for that.
fn blocking<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}
