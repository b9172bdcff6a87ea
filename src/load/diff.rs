//! The difference between a mart and the rows of its table, by key and hash. Pure: no database, no files.

use std::collections::{HashMap, hash_map::Entry};

use super::canonical::SetDigest;
use crate::catalog::OnMissing;

/// A row of the mart in 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MartRow {
    /// Stands for the key.
    pub(super) key: u128,
    pub(super) hash: i64,
    /// In the mart.
    pub(super) position: u32,
}

/// What has to happen. Rows of the mart are named by their position in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Diff<K> {
    /// Positions, ascending.
    pub(super) insert: Vec<u32>,
    /// Positions, ascending.
    pub(super) update: Vec<u32>,
    /// Keys of owned rows that the mart does not have.
    pub(super) delete: Vec<K>,
    /// Owned rows that the mart does not have and that stay.
    pub(super) kept: u64,
    /// Those of them that would have been deleted, if every scope behind the mart had been read.
    pub(super) spared: u64,
    pub(super) unchanged: u64,
    /// Positions of rows whose key is taken by a row of somebody else, ascending.
    pub(super) blocked: Vec<u32>,
    /// Owned rows that are there now.
    pub(super) owned: u64,
    /// What the owned rows come to once it is applied.
    pub(super) after: SetDigest,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    No,
    Same,
    Changed,
    Blocked,
}

/// Compares the rows of a table, one after another, with a mart.
pub(super) struct Differ<K> {
    index: HashMap<u128, u32>,
    /// Hash, position in the mart, fate.
    rows: Vec<(i64, u32, Seen)>,
    twice: Vec<u32>,
    diff: Diff<K>,
    on_missing: OnMissing,
}

impl<K> Differ<K> {
    /// For a mart without rows so far.
    pub(super) fn new(on_missing: OnMissing) -> Self {
        let diff = Diff {
            insert: Vec::new(),
            update: Vec::new(),
            delete: Vec::new(),
            kept: 0,
            spared: 0,
            unchanged: 0,
            blocked: Vec::new(),
            owned: 0,
            after: SetDigest::default(),
        };
        Self { index: HashMap::new(), rows: Vec::new(), twice: Vec::new(), diff, on_missing }
    }

    /// Adds rows of the mart, in any order.
    pub(super) fn add(&mut self, rows: &[MartRow]) {
        self.index.reserve(rows.len());
        for row in rows {
            let place = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
            self.rows.push((row.hash, row.position, Seen::No));
            match self.index.entry(row.key) {
                Entry::Vacant(entry) => drop(entry.insert(place)),
                Entry::Occupied(mut entry) => {
                    // The first one has the key, whichever came first here.
                    let other = self.rows[*entry.get() as usize].1;
                    self.twice.push(other.max(row.position));
                    if row.position < other {
                        entry.insert(place);
                    }
                }
            }
        }
    }

    /// Positions of rows whose key another row has that stands before them, ascending.
    pub(super) fn twice(&mut self) -> &[u32] {
        self.twice.sort_unstable();
        &self.twice
    }

    /// Takes a row of the table. `hash`: `None` = written by somebody else. `is_spared`: it is not deleted for want of a row in the
    /// mart. `name`: its key, should it have to be deleted.
    pub(super) fn see(&mut self, key: u128, hash: Option<i64>, is_spared: bool, name: impl FnOnce() -> K) {
        let found = self.index.get(&key).map(|place| *place as usize);
        let Some(hash) = hash else {
            if let Some(place) = found {
                self.rows[place].2 = Seen::Blocked;
            }
            return;
        };
        self.diff.owned += 1;
        match (found, self.on_missing) {
            (Some(place), _) if self.rows[place].0 == hash => self.rows[place].2 = Seen::Same,
            (Some(place), _) => self.rows[place].2 = Seen::Changed,
            (None, OnMissing::Delete) if !is_spared => self.diff.delete.push(name()),
            (None, on_missing) => {
                self.diff.kept += 1;
                self.diff.spared += u64::from(on_missing == OnMissing::Delete);
                self.diff.after.add(hash);
            }
        }
    }

    /// The difference, once every row of the table was seen.
    pub(super) fn finish(mut self) -> Diff<K> {
        for (hash, position, seen) in &self.rows {
            match seen {
                Seen::No => self.diff.insert.push(*position),
                Seen::Changed => self.diff.update.push(*position),
                Seen::Blocked => self.diff.blocked.push(*position),
                Seen::Same => self.diff.unchanged += 1,
            }
            if *seen != Seen::Blocked {
                self.diff.after.add(*hash);
            }
        }
        for positions in [&mut self.diff.insert, &mut self.diff.update, &mut self.diff.blocked] {
            positions.sort_unstable();
        }
        self.diff
    }
}

impl<K> Diff<K> {
    /// Owned rows once it is applied.
    pub(super) fn owned_after(&self) -> u64 {
        self.unchanged + self.kept + self.insert.len() as u64 + self.update.len() as u64
    }

    /// Adds rows that mart and table both have, and that were not compared.
    pub(super) fn add_rest(&mut self, rest: SetDigest) {
        self.unchanged += rest.rows;
        self.owned += rest.rows;
        self.after.add_all(rest);
    }

    /// Whether the table is as the mart wants it.
    pub(super) fn is_empty(&self) -> bool {
        self.insert.is_empty() && self.update.is_empty() && self.delete.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: u128, hash: i64, position: u32) -> MartRow {
        MartRow { key, hash, position }
    }

    fn diff(mart: &[(u128, i64)], table: &[(u128, Option<i64>)], on_missing: OnMissing) -> Diff<u128> {
        sparing(mart, table, on_missing, false)
    }

    /// With `spare`, rows whose key is odd are spared.
    fn sparing(mart: &[(u128, i64)], table: &[(u128, Option<i64>)], on_missing: OnMissing, spare: bool) -> Diff<u128> {
        let mut differ = Differ::new(on_missing);
        // As several threads would.
        for (position, (key, hash)) in (0..).zip(mart).collect::<Vec<_>>().into_iter().rev() {
            differ.add(&[row(*key, *hash, position)]);
        }
        assert_eq!(differ.twice(), [] as [u32; 0]);
        for (key, hash) in table {
            differ.see(*key, *hash, key % 2 == 1 && spare, || *key);
        }
        differ.finish()
    }

    fn digest(hashes: &[i64]) -> SetDigest {
        let mut digest = SetDigest::default();
        hashes.iter().for_each(|hash| digest.add(*hash));
        digest
    }

    #[test]
    fn every_row_has_one_fate() {
        let got = diff(
            &[(0, 1), (1, 10), (2, 20), (3, 30), (4, 40)],
            &[(2, Some(20)), (3, Some(31)), (4, None), (5, Some(50)), (6, None)],
            OnMissing::Delete,
        );
        let after = digest(&[1, 10, 20, 30]);
        assert_eq!(
            got,
            Diff { insert: vec![0, 1], update: vec![3], delete: vec![5], kept: 0, spared: 0, unchanged: 1, blocked: vec![4], owned: 3, after }
        );
        assert_eq!((got.owned_after(), after.rows), (4, 4));
    }

    #[test]
    fn keep_leaves_what_is_missing() {
        let got = diff(&[(1, 10)], &[(1, Some(10)), (5, Some(50)), (6, Some(60))], OnMissing::Keep);
        assert_eq!((got.delete.len(), got.kept, got.owned_after()), (0, 2, 3));
        assert_eq!(got.after, digest(&[10, 50, 60]));
        assert!(got.is_empty());
    }

    #[test]
    fn spared_rows_stay_and_are_counted() {
        let table = [(1, Some(10)), (4, Some(40)), (5, Some(50)), (7, Some(70))];
        let got = sparing(&[(1, 11)], &table, OnMissing::Delete, true);
        assert_eq!((&got.delete, &got.update, got.kept, got.spared), (&vec![4], &vec![0], 2, 2));
        assert_eq!((got.after, got.owned_after()), (digest(&[11, 50, 70]), 3));
        // What the contract keeps is not counted as spared.
        assert_eq!(sparing(&[], &table, OnMissing::Keep, true).spared, 0);
    }

    #[test]
    fn what_was_not_compared_is_counted() {
        let mut differ: Differ<u128> = Differ::new(OnMissing::Delete);
        differ.add(&[row(1, 10, 0)]);
        let mut got = differ.finish();
        got.add_rest(digest(&[7, 8]));
        assert_eq!((got.unchanged, got.owned, got.insert, got.after), (2, 2, vec![0], digest(&[7, 8, 10])));
    }

    #[test]
    fn empty_against_empty() {
        assert!(diff(&[], &[], OnMissing::Delete).is_empty());
        assert_eq!(diff(&[], &[(1, Some(1))], OnMissing::Delete).delete, [1]);
    }

    #[test]
    fn a_key_twice_is_told_whatever_the_order() {
        let rows = [row(1, 1, 0), row(2, 2, 1), row(1, 3, 2), row(1, 4, 3), row(2, 5, 4)];
        for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 3, 4, 1]] {
            let mut differ: Differ<u128> = Differ::new(OnMissing::Delete);
            order.iter().for_each(|place| differ.add(&[rows[*place]]));
            assert_eq!(differ.twice(), [2, 3, 4]);
        }
    }
}
