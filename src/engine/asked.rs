//! Of which endpoints the project's own queries read `pulls` and `partitions`.
//!
//! Every pull and partition of a year is a long list, which would be filled in for each question. A query that reads them says by a
//! literal which endpoint it means (`where pull.endpoint = 'github_issues'`); the relations then hold what some query names. If one
//! query names none, they hold everything.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Model, ModelKind, Project, Reference};

/// The endpoints that queries name, or whose landed rows they read; none if a query reads the relations and names no endpoint.
///
/// `models` and `endpoints` are the references of the models and of the `for_each` queries.
pub(super) fn endpoints(
    project: &Project,
    models: &BTreeMap<String, Vec<Reference>>,
    endpoints: &BTreeMap<String, Vec<Reference>>,
) -> Option<BTreeSet<String>> {
    let of_models = project.models.iter().filter(|model| model.kind != ModelKind::Staging);
    let of_models = of_models.filter_map(|model: &Model| Some((model.text.as_str(), models.get(&model.name)?)));
    let of_endpoints = project.endpoints().filter_map(|endpoint| Some((endpoint.for_each.as_deref()?, endpoints.get(&endpoint.id)?)));
    let mut named = BTreeSet::new();
    for (text, references) in of_models.chain(of_endpoints) {
        named.extend(references.iter().filter(|reference| reference.schema.as_deref() == Some("landed")).map(|reference| reference.name.clone()));
        let reads = |name: &str| references.iter().any(|reference| reference.schema.is_none() && reference.name == name);
        if reads("pulls") || reads("partitions") {
            let own: Vec<String> = project.endpoints().map(|endpoint| endpoint.id.clone()).filter(|id| text.contains(&format!("'{id}'"))).collect();
            if own.is_empty() {
                return None;
            }
            named.extend(own);
        }
    }
    Some(named)
}
