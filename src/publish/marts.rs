//! The marts that a publication is made from: their published rows, and whether they can be trusted.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    catalog::{Grain, Node},
    engine::{Engine, Row, RunRow, Value},
    error::{Error, Kind, OrFail, Result},
    lake::{Lake, Local, Manifest, Receipt, Receipts, Wanted},
};

/// Published results of some marts, all read by one query.
pub struct Marts {
    engine: Arc<Engine>,
    receipts: Arc<Receipts>,
    run: RunRow,
    manifests: BTreeMap<String, Manifest>,
    lake: Lake,
}

/// Whether what a mart shows is all that there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// End of the oldest newest-complete pull among the scopes behind it: the data is as of then.
    pub as_of: Option<DateTime<Utc>>,
    /// Why it must not be announced as good; none if it may.
    pub problems: Vec<String>,
}

/// The pulls of one scope that matter.
#[derive(Default)]
struct Pulls<'a> {
    newest: Option<&'a Receipt>,
    /// The newest one that readers see.
    complete: Option<&'a Receipt>,
}

/// The column of `for_each`, and of scopes, that says which project is asked about.
const PROJECT: &str = "project";

/// Whether a pull of this scope may be about a project: it is, or it is about all.
pub fn concerns(scope: &serde_json::Map<String, serde_json::Value>, project: &str) -> bool {
    scope.get(PROJECT).and_then(serde_json::Value::as_str).is_none_or(|of| of == project)
}

impl Health {
    /// Whether nothing speaks against it.
    pub fn is_good(&self) -> bool {
        self.problems.is_empty()
    }
}

impl Marts {
    /// Opens the newest published results. `run` is the row of `run` for other relations that a query names.
    ///
    /// # Errors
    /// [`Kind::NothingSelected`] for a mart that was never computed.
    pub async fn open(engine: Arc<Engine>, lake: &Lake, receipts: Arc<Receipts>, run: RunRow, tables: &[&str]) -> Result<Self> {
        let mut found = Self { engine, receipts, run, manifests: BTreeMap::new(), lake: lake.clone() };
        for table in tables {
            let manifest = lake.newest_manifest(table).await?.ok_or_else(|| {
                Error::new(Kind::NothingSelected, format!("`{table}` was never computed")).hint(format!("run `etl run {table}` first"))
            })?;
            found.manifests.insert((*table).to_owned(), manifest);
        }
        Ok(found)
    }

    /// The rows of a query. Marts that were opened show their published rows; every other relation its present state.
    ///
    /// # Errors
    /// As [`crate::engine::Moment::rows`] and [`crate::engine::Moment::require_for`].
    pub async fn rows(&self, sql: &str) -> Result<Vec<Row>> {
        let (engine, receipts, run) = (Arc::clone(&self.engine), Arc::clone(&self.receipts), self.run.clone());
        let mut files: Vec<(String, Local)> = Vec::new();
        for (table, manifest) in &self.manifests {
            let parts: Vec<Wanted> = manifest.parts.iter().filter(|part| part.rows > 0).map(Wanted::from).collect();
            if !parts.is_empty() {
                files.push((table.clone(), self.lake.local(parts).await?));
            }
        }
        let sql = sql.to_owned();
        let work = move || {
            let moment = engine.moment(&run, &receipts)?;
            for (table, files) in files {
                moment.show_result(&table, files)?;
            }
            // A mart without rows has no file; its own SQL gives the right columns.
            moment.require_for(&sql)?;
            moment.rows(&sql)
        };
        tokio::task::spawn_blocking(work).await.or_fail(Kind::Internal, || "a blocking task ended early")?
    }

    /// When a mart was published, and from what.
    pub fn manifest(&self, table: &str) -> Option<&Manifest> {
        self.manifests.get(table)
    }

    /// What speaks for or against a mart, from the receipts of the endpoints behind it: a scope whose newest pull failed, one
    /// that was not pulled since `since`, a pull that the mart was not computed from. Scopes that `concerns` refuses do not
    /// count: what is wrong with another project's list is no news here. Nor do the endpoints that are [`idle`](Self::idle).
    pub fn health(&self, table: &str, since: Option<DateTime<Utc>>, idle: &BTreeSet<String>, concerns: impl Fn(&Receipt) -> bool) -> Health {
        let Some(manifest) = self.manifests.get(table) else {
            return Health { as_of: None, problems: vec![format!("`{table}` was never computed")] };
        };
        let mut behind = self.endpoints_behind(table);
        behind.retain(|endpoint| !idle.contains(endpoint));
        let used: BTreeSet<Uuid> = manifest.parts.iter().flat_map(|part| part.inputs.iter().copied()).collect();
        let made_of = self.made_of(table, &used);
        let mut scopes: BTreeMap<(&str, String), Pulls<'_>> = BTreeMap::new();
        for receipt in self.receipts.iter().filter(|receipt| behind.contains(&receipt.endpoint) && concerns(receipt)) {
            let pulls = scopes.entry((&receipt.endpoint, receipt.scope_key())).or_default();
            pulls.newest = Some(receipt);
            if receipt.complete() {
                pulls.complete = Some(receipt);
            }
        }
        let mut health = Health::default();
        let pulled: BTreeSet<&str> = scopes.keys().map(|(endpoint, _)| *endpoint).collect();
        for endpoint in behind.iter().filter(|endpoint| !pulled.contains(endpoint.as_str()) && self.drives(endpoint)) {
            health.problems.push(format!("`{endpoint}` was never pulled"));
        }
        for ((endpoint, scope), Pulls { newest, complete }) in &scopes {
            let place = if scope == "{}" { format!("`{endpoint}`") } else { format!("`{endpoint}` {scope}") };
            if let Some(failed) = newest.filter(|receipt| receipt.error.is_some()) {
                health.problems.push(format!("{place}: the last pull failed: {}", failed.error.as_deref().unwrap_or_default()));
            }
            let Some(complete) = complete else {
                health.problems.push(format!("{place} was never pulled whole"));
                continue;
            };
            health.as_of = Some(health.as_of.map_or(complete.finished, |known| known.min(complete.finished)));
            if since.is_some_and(|since| complete.finished < since) && self.drives(endpoint) {
                health.problems.push(format!("{place} was last pulled at {}", complete.finished.format("%Y-%m-%d %H:%M UTC")));
            }
            if made_of.contains(endpoint) && !used.contains(&complete.pull_id) && complete.finished > manifest.as_of {
                health.problems.push(format!("`{table}` was not computed since {place} was pulled"));
            }
        }
        health.problems.sort();
        health.problems.dedup();
        health
    }

    /// Endpoints behind a mart that nothing was asked of since then about a project, because there is nothing to ask: their
    /// `for_each` has no row of it. That is no gap, whereas what the query reads may have some, and counts.
    ///
    /// # Errors
    /// As [`crate::engine::Moment::for_each`].
    pub async fn idle(&self, table: &str, since: DateTime<Utc>, project: &str) -> Result<BTreeSet<String>> {
        let mut quiet = self.endpoints_behind(table);
        quiet.retain(|id| self.drives(id) && self.engine.project().endpoint(id).is_some_and(|endpoint| endpoint.for_each.is_some()));
        for receipt in self.receipts.iter().filter(|receipt| receipt.finished >= since && concerns(&receipt.scope, project)) {
            quiet.remove(&receipt.endpoint);
        }
        if quiet.is_empty() {
            return Ok(quiet);
        }
        let (engine, receipts) = (Arc::clone(&self.engine), Arc::clone(&self.receipts));
        let (run, project) = (RunRow { projects: vec![project.to_owned()], ..self.run.clone() }, project.to_owned());
        let work = move || {
            let moment = engine.moment(&run, &receipts)?.of_project();
            let mut idle = BTreeSet::new();
            for endpoint in quiet.iter().filter_map(|id| engine.project().endpoint(id)) {
                let asks = |row: &Row| row.iter().all(|(name, value)| name != PROJECT || *value == Value::Text(project.clone()));
                if !moment.for_each(endpoint)?.iter().any(asks) {
                    idle.insert(endpoint.id.clone());
                }
            }
            Ok(idle)
        };
        tokio::task::spawn_blocking(work).await.or_fail(Kind::Internal, || "a blocking task ended early")?
    }

    /// What went wrong with the newest pulls of one endpoint that no mart reads.
    pub fn failures(&self, endpoint: &str, concerns: impl Fn(&Receipt) -> bool) -> Vec<String> {
        let mut newest: BTreeMap<String, &Receipt> = BTreeMap::new();
        for receipt in self.receipts.iter().filter(|receipt| receipt.endpoint == endpoint && concerns(receipt)) {
            newest.insert(receipt.scope_key(), receipt);
        }
        let failed = newest.values().filter_map(|receipt| receipt.error.as_ref());
        failed.map(|error| format!("`{endpoint}`: the last pull failed: {error}")).collect()
    }

    /// Endpoints with an API that the mart's rows come from.
    fn endpoints_behind(&self, table: &str) -> BTreeSet<String> {
        let nodes = self.engine.graph().upstream([Node::Model(table.to_owned())]);
        let has_api = |id: &String| {
            let source = self.engine.project().endpoint(id).and_then(|endpoint| self.engine.project().source(&endpoint.source));
            source.is_some_and(|source| source.client.is_some())
        };
        nodes.into_iter().filter_map(|node| if let Node::Endpoint(id) = node { Some(id) } else { None }).filter(has_api).collect()
    }

    /// Endpoints a new pull of which makes the mart another one: for a snapshot the one that drives it, else those whose pulls
    /// it was made of. Others only say what to ask for.
    fn made_of(&self, table: &str, used: &BTreeSet<Uuid>) -> BTreeSet<&str> {
        let contract = self.engine.project().model(table).and_then(|model| model.contract.as_ref());
        match contract.map(|contract| &contract.grain) {
            Some(Grain::Snapshot { of, .. }) => BTreeSet::from([of.as_str()]),
            _ => self.receipts.iter().filter(|receipt| used.contains(&receipt.pull_id)).map(|receipt| receipt.endpoint.as_str()).collect(),
        }
    }

    /// Whether an endpoint is asked in every run: a fan-out may have nothing left to ask.
    fn drives(&self, endpoint: &str) -> bool {
        self.engine.project().endpoint(endpoint).is_some_and(|endpoint| endpoint.partition.is_empty())
    }
}
