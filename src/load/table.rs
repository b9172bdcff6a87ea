//! The way of one table: check, scan, compare, guard, plan, apply, ledger.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    adopt::{complete, take},
    apply::{Writing, apply},
    compare::{day_parameters, difference, digest},
    diff::Diff,
    guard,
    kept::kept,
    ledger::{self, Counts, LastLoad, Record},
    mart::{Mart, Origin, Published},
    plan::Plan,
    preflight::{Scan, scan},
    rest::{Rest, form, rest},
    session::{Access, Session},
    statement::Statements,
    target::Target,
    value::Value,
    verify::{Verification, verify},
};
use crate::{
    catalog::{ColumnType, Contract, OnMissing},
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
    /// The lake that the marts are read from.
    pub(super) lake: Option<Uuid>,
    /// Another lake than that of the last load may be loaded.
    pub(super) accept_lake: bool,
    /// The mart's time was asked for, so it may be older than what is loaded.
    pub(super) asked_for: bool,
    pub(super) mode: Mode,
    /// Rows that nobody owns and whose key the mart has are taken over.
    pub(super) adopt: bool,
    /// Rows of mart and table from which on buckets are compared before keys.
    pub(super) bucketed_from: u64,
    /// How often a load is tried that gives way or loses its connection.
    pub(super) attempts: usize,
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
    /// Rows of the table that the mart does not have and that stay, because not every scope behind it was read.
    pub spared: u64,
    /// What the mart was computed from.
    pub origin: Origin,
    /// Rows of the table after a load that changed it: those that `etl` wrote, and those that it did not.
    pub held: Option<(u64, u64)>,
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
    /// A COMMIT was sent, and not answered so far.
    pub(super) committing: bool,
}

/// Loads (or plans, or verifies) one table into `summary`.
pub(super) async fn run(
    session: &mut dyn Session,
    contract: &Arc<Contract>,
    mart: &dyn Published,
    manner: &Manner,
    summary: &mut TableSummary,
) -> Result<()> {
    let facts = session.facts(&contract.table).await?;
    let target = Target::check(contract, facts.as_ref())?;
    ledger::check(session).await?;
    let one = One { contract, target: &target, published: mart, manner };
    let last = if manner.mode == Mode::Verify { None } else { one.not_older(session).await? };
    // A look without a lock: where the table is as this very mart left it, nothing is read, locked or written.
    if let Some(held) = one.settled(session, last.as_ref()).await? {
        summary.take(&Counts { unchanged: held.0, ..Counts::default() });
        summary.spared = held.1;
        return Ok(());
    }
    let spares = one.spares(session).await?;
    let mut left_out = if manner.adopt { None } else { rest(session, contract, &target, mart, last).await? };
    loop {
        let days = left_out.as_ref().zip(mart.head().days.as_ref()).map(|(rest, all)| all.difference(&rest.days).copied().collect());
        let (mut mart, scan) = scanned(contract, &target, mart.fetch(days.as_ref()).await?).await?;
        if !spares {
            mart.head.origin = Origin::default();
        }
        summary.cuts.clone_from(&scan.cuts);
        summary.nuls = scan.nuls;
        let days = day_parameters(mart.head.days.iter().flatten());
        let compared = Compared { mart: &mart, scan: &scan, days: &days, rest: left_out.as_ref() };
        session.begin(if manner.mode == Mode::Load { Access::Write } else { Access::Read }).await?;
        match one.within(session, &compared, summary).await {
            Ok(End::Written) => {
                summary.committing = true;
                session.commit().await?;
                summary.committing = false;
                return Ok(());
            }
            Ok(End::Nothing) => return session.rollback().await,
            Ok(End::Overtaken) => {
                session.rollback().await?;
                left_out = None;
            }
            Err(error) => {
                // The first error is the one to tell; a connection that is gone has rolled back by itself.
                let _ = session.rollback().await;
                return Err(error);
            }
        }
    }
}

/// Hashing is work for a core: it runs beside the async threads. Gives the mart as it is read from then on, too.
async fn scanned(contract: &Arc<Contract>, target: &Target, mart: Mart) -> Result<(Mart, Scan)> {
    let (contract, target) = (Arc::clone(contract), target.clone());
    let work = move || -> Result<(Mart, Scan)> {
        let mart = kept(&mart)?;
        let scan = scan(&contract, &target, &mart)?;
        Ok((mart, scan))
    };
    tokio::task::spawn_blocking(work).await.or_fail(Kind::Internal, || "reading the mart broke off")?
}

/// All that the steps of one table share.
struct One<'a> {
    contract: &'a Contract,
    target: &'a Target,
    published: &'a dyn Published,
    manner: &'a Manner,
}

/// What is compared with the table.
struct Compared<'a> {
    mart: &'a Mart,
    scan: &'a Scan,
    /// Of a snapshot.
    days: &'a [Value<'a>],
    /// What is not.
    rest: Option<&'a Rest>,
}

/// How a transaction ends.
enum End {
    /// There is something to commit.
    Written,
    /// There is not.
    Nothing,
    /// Another load came first, so what was left out has to be looked at.
    Overtaken,
}

impl One<'_> {
    /// If this very mart was loaded last and the owned rows still have the digest that they had then: how many rows of the
    /// mart the table holds, and how many others it was spared. A mart is never written twice, so there is no need to read it.
    async fn settled(&self, session: &mut dyn Session, last: Option<&LastLoad>) -> Result<Option<(u64, u64)>> {
        if self.manner.mode != Mode::Load {
            return Ok(None);
        }
        let Some(last) = last.filter(|last| last.whole && last.transform_id == Some(self.published.head().transform_id)) else { return Ok(None) };
        let days = day_parameters(self.published.head().days.iter().flatten());
        Ok((digest(session, self.target, &days).await? == last.digest).then(|| (last.held, self.spared(last))))
    }

    /// Whether rows that the mart does not have may be of scopes that this lake has never read. Not if all of them came from it.
    async fn spares(&self, session: &mut dyn Session) -> Result<bool> {
        let is_incomplete = self.published.head().origin.is_incomplete();
        Ok(is_incomplete && !ledger::only_from(session, &self.contract.table, self.manner.lake).await?)
    }

    /// Rows that the last load left although the mart does not have them.
    fn spared(&self, last: &LastLoad) -> u64 {
        if self.published.head().origin.is_incomplete() && self.contract.on_missing == OnMissing::Delete {
            last.digest.rows.saturating_sub(last.held)
        } else {
            0
        }
    }

    /// The last load, unless it showed a later time. One of a replay did not: the table is to show the present again.
    async fn not_older(&self, session: &mut dyn Session) -> Result<Option<LastLoad>> {
        let last = ledger::last(session, &self.contract.table).await?;
        if self.same_lake(last.as_ref()).is_err() {
            // That is what to say, and with the plan: times of two lakes do not compare.
            return Ok(last);
        }
        let loaded = last.as_ref().and_then(|last| last.as_of);
        let Err(refused) = guard::older(&self.contract.table, self.published.head().as_of, loaded, self.manner.asked_for) else { return Ok(last) };
        match last.as_ref().and_then(|last| last.transform_id) {
            Some(transform_id) if self.published.before(transform_id).await?.is_some_and(|before| before.replay) => Ok(last),
            _ => Err(refused),
        }
    }

    /// The steps inside the transaction.
    async fn within(&self, session: &mut dyn Session, compared: &Compared<'_>, summary: &mut TableSummary) -> Result<End> {
        let Compared { mart, scan, days, rest } = *compared;
        if self.manner.mode == Mode::Verify {
            summary.verification = Some(verify(session, self.contract, self.target, mart, days).await?);
            return Ok(End::Nothing);
        }
        let last = self.not_older(session).await?;
        let last_transform = last.as_ref().and_then(|last| last.transform_id);
        if rest.is_some_and(|rest| last_transform != Some(rest.transform_id)) {
            return Ok(End::Overtaken);
        }
        if self.manner.adopt && self.manner.mode == Mode::Load {
            complete(session, self.contract, self.target, mart).await?;
        }
        let mut diff = self.difference(session, compared, last.as_ref()).await?;
        if self.manner.adopt && self.manner.mode == Mode::Load && !diff.blocked.is_empty() {
            take(session, self.contract, self.target, mart, &diff.blocked).await?;
            // All keys: a row that was just taken over stands in the bucket of no mart's row.
            diff = difference(session, self.contract, self.target, mart, &scan.hashes, days, false).await?;
        }
        diff.add_rest(rest.map(|rest| rest.digest).unwrap_or_default());
        let counts = counts(&diff);
        summary.take(&counts);
        summary.spared = diff.spared;
        if self.manner.mode == Mode::Plan {
            summary.plan = Some(Plan::of(session, self.contract, self.target, mart, &diff).await?);
            // A plan shows what it would do also where a load would be refused, and says so.
            self.same_lake(last.as_ref())?;
            self.guarded(&diff)?;
            return Ok(End::Nothing);
        }
        if let Err(refused) = self.same_lake(last.as_ref()) {
            summary.plan = Some(Plan::of(session, self.contract, self.target, mart, &diff).await?);
            return Err(refused);
        }
        if diff.is_empty() && last_transform == Some(self.published.head().transform_id) {
            return Ok(End::Nothing);
        }
        self.guarded(&diff)?;
        apply(session, &Writing { contract: self.contract, target: self.target, mart, hashes: &scan.hashes }, &diff).await?;
        let (form, now) = (form(self.contract), self.manner.clock.now());
        let record = Record {
            table: &self.contract.table,
            head: self.published.head(),
            lake: self.manner.lake,
            form,
            counts: &counts,
            digest: diff.after,
            now,
        };
        ledger::record(session, &record).await?;
        summary.held = Some(holdings(session, self.target).await?);
        Ok(End::Written)
    }

    /// The difference in what is compared. All hashes of the table are looked at only if the last load left just the rows that
    /// the mart has; if not, keys have to be read anyway.
    async fn difference(&self, session: &mut dyn Session, compared: &Compared<'_>, last: Option<&LastLoad>) -> Result<Diff<Vec<Value<'static>>>> {
        let Compared { mart, scan, days, rest } = *compared;
        let rest = rest.map(|rest| rest.digest).unwrap_or_default();
        let mut whole = scan.digest;
        whole.add_all(rest);
        if last.is_some_and(|last| last.whole && last.digest == whole) && digest(session, self.target, days).await? == scan.digest {
            return Ok(Diff { unchanged: scan.digest.rows, owned: scan.digest.rows, after: scan.digest, ..Diff::default() });
        }
        let held = last.map_or(0, |last| last.digest.rows.saturating_sub(rest.rows));
        let bucketed = held + scan.digest.rows >= self.manner.bucketed_from;
        difference(session, self.contract, self.target, mart, &scan.hashes, days, bucketed).await
    }

    fn same_lake(&self, last: Option<&LastLoad>) -> Result<()> {
        guard::other_lake(&self.contract.table, self.manner.lake, last.and_then(|last| last.lake), self.manner.accept_lake)
    }

    fn guarded(&self, diff: &Diff<Vec<Value<'static>>>) -> Result<()> {
        let accepted = self.manner.accept_shrink.contains(&self.contract.table);
        guard::shrink(self.contract, diff, self.manner.limits, accepted)
    }
}

/// Rows of the table that `etl` wrote, and rows that it did not.
async fn holdings(session: &mut dyn Session, target: &Target) -> Result<(u64, u64)> {
    let sql = Statements::new(session.flavour(), target).holdings();
    let mut held = (0, 0);
    session
        .fetch(&sql, &[], &[ColumnType::BigInt; 2], &mut |row| {
            if let [Value::Int(all), Value::Int(owned)] = row {
                held = (owned.cast_unsigned(), all.saturating_sub(*owned).cast_unsigned());
            }
            Ok(())
        })
        .await?;
    Ok(held)
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
    /// What it counts.
    pub(super) fn counts(&self) -> Counts {
        Counts { inserted: self.inserted, updated: self.updated, deleted: self.deleted, unchanged: self.unchanged, blocked: self.blocked }
    }

    /// Takes over these.
    pub(super) fn take(&mut self, counts: &Counts) {
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
