//! The difference between a mart and the rows of its table, by key and hash. Pure: no database, no files.

use std::collections::HashMap;

use crate::catalog::OnMissing;

/// A row of the mart in 24 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MartRow {
    /// Stands for the key.
    pub(super) key: u128,
    pub(super) hash: i64,
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
    pub(super) unchanged: u64,
    /// Positions of rows whose key is taken by a row of somebody else, ascending.
    pub(super) blocked: Vec<u32>,
    /// Owned rows that are there now.
    pub(super) owned: u64,
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
    diff: Diff<K>,
    on_missing: OnMissing,
}

impl<K> Differ<K> {
    /// For a mart without rows so far.
    pub(super) fn new(on_missing: OnMissing) -> Self {
        let diff = Diff { insert: Vec::new(), update: Vec::new(), delete: Vec::new(), kept: 0, unchanged: 0, blocked: Vec::new(), owned: 0 };
        Self { index: HashMap::new(), rows: Vec::new(), diff, on_missing }
    }

    /// Adds the mart's next row, at this position. False: its key was there already.
    pub(super) fn add(&mut self, position: u32, row: MartRow) -> bool {
        let place = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        self.rows.push((row.hash, position, Seen::No));
        self.index.insert(row.key, place).is_none()
    }

    /// Counts rows that mart and table both have, and that were left out here and there.
    pub(super) fn settled(&mut self, rows: u64) {
        self.diff.unchanged += rows;
        self.diff.owned += rows;
    }

    /// Takes a row of the table. `hash`: `None` = written by somebody else. `name`: its key, should it have to be deleted.
    pub(super) fn see(&mut self, key: u128, hash: Option<i64>, name: impl FnOnce() -> K) {
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
            (None, OnMissing::Delete) => self.diff.delete.push(name()),
            (None, OnMissing::Keep) => self.diff.kept += 1,
        }
    }

    /// The difference, once every row of the table was seen.
    pub(super) fn finish(mut self) -> Diff<K> {
        for (_, position, seen) in &self.rows {
            match seen {
                Seen::No => self.diff.insert.push(*position),
                Seen::Changed => self.diff.update.push(*position),
                Seen::Blocked => self.diff.blocked.push(*position),
                Seen::Same => self.diff.unchanged += 1,
            }
        }
        self.diff
    }
}

impl<K> Diff<K> {
    /// Owned rows once it is applied.
    pub(super) fn owned_after(&self) -> u64 {
        self.unchanged + self.kept + self.insert.len() as u64 + self.update.len() as u64
    }

    /// Whether the table is as the mart wants it.
    pub(super) fn is_empty(&self) -> bool {
        self.insert.is_empty() && self.update.is_empty() && self.delete.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(mart: &[(u128, i64)], table: &[(u128, Option<i64>)], on_missing: OnMissing) -> Diff<u128> {
        let mut differ = Differ::new(on_missing);
        for (position, (key, hash)) in (0..).zip(mart) {
            assert!(differ.add(position, MartRow { key: *key, hash: *hash }));
        }
        for (key, hash) in table {
            differ.see(*key, *hash, || *key);
        }
        differ.finish()
    }

    #[test]
    fn every_row_has_one_fate() {
        let got =
            diff(&[(1, 10), (2, 20), (3, 30), (4, 40)], &[(2, Some(20)), (3, Some(31)), (4, None), (5, Some(50)), (6, None)], OnMissing::Delete);
        assert_eq!(got, Diff { insert: vec![0], update: vec![2], delete: vec![5], kept: 0, unchanged: 1, blocked: vec![3], owned: 3 });
        assert_eq!(got.owned_after(), 3);
    }

    #[test]
    fn keep_leaves_what_is_missing() {
        let got = diff(&[(1, 10)], &[(1, Some(10)), (5, Some(50)), (6, Some(60))], OnMissing::Keep);
        assert_eq!((got.delete.len(), got.kept, got.owned_after()), (0, 2, 3));
        assert!(got.is_empty());
    }

    #[test]
    fn empty_against_empty() {
        assert!(diff(&[], &[], OnMissing::Delete).is_empty());
        assert_eq!(diff(&[], &[(1, Some(1))], OnMissing::Delete).delete, [1]);
    }

    #[test]
    fn a_key_twice_is_told() {
        let mut differ: Differ<u128> = Differ::new(OnMissing::Delete);
        assert!(differ.add(0, MartRow { key: 1, hash: 1 }));
        assert!(!differ.add(1, MartRow { key: 1, hash: 2 }));
    }
}
