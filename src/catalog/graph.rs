//! The one graph: reports, tables, models and endpoints, and what each needs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    ModelKind, Project,
    project::{RESERVED, line_of},
};
use crate::{
    error::{Error, Kind, Result},
    names,
};

/// A relation that a query names: `latest.testrail_cases`, `projects`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// `landed`, `latest`, `history`, or none.
    pub schema: Option<String>,
    /// The relation.
    pub name: String,
}

/// A node of the graph. The order of the variants is the order of the stages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    /// An endpoint of a source.
    Endpoint(String),
    /// A seed, staging model, intermediate model or mart.
    Model(String),
    /// A report: a named set of marts.
    Report(String),
}

impl Node {
    /// The name as a user writes it.
    pub fn name(&self) -> &str {
        match self {
            Self::Endpoint(name) | Self::Model(name) | Self::Report(name) => name,
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoint(name) => write!(f, "endpoint {name}"),
            Self::Model(name) => write!(f, "model {name}"),
            Self::Report(name) => write!(f, "report {name}"),
        }
    }
}

/// `from` needs `to`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// What needs.
    pub from: Node,
    /// What is needed.
    pub to: Node,
    /// `from` reads the state of `to` before this run: no cycle, no order.
    pub previous: bool,
}

/// The graph of one project.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: BTreeSet<Node>,
    edges: BTreeSet<Edge>,
    references: BTreeMap<Node, Vec<Reference>>,
}

/// A reference that stands for no node, or (without a name) a cycle.
#[derive(Debug)]
pub struct Unresolved {
    /// The relation's name.
    pub name: String,
    /// What is wrong, with file and line.
    pub error: Error,
}

/// The part of the graph that an invocation works on, in an order in which each node comes after what it needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Endpoints to extract, in waves: the endpoints of one wave do not need one another.
    pub waves: Vec<Vec<String>>,
    /// Endpoints that no API is asked for: `etl` records there what it did itself.
    pub recorded: Vec<String>,
    /// Models in order (seeds, staging, intermediate, marts).
    pub models: Vec<String>,
    /// Tables to load, in order of name.
    pub tables: Vec<String>,
    /// Reports that were named, or that the tables belong to.
    pub reports: Vec<String>,
}

impl Graph {
    /// Builds the graph from the project and what its queries refer to, by model name and by endpoint id; and lists what is
    /// wrong with it ([`Kind::Config`]): names that do not resolve (with the nearest one), cycles (with their path).
    pub fn build(
        project: &Project,
        models: &BTreeMap<String, Vec<Reference>>,
        endpoints: &BTreeMap<String, Vec<Reference>>,
    ) -> (Self, Vec<Unresolved>) {
        let mut graph = Self::default();
        let mut wrong = Vec::new();
        for endpoint in project.endpoints() {
            graph.nodes.insert(Node::Endpoint(endpoint.id.clone()));
        }
        for model in &project.models {
            if matches!(model.kind, ModelKind::Audit { .. }) {
                continue;
            }
            let node = Node::Model(model.name.clone());
            graph.nodes.insert(node.clone());
            for report in &model.header.reports {
                graph.nodes.insert(Node::Report(report.clone()));
                graph.edges.insert(Edge { from: Node::Report(report.clone()), to: node.clone(), previous: false });
            }
        }
        for model in &project.models {
            let references = models.get(&model.name).cloned().unwrap_or_default();
            let place = |name: &str| match line_of(&model.text, name) {
                Some(line) => format!("{}:{line}", model.file.display()),
                None => model.file.display().to_string(),
            };
            let needs = graph.resolve(project, &place, &references, &mut wrong);
            if matches!(model.kind, ModelKind::Audit { .. }) {
                continue;
            }
            let from = Node::Model(model.name.clone());
            for to in needs {
                graph.edges.insert(Edge { from: from.clone(), to, previous: false });
            }
            graph.references.insert(from, references);
        }
        for source in &project.sources {
            for endpoint in &source.endpoints {
                let references = endpoints.get(&endpoint.id).cloned().unwrap_or_default();
                let place = |name: &str| {
                    let line = endpoint.for_each.as_deref().and_then(|sql| line_of(sql, name)).unwrap_or(1);
                    format!("{}:{}: for_each of `{}`", source.file.display(), endpoint.for_each_line + line - 1, endpoint.name)
                };
                let needs = graph.resolve(project, &place, &references, &mut wrong);
                let from = Node::Endpoint(endpoint.id.clone());
                for to in needs {
                    let previous = graph.reads_own_past(&to, &from);
                    graph.edges.insert(Edge { from: from.clone(), to, previous });
                }
                graph.references.insert(from, references);
            }
        }
        if let Err(error) = graph.refuse_cycles() {
            wrong.push(Unresolved { name: String::new(), error });
        }
        (graph, wrong)
    }

    /// All nodes.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    /// What `node` needs directly.
    pub fn needs<'a>(&'a self, node: &'a Node) -> impl Iterator<Item = &'a Edge> {
        self.edges.iter().filter(move |edge| edge.from == *node)
    }

    /// What needs `node` directly.
    pub fn needed_by<'a>(&'a self, node: &'a Node) -> impl Iterator<Item = &'a Edge> {
        self.edges.iter().filter(move |edge| edge.to == *node)
    }

    /// The relations that the query of `node` names.
    pub fn references(&self, node: &Node) -> &[Reference] {
        self.references.get(node).map_or(&[], Vec::as_slice)
    }

    /// `node` and everything that it needs, previous edges included.
    pub fn upstream(&self, nodes: impl IntoIterator<Item = Node>) -> BTreeSet<Node> {
        let mut found = BTreeSet::new();
        let mut open: Vec<Node> = nodes.into_iter().collect();
        while let Some(node) = open.pop() {
            if found.insert(node.clone()) {
                open.extend(self.needs(&node).map(|edge| edge.to.clone()));
            }
        }
        found
    }

    /// The nodes that a user's name stands for: a report, a model or table, an endpoint, or all endpoints of a source.
    ///
    /// # Errors
    /// [`Kind::Usage`] with the nearest known name.
    pub fn find(&self, name: &str) -> Result<Vec<Node>> {
        let name = alias(name);
        for node in [Node::Report(name.to_owned()), Node::Model(name.to_owned()), Node::Endpoint(name.to_owned())] {
            if self.nodes.contains(&node) {
                // A staging model and its endpoint share a name; who names it means both.
                return Ok(vec![node]);
            }
        }
        let of_source: Vec<Node> =
            self.nodes.iter().filter(|node| matches!(node, Node::Endpoint(id) if id.starts_with(&format!("{name}_")))).cloned().collect();
        if of_source.is_empty() {
            let known: Vec<&str> = self.nodes.iter().map(Node::name).collect();
            return Err(Error::new(
                Kind::Usage,
                format!("there is no report, table, model or endpoint `{name}`{}", names::did_you_mean(name, known)),
            )
            .hint("`etl lineage` lists what there is"));
        }
        Ok(of_source)
    }

    /// What the named nodes need, in order. No names select everything.
    ///
    /// # Errors
    /// [`Kind::Usage`] for an unknown name.
    pub fn select(&self, project: &Project, wanted: &[String]) -> Result<Selection> {
        let mut named = Vec::new();
        for name in wanted {
            named.extend(self.find(name)?);
        }
        if wanted.is_empty() {
            named.extend(self.nodes.iter().cloned());
        }
        let chosen = self.upstream(named);
        let has_api =
            |id: &str| project.endpoint(id).and_then(|endpoint| project.source(&endpoint.source)).is_some_and(|source| source.client.is_some());
        let mut selection = Selection { waves: self.waves(&chosen, has_api), models: self.order(&chosen), ..Selection::default() };
        let mut reports = BTreeSet::new();
        for node in &chosen {
            match node {
                Node::Report(name) => {
                    reports.insert(name.clone());
                }
                Node::Model(name) => {
                    if let Some(model) = project.model(name).filter(|model| model.is_table()) {
                        selection.tables.push(name.clone());
                        if wanted.iter().any(|wanted| wanted == name) {
                            reports.extend(model.header.reports.iter().cloned());
                        }
                    }
                }
                Node::Endpoint(id) if !has_api(id) => selection.recorded.push(id.clone()),
                Node::Endpoint(_) => {}
            }
        }
        // Lookup tables are written "with any load": whoever loads a mart gets them too.
        if !selection.tables.is_empty() {
            for seed in project.models.iter().filter(|model| model.kind == ModelKind::Seed && model.is_table()) {
                if !selection.tables.contains(&seed.name) {
                    selection.tables.push(seed.name.clone());
                }
            }
            selection.tables.sort();
        }
        selection.reports = reports.into_iter().collect();
        Ok(selection)
    }

    /// What the references stand for, without the built-in relations. `place` gives file and line of a name.
    fn resolve(&self, project: &Project, place: &dyn Fn(&str) -> String, references: &[Reference], wrong: &mut Vec<Unresolved>) -> Vec<Node> {
        let mut needs = Vec::new();
        for reference in references {
            let name = reference.name.as_str();
            let mut refuse = |error: Error| wrong.push(Unresolved { name: name.to_owned(), error });
            let node = match reference.schema.as_deref() {
                Some("landed") => Node::Endpoint(name.to_owned()),
                Some("latest" | "history") if project.endpoint(name).is_none() => {
                    refuse(self.unknown(&place(name), reference));
                    continue;
                }
                Some("latest" | "history") => Node::Model(name.to_owned()),
                Some(schema) => {
                    refuse(Error::new(Kind::Config, format!("{}: unknown schema `{schema}`; known are landed, latest, history", place(schema))));
                    continue;
                }
                None if RESERVED.contains(&name) => continue,
                None if project.endpoint(name).is_some() => {
                    let what = format!("{}: `{name}` must be read as `latest.{name}`, `history.{name}` or `landed.{name}`", place(name));
                    refuse(Error::new(Kind::Config, what));
                    continue;
                }
                None => Node::Model(name.to_owned()),
            };
            if self.nodes.contains(&node) {
                needs.push(node);
            } else {
                refuse(self.unknown(&place(name), reference));
            }
        }
        needs
    }

    fn unknown(&self, place: &str, reference: &Reference) -> Error {
        let known: Vec<&str> = self.nodes.iter().map(Node::name).collect();
        let full = reference.schema.iter().map(|schema| format!("{schema}.")).collect::<String>() + &reference.name;
        Error::new(Kind::Config, format!("{place}: there is no relation `{full}`{}", names::did_you_mean(&reference.name, known)))
    }

    /// Whether `start` leads to the endpoint `own` through models only.
    fn reads_own_past(&self, start: &Node, own: &Node) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![start.clone()];
        while let Some(node) = open.pop() {
            if node == *own {
                return true;
            }
            if matches!(node, Node::Model(_)) && seen.insert(node.clone()) {
                open.extend(self.needs(&node).map(|edge| edge.to.clone()));
            }
        }
        false
    }

    fn refuse_cycles(&self) -> Result<()> {
        let mut done = BTreeSet::new();
        for node in &self.nodes {
            let mut path = Vec::new();
            self.walk(node, &mut path, &mut done)?;
        }
        Ok(())
    }

    fn walk(&self, node: &Node, path: &mut Vec<Node>, done: &mut BTreeSet<Node>) -> Result<()> {
        if done.contains(node) {
            return Ok(());
        }
        if let Some(start) = path.iter().position(|other| other == node) {
            let mut names: Vec<String> = path[start..].iter().map(|node| format!("`{node}`")).collect();
            names.push(format!("`{node}`"));
            return Err(Error::new(Kind::Config, format!("circular dependency {}", names.join(" -> "))));
        }
        path.push(node.clone());
        for edge in self.needs(node).filter(|edge| !edge.previous) {
            self.walk(&edge.to, path, done)?;
        }
        path.pop();
        done.insert(node.clone());
        Ok(())
    }

    /// Endpoints of `chosen` that have an API, by the longest chain of endpoints below each.
    fn waves(&self, chosen: &BTreeSet<Node>, has_api: impl Fn(&str) -> bool) -> Vec<Vec<String>> {
        let mut depth: BTreeMap<&Node, usize> = BTreeMap::new();
        for node in chosen {
            self.depth(node, &mut depth);
        }
        let mut waves: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for node in chosen {
            if let Node::Endpoint(id) = node
                && has_api(id)
            {
                waves.entry(depth.get(node).copied().unwrap_or_default()).or_default().push(id.clone());
            }
        }
        waves.into_values().collect()
    }

    /// Endpoints on the longest way down from `node`, itself included.
    fn depth<'a>(&'a self, node: &'a Node, known: &mut BTreeMap<&'a Node, usize>) -> usize {
        if let Some(depth) = known.get(node) {
            return *depth;
        }
        let below = self.edges.iter().filter(|edge| edge.from == *node && !edge.previous).map(|edge| self.depth(&edge.to, known)).max().unwrap_or(0);
        let depth = below + usize::from(matches!(node, Node::Endpoint(_)));
        known.insert(node, depth);
        depth
    }

    /// Models of `chosen`, each after what it needs.
    fn order(&self, chosen: &BTreeSet<Node>) -> Vec<String> {
        let mut order = Vec::new();
        let mut done = BTreeSet::new();
        for node in chosen {
            self.place(node, chosen, &mut done, &mut order);
        }
        order
    }

    fn place(&self, node: &Node, chosen: &BTreeSet<Node>, done: &mut BTreeSet<Node>, order: &mut Vec<String>) {
        if !chosen.contains(node) || !done.insert(node.clone()) {
            return;
        }
        for edge in self.needs(node).filter(|edge| !edge.previous) {
            self.place(&edge.to, chosen, done, order);
        }
        if let Node::Model(name) = node {
            order.push(name.clone());
        }
    }
}

/// Other names of reports, from the tool that `etl` replaces.
fn alias(name: &str) -> &str {
    match name {
        "test-case-coverage" => "testrail-test-case-coverage",
        "test-run-counts" => "testrail-test-run-counts",
        "issue-regression" => "github-issue-regression",
        other => other,
    }
}
