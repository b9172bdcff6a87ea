//! Which reports did not come out whole since a moment, by what the lake knows of its pulls, runs and marts.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::Trouble;
use crate::{
    catalog::{Grain, Graph, Node, Project},
    lake::{Manifest, Receipt, Run},
    publish::standing::cause,
};

/// What is known about the reports.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    pub(crate) project: &'a Project,
    pub(crate) graph: &'a Graph,
    /// Those of what the [`tables`](Known::tables) read.
    pub(crate) receipts: &'a [Receipt],
    /// Those since the moment that is asked about; where a load is not among them, some earlier ones that may have one.
    pub(crate) runs: &'a [Run],
    /// The newest manifest that is no replay of each of the [`tables`](Known::tables).
    pub(crate) manifests: &'a BTreeMap<String, Manifest>,
}

/// The newest and the newest complete pull of a scope.
type Scopes<'a> = BTreeMap<(&'a str, String), (&'a Receipt, bool)>;

impl Known<'_> {
    /// The tables that something was read for since then. Only the runs say so.
    pub fn tables(&self, since: DateTime<Utc>) -> BTreeSet<String> {
        self.reports(since).into_values().flatten().collect()
    }

    /// The troubles of all reports that something was read for since then, by name.
    pub fn troubles(&self, since: DateTime<Utc>) -> Vec<Trouble> {
        let mut scopes: Scopes<'_> = BTreeMap::new();
        for receipt in self.receipts.iter().filter(|receipt| receipt.finished >= since) {
            let key = (receipt.endpoint.as_str(), receipt.scope_key());
            let any = receipt.complete() || scopes.get(&key).is_some_and(|(_, any)| *any);
            scopes.insert(key, (receipt, any));
        }
        let mut troubles: Vec<Trouble> = Vec::new();
        for (report, tables) in self.reports(since) {
            let behind: BTreeSet<String> = self
                .graph
                .upstream(tables.iter().map(|table| Node::Model(table.clone())))
                .into_iter()
                .filter_map(|node| if let Node::Endpoint(id) = node { Some(id) } else { None })
                .collect();
            let own: Vec<_> = scopes.iter().filter(|((endpoint, _), _)| behind.contains(*endpoint)).collect();
            let mut reasons: Vec<String> = own
                .iter()
                .filter(|(_, (newest, _))| !newest.complete() || newest.error.is_some())
                .map(|((endpoint, _), (newest, _))| reason(endpoint, newest))
                .collect();
            let read = |of: &str| own.iter().any(|((endpoint, _), (_, any))| *endpoint == of && *any);
            let nothing = !own.is_empty()
                && tables.iter().all(|table| match self.driver(table) {
                    Some(driver) => !read(driver),
                    None => own.iter().all(|(_, (_, any))| !any),
                });
            let stale: Vec<String> = tables
                .iter()
                .filter(|table| self.is_behind(table, &behind, since))
                .map(|table| format!("{table} was not computed from what was read"))
                .collect();
            let broken: Vec<String> = tables.iter().filter_map(|table| self.broken(table, since)).collect();
            let failed = nothing || !stale.is_empty() || !broken.is_empty();
            reasons.extend(stale);
            reasons.extend(broken);
            if !reasons.is_empty() {
                troubles.push(Trouble { report, failed, reason: reasons.join("; ") });
            }
        }
        if troubles.is_empty() {
            // Killed before it could say anything.
            let open = self.runs.iter().rfind(|run| run.start.run_at >= since).filter(|run| run.end.is_none());
            troubles.extend(open.map(|run| Trouble {
                report: run.start.command.clone(),
                failed: true,
                reason: format!("began at {} and has not ended", run.start.run_at.format("%F %H:%M UTC")),
            }));
        }
        troubles
    }

    /// What the run log says since then of the last transform or load of a table, if it did not succeed.
    fn broken(&self, table: &str, since: DateTime<Utc>) -> Option<String> {
        let newest = |command: &str| {
            self.runs.iter().rfind(|run| {
                let of_table = run.end.as_ref().map_or(run.start.arguments.as_slice(), |end| end.done.as_slice()).iter().any(|name| name == table)
                    || run.end.as_ref().is_some_and(|end| end.failed.contains_key(table));
                run.start.command == command && run.start.run_at >= since && of_table
            })
        };
        for (command, word) in [("transform", "computed"), ("load", "loaded")] {
            match newest(command).map(|run| &run.end) {
                Some(None) => return Some(format!("{table} was not {word}: the {command} has not ended")),
                Some(Some(end)) => {
                    if let Some(error) = end.failed.get(table) {
                        return Some(format!("{table} was not {word}: {error}"));
                    }
                }
                // On a lake that is loaded from.
                None if command == "load" && newest("transform").is_some() && self.runs.iter().any(|run| run.start.command == "load") => {
                    return Some(format!("{table} was computed and not loaded"));
                }
                None => {}
            }
        }
        None
    }

    /// The tables of each report that a run since then was asked for. Others may share an endpoint with them, and wait for
    /// a run of their own.
    fn reports(&self, since: DateTime<Utc>) -> BTreeMap<String, Vec<String>> {
        let mut asked: BTreeSet<String> = BTreeSet::new();
        for run in self.runs.iter().filter(|run| run.start.run_at >= since && run.start.command == "extract") {
            let names: Vec<String> = run.start.arguments.iter().filter(|word| !word.starts_with("--")).cloned().collect();
            match self.graph.select(self.project, &names) {
                Ok(selection) => asked.extend(selection.tables),
                // Written by another version, with names that this one does not have: every report may be meant.
                Err(_) => asked.extend(self.project.tables().map(|model| model.name.clone())),
            }
        }
        let mut reports: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for model in self.project.tables().filter(|model| asked.contains(&model.name)) {
            for report in &model.header.reports {
                reports.entry(report.clone()).or_default().push(model.name.clone());
            }
        }
        reports
    }

    /// Whether the mart lacks a complete pull since then that it is made of.
    fn is_behind(&self, table: &str, behind: &BTreeSet<String>, since: DateTime<Utc>) -> bool {
        let of = self.made_of(table);
        let fresh = |receipt: &&Receipt| {
            receipt.complete()
                && receipt.finished >= since
                && behind.contains(&receipt.endpoint)
                && of.as_ref().is_none_or(|of| of.contains(receipt.endpoint.as_str()))
        };
        let Some(newest) = self.receipts.iter().filter(fresh).max_by_key(|receipt| receipt.finished) else { return false };
        let Some(manifest) = self.manifests.get(table) else { return true };
        newest.finished > manifest.as_of && !manifest.parts.iter().any(|part| part.inputs.contains(&newest.pull_id))
    }

    /// The endpoint that makes the days of a snapshot.
    fn driver(&self, table: &str) -> Option<&str> {
        match &self.project.model(table)?.contract.as_ref()?.grain {
            Grain::Snapshot { of, .. } => Some(of),
            Grain::State | Grain::Event => None,
        }
    }

    /// Endpoints a new pull of which makes the mart another one; `None` = it was never made, and any may.
    fn made_of(&self, table: &str) -> Option<BTreeSet<&str>> {
        if let Some(driver) = self.driver(table) {
            return Some(BTreeSet::from([driver]));
        }
        let manifest = self.manifests.get(table)?;
        let used = |receipt: &&Receipt| manifest.parts.iter().any(|part| part.inputs.contains(&receipt.pull_id));
        Some(self.receipts.iter().filter(used).map(|receipt| receipt.endpoint.as_str()).collect())
    }
}

fn reason(endpoint: &str, failed: &Receipt) -> String {
    let of = failed.scope.get("project").and_then(serde_json::Value::as_str).map(|project| format!(" of {project}")).unwrap_or_default();
    let why = failed.error.as_deref().map_or("it ended before its last page", cause);
    format!("{endpoint}{of}: {why}")
}
