//! Which parts of a large table differ from the mart, found without reading its keys.
//!
//! A row belongs to the bucket that the low 16 bits of its hash name. The server sums the hashes by bucket; a bucket whose
//! digest is the mart's holds the very same rows, so neither its keys are read nor the mart's rows of it kept in memory. A
//! changed row stands in two buckets, that of its old and that of its new hash: both differ, so both versions are seen.

use super::{canonical::SetDigest, session::Session, statement::Statements, target::Target, value::Value};
use crate::{catalog::ColumnType, error::Result};

/// Buckets; a bit mask of the hash names one.
pub(super) const BUCKETS: usize = 1 << 16;

/// From so many rows on, of mart and table together, the buckets are compared first. Below that, reading all keys is as fast.
pub(super) const WORTH_IT: u64 = 400_000;

/// What the buckets of mart and table come to.
pub(super) struct Buckets {
    /// By bucket: it differs.
    pub(super) marked: Vec<bool>,
    /// The rows in all buckets that are the same.
    pub(super) settled: SetDigest,
}

/// The bucket of a row with this hash.
pub(super) fn bucket(hash: i64) -> usize {
    (hash & 0xffff) as usize
}

impl Buckets {
    /// Compares the buckets of the mart's rows with those of the table's.
    pub(super) async fn compare(session: &mut dyn Session, target: &Target, hashes: &[i64], days: &[Value<'_>]) -> Result<Self> {
        let mut mart = vec![SetDigest::default(); BUCKETS];
        hashes.iter().for_each(|hash| mart[bucket(*hash)].add(*hash));
        let mut table = vec![SetDigest::default(); BUCKETS];
        let sql = Statements::new(session.flavour(), target).bucket_digests(days.len());
        session
            .fetch(&sql, days, &[ColumnType::BigInt; 4], &mut |row| {
                if let [Value::Int(bucket), digest @ ..] = row
                    && let Some(digest_of) = usize::try_from(*bucket).ok().and_then(|bucket| table.get_mut(bucket))
                {
                    *digest_of = SetDigest::of(digest);
                }
                Ok(())
            })
            .await?;
        let marked: Vec<bool> = mart.iter().zip(&table).map(|(mart, table)| mart != table).collect();
        let mut settled = SetDigest::default();
        mart.iter().zip(&marked).filter(|(_, marked)| !**marked).for_each(|(digest, _)| settled.add_all(*digest));
        Ok(Self { marked, settled })
    }

    /// What to look at: `None` for all, where most buckets differ.
    pub(super) fn worth_marking(self) -> Option<Self> {
        let differing = self.marked.iter().filter(|marked| **marked).count();
        (differing <= BUCKETS / 2).then_some(self)
    }
}
