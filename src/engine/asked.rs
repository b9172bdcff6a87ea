//! Of which endpoints queries read what was pulled, so that nobody reads the receipts of others.
//!
//! Every pull and partition of a year is a long list, which would be read, and filled in, for each question. A query that reads
//! `pulls` or `partitions` says by a literal which endpoint it means (`where pull.endpoint = 'github_issues'`). If it names none,
//! it means all.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Graph, Model, ModelKind, Node, Project, Reference, Selection};

/// Endpoints; none = all.
pub(super) type Endpoints = Option<BTreeSet<String>>;

/// The endpoints whose pulls queries tell of.
pub(super) struct Asked {
    /// By model name (audits too) and by endpoint, for its `for_each`. Staging models are left out: they see their own rows only.
    told: BTreeMap<Node, Endpoints>,
    /// By mart, all that its audits read.
    audited: BTreeMap<String, Endpoints>,
    /// Of all queries together.
    pub(super) project: Endpoints,
}

impl Asked {
    /// `models` and `endpoints` are the references of the models and of the `for_each` queries.
    pub(super) fn of(
        project: &Project,
        graph: &Graph,
        models: &BTreeMap<String, Vec<Reference>>,
        endpoints: &BTreeMap<String, Vec<Reference>>,
    ) -> Self {
        let of_models = project.models.iter().filter(|model| model.kind != ModelKind::Staging);
        let of_models = of_models.filter_map(|model: &Model| Some((Node::Model(model.name.clone()), model.text.as_str(), models.get(&model.name)?)));
        let of_endpoints = project
            .endpoints()
            .filter_map(|endpoint| Some((Node::Endpoint(endpoint.id.clone()), endpoint.for_each.as_deref()?, endpoints.get(&endpoint.id)?)));
        let told: BTreeMap<Node, Endpoints> =
            of_models.chain(of_endpoints).map(|(node, text, references)| (node, told_by(project, text, references))).collect();
        let everything = union(told.values());
        let mut asked = Self { told, audited: BTreeMap::new(), project: everything };
        for model in &project.models {
            if let (ModelKind::Audit { mart, .. }, Some(references)) = (&model.kind, models.get(&model.name)) {
                let behind = asked.behind(graph, nodes(references));
                let own = asked.told.get(&Node::Model(model.name.clone()));
                let read = union(own.into_iter().chain(asked.audited.get(mart)).chain([&behind]));
                asked.audited.insert(mart.clone(), read);
            }
        }
        asked
    }

    /// The endpoints whose pulls these models tell of.
    pub(super) fn told<'n>(&self, models: impl IntoIterator<Item = &'n String>) -> Endpoints {
        union(models.into_iter().filter_map(|name| self.told.get(&Node::Model(name.clone()))))
    }

    /// All endpoints that a selection reads: the selected ones, those that queries tell of, and what audits look at.
    pub(super) fn by_selection(&self, graph: &Graph, selection: &Selection) -> Endpoints {
        let endpoints = selection.waves.iter().flatten().chain(&selection.recorded).cloned().map(Node::Endpoint);
        let read = self.behind(graph, endpoints.chain(selection.models.iter().cloned().map(Node::Model)));
        if read.as_ref().is_some_and(BTreeSet::is_empty) {
            // Of nothing but seeds: the moment is that of the lake.
            return None;
        }
        union(selection.tables.iter().filter_map(|table| self.audited.get(table)).chain([&read]))
    }

    /// All endpoints that a query with these references reads.
    pub(super) fn by_references(&self, graph: &Graph, references: &[Reference]) -> Endpoints {
        let of_the_lake = |reference: &Reference| reference.schema.is_none() && ["pulls", "partitions", "run"].contains(&reference.name.as_str());
        if references.iter().any(of_the_lake) {
            return None;
        }
        self.behind(graph, nodes(references))
    }

    /// The endpoints above these nodes, and those that the queries on the way tell of.
    fn behind(&self, graph: &Graph, nodes: impl IntoIterator<Item = Node>) -> Endpoints {
        let above = graph.upstream(nodes);
        let own = above.iter().filter(|node| matches!(node, Node::Endpoint(_))).map(|node| node.name().to_owned()).collect();
        union(above.iter().filter_map(|node| self.told.get(node)).chain([&Some(own)]))
    }
}

/// The endpoints that a query names where it reads `pulls` or `partitions`, and those whose landed rows it reads.
fn told_by(project: &Project, text: &str, references: &[Reference]) -> Endpoints {
    let landed = references.iter().filter(|reference| reference.schema.as_deref() == Some("landed"));
    let mut named: BTreeSet<String> = landed.map(|reference| reference.name.clone()).collect();
    let reads = |name: &str| references.iter().any(|reference| reference.schema.is_none() && reference.name == name);
    if reads("pulls") || reads("partitions") {
        let own: Vec<String> = project.endpoints().map(|endpoint| endpoint.id.clone()).filter(|id| text.contains(&format!("'{id}'"))).collect();
        if own.is_empty() {
            return None;
        }
        named.extend(own);
    }
    Some(named)
}

/// What references stand for.
fn nodes(references: &[Reference]) -> impl Iterator<Item = Node> {
    references.iter().map(|reference| match reference.schema.as_deref() {
        Some("landed") => Node::Endpoint(reference.name.clone()),
        _ => Node::Model(reference.name.clone()),
    })
}

fn union<'e>(parts: impl IntoIterator<Item = &'e Endpoints>) -> Endpoints {
    parts.into_iter().try_fold(BTreeSet::new(), |mut all, part| {
        all.extend(part.as_ref()?.iter().cloned());
        Some(all)
    })
}
