//! Audits: queries for bad rows of a candidate, run before anybody can see it.

use crate::{
    catalog::{Model, ModelKind, Severity},
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
    for audit in moment.engine().project().audits(&mart.name) {
        let ModelKind::Audit { severity, .. } = audit.kind else { continue };
        let place = || format!("{}: does not run", audit.file.display());
        moment.require(&moment.references_of(audit)?).map_err(|error| error.within(place()))?;
        let text = audit.text.trim_end().trim_end_matches(';');
        let count = moment.rows(&format!("select count(*) from (\n{text}\n)")).map_err(|error| error.within(place()))?;
        let Some(Value::Int(count @ 1..)) = count.first().and_then(|row| row.first()).map(|(_, value)| value) else { continue };
        let mut samples = Vec::new();
        for row in moment.rows(&format!("select sample::varchar from (\n{text}\n) as sample order by 1 limit 3"))? {
            if let Some((_, Value::Text(sample))) = row.first() {
                samples.push(sample.clone());
            }
        }
        let found = names::count(u64::try_from(*count).unwrap_or_default(), "row");
        let message = format!(
            "{}: {found} of `{}`: {} ({})",
            audit.file.display(),
            mart.name,
            audit.header.description.trim_end_matches('.'),
            samples.join(", ")
        );
        match severity {
            Severity::Fail => return Err(Error::new(Kind::Audit, message)),
            Severity::Warn => observer.on(&Event::Warning(message)),
        }
    }
    Ok(())
}
