//! One pull, from its first request to its commit.

use std::sync::atomic::{AtomicBool, AtomicU32};

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    call::{Caller, Ended},
    plan::Pull,
    summary::PullSummary,
    verdict::verdict,
    writer::{Writer, Written},
};
use crate::{
    catalog::Endpoint,
    clock::Clock,
    error::{Error, Result},
    events::{Event, Observer},
    http::HttpClient,
    lake::{self, File, FileKind, Lake, Outcome, PartitionStatus, PullHead, RECEIPT_VERSION, Receipt, WriteBudget, layout},
};

/// What the pulls of a run share.
pub(super) struct Context<'a> {
    pub(super) lake: &'a Lake,
    pub(super) clock: &'a Clock,
    pub(super) budget: &'a WriteBudget,
    pub(super) observer: &'a dyn Observer,
    pub(super) run_id: Uuid,
    pub(super) run_at: DateTime<Utc>,
    /// The user asked for full lists: an empty one is believed then.
    pub(super) full_refresh: bool,
}

impl Context<'_> {
    /// Makes a pull and commits it, also where it is incomplete: then for diagnosis only. Never fails; the summary says what happened.
    ///
    /// `after` is the end of the newest pull of the endpoint in the lake: this one ends later, whatever the clock shows.
    pub(super) async fn pull(&self, endpoint: &Endpoint, http: &HttpClient, pull: &Pull, after: Option<DateTime<Utc>>) -> PullSummary {
        let begin = Instant::now();
        self.observer.on(&Event::PullStarted { endpoint: endpoint.id.clone(), scope: pull.scope_key.clone(), partitions: pull.calls.len() as u64 });
        let mut summary = match self.make(endpoint, http, pull, after).await {
            Ok(summary) => summary,
            Err(error) => PullSummary::failure(
                &endpoint.id,
                &pull.scope_key,
                &error.within(format!("`{}` {}: nothing was committed", endpoint.id, pull.scope_key)),
            ),
        };
        summary.seconds = begin.elapsed().as_secs_f64();
        self.observer.on(&Event::PullFinished {
            endpoint: endpoint.id.clone(),
            scope: pull.scope_key.clone(),
            records: summary.records,
            complete: matches!(summary.outcome, Some(Outcome::Complete | Outcome::Partial)),
            stop: summary.stop.name().to_owned(),
        });
        summary
    }

    async fn make(&self, endpoint: &Endpoint, http: &HttpClient, pull: &Pull, after: Option<DateTime<Utc>>) -> Result<PullSummary> {
        let started = self.clock.now();
        let pull_id = new_id(started);
        let head = PullHead {
            run_id: self.run_id,
            pull_id,
            source: endpoint.source.clone(),
            endpoint: endpoint.id.clone(),
            scope: pull.scope_key.clone(),
            run_at: self.run_at,
        };
        let params = pull.partitions.iter().map(|partition| partition.params_text.clone()).collect();
        let writer = Writer::start(self.budget, &head, params)?;
        let caller = Caller {
            endpoint,
            pull,
            http,
            writer: &writer,
            observer: self.observer,
            given_up: AtomicBool::new(false),
            failed_in_row: AtomicU32::new(0),
        };
        let calls = futures::stream::iter(0..pull.calls.len()).map(async |call| (call, caller.make(call).await));
        let mut calls: Vec<(usize, Ended)> = calls.buffer_unordered(http.concurrency()).collect().await;
        // Calls run at once but are reported in their order: a receipt does not depend on timing.
        calls.sort_by_key(|(call, _)| *call);
        let calls: Vec<Ended> = calls.into_iter().map(|(_, ended)| ended).collect();
        let written = writer.finish().await?;
        let verdict = verdict(endpoint, pull, &calls, self.full_refresh);
        for warning in &verdict.warnings {
            self.observer.on(&Event::Warning(warning.clone()));
        }
        let files = self.upload(endpoint, pull_id, &written).await?;
        let receipt = Receipt {
            version: RECEIPT_VERSION,
            run_id: self.run_id,
            pull_id,
            source: endpoint.source.clone(),
            endpoint: endpoint.id.clone(),
            scope: pull.scope.clone(),
            part: pull.part,
            mode: pull.mode,
            outcome: verdict.outcome,
            stop: verdict.stop,
            error: verdict.error.as_ref().map(Error::told),
            warnings: verdict.warnings,
            cursor: pull.cursor,
            window_from: pull.window_from,
            window_to: pull.window_to,
            expected: expected(&calls),
            records: written.records.rows,
            defects: written.defects,
            requests: calls.iter().map(|call| call.requests).sum(),
            retries: calls.iter().map(|call| call.retries).sum(),
            bytes: calls.iter().map(|call| call.bytes).sum(),
            partitions: verdict.partitions,
            files,
            redacted: endpoint.redact.clone(),
            host: http.host().to_owned(),
            definition: endpoint.definition_hash(),
            etl: env!("CARGO_PKG_VERSION").to_owned(),
            run_at: self.run_at,
            started,
            finished: after.map(|newest| newest + TimeDelta::microseconds(1)).into_iter().fold(self.clock.now(), Ord::max),
        };
        self.lake.commit(&receipt).await?;
        let counted =
            |statuses: &[PartitionStatus]| receipt.partitions.iter().filter(|partition| statuses.contains(&partition.status)).count() as u64;
        Ok(PullSummary {
            endpoint: endpoint.id.clone(),
            scope: pull.scope_key.clone(),
            outcome: Some(receipt.outcome),
            stop: receipt.stop,
            records: receipt.records,
            expected: receipt.expected,
            requests: receipt.requests,
            retries: receipt.retries,
            bytes: receipt.bytes,
            partitions_failed: counted(&[PartitionStatus::Failed]),
            partitions_gone: counted(&[PartitionStatus::Gone, PartitionStatus::Forbidden, PartitionStatus::Absent]),
            error: receipt.error.clone(),
            kind: verdict.error.map(|error| error.kind()),
            seconds: 0.0,
        })
    }

    /// Brings the files into the lake; nothing refers to them before the receipt.
    async fn upload(&self, endpoint: &Endpoint, pull_id: Uuid, written: &Written) -> Result<Vec<File>> {
        let day = self.run_at.date_naive();
        let mut files = Vec::new();
        let objects = [
            (layout::records(&endpoint.source, &endpoint.name, day, pull_id), &written.records, FileKind::Records),
            (layout::requests(&endpoint.source, &endpoint.name, day, pull_id), &written.requests, FileKind::Requests),
        ];
        for (path, file, kind) in objects {
            if file.rows > 0 {
                self.lake.upload_new(&path, &file.path).await?.require_written(self.lake, &path)?;
                files.push(lake::File { path, kind, rows: file.rows, bytes: file.bytes, sha256: file.sha256.clone() });
            }
        }
        Ok(files)
    }
}

/// The API's own totals together, if every call has one.
fn expected(calls: &[Ended]) -> Option<u64> {
    calls.iter().map(|call| call.expected).sum()
}

/// A UUIDv7 by the run's clock: ids sort by time also where tests set the clock.
pub(super) fn new_id(now: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, now.timestamp_subsec_nanos()))
}
