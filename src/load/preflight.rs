//! What happens before the first write: every value is made to fit, and what cannot fit stops the table.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Mutex, PoisonError},
};

use super::{
    canonical::{Canonical, SetDigest},
    cores::on_all_cores,
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
    /// The hash of every row, in order.
    pub(super) hashes: Vec<i64>,
    /// What they come to.
    pub(super) digest: SetDigest,
    /// Texts cut, by column, those with cuts only.
    pub(super) cuts: Vec<(String, u64)>,
    /// U+0000 removed in all columns.
    pub(super) nuls: u64,
}

#[derive(Default)]
struct Found {
    count: u64,
    /// With the rows' positions.
    samples: Vec<(usize, String)>,
}

/// What one thread found in the batches that it took.
#[derive(Default)]
struct Share {
    digest: SetDigest,
    trims: Vec<Trims>,
    misfits: BTreeMap<(usize, Misfit), Found>,
    canonical: Canonical,
}

/// Reads the mart once, on all cores: checks, trims and hashes every value.
///
/// # Errors
/// [`Kind::Preflight`] with every kind of misfit by column, how often, and sample keys.
pub(super) fn scan(contract: &Contract, target: &Target, mart: &Mart) -> Result<Scan> {
    let pieces = (mart.open)()?;
    let hashes = Mutex::new(vec![0; pieces.iter().map(|piece| piece.rows).sum()]);
    let start = || Share { trims: vec![Trims::default(); contract.columns.len()], ..Share::default() };
    let shares = on_all_cores(pieces, None, start, |share, position, batch| {
        let found = share.take(contract, target, &Rows::of(batch, contract, mart)?, position);
        let mut hashes = hashes.lock().unwrap_or_else(PoisonError::into_inner);
        let place = hashes.get_mut(position..position + found.len());
        place
            .ok_or_else(|| Error::new(Kind::Lake, format!("a file of the mart `{}` has more rows than it says", contract.table)))?
            .copy_from_slice(&found);
        Ok(())
    })?;
    let mut digest = SetDigest::default();
    let mut trims = vec![Trims::default(); contract.columns.len()];
    let mut misfits: BTreeMap<(usize, Misfit), Found> = BTreeMap::new();
    for share in shares {
        digest.add_all(share.digest);
        for (sum, trim) in trims.iter_mut().zip(share.trims) {
            sum.cuts += trim.cuts;
            sum.nuls += trim.nuls;
        }
        for (what, found) in share.misfits {
            let sum = misfits.entry(what).or_default();
            sum.count += found.count;
            sum.samples.extend(found.samples);
        }
    }
    if !misfits.is_empty() {
        return Err(refused(contract, misfits));
    }
    Ok(Scan {
        hashes: hashes.into_inner().unwrap_or_else(PoisonError::into_inner),
        digest,
        cuts: contract
            .columns
            .iter()
            .zip(&trims)
            .filter(|(_, trims)| trims.cuts > 0)
            .map(|(column, trims)| (column.name.clone(), trims.cuts))
            .collect(),
        nuls: trims.iter().map(|trims| trims.nuls).sum(),
    })
}

impl Share {
    /// Looks at a batch whose first row stands at `position`; gives the hashes of its rows.
    fn take(&mut self, contract: &Contract, target: &Target, rows: &Rows<'_>, position: usize) -> Vec<i64> {
        let is_hashed: Vec<bool> = (0..contract.columns.len()).map(|column| target.hashed.contains(&column)).collect();
        let mut hashes = Vec::with_capacity(rows.len());
        for row in 0..rows.len() {
            self.canonical.start();
            for (column, is_hashed) in is_hashed.iter().enumerate() {
                let value = rows.value(column, row, &mut self.trims[column]);
                match value.and_then(|value| if target.charsets[column].holds(&value) { Ok(value) } else { Err(Misfit::CharacterSet) }) {
                    Ok(value) if *is_hashed => self.canonical.push(&value),
                    Ok(_) => {}
                    Err(misfit) => self.misfits.entry((column, misfit)).or_default().add(position + row, || sample(contract, rows, row)),
                }
            }
            let hash = self.canonical.hash();
            self.digest.add(hash);
            hashes.push(hash);
        }
        hashes
    }
}

impl Found {
    fn add(&mut self, place: usize, key: impl FnOnce() -> String) {
        self.count += 1;
        if self.samples.len() < SAMPLES {
            self.samples.push((place, key()));
        }
    }
}

/// The key of a row, as far as it has one.
fn sample(contract: &Contract, rows: &Rows<'_>, row: usize) -> String {
    let values: Vec<Value<'_>> =
        key_positions(contract).into_iter().map(|column| rows.value(column, row, &mut Trims::default()).unwrap_or(Value::Null)).collect();
    key_text(contract, &values)
}

fn refused(contract: &Contract, misfits: BTreeMap<(usize, Misfit), Found>) -> Error {
    let mut text = format!("rows of `{}` do not fit:", contract.table);
    for ((column, misfit), mut found) in misfits {
        found.samples.sort();
        let samples: Vec<String> = found.samples.into_iter().take(SAMPLES).map(|(_, key)| key).collect();
        let column = &contract.columns[column];
        // Writing into a String cannot fail.
        let _ = write!(text, "\n  `{}` {} {misfit} in {}: {}", column.name, column.kind, count(found.count, "row"), shown(found.count, &samples));
    }
    Error::new(Kind::Preflight, text)
}

/// The error for keys that are there more than once.
pub(super) fn duplicates(contract: &Contract, target: &Target, number: u64, samples: &[String]) -> Error {
    let folded: Vec<String> =
        target.key.iter().filter(|key| key.collation != super::target::Collation::Binary).map(|key| format!("`{}`", key.name)).collect();
    let under = if folded.is_empty() { String::new() } else { format!(" (equal under the collation of {})", folded.join(", ")) };
    Error::new(
        Kind::Preflight,
        format!(
            "{} of `{}` {} a key that another row has{under}: {}",
            count(number, "row"),
            contract.table,
            if number == 1 { "has" } else { "have" },
            shown(number, samples)
        ),
    )
}

/// The samples, and that there are more.
fn shown(number: u64, samples: &[String]) -> String {
    let more = number.saturating_sub(samples.len() as u64);
    let list = samples.join("; ");
    if more == 0 { list } else { format!("{list}; and {more} more") }
}
