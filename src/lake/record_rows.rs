//! Records that wait for encoding: the columns that differ from row to row, less the payload.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, BinaryBuilder, Int32Builder, StringBuilder, TimestampMicrosecondBuilder},
    datatypes::{DataType, Field},
};

use super::record_file::{RecordRow, json, number, utc};
use crate::error::Result;

/// Rows that are gathered before they are encoded.
pub(super) const BATCH_ROWS: usize = 1024;

/// The fields before the payload, in order.
pub(super) fn before_payload() -> Vec<Field> {
    let number = |name| Field::new(name, DataType::Int32, false);
    vec![
        number("partition_no"),
        number("request_no"),
        number("record_no"),
        Field::new("record_key", DataType::Utf8, false),
        utc("fetched_at", false),
        utc("window_at", true),
        json("params", false),
    ]
}

/// The fields after it.
pub(super) fn after_payload() -> Vec<Field> {
    vec![Field::new("payload_original", DataType::Binary, true), Field::new("defect", DataType::Utf8, true)]
}

/// The waiting rows, column by column.
pub(super) struct Rows {
    pub(super) count: usize,
    /// Bytes of text in them, with the payloads.
    pub(super) bytes: usize,
    partition_no: Int32Builder,
    request_no: Int32Builder,
    record_no: Int32Builder,
    record_key: StringBuilder,
    fetched_at: TimestampMicrosecondBuilder,
    window_at: TimestampMicrosecondBuilder,
    params: StringBuilder,
    payload_original: BinaryBuilder,
    defect: StringBuilder,
}

impl Rows {
    /// Room for a whole batch at once.
    pub(super) fn new() -> Self {
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
            payload_original: BinaryBuilder::with_capacity(BATCH_ROWS, 0),
            defect: StringBuilder::with_capacity(BATCH_ROWS, 0),
        }
    }

    pub(super) fn push(&mut self, row: &RecordRow<'_>) -> Result<()> {
        let (partition_no, request_no, record_no) = (number(row.partition_no)?, number(row.request_no)?, number(row.record_no)?);
        self.count += 1;
        self.bytes += row.payload.len() + row.payload_original.map_or(0, <[u8]>::len) + row.params.len() + row.record_key.len();
        self.partition_no.append_value(partition_no);
        self.request_no.append_value(request_no);
        self.record_no.append_value(record_no);
        self.record_key.append_value(row.record_key);
        self.fetched_at.append_value(row.fetched_at.timestamp_micros());
        self.window_at.append_option(row.window_at.map(|at| at.timestamp_micros()));
        self.params.append_value(row.params);
        self.payload_original.append_option(row.payload_original);
        self.defect.append_option(row.defect);
        Ok(())
    }

    /// The columns of [`before_payload`] and of [`after_payload`], one after the other; nothing waits any more.
    pub(super) fn take(&mut self) -> Vec<ArrayRef> {
        (self.count, self.bytes) = (0, 0);
        vec![
            Arc::new(self.partition_no.finish()),
            Arc::new(self.request_no.finish()),
            Arc::new(self.record_no.finish()),
            Arc::new(self.record_key.finish()),
            Arc::new(self.fetched_at.finish()),
            Arc::new(self.window_at.finish()),
            Arc::new(self.params.finish()),
            Arc::new(self.payload_original.finish()),
            Arc::new(self.defect.finish()),
        ]
    }
}
