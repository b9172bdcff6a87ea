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
    error::{Error, Kind},
    scan,
    secret::{has_credential, scrub_record},
};

/// The key of a record whose own cannot be read. Sound records never have it: null is not a key.
const NO_KEY: &str = "[null]";

/// A page of records, ready to be written.
#[derive(Debug)]
pub struct Page {
    /// The body that unchanged records are slices of.
    pub body: Bytes,
    /// In the order of the body.
    pub records: Vec<Record>,
    /// The values that key-set paging goes by.
    pub ordered: Vec<Value>,
    /// Why the pull cannot be complete: the first record that cannot be used.
    pub problem: Option<Error>,
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

/// Characters of a record that an error message shows.
const SHOWN: usize = 80;

/// Prepares a page of `call`, the response to request `request_no`.
///
/// A record that cannot be used (no key, broken beyond repair, not requested, a window time that is not a time) is part of
/// the page all the same, with what is wrong as its defect. [`Page::problem`] then names the first one.
pub fn prepare(endpoint: &Endpoint, pull: &Pull, call: &Call, request_no: u32, body: Bytes, sliced: &Sliced) -> Page {
    let (mut records, mut ordered, mut problem) = (Vec::with_capacity(sliced.records.len()), Vec::new(), None);
    let has_credential = has_credential(&body);
    for (record_no, range) in (0_u32..).zip(&sliced.records) {
        let received = &body[range.clone()];
        let scrubbed = if has_credential { scrub_record(received) } else { None };
        let raw = scrubbed.as_deref().unwrap_or(received);
        let kept = match &scrubbed {
            None => redact(raw, &endpoint.redact),
            Some(scrubbed) => Cow::Owned(redact(scrubbed, &endpoint.redact).into_owned()),
        };
        let mut problems = Vec::new();
        let partition = partition_of(endpoint, pull, call, raw).unwrap_or_else(|what| {
            problems.push(what);
            call.partitions.start
        });
        let key = record_key(raw, &endpoint.key, &pull.partitions[partition].params).unwrap_or_else(|pointer| {
            problems.push(format!("has no usable value at `{pointer}`, which is part of its key"));
            NO_KEY.to_owned()
        });
        let window_at = endpoint.window.as_ref().and_then(|window| {
            instant_at(raw, &window.field).unwrap_or_else(|text| {
                problems.push(format!("has `{}` at `{}`, which is not a time", shortened(text.as_bytes()), window.field));
                None
            })
        });
        if let Paging::KeySet { key, .. } = &endpoint.page {
            let value = scan::find(raw, key).and_then(|range| serde_json::from_slice(&raw[range]).ok());
            ordered.push(value.unwrap_or_else(|| {
                problems.push(format!("has no usable value at `{key}`, by which the list is paged"));
                Value::Null
            }));
        }
        let (payload, mut defect) = match (check(&kept, sliced.checked), &kept) {
            (Ok(Checked::Sound), Cow::Borrowed(_)) => (Payload::Slice(range.clone()), None),
            (Ok(Checked::Sound), Cow::Owned(text)) => (Payload::Own(String::from_utf8_lossy(text).into_owned()), None),
            (Ok(Checked::Repaired { payload, defect }), original) => (Payload::Own(payload), Some((original.to_vec(), defect))),
            (Err(what), original) => {
                problems.push(format!("is not valid JSON ({what})"));
                (Payload::Own("null".to_owned()), Some((original.to_vec(), String::new())))
            }
        };
        if scrubbed.is_some() {
            let (_, defects) = defect.get_or_insert_with(|| (kept.to_vec(), String::new()));
            *defects = if defects.is_empty() { SECRET.to_owned() } else { format!("{defects}, {SECRET}") };
        }
        if !problems.is_empty() {
            let what = problems.join(", ");
            let (_, defects) = defect.get_or_insert_with(|| (kept.to_vec(), String::new()));
            *defects = if defects.is_empty() { what.clone() } else { format!("{what}, {defects}") };
            problem.get_or_insert_with(|| {
                let place = format!("`{}`: the record with request_no {request_no} and record_no {record_no}", endpoint.id);
                Error::new(Kind::BadResponse, format!("{place} {what}: `{}`", shortened(&kept)))
                    .hint("`defect` in the pull's records file names the record; correct it in its system, or the endpoint in the source file")
            });
        }
        records.push(Record { partition, record_no, key, payload, defect, window_at });
    }
    Page { body, records, ordered, problem }
}

/// The start of a text on one line.
fn shortened(text: &[u8]) -> String {
    let start = String::from_utf8_lossy(&text[..text.len().min(4 * SHOWN)]);
    let line: String = start.chars().take(SHOWN).map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if line.len() < text.len() { format!("{line}…") } else { line }
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

    fn prepared(keys: &str, rows: Vec<Row>, body: &'static [u8]) -> Page {
        let endpoint = endpoint(keys);
        let run_at = "2026-03-10T04:00:00Z".parse().unwrap();
        let run = RunRow { run_at, as_of: run_at, projects: vec![], window_start: None, window_end: None, full_refresh: false };
        let pull = plan(&endpoint, "", rows, &run, &Known::default(), 500).unwrap().remove(0);
        let sliced = slice(body, &endpoint.records, endpoint.bare_array).unwrap();
        prepare(&endpoint, &pull, &pull.calls[0], 4, Bytes::from_static(body), &sliced)
    }

    #[test]
    fn payloads_are_slices_unless_something_had_to_change() {
        let keys = "redact = [\"/mail\"]";
        let page = prepared(keys, vec![], br#"[{"id": 1}, {"id":2,"mail":"a@b"}, {"id":3,"x":"\ud800","mail":"a@b"}]"#);
        assert!(page.problem.is_none());
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
        let page = prepared(keys, rows(), br#"[{"id":7,"n":1},{"id":5,"n":2},{"id":7,"n":3}]"#);
        let found: Vec<_> = page.records.iter().map(|record| (record.partition, record.key.as_str())).collect();
        assert_eq!(found, [(1, "[7,1]"), (0, "[5,2]"), (1, "[7,3]")]);
        let error = prepared(keys, rows(), br#"[{"id":9,"n":1}]"#).problem.unwrap();
        assert!(error.to_string().contains("answers `9`, which was not asked for"), "{error}");
    }

    #[test]
    fn unusable_records_are_landed_and_named() {
        let window = "window = { field = \"/t\", from = \"a\", to = \"b\" }\nfor_each = \"x\"";
        let row = || vec![vec![("a".to_owned(), Cell::Null), ("b".to_owned(), Cell::Null)]];
        let no_key = "has no usable value at `/id`, which is part of its key";
        /// Keys of the endpoint, rows of its query, body, payload of the unusable record, and its problem.
        type Case = (&'static str, Vec<Row>, &'static [u8], &'static str, &'static str);
        let cases: [Case; 5] = [
            ("", vec![], br#"[{"id":1},{"x":2},{"id":3}]"#, r#"{"x":2}"#, no_key),
            ("", vec![], br#"[{"id":1},{"id":null},{"id":3}]"#, r#"{"id":null}"#, no_key),
            ("redact = [\"/m\"]", vec![], br#"[{"id":1},{"m":"a@b"}]"#, r#"{"m":null}"#, no_key),
            ("", vec![], br#"[{"id":1},{"id":2,"x":tru}]"#, "null", "is not valid JSON (expected ident"),
            (window, row(), br#"[{"id":1,"t":5},{"id":2,"t":"soon"}]"#, r#"{"id":2,"t":"soon"}"#, "has `\"soon\"` at `/t`, which is not a time"),
        ];
        for (keys, rows, body, payload, what) in cases {
            let page = prepared(keys, rows, body);
            assert!(page.records.len() > 1, "the others are landed too");
            let record = &page.records[1];
            assert_eq!(page.payload(record), payload.as_bytes());
            assert!(record.defect.as_ref().is_some_and(|(_, defect)| defect.starts_with(what)), "{record:?}");
            let error = page.problem.unwrap();
            let expected = format!("`demo_things`: the record with request_no 4 and record_no 1 {what}");
            assert!(error.to_string().starts_with(&expected) && !error.to_string().contains("a@b"), "{error}");
        }
    }

    #[test]
    fn messages_show_the_start_of_a_record() {
        let body = format!("[{{\"x\":\"{}\"}}]", "\u{e9} ".repeat(3_000)).into_bytes();
        let shown = prepared("", vec![], Box::leak(body.into_boxed_slice())).problem.unwrap().to_string();
        assert!(shown.ends_with("…`") && shown.contains("`{\"x\":\"\u{e9} ") && shown.chars().count() < 250, "{shown}");
    }
}
