//! Which rows of a day belong to its newest set, where the old scripts ran twice. Pure.

use std::collections::HashMap;

/// Seconds between two runs, at least: rows of one run follow each other faster.
const PAUSE: i64 = 60;

/// A row of a snapshot table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DayRow {
    pub(super) order: i64,
    /// Seconds since 1970.
    pub(super) written: i64,
    /// The day and what was asked for in one go (the project).
    pub(super) scope: String,
    pub(super) key: String,
}

/// The orders of the rows that an older run of the same day and scope has written. `rows` ascend by order.
///
/// A run begins somewhere between the two rows that have one key: where most time passed. If that is less than a pause, it
/// cannot be told where, and nothing is said about rows that are no copies.
pub(super) fn older_sets(rows: &[DayRow]) -> Vec<i64> {
    let mut scopes: HashMap<&str, Vec<&DayRow>> = HashMap::new();
    for row in rows {
        scopes.entry(&row.scope).or_default().push(row);
    }
    let mut older: Vec<i64> = scopes.values().flat_map(|rows| rows[..newest_begins(rows)].iter().map(|row| row.order)).collect();
    older.sort_unstable();
    older
}

fn newest_begins(rows: &[&DayRow]) -> usize {
    let mut begins = 0;
    let mut last: HashMap<&str, usize> = HashMap::new();
    for (place, row) in rows.iter().enumerate() {
        if let Some(former) = last.insert(&row.key, place).filter(|former| *former >= begins) {
            let pause = |at: usize| rows[at].written - rows[at - 1].written;
            // Of equal pauses the first one.
            let widest = (former + 1..=place).rev().max_by_key(|at| pause(*at)).unwrap_or(place);
            if pause(widest) >= PAUSE {
                begins = widest;
            }
        }
    }
    begins
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<DayRow> {
        let parts = text.split_whitespace().enumerate();
        parts
            .map(|(order, part)| {
                let (written, rest) = part.split_once('/').unwrap();
                let (scope, key) = rest.split_at(1);
                DayRow { order: order as i64, written: written.parse().unwrap(), scope: scope.to_owned(), key: key.to_owned() }
            })
            .collect()
    }

    #[test]
    fn the_newest_run_of_a_scope_stays() {
        let older = |text: &str| older_sets(&rows(text));
        assert_eq!(older("0/1a 1/1b 2/1c"), [0_i64; 0], "one run");
        assert_eq!(older("0/1a 1/1b 900/1a 901/1b"), [0, 1]);
        assert_eq!(older("0/1a 1/1b 2/1c 900/1b 901/1a"), [0, 1, 2], "what the second run has not any more goes");
        assert_eq!(older("0/1a 1/1b 900/1d 901/1b 902/1a"), [0, 1], "what the second run has first is new");
        assert_eq!(older("0/1a 1/2a 2/2b 900/2a 901/2b"), [1, 2], "another project is another scope");
        assert_eq!(older("0/1a 900/1a 1800/1a 1801/1b"), [0, 1], "three runs");
        assert_eq!(older("0/1a 1/1b 900/1c 901/1a 902/1b"), [0, 1], "a run that crashed, and one that began elsewhere");
        assert_eq!(older("0/1a 1/1b 2/1a"), [0_i64; 0], "no pause: only the copies go, by their key");
    }
}
