//! What the lake holds of the endpoints behind a mart, and what the mart may be called because of it.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Utc};

use super::{
    coverage::{Coverage, coverage},
    run::Job,
    scope_names::name,
};
use crate::{
    catalog::{Graph, Model, Node},
    digest::Sha256,
    engine::{Moment, RunRow},
    lake::{Manifest, ReadState, Receipt, ScopeRead, canonical_scope},
};

/// The coverage of the endpoints behind the marts of a job: each is computed once, and only where it matters.
pub(super) struct Coverages<'j> {
    job: &'j Job<'j>,
    receipts: BTreeMap<&'j str, Vec<&'j Receipt>>,
    run: RunRow,
    evaluated: Mutex<Evaluated<'j>>,
}

/// What was evaluated so far.
#[derive(Default)]
struct Evaluated<'j> {
    moment: Option<Moment<'j>>,
    by_endpoint: BTreeMap<&'j str, Coverage>,
}

/// What one mart depends on.
pub(super) struct Behind<'j> {
    /// All scopes of all endpoints behind it, those that only decide what to ask for too.
    pub(super) scopes: Vec<ScopeRead>,
    /// Endpoints whose rows it reads, and of which no complete pull is there although there is something to ask for.
    pub(super) never_pulled: Vec<String>,
    /// Hash of all that the scopes were computed from.
    pub(super) fingerprint: String,
    receipts: Vec<&'j Receipt>,
    first: OnceCell<BTreeMap<(String, String), First>>,
}

/// The ends of the first pull of a scope, and of its first complete one.
type First = (DateTime<Utc>, Option<DateTime<Utc>>);

impl<'j> Coverages<'j> {
    /// Nothing is evaluated so far.
    pub(super) fn new(job: &'j Job<'j>) -> Self {
        let mut receipts: BTreeMap<&str, Vec<&Receipt>> = BTreeMap::new();
        for receipt in job.receipts.iter().filter(|receipt| receipt.finished <= job.run.as_of || job.newest) {
            receipts.entry(&receipt.endpoint).or_default().push(receipt);
        }
        let run = RunRow { projects: job.projects.clone(), ..job.run.clone() };
        Self { job, receipts, run, evaluated: Mutex::default() }
    }

    /// What `model`, which reads the rows of `endpoints`, depends on. `last`: its last result, whose scopes stand as long as
    /// nothing was pulled and no query changed since.
    pub(super) fn behind(&self, model: &Model, endpoints: &BTreeSet<String>, last: Option<&Manifest>) -> Behind<'j> {
        let above = self.job.engine.graph().upstream([Node::Model(model.name.clone())]);
        let all: Vec<&'j str> =
            above.iter().filter(|node| matches!(node, Node::Endpoint(_))).filter_map(|node| self.pulled_id(node.name())).collect();
        let mut behind = Behind {
            scopes: Vec::new(),
            never_pulled: Vec::new(),
            fingerprint: String::new(),
            receipts: all.iter().flat_map(|id| self.of(id)).copied().collect(),
            first: OnceCell::new(),
        };
        if all.is_empty() || self.job.fixtures {
            return behind;
        }
        let pulled = |id: &&String| self.pulled_id(id).is_some();
        if !behind.receipts.iter().any(|receipt| receipt.complete()) {
            behind.never_pulled = endpoints.iter().filter(pulled).cloned().collect();
            return behind;
        }
        behind.fingerprint = self.fingerprint(&all);
        if let Some(last) = last.filter(|last| last.scopes_fingerprint.as_ref() == Some(&behind.fingerprint)) {
            behind.scopes.clone_from(&last.scopes);
            return behind;
        }
        let mut evaluated = self.evaluated.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().for_each(|id| self.evaluate(&mut evaluated, id));
        let of = |id: &str| evaluated.by_endpoint.get(id);
        behind.scopes = all.iter().filter_map(|id| of(id)).flat_map(|coverage| coverage.scopes.clone()).collect();
        behind.never_pulled = endpoints.iter().filter(|id| of(id).is_some_and(Coverage::is_never_pulled)).cloned().collect();
        behind
    }

    /// The endpoint's id, unless `etl` itself records it: where there is nothing of those, nothing happened.
    fn pulled_id(&self, id: &str) -> Option<&'j str> {
        let project = self.job.engine.project();
        let endpoint = project.endpoint(id)?;
        project.source(&endpoint.source)?.client.as_ref()?;
        Some(&endpoint.id)
    }

    fn of(&self, id: &str) -> &[&'j Receipt] {
        self.receipts.get(id).map_or(&[], Vec::as_slice)
    }

    /// Computes the coverage of an endpoint and of those that it is asked by.
    fn evaluate(&self, evaluated: &mut Evaluated<'j>, id: &'j str) {
        if evaluated.by_endpoint.contains_key(id) {
            return;
        }
        let Some(endpoint) = self.job.engine.project().endpoint(id) else { return };
        // Where an endpoint is behind itself, it is in work: nothing of it decides about it.
        evaluated.by_endpoint.insert(id, Coverage::default());
        let parents: Vec<&'j str> = asked_by(self.job.engine.graph(), id).into_iter().filter_map(|parent| self.pulled_id(parent)).collect();
        parents.iter().for_each(|parent| self.evaluate(evaluated, parent));
        let is_unknown = parents.iter().any(|parent| evaluated.by_endpoint.get(parent).is_some_and(Coverage::is_never_pulled));
        let receipts = self.of(id);
        if is_unknown && !receipts.iter().any(|receipt| receipt.complete()) {
            // What decides what to ask for was never read, so there is nothing to evaluate.
            evaluated.by_endpoint.insert(id, Coverage { wanted: true, ..Coverage::default() });
            return;
        }
        let mut found = coverage(endpoint, receipts, || {
            let moment = match &evaluated.moment {
                Some(moment) => moment,
                None => evaluated.moment.insert(self.job.engine.moment(&self.run, self.job.receipts)?.of_project()),
            };
            moment.for_each(endpoint)
        });
        if found.is_unknown {
            // A query that failed leaves the moment of no use.
            evaluated.moment = None;
        }
        for read in found.scopes.iter_mut().filter(|read| read.state != ReadState::Complete) {
            read.name = Some(name(self.job.engine, &self.run, read));
        }
        evaluated.by_endpoint.insert(id, found);
    }

    /// Hash of all that the scopes of these endpoints are computed from.
    fn fingerprint(&self, endpoints: &[&str]) -> String {
        let engine = self.job.engine;
        let mut hash = Sha256::new();
        hash.update(format!("1 {:?} {:?}", self.job.projects, engine.settings_vars()));
        for node in engine.graph().upstream(endpoints.iter().map(|id| Node::Endpoint((*id).to_owned()))) {
            match &node {
                Node::Model(name) => hash.update(engine.project().model(name).map_or("", |model| model.text.as_str())),
                Node::Endpoint(id) => hash.update(engine.project().endpoint(id).map(crate::catalog::Endpoint::definition_hash).unwrap_or_default()),
                Node::Report(_) => {}
            }
        }
        for receipt in endpoints.iter().flat_map(|id| self.of(id)) {
            hash.update(receipt.pull_id.as_bytes());
        }
        let mut name = hash.finish();
        name.truncate(32);
        name
    }
}

impl Behind<'_> {
    /// The scopes without a complete pull by `as_of`, for a day of a snapshot. A scope that was read later counts only for the
    /// newest day, or if it was tried by then: else a project that is added would make all earlier days incomplete.
    pub(super) fn unread_by(&self, as_of: DateTime<Utc>, is_newest: bool, known: &[ScopeRead]) -> Vec<ScopeRead> {
        let first = self.first.get_or_init(|| self.first());
        let is_unread = |read: &&ScopeRead| {
            let first = first.get(&(read.endpoint.clone(), canonical_scope(&read.scope)));
            let is_complete = read.partitions.is_none() && first.and_then(|(_, complete)| *complete).is_some_and(|end| end <= as_of);
            let is_tried = || first.is_some_and(|(attempt, _)| *attempt <= as_of);
            let is_known = || known.iter().any(|known| (&known.endpoint, &known.scope) == (&read.endpoint, &read.scope));
            !is_complete && (is_newest || read.state == ReadState::NeverRead || is_tried() || is_known())
        };
        let unread = self.scopes.iter().filter(is_unread);
        unread.map(|read| ScopeRead { state: ReadState::NeverRead, since: None, ..read.clone() }).collect()
    }

    fn first(&self) -> BTreeMap<(String, String), First> {
        let mut first: BTreeMap<(String, String), First> = BTreeMap::new();
        // Of each endpoint in order.
        for receipt in &self.receipts {
            let known = first.entry((receipt.endpoint.clone(), receipt.scope_key())).or_insert((receipt.finished, None));
            if receipt.complete() && known.1.is_none() {
                known.1 = Some(receipt.finished);
            }
        }
        first
    }
}

/// The endpoints whose rows decide what `id` is asked for. What it reads of its own past decides nothing about others.
fn asked_by<'g>(graph: &'g Graph, id: &str) -> BTreeSet<&'g str> {
    let own = Node::Endpoint(id.to_owned());
    let mut found: BTreeSet<&Node> = BTreeSet::new();
    let mut open: Vec<&Node> = graph.nodes().filter(|node| **node == own).collect();
    while let Some(node) = open.pop() {
        for edge in graph.needs(node).filter(|edge| !edge.previous) {
            if found.insert(&edge.to) {
                open.push(&edge.to);
            }
        }
    }
    found.into_iter().filter(|node| matches!(node, Node::Endpoint(_))).map(Node::name).collect()
}

/// Whether two manifests say the same of what is not complete.
pub(super) fn same_gaps(one: &[ScopeRead], other: &[ScopeRead]) -> bool {
    let gaps = |scopes: &[ScopeRead]| scopes.iter().filter(|scope| scope.state != ReadState::Complete).cloned().collect::<Vec<_>>();
    gaps(one) == gaps(other)
}
