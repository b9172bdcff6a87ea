//! All queries of a project, parsed: what they refer to, their trees, and the graph that follows.

use std::collections::BTreeMap;

use duckdb::Connection;

use super::{
    lint,
    references::{self, SqlPlace},
};
use crate::{
    catalog::{Graph, Model, ModelKind, Project, Reference, Unresolved},
    error::{Error, Kind, Result},
};

/// The parsed queries of one project. A query that does not parse is left out.
pub(super) struct Queries {
    pub(super) graph: Graph,
    /// References by model, audits included.
    pub(super) models: BTreeMap<String, Vec<Reference>>,
    /// References of the `for_each` queries, by endpoint.
    pub(super) endpoints: BTreeMap<String, Vec<Reference>>,
    /// Syntax trees by model.
    pub(super) trees: BTreeMap<String, serde_json::Value>,
}

impl Queries {
    /// Parses and lints every query, and collects what is wrong.
    pub(super) fn parse(project: &Project, parser: &Connection) -> (Self, Vec<Unresolved>) {
        let mut wrong = Vec::new();
        let mut refuse = |error| wrong.push(Unresolved { name: String::new(), error });
        let (mut models, mut trees, mut endpoints) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for model in project.models.iter().filter(|model| model.kind != ModelKind::Seed) {
            match references::parse(parser, &SqlPlace::new(model.file.display()), &model.text) {
                Err(error) => refuse(error),
                Ok(parsed) => {
                    lint::check(model, &parsed.tree).into_iter().for_each(&mut refuse);
                    if let Err(error) = refuse_wide_staging(model, &parsed.references) {
                        refuse(error);
                    }
                    models.insert(model.name.clone(), parsed.references);
                    trees.insert(model.name.clone(), parsed.tree);
                }
            }
        }
        for endpoint in project.endpoints() {
            let Some(sql) = &endpoint.for_each else { continue };
            match references::parse(parser, &SqlPlace::for_each(project, endpoint), sql) {
                Err(error) => refuse(error),
                Ok(parsed) => drop(endpoints.insert(endpoint.id.clone(), parsed.references)),
            }
        }
        let (graph, unresolved) = Graph::build(project, &models, &endpoints);
        wrong.extend(unresolved);
        (Self { graph, models, endpoints, trees }, wrong)
    }
}

/// A staging model reads its own landed rows and nothing else: only then is it a function of one pull file.
fn refuse_wide_staging(model: &Model, references: &[Reference]) -> Result<()> {
    let own = Reference { schema: Some("landed".to_owned()), name: model.name.clone() };
    if model.kind == ModelKind::Staging && references != [own] {
        return Err(Error::new(Kind::Config, format!("{}: a staging model reads `landed.{}` and nothing else", model.file.display(), model.name))
            .hint("joins with other relations belong into a mart or an intermediate model"));
    }
    Ok(())
}
