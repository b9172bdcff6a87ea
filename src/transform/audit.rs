//! Audits: queries for bad rows of a candidate, run before anybody can see it.

use crate::{
    catalog::{Model, ModelKind, Project, Severity},
    engine::{Moment, Value},
    error::{Error, Kind, Result},
    events::{Event, Observer},
    names,
};

/// Runs the audits of `mart`, whose candidate is shown in `moment`.
///
/// # Errors
/// [`Kind::Audit`] with the first audit of severity `fail` that finds rows, with samples.
pub(super) fn run(moment: &Moment<'_>, mart: &Model, observer: &dyn Observer) -> Result<()> {
    moment.engine().project().audits(&mart.name).try_for_each(|audit| one(moment, mart, audit, observer))
}

/// The audits of `mart` that do not read it. What they find can change while the table stays as it is, or has no rows at all.
pub(super) fn independent<'p>(project: &'p Project, mart: &'p Model) -> impl Iterator<Item = &'p Model> {
    project.audits(&mart.name).filter(|audit| !mentions(&audit.text, &mart.name))
}

/// Whether a statement, comments aside, has this identifier.
fn mentions(sql: &str, name: &str) -> bool {
    let lines = sql.lines().map(|line| line.split("--").next().unwrap_or_default());
    lines.flat_map(|line| line.split(|letter: char| !letter.is_alphanumeric() && letter != '_')).any(|word| word.eq_ignore_ascii_case(name))
}

/// Runs one audit.
///
/// # Errors
/// As [`run`].
pub(super) fn one(moment: &Moment<'_>, mart: &Model, audit: &Model, observer: &dyn Observer) -> Result<()> {
    let ModelKind::Audit { severity, .. } = audit.kind else { return Ok(()) };
    let place = || format!("{}: does not run", audit.file.display());
    moment.require(&moment.references_of(audit)?).map_err(|error| error.within(place()))?;
    let text = audit.text.trim_end().trim_end_matches(';');
    let count = moment.rows(&format!("select count(*) from (\n{text}\n)")).map_err(|error| error.within(place()))?;
    let Some(Value::Int(count @ 1..)) = count.first().and_then(|row| row.first()).map(|(_, value)| value) else { return Ok(()) };
    let mut samples = Vec::new();
    for row in moment.rows(&format!("select sample::varchar from (\n{text}\n) as sample order by 1 limit 3"))? {
        if let Some((_, Value::Text(sample))) = row.first() {
            samples.push(sample.clone());
        }
    }
    let found = names::count(u64::try_from(*count).unwrap_or_default(), "row");
    let message =
        format!("{}: {found} of `{}`: {} ({})", audit.file.display(), mart.name, audit.header.description.trim_end_matches('.'), samples.join(", "));
    match severity {
        Severity::Fail => return Err(Error::new(Kind::Audit, message)),
        Severity::Warn => observer.on(&Event::Warning(message)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_mentions_whole_identifiers_only() {
        assert!(mentions("-- about\nselect * from report_x\nwhere a < 1", "report_x"));
        assert!(mentions("select 1 from \"report_x\" as r", "report_x"));
        assert!(!mentions("-- report_x\nselect * from latest.report_x_more", "report_x"));
    }
}
