//! What all Parquet writers of a process share: a bound on memory, and the folder where they spool.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// A bound in bytes on what all writers together hold in memory. Cheap to clone; clones share the bound.
///
/// No writer ever waits for another (that could deadlock a pull that keeps several files open). Instead, when the total
/// is over the bound, each writer that holds more than its fair share flushes its row group on its next record. Writers
/// that sleep keep what they have, so the total stays under twice the bound.
#[derive(Clone, Debug)]
pub struct WriteBudget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: u64,
    used: AtomicU64,
    writers: AtomicU64,
    folder: PathBuf,
}

impl WriteBudget {
    /// A bound of `bytes`; the files grow in `folder`, which goes with the process ([`super::SpillFolder`]).
    pub fn new(bytes: u64, folder: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Shared { limit: bytes, used: AtomicU64::new(0), writers: AtomicU64::new(0), folder: folder.into() }))
    }

    /// Bytes that all writers hold now.
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::Relaxed)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// Takes part in the budget, holding nothing yet.
    pub(super) fn lease(&self) -> Lease {
        self.0.writers.fetch_add(1, Ordering::Relaxed);
        Lease { budget: self.clone(), held: 0 }
    }
}

/// One writer's part of a budget; given back when dropped.
#[derive(Debug)]
pub(super) struct Lease {
    budget: WriteBudget,
    held: u64,
}

impl Lease {
    /// Says that the writer now holds `bytes`. Returns whether it should flush to bring the total down.
    pub(super) fn hold(&mut self, bytes: u64) -> bool {
        let shared = &self.budget.0;
        // Relaxed is enough: the sum is a gauge, nothing else is ordered by it.
        let used = if bytes >= self.held {
            let more = bytes - self.held;
            shared.used.fetch_add(more, Ordering::Relaxed) + more
        } else {
            let less = self.held - bytes;
            shared.used.fetch_sub(less, Ordering::Relaxed) - less
        };
        self.held = bytes;
        let fair_share = shared.limit / shared.writers.load(Ordering::Relaxed).max(1);
        used > shared.limit && bytes > fair_share
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.hold(0);
        self.budget.0.writers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_holds_more_than_a_fair_share_is_asked_to_flush() {
        let budget = WriteBudget::new(100, std::env::temp_dir());
        let (mut large, mut small) = (budget.lease(), budget.lease());
        assert!(!large.hold(90), "under the bound");
        assert!(!small.hold(20), "over the bound, but less than half of it");
        assert!(large.hold(91));
        assert!(!large.hold(0), "flushed");
        assert_eq!(budget.used(), 20);
    }

    #[test]
    fn a_dropped_writer_gives_everything_back() {
        let budget = WriteBudget::new(100, std::env::temp_dir());
        let mut other = budget.lease();
        let mut lease = budget.lease();
        lease.hold(80);
        drop(lease);
        assert_eq!(budget.used(), 0);
        assert!(!other.hold(100), "alone again, the whole budget is its share");
        assert!(other.hold(101));
    }

    #[test]
    fn the_total_stays_under_twice_the_bound_with_many_threads() {
        let budget = WriteBudget::new(1_000, std::env::temp_dir());
        let peak = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    let mut lease = budget.lease();
                    let mut held = 0;
                    for _ in 0..10_000 {
                        held += 7;
                        if lease.hold(held) {
                            held = 0;
                            lease.hold(0);
                        }
                        peak.fetch_max(budget.used(), Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(budget.used(), 0);
        assert!(peak.into_inner() < 2_000);
    }
}
