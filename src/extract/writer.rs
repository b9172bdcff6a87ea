//! The one task of a pull that writes: pages come in over a bounded channel, two Parquet files go out.

use tokio::{sync::mpsc, task::JoinHandle};

use super::prepare::Page;
use crate::{
    error::{Error, Kind, OrFail, Result},
    http::Answer,
    lake::{ExchangeRow, ExchangeWriter, Finished, PullHead, RecordRow, RecordWriter, WriteBudget},
};

/// Pages that may wait for the disk. More would only fill the memory.
const WAITING: usize = 2;

/// One exchange and what it brought.
pub(super) struct Landing {
    pub(super) request_no: u32,
    /// Of a batch: the first one.
    pub(super) partition_no: u32,
    pub(super) page_no: u32,
    pub(super) answer: Answer,
    /// Lower-case hex.
    pub(super) body_sha256: String,
    /// The body without its records, or what is known of a failed one.
    pub(super) envelope: Option<String>,
    pub(super) error: Option<String>,
    pub(super) page: Option<Page>,
}

/// The two files of a pull, on the local disk.
pub(super) struct Written {
    pub(super) records: Finished,
    pub(super) requests: Finished,
    pub(super) defects: u64,
}

/// The writing task. Dropping it before [`Writer::finish`] leaves nothing behind.
pub(super) struct Writer {
    landings: mpsc::Sender<Landing>,
    task: JoinHandle<Result<Written>>,
}

impl Writer {
    /// Begins the files of a pull. `params` are the partitions' parameters as text, by position.
    pub(super) fn start(budget: &WriteBudget, head: &PullHead, params: Vec<String>) -> Result<Self> {
        let records = RecordWriter::create(budget, head)?;
        let requests = ExchangeWriter::create(budget, head)?;
        let (landings, received) = mpsc::channel(WAITING);
        let task = tokio::task::spawn_blocking(move || write(records, requests, &params, received));
        Ok(Self { landings, task })
    }

    /// Hands over an exchange; waits while the disk is behind. `false`: the writer has failed, and `finish` says why.
    pub(super) async fn land(&self, landing: Landing) -> bool {
        self.landings.send(landing).await.is_ok()
    }

    /// Ends the files.
    pub(super) async fn finish(self) -> Result<Written> {
        drop(self.landings);
        self.task.await.or_fail(Kind::Internal, || "the writing task broke off")?
    }
}

fn write(mut records: RecordWriter, mut requests: ExchangeWriter, params: &[String], mut received: mpsc::Receiver<Landing>) -> Result<Written> {
    let mut defects = 0;
    while let Some(landing) = received.blocking_recv() {
        requests.push(exchange(&landing))?;
        let Some(page) = &landing.page else { continue };
        for record in &page.records {
            let partition_no = u32::try_from(record.partition).map_err(|_| Error::new(Kind::Internal, "too many partitions"))?;
            defects += u64::from(record.defect.is_some());
            records.push(&RecordRow {
                partition_no,
                request_no: landing.request_no,
                record_no: record.record_no,
                record_key: &record.key,
                fetched_at: landing.answer.arrived(),
                params: &params[record.partition],
                payload: page.payload(record),
                payload_original: record.defect.as_ref().map(|(original, _)| original.as_slice()),
                defect: record.defect.as_ref().map(|(_, defect)| defect.as_str()),
                window_at: record.window_at,
            })?;
        }
    }
    Ok(Written { records: records.finish()?, requests: requests.finish()?, defects })
}

fn exchange(landing: &Landing) -> ExchangeRow {
    let answer = &landing.answer;
    ExchangeRow {
        request_no: landing.request_no,
        partition_no: landing.partition_no,
        page_no: landing.page_no,
        method: answer.method.name().to_owned(),
        url: answer.url.clone(),
        host: answer.host.clone(),
        status: (answer.status > 0).then_some(answer.status),
        headers: answer.headers.clone(),
        attempts: answer.attempts,
        started: answer.started,
        duration_ms: i64::try_from(answer.duration.as_millis()).unwrap_or(i64::MAX),
        body_bytes: i64::try_from(answer.body.len()).unwrap_or(i64::MAX),
        body_sha256: landing.body_sha256.clone(),
        envelope: landing.envelope.clone(),
        error: landing.error.clone(),
    }
}
