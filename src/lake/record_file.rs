//! The records of one pull as Parquet: one row per record, its bytes as received. The hot path of `extract`.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, BinaryBuilder, Int32Builder, RecordBatch, StringArray, StringBuilder, StringViewBuilder, TimestampMicrosecondBuilder},
    buffer::Buffer,
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use parquet::{file::properties::EnabledStatistics, schema::types::ColumnPath};
use uuid::Uuid;

use super::{
    budget::WriteBudget,
    spool::{Finished, Spool, properties},
};
use crate::error::{Error, Kind, OrFail, Result};

/// Rows that are gathered before they are encoded.
const BATCH_ROWS: usize = 1024;

/// Bytes of text that are gathered at most before they are encoded. Every open writer holds up to this beside the budget.
const BATCH_BYTES: usize = 1 << 20;

/// Bytes of one text, or of a body, that fit into a batch; Arrow counts them in 31 bits.
const LONGEST: usize = 1 << 30;

/// What is the same in every row of a pull.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullHead {
    /// The invocation.
    pub run_id: Uuid,
    /// The pull.
    pub pull_id: Uuid,
    /// `testrail`.
    pub source: String,
    /// `testrail_cases`.
    pub endpoint: String,
    /// Canonical JSON of the scope (see [`super::canonical_scope`]).
    pub scope: String,
    /// Start of the run.
    pub run_at: DateTime<Utc>,
}

/// One record.
#[derive(Clone, Copy, Debug)]
pub struct RecordRow<'a> {
    /// Number of the partition in the pull, from 0.
    pub partition_no: u32,
    /// Number of the HTTP exchange in the pull, from 0.
    pub request_no: u32,
    /// Number of the record in its response, from 0.
    pub record_no: u32,
    /// Canonical JSON array of the key.
    pub record_key: &'a str,
    /// When the response had arrived.
    pub fetched_at: DateTime<Utc>,
    /// JSON object of the partition's parameters.
    pub params: &'a str,
    /// The record as it stood in the body, or repaired where there is a `defect`. Always valid JSON.
    pub payload: Payload<'a>,
    /// The record's bytes as received, where `payload` had to be repaired or blanked.
    pub payload_original: Option<&'a [u8]>,
    /// What was wrong with it.
    pub defect: Option<&'a str>,
    /// The time by which a window replaces, where the endpoint has a window and the record a time.
    pub window_at: Option<DateTime<Utc>>,
}

/// The text of a record.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// Bytes of a body, from and to. The writer keeps the body until they are encoded, instead of a copy.
    Slice(&'a Bytes, usize, usize),
    /// A text of its own, which is copied.
    Text(&'a str),
}

impl<'a> From<&'a str> for Payload<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> Payload<'a> {
    /// Its bytes.
    pub fn bytes(self) -> &'a [u8] {
        match self {
            Self::Slice(body, from, to) => body.get(from..to).unwrap_or_default(),
            Self::Text(text) => text.as_bytes(),
        }
    }
}

/// Writes the records of one pull into a local file in bounded memory.
pub struct RecordWriter {
    spool: Spool,
    schema: SchemaRef,
    /// `run_id`, `pull_id`, `source`, `endpoint`, `scope` for a whole batch, built once and sliced.
    head: Vec<ArrayRef>,
    rows: Rows,
}

impl RecordWriter {
    /// Begins a file in the budget's spool folder.
    ///
    /// # Errors
    /// [`Kind::Io`] if the file cannot be created.
    pub fn create(budget: &WriteBudget, head: &PullHead) -> Result<Self> {
        let schema = schema();
        let mut properties = properties(&[("etl.pull_id", head.pull_id.to_string()), ("etl.endpoint", head.endpoint.clone())]);
        for column in ["run_id", "pull_id", "source", "endpoint", "scope"] {
            properties = properties.set_column_dictionary_enabled(ColumnPath::from(column), true);
        }
        for column in ["scope", "params", "payload", "payload_original", "defect"] {
            properties = properties.set_column_statistics_enabled(ColumnPath::from(column), EnabledStatistics::None);
        }
        let spool = Spool::create(budget, schema.clone(), properties)?;
        Ok(Self { spool, schema, head: head.columns(BATCH_ROWS), rows: Rows::new() })
    }

    /// Adds a record.
    ///
    /// # Errors
    /// [`Kind::Io`] if the disk is full, [`Kind::Internal`] if a number or text is too large for the file.
    pub fn push(&mut self, row: &RecordRow<'_>) -> Result<()> {
        self.rows.push(row)?;
        if self.rows.count >= BATCH_ROWS || self.rows.bytes >= BATCH_BYTES {
            self.encode()?;
        }
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// As [`RecordWriter::push`].
    pub fn finish(mut self) -> Result<Finished> {
        self.encode()?;
        self.spool.finish()
    }

    fn encode(&mut self) -> Result<()> {
        let count = self.rows.count;
        if count == 0 {
            return Ok(());
        }
        let head = self.head.iter().map(|column| column.slice(0, count));
        let columns = head.chain(std::mem::replace(&mut self.rows, Rows::new()).columns()).collect();
        let batch = RecordBatch::try_new(self.schema.clone(), columns).or_fail(Kind::Internal, || "the record columns do not fit together")?;
        self.spool.write(&batch)
    }
}

impl PullHead {
    /// The head's columns with `rows` equal rows each.
    pub(super) fn columns(&self, rows: usize) -> Vec<ArrayRef> {
        let (run_id, pull_id) = (self.run_id.to_string(), self.pull_id.to_string());
        [&run_id, &pull_id, &self.source, &self.endpoint, &self.scope]
            .into_iter()
            .map(|text| Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows))) as ArrayRef)
            .collect()
    }

    /// The fields of [`PullHead::columns`].
    pub(super) fn fields() -> Vec<Field> {
        let text = |name| Field::new(name, DataType::Utf8, false);
        vec![text("run_id"), text("pull_id"), text("source"), text("endpoint"), json("scope", false)]
    }
}

fn schema() -> SchemaRef {
    let mut fields = PullHead::fields();
    fields.extend([
        Field::new("partition_no", DataType::Int32, false),
        Field::new("request_no", DataType::Int32, false),
        Field::new("record_no", DataType::Int32, false),
        Field::new("record_key", DataType::Utf8, false),
        utc("fetched_at", false),
        utc("window_at", true),
        json("params", false),
        // Views, so that a payload goes from the body to Parquet's page with one copy. In the file it is a plain column.
        Field::new("payload", DataType::Utf8View, false).with_metadata(JSON.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
        Field::new("payload_original", DataType::Binary, true),
        Field::new("defect", DataType::Utf8, true),
    ]);
    Arc::new(Schema::new(fields))
}

/// The names of Arrow's canonical extension type; `arrow` does not re-export the type itself.
const JSON: [(&str, &str); 2] = [("ARROW:extension:name", "arrow.json"), ("ARROW:extension:metadata", "")];

/// A column that Parquet marks as JSON, so that DuckDB and others give it that type.
pub(super) fn json(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Utf8, nullable).with_metadata(JSON.map(|(key, value)| (key.to_owned(), value.to_owned())).into())
}

/// A column of instants in microseconds, UTC.
pub(super) fn utc(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), nullable)
}

/// Rows that wait for encoding.
struct Rows {
    count: usize,
    bytes: usize,
    partition_no: Int32Builder,
    request_no: Int32Builder,
    record_no: Int32Builder,
    record_key: StringBuilder,
    fetched_at: TimestampMicrosecondBuilder,
    window_at: TimestampMicrosecondBuilder,
    params: StringBuilder,
    payload: StringViewBuilder,
    /// The body that was last sliced (address, length), and its number in `payload`.
    body: Option<(usize, usize, u32)>,
    payload_original: BinaryBuilder,
    defect: StringBuilder,
}

impl Rows {
    /// Room for a whole batch at once.
    fn new() -> Self {
        let numbers = || Int32Builder::with_capacity(BATCH_ROWS);
        let times = || TimestampMicrosecondBuilder::with_capacity(BATCH_ROWS).with_timezone("UTC");
        Self {
            count: 0,
            bytes: 0,
            partition_no: numbers(),
            request_no: numbers(),
            record_no: numbers(),
            record_key: StringBuilder::with_capacity(BATCH_ROWS, 16 * BATCH_ROWS),
            fetched_at: times(),
            window_at: times(),
            params: StringBuilder::with_capacity(BATCH_ROWS, 32 * BATCH_ROWS),
            payload: StringViewBuilder::with_capacity(BATCH_ROWS),
            body: None,
            payload_original: BinaryBuilder::with_capacity(BATCH_ROWS, 0),
            defect: StringBuilder::with_capacity(BATCH_ROWS, 0),
        }
    }

    fn push(&mut self, row: &RecordRow<'_>) -> Result<()> {
        let original = row.payload_original.map_or(0, <[u8]>::len);
        let payload = row.payload.bytes().len();
        let body = if let Payload::Slice(body, ..) = row.payload { body.len() } else { 0 };
        let texts = [payload, original, row.params.len(), row.record_key.len()];
        if texts.iter().any(|length| *length > LONGEST) || body > LONGEST {
            return Err(Error::new(Kind::Internal, format!("a record of {} bytes is too large for the lake", payload.max(original).max(body))));
        }
        self.count += 1;
        self.bytes += texts.iter().sum::<usize>();
        self.partition_no.append_value(number(row.partition_no)?);
        self.request_no.append_value(number(row.request_no)?);
        self.record_no.append_value(number(row.record_no)?);
        self.record_key.append_value(row.record_key);
        self.fetched_at.append_value(row.fetched_at.timestamp_micros());
        self.window_at.append_option(row.window_at.map(|at| at.timestamp_micros()));
        self.params.append_value(row.params);
        self.push_payload(row.payload)?;
        self.payload_original.append_option(row.payload_original);
        self.defect.append_option(row.defect);
        Ok(())
    }

    fn push_payload(&mut self, payload: Payload<'_>) -> Result<()> {
        let (body, from, to) = match payload {
            Payload::Text(text) => {
                self.payload.append_value(text);
                return Ok(());
            }
            Payload::Slice(body, from, to) => (body, from, to),
        };
        let place = (body.as_ptr() as usize, body.len());
        let block = match self.body {
            // The block holds the body, so its address cannot have been given to another one.
            Some((address, length, block)) if (address, length) == place => block,
            _ => self.payload.append_block(Buffer::from(body.clone())),
        };
        self.body = Some((place.0, place.1, block));
        let too_large = |_| Error::new(Kind::Internal, "a body is too large for the lake");
        let (from, length) = (u32::try_from(from).map_err(too_large)?, u32::try_from(to.saturating_sub(from)).map_err(too_large)?);
        self.payload.try_append_view(block, from, length).or_fail(Kind::Internal, || "a payload is no text of its body")
    }

    fn columns(mut self) -> Vec<ArrayRef> {
        vec![
            Arc::new(self.partition_no.finish()),
            Arc::new(self.request_no.finish()),
            Arc::new(self.record_no.finish()),
            Arc::new(self.record_key.finish()),
            Arc::new(self.fetched_at.finish()),
            Arc::new(self.window_at.finish()),
            Arc::new(self.params.finish()),
            Arc::new(self.payload.finish()),
            Arc::new(self.payload_original.finish()),
            Arc::new(self.defect.finish()),
        ]
    }
}

/// A count as the signed 32 bits that every engine reads.
pub(super) fn number(count: u32) -> Result<i32> {
    i32::try_from(count).or_fail(Kind::Internal, || format!("{count} is more than a pull can number"))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{Int32Type, TimestampMicrosecondType};
    use parquet::{
        basic::LogicalType,
        file::reader::{FileReader, SerializedFileReader},
    };
    use proptest::prelude::*;

    use super::*;
    use crate::lake::rows::read_batches;

    fn head() -> PullHead {
        PullHead {
            run_id: Uuid::from_u128(1),
            pull_id: Uuid::from_u128(2),
            source: "testrail".into(),
            endpoint: "testrail_cases".into(),
            scope: r#"{"project_id":17}"#.into(),
            run_at: DateTime::UNIX_EPOCH,
        }
    }

    fn row<'a>(record_no: u32, payload: &'a str) -> RecordRow<'a> {
        RecordRow {
            partition_no: 3,
            request_no: 4,
            record_no,
            record_key: "[1]",
            fetched_at: DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap(),
            params: r#"{"suite_id":5}"#,
            payload: payload.into(),
            payload_original: None,
            defect: None,
            window_at: None,
        }
    }

    fn written(rows: &[RecordRow<'_>]) -> Finished {
        let mut writer = RecordWriter::create(&WriteBudget::new(1 << 24), &head()).unwrap();
        rows.iter().for_each(|row| writer.push(row).unwrap());
        writer.finish().unwrap()
    }

    fn texts(file: &Finished, column: &str) -> Vec<Option<String>> {
        let batches = read_batches(&file.path, Some(&[column])).unwrap();
        batches.flat_map(|batch| batch.unwrap().column(0).as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn slices_of_bodies_and_texts_may_alternate() {
        let bodies: Vec<Bytes> = (0..3).map(|no| Bytes::from(format!(r#"[{{"body":{no},"text":"é and more than twelve bytes"}},{{}}]"#))).collect();
        let mut writer = RecordWriter::create(&WriteBudget::new(1 << 24), &head()).unwrap();
        let mut expected = Vec::new();
        // More rows than one batch has, so that bodies are seen again after their batch was encoded.
        for no in 0..3_000_u32 {
            let body = &bodies[no as usize / 2 % 3];
            let long = Payload::Slice(body, 1, body.len() - 4);
            let payload = [long, Payload::Slice(body, body.len() - 3, body.len() - 1), Payload::Text("{\"own\":1}")][no as usize % 3];
            expected.push(Some(String::from_utf8(payload.bytes().to_vec()).unwrap()));
            writer.push(&RecordRow { payload, ..row(no, "") }).unwrap();
        }
        assert_eq!(texts(&writer.finish().unwrap(), "payload"), expected);
        let inside_a_character = bodies[0].iter().position(|byte| !byte.is_ascii()).unwrap() + 1;
        let mut writer = RecordWriter::create(&WriteBudget::new(1 << 24), &head()).unwrap();
        let cut = RecordRow { payload: Payload::Slice(&bodies[0], inside_a_character, bodies[0].len()), ..row(0, "") };
        assert_eq!(writer.push(&cut).unwrap_err().kind(), Kind::Internal);
    }

    #[test]
    fn every_column_comes_back() {
        let original = b"{\"a\":\"\xed\xa0\x80\"}";
        let defective = RecordRow {
            payload_original: Some(original),
            defect: Some("lone surrogate"),
            window_at: DateTime::from_timestamp_micros(5),
            ..row(1, "{}")
        };
        let file = written(&[row(0, " {\"a\" : 1.0} "), defective]);
        assert_eq!(file.rows, 2);
        let batch = read_batches(&file.path, None).unwrap().next().unwrap().unwrap();
        let names: Vec<_> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        let expected = "run_id pull_id source endpoint scope partition_no request_no record_no record_key fetched_at window_at params payload payload_original defect";
        assert_eq!(names.join(" "), expected);
        let column = |name: &str| batch.column_by_name(name).unwrap().clone();
        assert_eq!(column("pull_id").as_string::<i32>().value(1), "00000000-0000-0000-0000-000000000002");
        assert_eq!(column("scope").as_string::<i32>().value(0), r#"{"project_id":17}"#);
        assert_eq!(column("record_no").as_primitive::<Int32Type>().values(), &[0, 1]);
        assert_eq!(column("fetched_at").as_primitive::<TimestampMicrosecondType>().value(0), 1_700_000_000_123_456);
        assert!(column("window_at").is_null(0));
        assert_eq!(column("window_at").as_primitive::<TimestampMicrosecondType>().value(1), 5);
        assert_eq!(column("payload").as_string::<i32>().value(0), " {\"a\" : 1.0} ", "whitespace and all");
        assert!(column("payload_original").is_null(0));
        assert_eq!(column("payload_original").as_binary::<i32>().value(1), original);
        assert_eq!(column("defect").as_string::<i32>().value(1), "lone surrogate");
    }

    #[test]
    fn parquet_itself_says_json_and_utc() {
        let file = written(&[row(0, "{}")]);
        let reader = SerializedFileReader::new(fs_err::File::open(&file.path).unwrap().into_file()).unwrap();
        let schema = reader.metadata().file_metadata().schema_descr();
        for column in schema.columns() {
            let logical = column.logical_type_ref();
            match column.name() {
                "scope" | "params" | "payload" => assert_eq!(logical, Some(&LogicalType::Json), "{}", column.name()),
                "fetched_at" | "window_at" => {
                    assert!(matches!(logical, Some(LogicalType::Timestamp { is_adjusted_to_u_t_c: true, .. })), "{logical:?}")
                }
                _ => {}
            }
        }
        let group = reader.metadata().row_group(0);
        for (index, column) in group.columns().iter().enumerate() {
            let constant = index < 5;
            assert_eq!(column.dictionary_page_offset().is_some(), constant, "{}", column.column_path());
        }
        assert!(group.column(12).statistics().is_none(), "no statistics of payloads");
        assert!(group.column(9).statistics().is_some());
    }

    #[test]
    fn an_empty_pull_has_its_columns() {
        let file = written(&[]);
        assert_eq!(file.rows, 0);
        assert_eq!(read_batches(&file.path, None).unwrap().schema().fields().len(), 15);
    }

    #[test]
    fn one_record_may_be_larger_than_a_batch() {
        let large = format!("\"{}\"", "x".repeat(5 << 20));
        let file = written(&[row(0, &large), row(1, "1"), row(2, &large)]);
        assert_eq!(texts(&file, "payload"), [Some(large.clone()), Some("1".to_owned()), Some(large)]);
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        let mut writer = RecordWriter::create(&WriteBudget::new(1 << 24), &head()).unwrap();
        let error = writer.push(&row(u32::MAX, "{}")).unwrap_err();
        assert_eq!(error.to_string(), "4294967295 is more than a pull can number");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_payload_survives(payloads in proptest::collection::vec((any::<String>(), proptest::option::of(any::<Vec<u8>>())), 0..200)) {
            let rows: Vec<_> = payloads.iter().map(|(text, bytes)| RecordRow { payload_original: bytes.as_deref(), ..row(0, text) }).collect();
            let file = written(&rows);
            let mut read = Vec::new();
            for batch in read_batches(&file.path, Some(&["payload", "payload_original"])).unwrap() {
                let batch = batch.unwrap();
                let (texts, originals) = (batch.column(0).as_string::<i32>(), batch.column(1).as_binary::<i32>());
                read.extend(texts.iter().zip(originals).map(|(text, bytes)| (text.unwrap().to_owned(), bytes.map(<[u8]>::to_vec))));
            }
            prop_assert_eq!(read, payloads);
        }
    }
}
