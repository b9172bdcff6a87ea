//! The file of a checkpoint: a row for each receipt, with its JSON.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, AsArray, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use bytes::Bytes;
use chrono::NaiveDate;
use parquet::{
    basic::{Compression, ZstdLevel},
    file::properties::EnabledStatistics,
    schema::types::ColumnPath,
};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{
    budget::WriteBudget,
    layout::UPLOADS,
    local::{Local, Wanted},
    record_file::json,
    rows::read_batches,
    seal::seal,
    spill::SpillFolder,
    spool::{Spool, properties},
    store::Lake,
};
use crate::error::{Error, Kind, OrFail, Result};

/// Bytes of receipts that are compressed together, and how hard: every job on an empty disk fetches them, and few write them.
const TOGETHER: usize = 32 << 20;
const ZSTD_LEVEL: i32 = 9;

/// Key of the date in the footer.
const SETTLED_KEY: &str = "etl.settled_before";

/// Receipts that are read together for a new checkpoint.
const READ_AT_ONCE: usize = 64;

/// Checkpoints that are unpacked at once: receipts of long lists are many times larger than they are in memory afterwards.
static UNPACKING: Semaphore = Semaphore::const_new(2);

/// A checkpoint without its receipts.
#[derive(Debug)]
pub(super) struct Checkpoint {
    pub(super) path: String,
    pub(super) settled_before: NaiveDate,
    pub(super) pulls: HashSet<Uuid>,
}

impl Lake {
    /// A checkpoint without its receipts.
    pub(super) async fn read_checkpoint(&self, path: &str) -> Result<Checkpoint> {
        // The whole file, which is needed all the same, and not its end first: a request less.
        let local = self.local(vec![Wanted::sealed(path)]).await?;
        let footer = self.local_footer(path, &local)?;
        let settled_before = footer.value(SETTLED_KEY).and_then(|text| text.parse().ok());
        let settled_before = settled_before.ok_or_else(|| damaged(path))?;
        let pulls = self.checkpoint_column(path, "pull_id", |text| Ok(Uuid::try_parse(text).ok())).await?;
        let pulls: HashSet<Uuid> = pulls.into_iter().collect();
        if pulls.len() as u64 != footer.rows {
            return Err(damaged(path));
        }
        Ok(Checkpoint { path: path.to_owned(), settled_before, pulls })
    }

    /// What `take` makes of a text column of a checkpoint: `pull_id`, or `receipt` with the JSON.
    pub(super) async fn checkpoint_column<T: Send + 'static>(
        &self,
        path: &str,
        column: &'static str,
        mut take: impl FnMut(&str) -> Result<Option<T>> + Send + 'static,
    ) -> Result<Vec<T>> {
        let local = self.local(vec![Wanted::sealed(path)]).await?;
        let _turn = UNPACKING.acquire().await.or_fail(Kind::Internal, || "reading a file was cut off")?;
        blocking(move || {
            let mut taken = Vec::new();
            for batch in read_batches(only(&local), Some(&[column]))? {
                for text in batch?.column(0).as_string::<i32>().iter().flatten() {
                    taken.extend(take(text)?);
                }
            }
            Ok(taken)
        })
        .await
        .map_err(|error| error.within(format!("cannot read checkpoint `{path}`")))
    }

    /// Writes one checkpoint: the receipts of `previous` and those `missing` there. Holds few of them in memory.
    pub(super) async fn write_checkpoint(
        &self,
        path: &str,
        previous: Option<&Checkpoint>,
        missing: &[(Uuid, &str)],
        settled_before: NaiveDate,
    ) -> Result<()> {
        // One receipt is much like the other, also in a list of thousands of partitions: a page of many is compressed best.
        let column = ColumnPath::from("receipt");
        let properties = properties(&[(SETTLED_KEY, settled_before.to_string())])
            .set_column_statistics_enabled(column.clone(), EnabledStatistics::None)
            .set_column_compression(column, Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL).or_fail(Kind::Internal, || "no level of zstd")?))
            .set_data_page_size_limit(TOGETHER);
        // Here and not in the data folder, which only the settings know.
        let folder = SpillFolder::new(&self.local_path(UPLOADS)?)?;
        let mut spool = Spool::create(&WriteBudget::new(2 * TOGETHER as u64, folder.path()), schema(), properties)?.with_row_groups_of(TOGETHER);
        if let Some(previous) = previous {
            let local = self.local(vec![Wanted::sealed(&previous.path)]).await?;
            spool = blocking(move || {
                for batch in read_batches(only(&local), Some(&["pull_id", "receipt"]))? {
                    spool.write(&batch?)?;
                }
                Ok(spool)
            })
            .await?;
        }
        for some in missing.chunks(READ_AT_ONCE) {
            let texts = self.get_all(some.iter().map(|(_, path)| (*path).to_owned()).collect()).await?;
            spool.write(&batch(some, &texts)?)?;
        }
        let finished = spool.finish()?;
        seal(&finished.path)?;
        // Another process may have been first with this number of receipts. Whichever ones its checkpoint holds, the caller
        // reads it and looks again.
        self.upload_new(path, &finished.path).await?.accept_existing();
        Ok(())
    }
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("pull_id", DataType::Utf8, false), json("receipt", false)]))
}

fn batch(listed: &[(Uuid, &str)], texts: &[(String, Bytes)]) -> Result<RecordBatch> {
    let pulls = StringArray::from_iter_values(listed.iter().map(|(pull_id, _)| pull_id.to_string()));
    let mut receipts = Vec::with_capacity(texts.len());
    for (path, bytes) in texts {
        let text = std::str::from_utf8(bytes).or_fail(Kind::Lake, || format!("receipt `{path}` is no UTF-8"))?;
        receipts.push(text.trim_end());
    }
    let columns: Vec<ArrayRef> = vec![Arc::new(pulls), Arc::new(StringArray::from(receipts))];
    RecordBatch::try_new(schema(), columns).or_fail(Kind::Internal, || "the checkpoint columns do not fit together")
}

/// The file of one object.
fn only(local: &Local) -> &Path {
    local.paths().first().map_or(Path::new(""), PathBuf::as_path)
}

fn damaged(path: &str) -> Error {
    Error::new(Kind::Lake, format!("checkpoint `{path}` is damaged")).hint("delete the file: it is a cache, and the receipts say the same")
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.or_fail(Kind::Internal, || "reading a file was cut off")?
}
