//! The way of one table: check, scan, compare, guard, plan, apply, ledger.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    adopt::{complete, take},
    apply::apply,
    compare::{day_parameters, difference, digest},
    diff::Diff,
    guard,
    kept::kept,
    ledger::{self, Counts, LEDGER, LastLoad, Record},
    mart::Mart,
    plan::Plan,
    preflight::{Scan, scan},
    session::{Access, Session},
    target::Target,
    value::Value,
    verify::{Verification, verify},
};
use crate::{
    catalog::Contract,
    clock::Clock,
    error::{Error, Kind, OrFail, Result},
    settings::LoadLimits,
};

/// How a table is to be loaded.
#[derive(Clone)]
pub(super) struct Manner {
    pub(super) limits: LoadLimits,
    /// Tables that may shrink.
    pub(super) accept_shrink: Vec<String>,
    /// The mart's time was asked for, so it may be older than what is loaded.
    pub(super) asked_for: bool,
    pub(super) mode: Mode,
    /// Rows that nobody owns and whose key the mart has are taken over.
    pub(super) adopt: bool,
    /// Rows of mart and table from which on buckets are compared before keys.
    pub(super) bucketed_from: u64,
    pub(super) clock: Clock,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Load,
    Plan,
    Verify,
}

/// What became of one table.
#[derive(Debug, Default)]
pub struct TableSummary {
    /// The table.
    pub table: String,
    /// Rows inserted (with `--plan`: that would be).
    pub inserted: u64,
    /// Rows updated.
    pub updated: u64,
    /// Rows deleted.
    pub deleted: u64,
    /// Rows that were right already.
    pub unchanged: u64,
    /// Rows of the mart left out because a row that `etl` did not write has their key.
    pub blocked: u64,
    /// Texts cut at their column's length, by column; those with cuts only.
    pub cuts: Vec<(String, u64)>,
    /// U+0000 removed from texts.
    pub nuls: u64,
    /// The mart that was loaded.
    pub manifest: Option<Uuid>,
    /// The time that it shows.
    pub as_of: Option<DateTime<Utc>>,
    /// Why nothing was done, if nothing could be.
    pub skipped: Option<String>,
    /// What went wrong; the table is as it was.
    pub error: Option<Error>,
    /// With `--plan`: sample rows.
    pub plan: Option<Plan>,
    /// With `--verify`: what was found.
    pub verification: Option<Verification>,
}

/// Loads (or plans, or verifies) one table into `summary`.
pub(super) async fn run(
    session: &mut dyn Session,
    contract: &Arc<Contract>,
    mart: &Arc<Mart>,
    manner: &Manner,
    summary: &mut TableSummary,
) -> Result<()> {
    let facts = session.facts(&contract.table).await?;
    let target = Target::check(contract, facts.as_ref())?;
    if session.facts(LEDGER).await?.is_none() {
        return Err(Error::new(Kind::Database, format!("the destination has no table `{LEDGER}`")).hint("run `etl migrate run`"));
    }
    let days = day_parameters(mart);
    let one = One { contract, target: &target, mart, manner, days: &days };
    // A look without a lock: where the table is as this very mart left it, nothing is read, locked or written.
    if let Some(held) = one.settled(session).await? {
        summary.unchanged = held;
        return Ok(());
    }
    let mart = &Arc::new(kept(mart));
    let one = One { contract, target: &target, mart, manner, days: &days };
    let scan = scanned(contract, &target, mart).await?;
    summary.cuts.clone_from(&scan.cuts);
    summary.nuls = scan.nuls;
    let access = if manner.mode == Mode::Load { Access::Write } else { Access::Read };
    session.begin(access).await?;
    match one.within(session, &scan, summary).await {
        Ok(true) => session.commit().await,
        Ok(false) => session.rollback().await,
        Err(error) => {
            // The first error is the one to tell; a connection that is gone has rolled back by itself.
            let _ = session.rollback().await;
            Err(error)
        }
    }
}

/// Hashing is work for a core: it runs beside the async threads.
async fn scanned(contract: &Arc<Contract>, target: &Target, mart: &Arc<Mart>) -> Result<Scan> {
    let (contract, target, mart) = (Arc::clone(contract), target.clone(), Arc::clone(mart));
    tokio::task::spawn_blocking(move || scan(&contract, &target, &mart)).await.or_fail(Kind::Internal, || "reading the mart broke off")?
}

/// All that the steps of one table share.
struct One<'a> {
    contract: &'a Contract,
    target: &'a Target,
    mart: &'a Mart,
    manner: &'a Manner,
    days: &'a [Value<'a>],
}

impl One<'_> {
    /// If this very mart was loaded last and the owned rows still have the digest that they had then: how many rows of the
    /// mart the table holds. A mart is never written twice, so there is no need to read it.
    async fn settled(&self, session: &mut dyn Session) -> Result<Option<u64>> {
        if self.manner.mode != Mode::Load {
            return Ok(None);
        }
        let last = self.not_older(session).await?;
        let Some(last) = last.filter(|last| last.whole && last.transform_id == Some(self.mart.transform_id)) else { return Ok(None) };
        Ok((digest(session, self.target, self.days).await? == last.digest).then_some(last.held))
    }

    /// The last load, unless it showed a later time.
    async fn not_older(&self, session: &mut dyn Session) -> Result<Option<LastLoad>> {
        let last = ledger::last(session, &self.contract.table).await?;
        guard::older(&self.contract.table, self.mart.as_of, last.and_then(|last| last.as_of), self.manner.asked_for)?;
        Ok(last)
    }

    /// The steps inside the transaction. True: there is something to commit.
    async fn within(&self, session: &mut dyn Session, scan: &Scan, summary: &mut TableSummary) -> Result<bool> {
        if self.manner.mode == Mode::Verify {
            summary.verification = Some(verify(session, self.contract, self.target, self.mart, self.days).await?);
            return Ok(false);
        }
        let last = self.not_older(session).await?;
        if self.manner.adopt && self.manner.mode == Mode::Load {
            complete(session, self.contract, self.target, self.mart).await?;
        }
        let before = digest(session, self.target, self.days).await?;
        let mut diff = if before == scan.digest {
            Diff { unchanged: scan.digest.rows, owned: scan.digest.rows, ..Diff::default() }
        } else {
            let bucketed = before.rows + scan.digest.rows >= self.manner.bucketed_from;
            difference(session, self.contract, self.target, self.mart, &scan.hashes, self.days, bucketed).await?
        };
        if self.manner.adopt && self.manner.mode == Mode::Load && !diff.blocked.is_empty() {
            take(session, self.contract, self.target, self.mart, &diff.blocked).await?;
            // All keys: a row that was just taken over stands in the bucket of no mart's row.
            diff = difference(session, self.contract, self.target, self.mart, &scan.hashes, self.days, false).await?;
        }
        let counts = counts(&diff);
        summary.take(&counts);
        if self.manner.mode == Mode::Plan {
            summary.plan = Some(Plan::of(session, self.contract, self.target, self.mart, &diff).await?);
            // A plan shows what it would do also where a load would be refused, and says so.
            self.guarded(&diff)?;
            return Ok(false);
        }
        if diff.is_empty() && last.and_then(|last| last.transform_id) == Some(self.mart.transform_id) {
            return Ok(false);
        }
        self.guarded(&diff)?;
        apply(session, self.contract, self.target, self.mart, &diff).await?;
        let after = if diff.is_empty() { before } else { digest(session, self.target, self.days).await? };
        let record = Record { table: &self.contract.table, mart: self.mart, counts: &counts, digest: after, now: self.manner.clock.now() };
        ledger::record(session, &record).await?;
        Ok(true)
    }

    fn guarded(&self, diff: &Diff<Vec<Value<'static>>>) -> Result<()> {
        let accepted = self.manner.accept_shrink.contains(&self.contract.table);
        guard::shrink(self.contract, diff, self.manner.limits, accepted)
    }
}

fn counts<K>(diff: &Diff<K>) -> Counts {
    Counts {
        inserted: diff.insert.len() as u64,
        updated: diff.update.len() as u64,
        deleted: diff.delete.len() as u64,
        unchanged: diff.unchanged,
        blocked: diff.blocked.len() as u64,
    }
}

impl TableSummary {
    fn take(&mut self, counts: &Counts) {
        self.inserted = counts.inserted;
        self.updated = counts.updated;
        self.deleted = counts.deleted;
        self.unchanged = counts.unchanged;
        self.blocked = counts.blocked;
    }

    /// For a table whose load failed: nothing was done to it.
    pub(super) fn failed(&mut self, error: Error) {
        if self.plan.is_none() {
            self.take(&Counts::default());
        }
        self.error = Some(error);
    }
}
