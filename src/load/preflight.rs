//! What happens before the first write: every value is made to fit, and what cannot fit stops the table.

use std::{
    collections::BTreeMap,
    fmt::Write,
    iter::Enumerate,
    sync::{Mutex, PoisonError},
    thread,
};

use super::{
    canonical::{Canonical, SetDigest},
    mart::{Batches, Mart, Rows, key_positions, key_text},
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

/// Where a row stands: batch and row in it.
type Place = (usize, usize);

#[derive(Default)]
struct Found {
    count: u64,
    samples: Vec<(Place, String)>,
}

/// What one thread found in the batches that it took.
#[derive(Default)]
struct Share {
    hashes: Vec<(usize, Vec<i64>)>,
    trims: Vec<Trims>,
    misfits: BTreeMap<(usize, Misfit), Found>,
}

/// Reads the mart once, on all cores: checks, trims and hashes every value.
///
/// # Errors
/// [`Kind::Preflight`] with every kind of misfit by column, how often, and sample keys.
pub(super) fn scan(contract: &Contract, target: &Target, mart: &Mart) -> Result<Scan> {
    let batches = Mutex::new((mart.open)()?.enumerate());
    let threads = thread::available_parallelism().map_or(1, usize::from).min(8);
    let shares = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| share(contract, target, mart, &batches))).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| Err(Error::new(Kind::Internal, "a thread that read the mart broke off"))))
            .collect::<Result<Vec<_>>>()
    })?;
    let mut hashes = Vec::new();
    let mut trims = vec![Trims::default(); contract.columns.len()];
    let mut misfits: BTreeMap<(usize, Misfit), Found> = BTreeMap::new();
    for share in shares {
        hashes.extend(share.hashes);
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
    hashes.sort_unstable_by_key(|(batch, _)| *batch);
    let hashes: Vec<i64> = hashes.into_iter().flat_map(|(_, hashes)| hashes).collect();
    let mut digest = SetDigest::default();
    hashes.iter().for_each(|hash| digest.add(*hash));
    Ok(Scan {
        hashes,
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

/// Takes one batch after another until there are no more.
fn share(contract: &Contract, target: &Target, mart: &Mart, batches: &Mutex<Enumerate<Batches>>) -> Result<Share> {
    let mut share = Share { trims: vec![Trims::default(); contract.columns.len()], ..Share::default() };
    let mut canonical = Canonical::default();
    let is_hashed: Vec<bool> = (0..contract.columns.len()).map(|column| target.hashed.contains(&column)).collect();
    loop {
        // A thread that panicked has not left the iterator half-way: it is the batch that it was working on.
        let next = batches.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some((number, batch)) = next else { return Ok(share) };
        let batch = batch?;
        let rows = Rows::of(&batch, contract, mart)?;
        let mut hashes = Vec::with_capacity(rows.len());
        for row in 0..rows.len() {
            canonical.start();
            for (column, is_hashed) in is_hashed.iter().enumerate() {
                let value = rows.value(column, row, &mut share.trims[column]);
                match value.and_then(|value| if target.charsets[column].holds(&value) { Ok(value) } else { Err(Misfit::CharacterSet) }) {
                    Ok(value) if *is_hashed => canonical.push(&value),
                    Ok(_) => {}
                    Err(misfit) => share.misfits.entry((column, misfit)).or_default().add((number, row), || sample(contract, &rows, row)),
                }
            }
            hashes.push(canonical.hash());
        }
        share.hashes.push((number, hashes));
    }
}

impl Found {
    fn add(&mut self, place: Place, key: impl FnOnce() -> String) {
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
