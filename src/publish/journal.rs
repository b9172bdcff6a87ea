//! What `etl` did, as pulls of the source `etl`: the same files and receipts as those of an API.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    catalog::{Endpoint, Project, record_key},
    clock::Clock,
    digest,
    error::{Error, Kind, Result},
    lake::{
        FileKind, Lake, Mode, Outcome, Partition, PartitionStatus, PullHead, RECEIPT_VERSION, Receipt, RecordRow, RecordWriter, SpillFolder, Stop,
        WriteBudget, layout,
    },
    settings::Settings,
};

/// Memory for the file of a pull; its records are few and small.
const BUDGET: u64 = 8_000_000;

/// The records of one endpoint of the source `etl`. A record's fields are also its partition's parameters, so that the newest
/// ones are known from receipts alone.
pub struct Journal {
    endpoint: Endpoint,
    lake: Lake,
    data: PathBuf,
    clock: Clock,
    run_id: Uuid,
    run_at: DateTime<Utc>,
    newest: BTreeMap<String, Map<String, Value>>,
    /// End of the newest pull.
    last: Option<DateTime<Utc>>,
}

impl Journal {
    /// Opens the endpoint `id` and learns its newest records.
    ///
    /// # Errors
    /// [`Kind::Config`] if the project does not describe the endpoint, [`Kind::Lake`] if receipts cannot be read.
    pub async fn open(project: &Project, lake: &Lake, settings: &Settings, id: &str) -> Result<Self> {
        let endpoint = project.endpoint(id).ok_or_else(|| {
            Error::new(Kind::Config, format!("there is no endpoint `{id}`, where publications are recorded"))
                .hint("sources/etl.toml describes it; take it from the repository of etl")
        })?;
        let mut journal = Self {
            endpoint: endpoint.clone(),
            lake: lake.clone(),
            data: settings.data.clone(),
            clock: settings.clock.clone(),
            run_id: Uuid::now_v7(),
            run_at: settings.clock.now(),
            newest: BTreeMap::new(),
            last: None,
        };
        let receipts = lake.receipts(Some(&[id.to_owned()].into())).await?;
        for receipt in receipts.iter().filter(|receipt| receipt.complete()) {
            journal.last = journal.last.max(Some(receipt.finished));
            for partition in receipt.partitions.iter().filter(|partition| partition.status == PartitionStatus::Ok) {
                journal.newest.insert(journal.identity(&partition.params), serde_json::Map::clone(&partition.params));
            }
        }
        Ok(journal)
    }

    /// The start of this invocation.
    pub fn run_at(&self) -> DateTime<Utc> {
        self.run_at
    }

    /// The present time.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The newest record with these values of the endpoint's `partition` columns.
    pub fn find(&self, values: &[&str]) -> Option<&Map<String, Value>> {
        self.newest.get(&texts(values))
    }

    /// The newest records of all partitions.
    pub fn all(&self) -> impl Iterator<Item = &Map<String, Value>> {
        self.newest.values()
    }

    /// Takes something for this invocation: of several that ask for it, at whatever time, only one gets it.
    ///
    /// # Errors
    /// [`Kind::Lake`] if the lake cannot be written: then it may be taken, and nobody has it.
    pub async fn claim(&self, what: &str) -> Result<bool> {
        let (path, own) = (layout::claim(&digest::sha256(what)), Bytes::from(self.run_id.to_string()));
        // The object holds the id of the run that has it.
        Ok(self.lake.put_new(&path, own).await?.is_written())
    }

    /// Commits records as one pull. When this returns, every later reader sees them.
    ///
    /// # Errors
    /// [`Kind::Lake`] if it cannot be committed: then nothing of it is visible.
    pub async fn append(&mut self, records: Vec<Map<String, Value>>) -> Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        // Pulls are told apart by their end; two of one process may end within the same microsecond, or a clock may be set back.
        let after_last = self.last.map(|last| last + TimeDelta::microseconds(1));
        let finished = self.clock.now().max(after_last.unwrap_or(DateTime::UNIX_EPOCH));
        let pull_id = Uuid::now_v7();
        let head = PullHead {
            run_id: self.run_id,
            pull_id,
            source: self.endpoint.source.clone(),
            endpoint: self.endpoint.id.clone(),
            scope: "{}".to_owned(),
            run_at: self.run_at,
        };
        let folder = SpillFolder::new(&self.data)?;
        let (partitions, file) = self.write(&head, &records, finished, folder.path())?;
        let path = layout::records(&self.endpoint.source, &self.endpoint.name, self.run_at.date_naive(), pull_id);
        self.lake.upload_new(&path, &file.path).await?.require_written(&self.lake, &path)?;
        let receipt = Receipt {
            version: RECEIPT_VERSION,
            run_id: self.run_id,
            pull_id,
            source: self.endpoint.source.clone(),
            endpoint: self.endpoint.id.clone(),
            scope: Map::new(),
            part: 0,
            mode: Mode::Full,
            outcome: Outcome::Complete,
            stop: Stop::Single,
            error: None,
            warnings: Vec::new(),
            cursor: None,
            window_from: None,
            window_to: None,
            expected: None,
            records: file.rows,
            defects: 0,
            requests: 0,
            retries: 0,
            bytes: 0,
            partitions,
            files: vec![file.file(&path, FileKind::Records)],
            redacted: Vec::new(),
            host: String::new(),
            definition: self.endpoint.definition_hash(),
            etl: env!("CARGO_PKG_VERSION").to_owned(),
            run_at: self.run_at,
            started: self.run_at.min(finished),
            finished,
        };
        self.lake.commit(&receipt).await?;
        self.last = Some(finished);
        for record in records {
            self.newest.insert(self.identity(&record), record);
        }
        Ok(())
    }

    fn write(
        &self,
        head: &PullHead,
        records: &[Map<String, Value>],
        at: DateTime<Utc>,
        folder: &Path,
    ) -> Result<(Vec<Partition>, crate::lake::Finished)> {
        let mut writer = RecordWriter::create(&WriteBudget::new(BUDGET, folder), head)?;
        let mut partitions = Vec::new();
        for (no, record) in (0..).zip(records) {
            let text = Value::Object(record.clone()).to_string();
            let key = record_key(text.as_bytes(), &self.endpoint.key, record)
                .map_err(|pointer| Error::new(Kind::Internal, format!("a record of `{}` has no `{pointer}`", self.endpoint.id)))?;
            writer.push(&RecordRow {
                partition_no: no,
                request_no: 0,
                record_no: no,
                record_key: &key,
                fetched_at: at,
                params: &text,
                payload: text.as_bytes(),
                payload_original: None,
                defect: None,
                window_at: None,
            })?;
            partitions.push(Partition { no, params: record.clone().into(), status: PartitionStatus::Ok, records: 1, error: None });
        }
        Ok((partitions, writer.finish()?))
    }

    fn identity(&self, record: &Map<String, Value>) -> String {
        let values: Vec<&str> = self.endpoint.partition.iter().map(|column| record.get(column).and_then(Value::as_str).unwrap_or_default()).collect();
        texts(&values)
    }
}

fn texts(values: &[&str]) -> String {
    serde_json::Value::from(values.to_vec()).to_string()
}
