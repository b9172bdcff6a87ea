//! The outcome counts of a run or plan.

use std::iter::Sum;

use super::super::{json::Object, random::Dice};

/// How many tests of a run stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    passed: u64,
    blocked: u64,
    untested: u64,
    retest: u64,
    failed: u64,
    /// `custom_status6_count`, "Not Applicable".
    not_applicable: u64,
    /// `custom_status7_count`, "Not Available".
    not_available: u64,
}

impl Tally {
    /// The counts of a run after `done` of the `days` that it lasts.
    pub(super) fn of(dice: Dice, done: u64, days: u64) -> Self {
        let total = dice.between("tests", 8, 120);
        let executed = if done == days && !dice.one_in("left over", 6) { total } else { total * done / (days + 1) };
        let part = |name: &str, highest: u64| executed * dice.below(name, highest + 1) / 100;
        let (failed, retest, blocked) = (part("failed", 8), part("retest", 6), part("blocked", 4));
        let (not_applicable, not_available) = (part("not applicable", 5), part("not available", 3));
        Self {
            passed: executed - failed - retest - blocked - not_applicable - not_available,
            blocked,
            untested: total - executed,
            retest,
            failed,
            not_applicable,
            not_available,
        }
    }

    pub(super) fn append_to(self, record: &mut Object) {
        record.extend([
            ("passed_count".into(), self.passed.into()),
            ("blocked_count".into(), self.blocked.into()),
            ("untested_count".into(), self.untested.into()),
            ("retest_count".into(), self.retest.into()),
            ("failed_count".into(), self.failed.into()),
        ]);
        for status in 1..=7 {
            let count = match status {
                6 => self.not_applicable,
                7 => self.not_available,
                _ => 0,
            };
            record.push((format!("custom_status{status}_count").into(), count.into()));
        }
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            passed: sum.passed + one.passed,
            blocked: sum.blocked + one.blocked,
            untested: sum.untested + one.untested,
            retest: sum.retest + one.retest,
            failed: sum.failed + one.failed,
            not_applicable: sum.not_applicable + one.not_applicable,
            not_available: sum.not_available + one.not_available,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_stays_while_tests_are_executed() {
        for number in 0..100 {
            let dice = Dice::new(1, "run", number);
            let total = |tally: Tally| {
                tally.passed + tally.blocked + tally.untested + tally.retest + tally.failed + tally.not_applicable + tally.not_available
            };
            let (first, last) = (Tally::of(dice, 1, 5), Tally::of(dice, 5, 5));
            assert_eq!(total(first), total(last));
            assert!(last.untested <= first.untested);
        }
    }
}
