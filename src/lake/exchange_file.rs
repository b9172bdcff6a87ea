//! The HTTP exchanges of one pull as Parquet: one row per request that got an answer or failed for good.

use std::{path::Path, sync::Arc};

use arrow::{
    array::{ArrayRef, AsArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray},
    datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimestampMicrosecondType},
};
use chrono::{DateTime, TimeDelta, Utc};
use parquet::{file::properties::EnabledStatistics, schema::types::ColumnPath};

use super::{
    budget::WriteBudget,
    record_file::{PullHead, json, number, utc},
    rows::read_batches,
    spool::{Finished, Spool, properties},
};
use crate::{
    error::{Error, Kind, OrFail, Result},
    secret::{mask_parameters, scrub, scrub_json},
};

/// Rows that are gathered before they are encoded.
const BATCH_ROWS: usize = 256;

/// Bytes of envelopes that are gathered at most before they are encoded.
const BATCH_BYTES: usize = 1 << 20;

/// One request and its answer; retries of it are counted, not listed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExchangeRow {
    /// Number of the exchange in the pull, from 0.
    pub request_no: u32,
    /// The partition that it was made for (of a batch: the first).
    pub partition_no: u32,
    /// Number of the page in the partition, from 0.
    pub page_no: u32,
    /// `GET`.
    pub method: String,
    /// The URL with secrets masked.
    pub url: String,
    /// The host that it went to.
    pub host: String,
    /// HTTP status of the last attempt; `None` if there was no answer.
    pub status: Option<u16>,
    /// JSON object of the kept response headers, names in lower case.
    pub headers: String,
    /// Attempts, from 1.
    pub attempts: u32,
    /// When the first attempt began.
    pub started: DateTime<Utc>,
    /// From there to the end of the last attempt, in milliseconds, waiting included.
    pub duration_ms: i64,
    /// Bytes of the body after decompression.
    pub body_bytes: i64,
    /// Of the body, lower-case hex; empty if there was none.
    pub body_sha256: String,
    /// The response with its record array left out; valid JSON.
    pub envelope: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
}

/// Writes the exchanges of one pull into a local file in bounded memory.
pub struct ExchangeWriter {
    spool: Spool,
    schema: SchemaRef,
    head: PullHead,
    rows: Vec<ExchangeRow>,
    bytes: usize,
}

impl ExchangeWriter {
    /// Begins a file in the budget's spool folder.
    ///
    /// # Errors
    /// [`Kind::Io`] if the file cannot be created.
    pub fn create(budget: &WriteBudget, head: &PullHead) -> Result<Self> {
        let schema = schema();
        let mut properties = properties(&[("etl.pull_id", head.pull_id.to_string()), ("etl.endpoint", head.endpoint.clone())]);
        for column in ["run_id", "pull_id", "source", "endpoint", "scope", "method", "host"] {
            properties = properties.set_column_dictionary_enabled(ColumnPath::from(column), true);
        }
        for column in ["scope", "headers", "body_sha256", "envelope", "error"] {
            properties = properties.set_column_statistics_enabled(ColumnPath::from(column), EnabledStatistics::None);
        }
        let spool = Spool::create(budget, schema.clone(), properties)?;
        Ok(Self { spool, schema, head: head.clone(), rows: Vec::new(), bytes: 0 })
    }

    /// Adds an exchange.
    ///
    /// # Errors
    /// [`Kind::Io`] if the disk is full, [`Kind::Internal`] if a number is too large for the file.
    pub fn push(&mut self, mut row: ExchangeRow) -> Result<()> {
        // Whatever the API quoted in it.
        row.url = scrub(&row.url).into_owned();
        row.headers = scrub_json(&row.headers).into_owned();
        row.envelope = row.envelope.map(|envelope| scrub_json(&envelope).into_owned());
        row.error = row.error.map(|error| mask_parameters(&scrub(&error)).into_owned());
        self.bytes += row.url.len() + row.headers.len() + row.envelope.as_ref().map_or(0, String::len);
        self.rows.push(row);
        if self.rows.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES {
            self.encode()?;
        }
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// As [`ExchangeWriter::push`].
    pub fn finish(mut self) -> Result<Finished> {
        self.encode()?;
        self.spool.finish()
    }

    fn encode(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        if rows.is_empty() {
            return Ok(());
        }
        let columns = self.head.columns(rows.len()).into_iter().chain(columns(&rows)?).collect();
        let batch = RecordBatch::try_new(self.schema.clone(), columns).or_fail(Kind::Internal, || "the exchange columns do not fit together")?;
        self.spool.write(&batch)
    }
}

/// When each exchange of a file was over, and the headers that were kept of its answer, in the file's order.
///
/// # Errors
/// As [`read_batches`].
pub fn exchange_headers(path: &Path) -> Result<Vec<(DateTime<Utc>, String)>> {
    let mut found = Vec::new();
    for batch in read_batches(path, Some(&["started", "duration_ms", "headers"]))? {
        let batch = batch?;
        let damaged = || Error::new(Kind::Lake, format!("`{}` has columns of other types than a file of exchanges", path.display()));
        let started = batch.column(0).as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(damaged)?;
        let took = batch.column(1).as_primitive_opt::<Int64Type>().ok_or_else(damaged)?;
        let headers = batch.column(2).as_string_opt::<i32>().ok_or_else(damaged)?;
        for row in 0..batch.num_rows() {
            let over = DateTime::from_timestamp_micros(started.value(row)).ok_or_else(damaged)? + TimeDelta::milliseconds(took.value(row));
            found.push((over, headers.value(row).to_owned()));
        }
    }
    Ok(found)
}

fn schema() -> SchemaRef {
    let text = |name, nullable| Field::new(name, DataType::Utf8, nullable);
    let int = |name, nullable| Field::new(name, DataType::Int32, nullable);
    let mut fields = PullHead::fields();
    fields.extend([
        int("request_no", false),
        int("partition_no", false),
        int("page_no", false),
        text("method", false),
        text("url", false),
        text("host", false),
        int("status", true),
        json("headers", false),
        int("attempts", false),
        utc("started", false),
        Field::new("duration_ms", DataType::Int64, false),
        Field::new("body_bytes", DataType::Int64, false),
        text("body_sha256", false),
        json("envelope", true),
        text("error", true),
    ]);
    Arc::new(Schema::new(fields))
}

fn columns(rows: &[ExchangeRow]) -> Result<Vec<ArrayRef>> {
    let numbers = |of: fn(&ExchangeRow) -> u32| -> Result<ArrayRef> {
        let values: Vec<i32> = rows.iter().map(|row| number(of(row))).collect::<Result<_>>()?;
        Ok(Arc::new(Int32Array::from(values)))
    };
    let texts = |of: fn(&ExchangeRow) -> &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(rows.iter().map(of))) };
    let optional = |of: fn(&ExchangeRow) -> Option<&str>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<StringArray>()) };
    let longs = |of: fn(&ExchangeRow) -> i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(rows.iter().map(of))) };
    let started = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.started.timestamp_micros()));
    Ok(vec![
        numbers(|row| row.request_no)?,
        numbers(|row| row.partition_no)?,
        numbers(|row| row.page_no)?,
        texts(|row| &row.method),
        texts(|row| &row.url),
        texts(|row| &row.host),
        Arc::new(rows.iter().map(|row| row.status.map(i32::from)).collect::<Int32Array>()),
        texts(|row| &row.headers),
        numbers(|row| row.attempts)?,
        Arc::new(started.with_timezone("UTC")),
        longs(|row| row.duration_ms),
        longs(|row| row.body_bytes),
        texts(|row| &row.body_sha256),
        optional(|row| row.envelope.as_deref()),
        optional(|row| row.error.as_deref()),
    ])
}

#[cfg(test)]
mod tests {
    use arrow::array::Array;
    use arrow::datatypes::Int32Type;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn exchanges_come_back() {
        let head = PullHead {
            run_id: Uuid::from_u128(1),
            pull_id: Uuid::from_u128(2),
            source: "testrail".into(),
            endpoint: "testrail_cases".into(),
            scope: "{}".into(),
            run_at: DateTime::UNIX_EPOCH,
        };
        let mut writer = ExchangeWriter::create(&WriteBudget::new(1 << 20, std::env::temp_dir()), &head).unwrap();
        for request_no in 0..1_000 {
            let answered = ExchangeRow {
                request_no,
                method: "GET".into(),
                url: format!("https://testrail.example/get_cases/17&offset={request_no}"),
                host: "testrail.example".into(),
                status: Some(200),
                headers: r#"{"etag":"x"}"#.into(),
                attempts: 2,
                started: DateTime::from_timestamp_micros(1_700_000_000_000_001).unwrap(),
                duration_ms: 41,
                body_bytes: 5_000_000_000,
                body_sha256: "00".repeat(32),
                envelope: Some(r#"{"size":250}"#.into()),
                ..ExchangeRow::default()
            };
            writer.push(answered).unwrap();
        }
        let failed = ExchangeRow { request_no: 1_000, error: Some("connection reset".into()), ..ExchangeRow::default() };
        writer.push(failed).unwrap();
        let file = writer.finish().unwrap();
        assert_eq!(file.rows, 1_001);
        let batches: Vec<_> = read_batches(&file.path, None).unwrap().map(Result::unwrap).collect();
        let batch = &batches[0];
        let names: Vec<_> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        let expected = "run_id pull_id source endpoint scope request_no partition_no page_no method url host status headers attempts started duration_ms body_bytes body_sha256 envelope error";
        assert_eq!(names.join(" "), expected);
        let column = |name: &str| batch.column_by_name(name).unwrap().clone();
        assert_eq!(column("request_no").as_primitive::<Int32Type>().value(999), 999);
        assert_eq!(column("status").as_primitive::<Int32Type>().value(0), 200);
        assert!(column("status").is_null(1_000));
        assert_eq!(column("started").as_primitive::<TimestampMicrosecondType>().value(0), 1_700_000_000_000_001);
        assert_eq!(column("body_bytes").as_primitive::<Int64Type>().value(0), 5_000_000_000);
        assert!(column("envelope").is_null(1_000));
        assert_eq!(column("error").as_string::<i32>().value(1_000), "connection reset");
        let headers = exchange_headers(&file.path).unwrap();
        let over = DateTime::from_timestamp_micros(1_700_000_000_041_001).unwrap();
        assert_eq!((headers.len(), &headers[999]), (1_001, &(over, r#"{"etag":"x"}"#.to_owned())));
    }
}
