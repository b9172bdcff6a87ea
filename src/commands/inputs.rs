//! What is said of a table whose mart was computed from less than everything.

use chrono::{DateTime, Utc};

use super::context::{Context, Outcome};
use crate::{error::Kind, load::TableSummary, term::Report, transform};

/// Names that are listed; of more only the number is given.
const LISTED: usize = 5;

/// What to do about a scope that was never read.
const HINT: &str = "grant access to what was never read, or remove it from the seed that lists it, then run the same command again; \
                    until then no row is deleted that may belong to it";

/// What is known of the inputs of a mart.
pub(super) struct Inputs<'i> {
    /// Names of scopes that were never read completely.
    pub(super) never_read: &'i [String],
    /// Whether that is a failure: a pull of them failed, or rows were kept for want of them. Else they were never selected so far.
    pub(super) is_failure: bool,
    /// The time since which the first of the stale ones is stale.
    pub(super) stale_since: Option<DateTime<Utc>>,
}

impl Inputs<'_> {
    /// For the table's own row: `stale since 2026-11-30 04:10`.
    pub(super) fn cell(&self) -> Option<String> {
        let never = (!self.never_read.is_empty()).then(|| format!("never read: {}", listed(self.never_read)));
        let stale = self.stale_since.map(|since| format!("stale since {}", minute(since)));
        let parts: Vec<String> = never.into_iter().chain(stale).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// `a, b were never read completely`, if that is a failure.
    pub(super) fn problem(&self) -> Option<String> {
        let verb = if self.never_read.len() == 1 { "was" } else { "were" };
        (self.is_failure && !self.never_read.is_empty()).then(|| format!("{} {verb} never read completely", listed(self.never_read)))
    }

    /// Notes the reports of `table` that are stale, and that not everything was read.
    pub(super) fn note(&self, context: &Context, table: &str, report: &mut Report, outcome: &mut Outcome) {
        let never = self.problem().map(|_| format!("never read: {}", listed(self.never_read)));
        let stale = self.stale_since.map(|since| format!("last good {}", minute(since)));
        if never.is_some() {
            outcome.failed(Kind::Partial);
            report.hint(Some(HINT));
        }
        let Some(why) = never.or(stale) else { return };
        let contract = context.project.model(table).and_then(|model| model.contract.as_ref());
        for name in contract.iter().flat_map(|contract| &contract.reports) {
            report.stale_reports.insert(name.clone(), why.clone());
        }
    }
}

/// Says that a table's model is another one than that which computed the loaded mart.
pub(super) fn changed(context: &Context, table: &TableSummary) -> Option<String> {
    let computed_by = table.origin.definition.as_ref()?;
    let model = context.project.model(&table.table)?;
    let is_changed = transform::definition(&context.engine, model) != *computed_by;
    is_changed.then(|| format!("changed after its mart of {}: run `etl transform {}`", minute(table.origin.created), table.table))
}

fn listed(names: &[String]) -> String {
    let shown = names[..names.len().min(LISTED)].join(", ");
    match names.len() - names.len().min(LISTED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M").to_string()
}
