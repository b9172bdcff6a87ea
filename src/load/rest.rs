//! The days of a snapshot that a load need not compare: the last load left them in the table from the very same files.
//!
//! A snapshot gains a day with every run and its other days hardly ever change. So that a load on an empty disk does not
//! fetch a year of files, it asks the database for one digest instead.

use std::{collections::BTreeSet, fmt::Write};

use chrono::NaiveDate;
use uuid::Uuid;

use super::{
    canonical::SetDigest,
    compare::{day_parameters, digest},
    ledger::LastLoad,
    mart::{Before, Published},
    session::Session,
    target::Target,
};
use crate::{catalog::Contract, digest::short, error::Result};

/// What is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rest {
    /// The days.
    pub(super) days: BTreeSet<NaiveDate>,
    /// What their rows come to.
    pub(super) digest: SetDigest,
    /// The transform of the load that left them.
    pub(super) transform_id: Uuid,
}

/// What may be left out of a comparison with this mart; `None`: nothing.
///
/// # Errors
/// Those of reading the lake and the database.
pub(super) async fn rest(
    session: &mut dyn Session,
    contract: &Contract,
    target: &Target,
    mart: &dyn Published,
    last: Option<LastLoad>,
) -> Result<Option<Rest>> {
    if mart.head().days.is_none() {
        return Ok(None);
    }
    // Rows that the table keeps and no mart has would be counted as rows of this one.
    let Some(last) = last.filter(|last| last.whole && last.held == last.digest.rows && last.form == form(contract)) else { return Ok(None) };
    let Some(transform_id) = last.transform_id else { return Ok(None) };
    let Some(Before { days, same, .. }) = mart.before(transform_id).await?.filter(|before| !before.same.is_empty()) else { return Ok(None) };
    // Somebody may have changed the table since.
    if digest(session, target, &day_parameters(&days)).await? != last.digest {
        return Ok(None);
    }
    let others: BTreeSet<NaiveDate> = days.difference(&same).copied().collect();
    let others = if others.is_empty() { SetDigest::default() } else { digest(session, target, &day_parameters(&others)).await? };
    Ok(last.digest.without(others).map(|digest| Rest { days: same, digest, transform_id }))
}

/// A short hash of all that a contract says of storing rows: under another one, the same file may make other rows.
pub(super) fn form(contract: &Contract) -> String {
    let mut text = format!("{:?} {}", contract.on_missing, contract.key.join(","));
    for column in &contract.columns {
        // Writing into a String cannot fail.
        let _ = write!(text, "\n{} {} {} {:?} {}", column.name, column.kind, column.not_null, column.round, column.insert_only);
    }
    short(&text, 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalog::ColumnType, load::sample::plans};

    #[test]
    fn the_form_is_what_decides_how_rows_are_stored() {
        let before = plans();
        let mut same = before.clone();
        same.description = "other words".to_owned();
        same.columns[1].meaning = "other words".to_owned();
        assert_eq!((form(&same), form(&before).len()), (form(&before), 16));
        let changes: [fn(&mut Contract); 5] = [
            |contract| contract.columns[1].kind = ColumnType::Varchar(11),
            |contract| contract.columns[1].round = Some(2),
            |contract| contract.columns[1].insert_only = true,
            |contract| contract.key.push("name".to_owned()),
            |contract| drop(contract.columns.pop()),
        ];
        for change in changes {
            let mut other = before.clone();
            change(&mut other);
            assert_ne!(form(&other), form(&before));
        }
    }
}
