//! The records of one pull as Parquet: one row per record, its bytes as received. The hot path of `extract`.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, StringArray},
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
};
use chrono::{DateTime, Utc};
use parquet::{
    arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves},
    errors::Result as Written,
    file::{properties::EnabledStatistics, writer::SerializedFileWriter},
    schema::types::ColumnPath,
};
use uuid::Uuid;

use super::{
    budget::{Lease, WriteBudget},
    pages::{self, Texts},
    record_rows::{BATCH_ROWS, Rows, after_payload, before_payload},
    spool::{Finished, ROW_GROUP, SpoolFile, arrow_writer, properties},
};
use crate::error::{Error, Kind, OrFail, Result};

/// Bytes of text that are gathered at most before they are encoded. Every open writer holds up to this beside the budget.
const BATCH_BYTES: usize = 1 << 20;

/// Bytes of the longest text; more would not be safe with readers that count in 31 bits.
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
    /// The record as it stood in the body, or repaired where there is a `defect`. Always valid JSON; must be UTF-8.
    pub payload: &'a [u8],
    /// The record's bytes as received, where `payload` had to be repaired or blanked.
    pub payload_original: Option<&'a [u8]>,
    /// What was wrong with it.
    pub defect: Option<&'a str>,
    /// The time by which a window replaces, where the endpoint has a window and the record a time.
    pub window_at: Option<DateTime<Utc>>,
}

/// Writes the records of one pull into a local file in bounded memory.
///
/// Nearly all bytes are payloads, and the columns of the head are the same in every row: their pages are made here
/// ([`pages`]), the others by Arrow's column writers. Arrow's own file writer copies each payload three times more and hashes
/// every value of the head: beside zstd, writing took twice as long with it (`cargo bench --bench landing`).
pub struct RecordWriter {
    file: SerializedFileWriter<SpoolFile>,
    lease: Lease,
    head: [String; 5],
    /// Makes the writers of all columns; those of the head and of the payload stay unused.
    columns: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    rows: Rows,
    group: Group,
    written: u64,
}

/// The row group in the making.
struct Group {
    payloads: Texts,
    /// The columns of [`Rows`], once there are rows.
    others: Vec<ArrowColumnWriter>,
    rows: u32,
}

impl RecordWriter {
    /// Begins a file in the budget's spool folder.
    ///
    /// # Errors
    /// [`Kind::Io`] if the file cannot be created.
    pub fn create(budget: &WriteBudget, head: &PullHead) -> Result<Self> {
        let schema = schema();
        let mut properties = properties(&[("etl.pull_id", head.pull_id.to_string()), ("etl.endpoint", head.endpoint.clone())]);
        for column in ["params", "payload_original", "defect"] {
            properties = properties.set_column_statistics_enabled(ColumnPath::from(column), EnabledStatistics::None);
        }
        // Where pages begin is asked by those who skip pages by their statistics, and the payload has none.
        let writer = arrow_writer(budget, schema.clone(), properties.set_offset_index_disabled(true))?;
        let begun = writer.into_serialized_writer().and_then(|(file, columns)| Ok((Texts::new(&file, PAYLOAD)?, file, columns)));
        let (payloads, file, columns) = begun.or_fail(Kind::Internal, || "cannot begin a Parquet file")?;
        let group = Group { payloads, others: Vec::new(), rows: 0 };
        Ok(Self { file, lease: budget.lease(), head: head.texts(), columns, schema, rows: Rows::new(), group, written: 0 })
    }

    /// Adds a record.
    ///
    /// # Errors
    /// [`Kind::Io`] if the disk is full, [`Kind::Internal`] if a number or text is too large for the file or the payload is no text.
    pub fn push(&mut self, row: &RecordRow<'_>) -> Result<()> {
        let lengths = [row.payload.len(), row.payload_original.map_or(0, <[u8]>::len), row.params.len(), row.record_key.len()];
        if let Some(length) = lengths.into_iter().find(|length| *length > LONGEST) {
            return Err(Error::new(Kind::Internal, format!("a record of {length} bytes is too large for the lake")));
        }
        let payload = std::str::from_utf8(row.payload).or_fail(Kind::Internal, || "a payload is no text")?;
        self.rows.push(row)?;
        self.group.payloads.push(payload).map_err(|error| self.file.inner().failed(error))?;
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
        let ended = self.end_group().and_then(|()| self.file.finish());
        ended.map_err(|error| self.file.inner().failed(error))?;
        self.file.inner_mut().finished(self.written)
    }

    /// Encodes the waiting rows; cuts a row group when this file or all files together hold enough.
    fn encode(&mut self) -> Result<()> {
        let held = self.encode_rows().map_err(|error| self.file.inner().failed(error))?;
        if self.lease.hold(held as u64) || held >= ROW_GROUP {
            self.end_group().map_err(|error| self.file.inner().failed(error))?;
            self.lease.hold(0);
        }
        Ok(())
    }

    /// Gives the bytes that the row group holds.
    fn encode_rows(&mut self) -> Written<usize> {
        let group = &mut self.group;
        if self.rows.count > 0 {
            if group.others.is_empty() {
                let all = self.columns.create_column_writers(self.file.flushed_row_groups().len())?;
                group.others = all.into_iter().enumerate().filter(|(index, _)| is_other(*index)).map(|(_, writer)| writer).collect();
            }
            group.rows += u32::try_from(self.rows.count).unwrap_or(u32::MAX);
            self.written += self.rows.count as u64;
            let fields = self.schema.fields().iter().enumerate().filter(|(index, _)| is_other(*index));
            for ((writer, column), (_, field)) in group.others.iter_mut().zip(self.rows.take()).zip(fields) {
                for leaf in compute_leaves(field, &column)? {
                    writer.write(&leaf)?;
                }
            }
        }
        Ok(group.payloads.memory_size() + group.others.iter().map(ArrowColumnWriter::memory_size).sum::<usize>())
    }

    /// Writes the row group. No row may be waiting.
    fn end_group(&mut self) -> Written<()> {
        if self.group.rows == 0 {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.group.rows);
        let mut others = std::mem::take(&mut self.group.others).into_iter();
        let columns = self.file.schema_descr().columns().to_vec();
        let mut file = self.file.next_row_group()?;
        for (index, column) in columns.into_iter().enumerate() {
            let chunk = match self.head.get(index) {
                // The scope is JSON, which nobody compares with a bound.
                Some(text) => pages::constant(column, text, rows, index != SCOPE)?,
                None if index == PAYLOAD => self.group.payloads.finish()?,
                None => {
                    others.next().into_iter().try_for_each(|writer| writer.close()?.append_to_row_group(&mut file))?;
                    continue;
                }
            };
            file.append_column(&chunk.0, chunk.1)?;
        }
        file.close().map(|_| ())
    }
}

impl PullHead {
    /// The head's columns with `rows` equal rows each.
    pub(super) fn columns(&self, rows: usize) -> Vec<ArrayRef> {
        let column = |text: &String| Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows))) as ArrayRef;
        self.texts().iter().map(column).collect()
    }

    /// What they hold.
    fn texts(&self) -> [String; 5] {
        [self.run_id.to_string(), self.pull_id.to_string(), self.source.clone(), self.endpoint.clone(), self.scope.clone()]
    }

    /// Their fields.
    pub(super) fn fields() -> Vec<Field> {
        let text = |name| Field::new(name, DataType::Utf8, false);
        vec![text("run_id"), text("pull_id"), text("source"), text("endpoint"), json("scope", false)]
    }
}

/// Positions in [`schema`].
const SCOPE: usize = 4;
const PAYLOAD: usize = 12;

/// Whether the column at `index` is made by Arrow's writer.
fn is_other(index: usize) -> bool {
    index > SCOPE && index != PAYLOAD
}

fn schema() -> SchemaRef {
    let mut fields = PullHead::fields();
    fields.extend(before_payload());
    fields.push(json("payload", false));
    fields.extend(after_payload());
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
            payload: payload.as_bytes(),
            payload_original: None,
            defect: None,
            window_at: None,
        }
    }

    fn written(rows: &[RecordRow<'_>]) -> Finished {
        let mut writer = RecordWriter::create(&WriteBudget::new(1 << 24, std::env::temp_dir()), &head()).unwrap();
        rows.iter().for_each(|row| writer.push(row).unwrap());
        writer.finish().unwrap()
    }

    fn texts(file: &Finished, column: &str) -> Vec<Option<String>> {
        let batches = read_batches(&file.path, Some(&[column])).unwrap();
        batches.flat_map(|batch| batch.unwrap().column(0).as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn pages_and_row_groups_are_cut_where_nobody_sees() {
        // More rows than a batch has, more bytes than a page and a row group have, and no compression to speak of.
        let mut state = 1_u64;
        let mut random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        let payloads: Vec<String> =
            (0..12_000).map(|no| format!("[{no},{}]", vec![random().to_string(); random() as usize % 30].join(","))).collect();
        let mut distinct = payloads.clone();
        for payload in distinct.iter_mut().step_by(3) {
            *payload = format!("\"{}\"", (0..random() % 9_000).map(|_| char::from(b'a' + (random() % 26) as u8)).collect::<String>());
        }
        let mut writer = RecordWriter::create(&WriteBudget::new(1 << 24, std::env::temp_dir()), &head()).unwrap();
        for (no, payload) in (0..).zip(&distinct) {
            writer.push(&row(no, payload)).unwrap();
        }
        let file = writer.finish().unwrap();
        assert_eq!(texts(&file, "payload"), distinct.iter().cloned().map(Some).collect::<Vec<_>>());
        let reader = SerializedFileReader::new(fs_err::File::open(&file.path).unwrap().into_file()).unwrap();
        assert!(reader.num_row_groups() > 1, "{} bytes", file.bytes);
        for (index, expected) in [(1, "00000000-0000-0000-0000-000000000002"), (4, r#"{"project_id":17}"#)] {
            let name = schema().field(index).name().clone();
            assert_eq!(texts(&file, &name), vec![Some(expected.to_owned()); distinct.len()], "{name}");
        }
        assert_eq!(reader.metadata().file_metadata().num_rows(), 12_000);
    }

    #[test]
    fn a_payload_must_be_text() {
        let mut writer = RecordWriter::create(&WriteBudget::new(1 << 24, std::env::temp_dir()), &head()).unwrap();
        let cut = RecordRow { payload: &"é".as_bytes()[1..], ..row(0, "") };
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
        let mut writer = RecordWriter::create(&WriteBudget::new(1 << 24, std::env::temp_dir()), &head()).unwrap();
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
