//! Checkpoints: many receipts of one endpoint in one file, so that a reader opens one object instead of thousands.
//!
//! A checkpoint is a cache and must never hide a receipt. Receipts are the truth, they are never removed, and anyone may
//! write one at any time, also with an old date in its path (a run that takes days, a clock set to the past). Therefore:
//!
//! - A checkpoint says `settled_before`, a date. A reader takes the checkpoint's receipts, lists the receipt objects with
//!   that date in their path or a later one, reads those whose pull is not in the checkpoint, and merges by pull. What was
//!   written beside the checkpoint, before or after it, is found by that listing.
//! - A day is settled only when nothing was added to it for [`GRACE_DAYS`] before the newest receipt, by the store's own
//!   clock (not by dates in receipts, which a set clock makes up), and the day itself lies that far back.
//! - What still arrives in a settled day is the writer's duty: after every commit it looks at the newest checkpoint, and if
//!   that settles the day without holding the receipt, it writes a new one ([`Lake::tend_checkpoints`]). A checkpoint's
//!   writer looks again after publishing, because a commit may have fallen between its listing and its publication. One of
//!   the two sees the other: the receipt is put before its writer looks, the checkpoint before its writer lists again.
//! - If a process is killed just there, its receipt in a settled day stays hidden until the next checkpoint: each is made
//!   from a listing of *all* receipts, whatever earlier ones settled. Such a commit was never acknowledged to anyone.
//! - Two writers may make checkpoints of the same number with different receipts. The first stays (create-only), the other
//!   goes on; no receipt of either is lost, because the listing above does not care which one it is.
//! - The newest is the one with the most receipts. It need not hold all of another's, for the same reason.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use chrono::{Duration, NaiveDate};
use futures::{StreamExt, TryStreamExt};
use uuid::Uuid;

use super::{
    checkpoint_file::Checkpoint,
    layout::{self, Place},
    local::{AT_ONCE, Wanted},
    store::{Lake, Object},
};
use crate::error::Result;

/// Receipts beyond the newest checkpoint that make a commit write the next.
pub(super) const EVERY: usize = 64;

/// The same at the end of an extract, for a bucket.
const EVERY_IN_A_BUCKET: usize = 8;

/// Days without additions after which a day's receipts count as settled.
const GRACE_DAYS: i64 = 7;

/// Attempts to read the newest checkpoint while others write and gc removes old ones.
const ATTEMPTS: usize = 5;

/// What this process knows about checkpoints, by `source/endpoint`. Checkpoints never change, so it cannot be stale:
/// a newer one has another path.
#[derive(Default)]
pub(super) struct Known {
    newest: BTreeMap<String, Arc<Checkpoint>>,
    /// Damaged ones, which may not be removable.
    unusable: HashSet<String>,
    /// Receipts beyond the newest checkpoint, as far as this process counted.
    beyond: BTreeMap<String, usize>,
}

/// A receipt object in a listing.
pub(super) struct Listed {
    pub(super) object: Object,
    pub(super) day: NaiveDate,
    pub(super) pull_id: Uuid,
}

impl Lake {
    /// The receipt objects of an endpoint that `checkpoint` does not hold, as far as its settled days let them be seen.
    pub(super) async fn beyond(&self, source: &str, endpoint: &str, checkpoint: Option<&Checkpoint>) -> Result<Vec<Listed>> {
        let folder = format!("receipts/{source}/{endpoint}");
        let objects = match checkpoint {
            None => self.list_raw(&folder, None).await?,
            // After all of the day before, which sorts before all of this one. The name of the folder itself would do too, but
            // some servers then leave out what lies in it.
            Some(checkpoint) => {
                let day = checkpoint.settled_before;
                let after = day.pred_opt().map_or_else(|| format!("date={day}"), |before| format!("date={before}z"));
                self.list_after(&folder, &format!("{folder}/{after}")).await?
            }
        };
        let held = |listed: &Listed| checkpoint.is_some_and(|checkpoint| checkpoint.pulls.contains(&listed.pull_id));
        Ok(objects.into_iter().filter_map(Listed::of).filter(|listed| !held(listed)).collect())
    }

    /// The newest checkpoint of an endpoint, if there is one.
    pub(super) async fn newest_checkpoint(&self, source: &str, endpoint: &str) -> Result<Option<Arc<Checkpoint>>> {
        let key = format!("{source}/{endpoint}");
        for attempt in 1.. {
            let objects = self.list_flat(&format!("checkpoints/{key}")).await?;
            let numbered = objects.iter().filter_map(|object| match layout::parse(&object.path) {
                Some(Place::Checkpoint { receipts, .. }) => Some((receipts, &object.path)),
                _ => None,
            });
            let unusable = self.locked().unusable.clone();
            let Some((_, path)) = numbered.filter(|(_, path)| !unusable.contains(*path)).max() else { return Ok(None) };
            if let Some(known) = self.locked().newest.get(&key).filter(|known| known.path == *path) {
                return Ok(Some(known.clone()));
            }
            if let Some((_, what)) = self.damaged(vec![Wanted::sealed(path)]).await?.into_iter().find(|_| true)
                && self.exists(path).await?
            {
                // The receipts say the same, so the next one is as good; it is written again when there are enough receipts.
                self.warn(format!("checkpoint `{path}` is damaged ({what}); the receipts are read instead"));
                self.locked().unusable.insert(path.clone());
                let _ = self.discard(path).await;
                continue;
            }
            match self.read_checkpoint(path).await {
                Ok(checkpoint) => {
                    let checkpoint = Arc::new(checkpoint);
                    self.locked().newest.insert(key, checkpoint.clone());
                    return Ok(Some(checkpoint));
                }
                // gc removes superseded ones: then there is a newer one.
                Err(_) if attempt < ATTEMPTS && !self.exists(path).await? => {}
                Err(error) => return Err(error),
            }
        }
        unreachable!("the loop returns")
    }

    /// After a commit: writes a checkpoint when many receipts lie beyond the newest, or when it hides the new one.
    pub(super) async fn after_commit(&self, source: &str, endpoint: &str, day: NaiveDate, pull_id: Uuid) -> Result<()> {
        let key = format!("{source}/{endpoint}");
        let newest = self.newest_checkpoint(source, endpoint).await?;
        let hidden = newest.as_deref().is_some_and(|newest| newest.hides(day, pull_id));
        let counted = self.locked().beyond.get(&key).copied();
        let beyond = match counted {
            Some(beyond) => beyond + 1,
            None => self.beyond(source, endpoint, newest.as_deref()).await?.len(),
        };
        self.locked().beyond.insert(key.clone(), beyond);
        if hidden || beyond > EVERY {
            self.tend_checkpoints(source, endpoint, EVERY).await?;
            self.locked().beyond.remove(&key);
        }
        Ok(())
    }

    /// At the end of an extract: in a bucket, what lies beyond the checkpoint is a request for each receipt, and every job on an
    /// empty disk makes them. So the endpoints (as source and name) that gained receipts get a checkpoint earlier.
    ///
    /// # Errors
    /// [`Kind::Lake`] if the lake cannot be read or written; no receipt is lost then.
    pub async fn settle(&self, endpoints: Vec<(String, String)>) -> Result<()> {
        if !self.is_remote() {
            return Ok(());
        }
        let settled = endpoints.into_iter().map(|(source, endpoint)| async move {
            let beyond = self.locked().beyond.get(&format!("{source}/{endpoint}")).copied();
            if beyond.is_none_or(|beyond| beyond <= EVERY_IN_A_BUCKET) {
                return Ok(());
            }
            self.tend_checkpoints(&source, &endpoint, EVERY_IN_A_BUCKET).await
        });
        futures::stream::iter(settled).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// Writes checkpoints until the newest hides nothing and no more than `few` receipts lie beyond it.
    pub(super) async fn tend_checkpoints(&self, source: &str, endpoint: &str, few: usize) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let newest = self.newest_checkpoint(source, endpoint).await?;
            let all: Vec<Listed> = self.beyond(source, endpoint, None).await?;
            let missing: Vec<&Listed> = match &newest {
                None => all.iter().collect(),
                Some(newest) => all.iter().filter(|listed| !newest.pulls.contains(&listed.pull_id)).collect(),
            };
            let hides = newest.as_deref().is_some_and(|newest| missing.iter().any(|listed| newest.hides(listed.day, listed.pull_id)));
            if !hides && missing.len() <= few {
                return Ok(());
            }
            let receipts = newest.as_ref().map_or(0, |newest| newest.pulls.len()) + missing.len();
            let path = layout::checkpoint(source, endpoint, receipts as u64);
            let missing: Vec<(Uuid, &str)> = missing.iter().map(|listed| (listed.pull_id, listed.object.path.as_str())).collect();
            self.write_checkpoint(&path, newest.as_deref(), &missing, settled_before(&all)).await?;
        }
        Ok(())
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known().lock().expect("nothing panics while it holds this lock")
    }
}

impl Checkpoint {
    /// Whether a reader of this checkpoint would not see the receipt.
    fn hides(&self, day: NaiveDate, pull_id: Uuid) -> bool {
        day < self.settled_before && !self.pulls.contains(&pull_id)
    }
}

impl Listed {
    fn of(object: Object) -> Option<Self> {
        match layout::parse(&object.path) {
            Some(Place::Receipt { day, pull_id, .. }) => Some(Self { object, day, pull_id }),
            _ => None,
        }
    }
}

/// The date before which every day is settled: see the top of this file.
fn settled_before(all: &[Listed]) -> NaiveDate {
    let Some(newest) = all.iter().map(|listed| listed.object.modified).max() else { return NaiveDate::MIN };
    let horizon = newest - Duration::days(GRACE_DAYS);
    let moving = all.iter().filter(|listed| listed.object.modified > horizon).map(|listed| listed.day);
    moving.chain([horizon.date_naive()]).min().unwrap_or(NaiveDate::MIN)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;
    use crate::lake::{Receipt, sample};

    const RUN_AT: &str = "2026-03-01T04:00:00Z";

    /// Commits receipts of one day; the object of each looks `age` old.
    async fn commit_aged(lake: &Lake, run_at: &str, count: usize, age: TimeDelta) -> Vec<Receipt> {
        let mut receipts = Vec::new();
        for _ in 0..count {
            let receipt = sample::receipt(run_at);
            lake.commit(&receipt).await.unwrap();
            sample::backdate(lake, &path(&receipt), now() - age);
            receipts.push(receipt);
        }
        receipts
    }

    fn now() -> DateTime<Utc> {
        crate::clock::Clock::system().now()
    }

    fn path(receipt: &Receipt) -> String {
        layout::receipt("testrail", "cases", receipt.run_at.date_naive(), receipt.pull_id)
    }

    async fn checkpoints(lake: &Lake) -> Vec<String> {
        lake.list("checkpoints").await.unwrap().into_iter().map(|object| object.path).collect()
    }

    /// What a reader in another process sees.
    async fn seen(lake: &Lake) -> Vec<Uuid> {
        let receipts = Lake::open(lake.location()).unwrap().receipts(None).await.unwrap();
        receipts.iter().map(|receipt| receipt.pull_id).collect()
    }

    fn ids(receipts: &[Receipt]) -> Vec<Uuid> {
        let mut ordered: Vec<_> = receipts.iter().map(|receipt| (receipt.finished, receipt.pull_id)).collect();
        ordered.sort_unstable();
        ordered.into_iter().map(|(_, pull_id)| pull_id).collect()
    }

    /// Two months of old receipts under one checkpoint, with everything before March settled.
    async fn settled_lake() -> (tempfile::TempDir, Lake, Vec<Receipt>) {
        let (folder, lake) = sample::lake();
        let mut receipts = commit_aged(&lake, "2026-01-15T04:00:00Z", 40, TimeDelta::days(60)).await;
        receipts.extend(commit_aged(&lake, "2026-02-15T04:00:00Z", 20, TimeDelta::days(30)).await);
        receipts.extend(commit_aged(&lake, RUN_AT, 5, TimeDelta::zero()).await);
        (folder, lake, receipts)
    }

    #[tokio::test]
    async fn a_checkpoint_is_written_after_many_receipts_and_read_with_what_lies_beyond() {
        let (_folder, lake, mut receipts) = settled_lake().await;
        assert_eq!(checkpoints(&lake).await, ["checkpoints/testrail/cases/65.parquet"]);
        let newest = lake.newest_checkpoint("testrail", "cases").await.unwrap().unwrap();
        assert_eq!((newest.settled_before.to_string().as_str(), newest.pulls.len()), ("2026-03-01", 65));
        receipts.extend(commit_aged(&lake, RUN_AT, 3, TimeDelta::zero()).await);
        assert_eq!(checkpoints(&lake).await.len(), 1);
        assert_eq!(seen(&lake).await, ids(&receipts));
        // The settled ones really come from the checkpoint: the objects are no longer needed.
        fs_err::remove_dir_all(lake.local_path("").unwrap().join("receipts/testrail/cases/date=2026-01-15")).unwrap();
        assert_eq!(seen(&lake).await, ids(&receipts));
    }

    #[tokio::test]
    async fn the_next_checkpoint_takes_over_the_earlier_one() {
        let (_folder, lake, mut receipts) = settled_lake().await;
        receipts.extend(commit_aged(&lake, RUN_AT, 65, TimeDelta::zero()).await);
        assert_eq!(checkpoints(&lake).await, ["checkpoints/testrail/cases/130.parquet", "checkpoints/testrail/cases/65.parquet"]);
        assert_eq!(seen(&lake).await, ids(&receipts));
    }

    #[tokio::test]
    async fn a_late_receipt_in_a_day_that_is_not_settled_is_seen() {
        let (_folder, lake, mut receipts) = settled_lake().await;
        // Another process, which knows nothing of this one, commits out of order: the finish lies before all others of the day.
        let mut late = sample::receipt(RUN_AT);
        late.finished = late.run_at;
        Lake::open(lake.location()).unwrap().commit(&late).await.unwrap();
        receipts.push(late);
        assert_eq!(seen(&lake).await, ids(&receipts));
        assert_eq!(checkpoints(&lake).await.len(), 1);
    }

    #[tokio::test]
    async fn a_receipt_in_a_settled_day_brings_its_own_checkpoint() {
        let (_folder, lake, mut receipts) = settled_lake().await;
        for day in ["2026-01-15T04:00:00Z", "2025-12-24T04:00:00Z"] {
            receipts.extend(commit_aged(&lake, day, 1, TimeDelta::zero()).await);
            assert_eq!(seen(&lake).await, ids(&receipts), "{day}");
        }
        assert_eq!(checkpoints(&lake).await.len(), 3);
        // A settled day that is written to is not settled any more, so the next one needs no checkpoint.
        receipts.extend(commit_aged(&lake, "2025-12-24T04:00:00Z", 1, TimeDelta::zero()).await);
        assert_eq!(seen(&lake).await, ids(&receipts));
        assert_eq!(checkpoints(&lake).await.len(), 3);
    }

    #[tokio::test]
    async fn a_receipt_that_a_checkpoint_hides_comes_back_with_the_next() {
        let (_folder, lake, mut receipts) = settled_lake().await;
        // Killed between the receipt and the look at the checkpoint: the receipt alone, in a settled day.
        let killed = sample::receipt("2026-01-15T05:00:00Z");
        lake.put_document(&path(&killed), &killed).await.unwrap();
        assert_eq!(seen(&lake).await, ids(&receipts));
        lake.tend_checkpoints("testrail", "cases", EVERY).await.unwrap();
        receipts.push(killed);
        assert_eq!(seen(&lake).await, ids(&receipts));
    }

    #[tokio::test]
    async fn nothing_settles_where_all_was_written_lately() {
        let (_folder, lake) = sample::lake();
        // A demo: simulated days, all written within a minute.
        let mut receipts = Vec::new();
        for day in 1..=14 {
            receipts.extend(commit_aged(&lake, &format!("2020-01-{day:02}T04:00:00Z"), 5, TimeDelta::zero()).await);
        }
        let newest = lake.newest_checkpoint("testrail", "cases").await.unwrap().unwrap();
        assert_eq!(newest.settled_before.to_string(), "2020-01-01");
        assert_eq!(seen(&lake).await, ids(&receipts));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn many_processes_commit_at_once_and_nothing_is_lost() {
        let (_folder, lake, mut receipts) = settled_lake().await;
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let lake = Lake::open(lake.location()).unwrap();
                tokio::spawn(async move {
                    let mut committed = Vec::new();
                    for number in 0..20 {
                        // Some of them into settled days.
                        let day = if (writer + number) % 5 == 0 { "2026-01-20T04:00:00Z" } else { RUN_AT };
                        let receipt = sample::receipt(day);
                        lake.commit(&receipt).await.unwrap();
                        let seen = lake.receipts(None).await.unwrap();
                        committed.push(receipt);
                        // Whoever has committed sees all of its own at once.
                        let seen: HashSet<Uuid> = seen.iter().map(|receipt| receipt.pull_id).collect();
                        assert!(committed.iter().all(|receipt| seen.contains(&receipt.pull_id)));
                    }
                    committed
                })
            })
            .collect();
        for writer in writers {
            receipts.extend(writer.await.unwrap());
        }
        assert_eq!(seen(&lake).await, ids(&receipts));
    }

    #[tokio::test]
    async fn of_two_checkpoints_with_one_number_the_first_stays() {
        let (_folder, lake, receipts) = settled_lake().await;
        let path = "checkpoints/testrail/cases/65.parquet";
        let before = lake.get(path).await.unwrap();
        let all = lake.beyond("testrail", "cases", None).await.unwrap();
        let some: Vec<(Uuid, &str)> = all.iter().take(3).map(|listed| (listed.pull_id, listed.object.path.as_str())).collect();
        lake.write_checkpoint(path, None, &some, NaiveDate::MIN).await.unwrap();
        assert_eq!(lake.get(path).await.unwrap(), before);
        assert_eq!(seen(&lake).await, ids(&receipts));
    }

    #[tokio::test]
    async fn a_damaged_checkpoint_is_replaced_by_the_receipts() {
        let (_folder, lake, receipts) = settled_lake().await;
        let newest = lake.newest_checkpoint("testrail", "cases").await.unwrap().unwrap();
        let path = lake.local_path(&newest.path).unwrap();
        let sound = fs_err::read(&path).unwrap();
        let mut flipped = sound.clone();
        flipped[sound.len() / 2] ^= 4;
        for damage in [b"PAR1 cut".to_vec(), Vec::new(), sound[..sound.len() - 1].to_vec(), flipped] {
            fs_err::write(&path, damage).unwrap();
            let again = Lake::open(lake.location()).unwrap();
            assert_eq!(seen(&again).await, ids(&receipts));
            assert!(!path.exists(), "the next one has its name");
        }
    }
}
