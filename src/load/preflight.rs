//! What happens before the first write: every value is made to fit, and what cannot fit stops the table.

use std::{collections::BTreeMap, fmt::Write};

use super::{
    canonical::{Canonical, SetDigest},
    mart::{Mart, Rows, key_positions, key_text},
    target::Target,
    value::{Misfit, Trims, Value},
};
use crate::{
    catalog::Contract,
    error::{Error, Kind, Result},
    names::count,
};

/// Keys that a message shows.
pub(super) const SAMPLES: usize = 5;

/// A mart that fits: what came out of reading it once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// What its rows come to.
    pub(super) digest: SetDigest,
    /// Texts cut, by column, those with cuts only.
    pub(super) cuts: Vec<(String, u64)>,
    /// U+0000 removed in all columns.
    pub(super) nuls: u64,
}

#[derive(Default)]
struct Found {
    count: u64,
    samples: Vec<String>,
}

/// Reads the mart once: checks, trims and hashes every value.
///
/// # Errors
/// [`Kind::Preflight`] with every kind of misfit by column, how often, and sample keys.
pub(super) fn scan(contract: &Contract, target: &Target, mart: &Mart) -> Result<Scan> {
    let mut scan = Scan::default();
    let mut trims = vec![Trims::default(); contract.columns.len()];
    let mut misfits: BTreeMap<(usize, Misfit), Found> = BTreeMap::new();
    let mut canonical = Canonical::default();
    let key = key_positions(contract);
    for batch in (mart.open)()? {
        let batch = batch?;
        let rows = Rows::of(&batch, contract, mart)?;
        for row in 0..rows.len() {
            canonical.start();
            let mut hashed = target.hashed.iter().peekable();
            for column in 0..contract.columns.len() {
                let is_hashed = hashed.next_if(|position| **position == column).is_some();
                match rows.value(column, row, &mut trims[column]) {
                    Ok(value) if is_hashed => canonical.push(&value),
                    Ok(_) => {}
                    Err(misfit) => {
                        let found = misfits.entry((column, misfit)).or_default();
                        found.count += 1;
                        if found.samples.len() < SAMPLES {
                            let values: Vec<Value<'_>> =
                                key.iter().map(|column| rows.value(*column, row, &mut Trims::default()).unwrap_or(Value::Null)).collect();
                            found.samples.push(key_text(contract, &values));
                        }
                    }
                }
            }
            scan.digest.add(canonical.hash());
        }
    }
    if !misfits.is_empty() {
        return Err(refused(contract, misfits));
    }
    scan.nuls = trims.iter().map(|trims| trims.nuls).sum();
    scan.cuts = contract.columns.iter().zip(&trims).filter(|(_, trims)| trims.cuts > 0).map(|(column, trims)| (column.name.clone(), trims.cuts)).collect();
    Ok(scan)
}

fn refused(contract: &Contract, misfits: BTreeMap<(usize, Misfit), Found>) -> Error {
    let mut text = format!("rows of `{}` do not fit:", contract.table);
    for ((column, misfit), found) in misfits {
        let column = &contract.columns[column];
        // Writing into a String cannot fail.
        let _ = write!(text, "\n  `{}` {} {misfit} in {}: {}", column.name, column.kind, count(found.count, "row"), shown(found.count, &found.samples));
    }
    Error::new(Kind::Preflight, text)
}

/// The error for keys that are there more than once.
pub(super) fn duplicates(contract: &Contract, target: &Target, number: u64, samples: &[String]) -> Error {
    let folded: Vec<String> = target.key.iter().filter(|key| key.collation != super::target::Collation::Binary).map(|key| format!("`{}`", key.name)).collect();
    let under = if folded.is_empty() { String::new() } else { format!(" (equal under the collation of {})", folded.join(", ")) };
    Error::new(
        Kind::Preflight,
        format!("{} of `{}` {} a key that another row has{under}: {}", count(number, "row"), contract.table, if number == 1 { "has" } else { "have" }, shown(number, samples)),
    )
}

/// The samples, and that there are more.
fn shown(number: u64, samples: &[String]) -> String {
    let more = number.saturating_sub(samples.len() as u64);
    let list = samples.join("; ");
    if more == 0 { list } else { format!("{list}; and {more} more") }
}
