//! From the records of a body to rows: redaction, defects, keys, window times, and which partition each belongs to. Pure.

use std::{borrow::Cow, ops::Range};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    defect::{Checked, check},
    field::{instant_at, plain_text},
    plan::{Call, Pull},
    redact::redact,
    slice::Sliced,
};
use crate::{
    catalog::{Endpoint, Page as Paging, record_key},
    error::{Error, Kind, Result},
    scan,
    secret::{has_credential, scrub_record},
};

/// A page of records, ready to be written.
#[derive(Debug)]
pub struct Page {
    /// The body that unchanged records are slices of.
    pub body: Bytes,
    /// In the order of the body.
    pub records: Vec<Record>,
    /// The values that key-set paging goes by.
    pub ordered: Vec<Value>,
}

/// One record, ready to be written.
#[derive(Debug)]
pub struct Record {
    /// Position of its partition in the pull.
    pub partition: usize,
    /// Position on the page.
    pub record_no: u32,
    /// Canonical key.
    pub key: String,
    /// What DuckDB reads.
    pub payload: Payload,
    /// The bytes as received (less what is redacted) and what is wrong with them.
    pub defect: Option<(Vec<u8>, String)>,
    /// The time that decides whether it lies in a window.
    pub window_at: Option<DateTime<Utc>>,
}

/// The text of a record.
#[derive(Debug)]
pub enum Payload {
    /// A slice of the body: valid UTF-8.
    Slice(Range<usize>),
    /// A changed copy.
    Own(String),
}

impl Page {
    /// The payload of one of its records.
    pub fn payload<'p>(&'p self, record: &'p Record) -> &'p [u8] {
        match &record.payload {
            Payload::Slice(range) => &self.body[range.clone()],
            Payload::Own(text) => text.as_bytes(),
        }
    }
}

/// The defect of a record that contained a credential of this process, which is blanked.
const SECRET: &str = "secret blanked";

/// Prepares a page of `call`.
///
/// # Errors
/// [`Kind::BadResponse`] for a record that cannot be kept: no key, broken beyond repair, not asked for, a window time that is
/// none. The message names the record by its number on the page, from 1.
pub fn prepare(endpoint: &Endpoint, pull: &Pull, call: &Call, body: Bytes, sliced: &Sliced) -> Result<Page> {
    let mut records = Vec::with_capacity(sliced.records.len());
    let mut ordered = Vec::new();
    let has_credential = has_credential(&body);
    for (index, range) in sliced.records.iter().enumerate() {
        let wrong = |what: String| Error::new(Kind::BadResponse, format!("`{}`: record {} of the page {what}", endpoint.id, index + 1));
        let received = &body[range.clone()];
        let scrubbed = if has_credential { scrub_record(received) } else { None };
        let raw = scrubbed.as_deref().unwrap_or(received);
        let partition = partition_of(endpoint, pull, call, raw).map_err(wrong)?;
        let key = record_key(raw, &endpoint.key, &pull.partitions[partition].params)
            .map_err(|pointer| wrong(format!("has nothing at `{pointer}`, which is part of its key")))?;
        let window_at = match &endpoint.window {
            None => None,
            Some(window) => instant_at(raw, &window.field).map_err(|text| wrong(format!("has `{text}` at `{}`, which is no time", window.field)))?,
        };
        if let Paging::KeySet { key, .. } = &endpoint.page {
            let value = scan::find(raw, key).and_then(|range| serde_json::from_slice(&raw[range]).ok());
            ordered.push(value.ok_or_else(|| wrong(format!("has nothing at `{key}`, by which the list is paged")))?);
        }
        let kept = match &scrubbed {
            None => redact(raw, &endpoint.redact),
            Some(scrubbed) => Cow::Owned(redact(scrubbed, &endpoint.redact).into_owned()),
        };
        let checked = check(&kept, sliced.checked).map_err(|what| wrong(format!("is no valid JSON ({what})")))?;
        let (payload, defect) = match (checked, &kept) {
            (Checked::Sound, Cow::Borrowed(_)) => (Payload::Slice(range.clone()), None),
            (Checked::Sound, Cow::Owned(text)) => (Payload::Own(String::from_utf8_lossy(text).into_owned()), None),
            (Checked::Repaired { payload, defect }, original) => (Payload::Own(payload), Some((original.to_vec(), defect))),
        };
        let defect = match (&scrubbed, defect) {
            (None, defect) => defect,
            (Some(_), None) => Some((kept.to_vec(), SECRET.to_owned())),
            (Some(_), Some((original, defect))) => Some((original, format!("{defect}, {SECRET}"))),
        };
        let record_no = u32::try_from(index).map_err(|_| wrong("is one too many".to_owned()))?;
        records.push(Record { partition, record_no, key, payload, defect, window_at });
    }
    Ok(Page { body, records, ordered })
}

fn partition_of(endpoint: &Endpoint, pull: &Pull, call: &Call, record: &[u8]) -> Result<usize, String> {
    let Some(batch) = &endpoint.batch else { return Ok(call.partitions.start) };
    let value = plain_text(record, &batch.match_pointer)
        .ok_or_else(|| format!("has nothing at `{}`, by which a batch is told apart", batch.match_pointer))?;
    call.partitions
        .clone()
        .find(|index| pull.partitions[*index].batch_value.as_deref() == Some(value.as_str()))
        .ok_or_else(|| format!("answers `{value}`, which was not asked for"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{Row, RunRow, Value as Cell},
        extract::{known::Known, plan::plan, samples::endpoint, slice::slice},
    };

    fn prepared(keys: &str, rows: Vec<Row>, body: &'static [u8]) -> Result<Page> {
        let endpoint = endpoint(keys);
        let run_at = "2026-03-10T04:00:00Z".parse().unwrap();
        let run = RunRow { run_at, as_of: run_at, projects: vec![], window_start: None, window_end: None, full_refresh: false };
        let pull = plan(&endpoint, "", rows, &run, &Known::default(), 500).unwrap().remove(0);
        let sliced = slice(body, &endpoint.records, endpoint.bare_array).unwrap();
        prepare(&endpoint, &pull, &pull.calls[0], Bytes::from_static(body), &sliced)
    }

    #[test]
    fn payloads_are_slices_unless_something_had_to_change() {
        let keys = "redact = [\"/mail\"]";
        let page = prepared(keys, vec![], br#"[{"id": 1}, {"id":2,"mail":"a@b"}, {"id":3,"x":"\ud800","mail":"a@b"}]"#).unwrap();
        let payloads: Vec<_> = page.records.iter().map(|record| std::str::from_utf8(page.payload(record)).unwrap()).collect();
        assert_eq!(payloads, [r#"{"id": 1}"#, r#"{"id":2,"mail":null}"#, r#"{"id":3,"x":"\ufffd","mail":null}"#]);
        assert!(matches!(page.records[0].payload, Payload::Slice(_)));
        let (original, defect) = page.records[2].defect.clone().unwrap();
        assert_eq!((original.as_slice(), defect.as_str()), (br#"{"id":3,"x":"\ud800","mail":null}"#.as_slice(), "lone surrogate"));
    }

    #[test]
    fn records_of_a_batch_find_their_partition() {
        let keys = "params = { id = \"{id}\" }\npartition = [\"id\"]\nbatch = { column = \"id\", size = 9, join = \",\", match = \"/id\" }\nkey = [\"@id\", \"/n\"]\nfor_each = \"x\"";
        let rows = || [5, 7].map(|id| vec![("id".to_owned(), Cell::Int(id))]).to_vec();
        let page = prepared(keys, rows(), br#"[{"id":7,"n":1},{"id":5,"n":2},{"id":7,"n":3}]"#).unwrap();
        let found: Vec<_> = page.records.iter().map(|record| (record.partition, record.key.as_str())).collect();
        assert_eq!(found, [(1, "[7,1]"), (0, "[5,2]"), (1, "[7,3]")]);
        let error = prepared(keys, rows(), br#"[{"id":9,"n":1}]"#).unwrap_err();
        assert!(error.to_string().contains("answers `9`, which was not asked for"), "{error}");
    }

    #[test]
    fn records_that_cannot_be_kept_are_named() {
        let window = "window = { field = \"/t\", from = \"a\", to = \"b\" }\nfor_each = \"x\"";
        let row = || vec![vec![("a".to_owned(), Cell::Null), ("b".to_owned(), Cell::Null)]];
        let cases: [(&str, Vec<Row>, &'static [u8], &str); 3] = [
            ("", vec![], br#"[{"id":1},{"x":2}]"#, "`demo_things`: record 2 of the page has nothing at `/id`"),
            ("", vec![], br#"[{"id":1,"x":tru}]"#, "record 1 of the page is no valid JSON"),
            (window, row(), br#"[{"id":1,"t":"soon"}]"#, "`\"soon\"` at `/t`, which is no time"),
        ];
        for (keys, rows, body, part) in cases {
            let error = prepared(keys, rows, body).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
