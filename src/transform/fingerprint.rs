//! What decides a mart's result: the texts of its models, its inputs, and nothing else. Equal fingerprint, equal result.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::{
    catalog::{Model, ModelKind, Node, Reference},
    digest::Sha256,
    engine::{Engine, RunRow, inputs, with_live_rows},
    lake::Receipt,
};

/// Version of the way results are made; a change recomputes everything.
const VERSION: u32 = 1;

/// Everything that a mart reads, through all models.
#[derive(Clone, Debug, Default)]
pub(super) struct Closure {
    /// Names and texts of the models, the mart included.
    texts: BTreeMap<String, String>,
    /// Endpoints whose rows are read.
    endpoints: BTreeSet<String>,
    /// Those of them of which more than the live rows are read.
    whole: BTreeSet<String>,
    /// Built-in relations that are read.
    builtins: BTreeSet<String>,
    /// Endpoints of which `pulls` and `partitions` are read; none = all.
    told: Option<BTreeSet<String>>,
}

/// Hash of the models behind `model` and of the variables that they read: another one means that a mart is to be computed anew,
/// whatever was pulled since.
pub fn definition(engine: &Engine, model: &Model) -> String {
    closure(engine, model).definition(engine)
}

/// Collects the closure of `model`.
pub(super) fn closure(engine: &Engine, model: &Model) -> Closure {
    let mut closure = Closure::default();
    let mut open = vec![model.name.clone()];
    while let Some(name) = open.pop() {
        let Some(model) = engine.project().model(&name) else { continue };
        if closure.texts.insert(name.clone(), model.text.clone()).is_some() {
            continue;
        }
        let is_staging = model.kind == ModelKind::Staging;
        for Reference { schema, name } in engine.graph().references(&Node::Model(name)) {
            if schema.as_deref() == Some("history") || (schema.as_deref() == Some("landed") && !is_staging) {
                closure.whole.insert(name.clone());
            }
            match schema.as_deref() {
                Some("landed") => {
                    closure.endpoints.insert(name.clone());
                }
                None if engine.project().model(name).is_none() => {
                    closure.builtins.insert(name.clone());
                }
                _ => open.push(name.clone()),
            }
        }
    }
    closure.told = engine.told(closure.texts.keys());
    closure
}

impl Closure {
    /// The endpoints whose rows are read.
    pub(super) fn endpoints(&self) -> &BTreeSet<String> {
        &self.endpoints
    }

    /// The receipts that matter to the result.
    pub(super) fn relevant<'r>(&self, receipts: &'r [Receipt]) -> Vec<&'r Receipt> {
        receipts.iter().filter(|receipt| self.endpoints.contains(&receipt.endpoint) || self.tells_of(receipt)).collect()
    }

    /// Whether `pulls` and `partitions` are read, and of this endpoint.
    fn tells_of(&self, receipt: &Receipt) -> bool {
        let reads = self.builtins.contains("pulls") || self.builtins.contains("partitions");
        reads && self.told.as_ref().is_none_or(|told| told.contains(&receipt.endpoint))
    }

    /// Whether the result may depend on when it is computed.
    pub(super) fn reads_run(&self) -> bool {
        self.builtins.contains("run")
    }

    /// The pulls whose rows are in the result, as a manifest names them. Of an endpoint that is read as it is now, those with live
    /// rows: to name a year of others with every day would be most of the manifest.
    pub(super) fn sources(&self, engine: &Engine, receipts: &[&Receipt], run: &RunRow) -> Vec<Uuid> {
        let of = |id: &String| {
            let pulls = inputs(receipts.iter().copied(), id, run.as_of);
            match engine.project().endpoint(id) {
                Some(endpoint) if !self.whole.contains(id) => with_live_rows(endpoint, pulls),
                _ => pulls,
            }
        };
        self.endpoints.iter().flat_map(of).map(|receipt| receipt.pull_id).collect()
    }

    /// The pulls that the result may depend on, by endpoint name and then in their order.
    fn pulls(&self, receipts: &[&Receipt], run: &RunRow) -> Vec<Uuid> {
        self.endpoints.iter().flat_map(|endpoint| inputs(receipts.iter().copied(), endpoint, run.as_of)).map(|receipt| receipt.pull_id).collect()
    }

    /// See [`definition`].
    pub(super) fn definition(&self, engine: &Engine) -> String {
        let vars = self.builtins.contains("vars").then(|| engine.settings_vars());
        super::run::hash(&format!("{:?} {vars:?}", self.texts))
    }

    /// The fingerprint over these receipts (already restricted to what the computation sees).
    pub(super) fn fingerprint(&self, engine: &Engine, receipts: &[&Receipt], run: &RunRow) -> String {
        let mut hash = Sha256::new();
        let mut add = |part: &str| {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        };
        add(&format!("{VERSION} {}", engine.version()));
        for (name, text) in &self.texts {
            add(name);
            add(text);
        }
        for pull in self.pulls(receipts, run) {
            add(&pull.to_string());
        }
        if self.builtins.contains("vars") {
            add(&format!("{:?}", engine.settings_vars()));
        }
        if self.reads_run() {
            add(&format!("{run:?}"));
        }
        for receipt in receipts.iter().filter(|receipt| self.tells_of(receipt) && receipt.finished <= run.as_of) {
            add(&receipt.pull_id.to_string());
        }
        let mut name = hash.finish();
        name.truncate(32);
        name
    }
}
