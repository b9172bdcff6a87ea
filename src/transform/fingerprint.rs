//! What decides a mart's result: the texts of its models, its inputs, and nothing else. Equal fingerprint, equal result.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::{
    catalog::{Model, Node, Reference},
    digest::Sha256,
    engine::{Engine, RunRow, inputs},
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
    /// Built-in relations that are read.
    builtins: BTreeSet<String>,
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
        for Reference { schema, name } in engine.graph().references(&Node::Model(name)) {
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
    closure
}

impl Closure {
    /// The endpoints whose rows are read.
    pub(super) fn endpoints(&self) -> &BTreeSet<String> {
        &self.endpoints
    }

    /// The pulls that the result is made from, by endpoint name and then in their order.
    pub(super) fn pulls(&self, receipts: &[Receipt], run: &RunRow) -> Vec<Uuid> {
        self.endpoints.iter().flat_map(|endpoint| inputs(receipts, endpoint, run.as_of)).map(|receipt| receipt.pull_id).collect()
    }

    /// The fingerprint over these receipts (already restricted to what the computation sees).
    pub(super) fn fingerprint(&self, engine: &Engine, receipts: &[Receipt], run: &RunRow) -> String {
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
        if self.builtins.contains("run") {
            add(&format!("{run:?}"));
        }
        if self.builtins.contains("pulls") || self.builtins.contains("partitions") {
            for receipt in receipts.iter().filter(|receipt| receipt.finished <= run.as_of) {
                add(&receipt.pull_id.to_string());
            }
        }
        let mut name = hash.finish();
        name.truncate(32);
        name
    }
}
