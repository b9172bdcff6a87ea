//! A small lake with small pulls, for the tests of this room.

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

use super::{
    Finished, Lake, Mode, Outcome, Receipt, Stop, WriteBudget, layout,
    receipt::{FileKind, RECEIPT_VERSION},
    record_file::{PullHead, RecordRow, RecordWriter},
    spool::{Spool, properties},
};

/// A lake in a folder that goes away with the first value.
pub(super) fn lake() -> (tempfile::TempDir, Lake) {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path().to_str().unwrap()).unwrap();
    (folder, lake)
}

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A file with these payloads as records of `testrail_cases`.
pub(super) fn records(payloads: &[&str]) -> Finished {
    records_of(Uuid::from_u128(2), payloads)
}

pub(super) fn records_of(pull_id: Uuid, payloads: &[&str]) -> Finished {
    let head = PullHead {
        run_id: Uuid::from_u128(1),
        pull_id,
        source: "testrail".into(),
        endpoint: "testrail_cases".into(),
        scope: "{}".into(),
        run_at: DateTime::UNIX_EPOCH,
    };
    let mut writer = RecordWriter::create(&WriteBudget::new(1 << 24, std::env::temp_dir()), &head).unwrap();
    for (record_no, payload) in (0..).zip(payloads) {
        let row = RecordRow {
            partition_no: 0,
            request_no: 0,
            record_no,
            record_key: "[1]",
            fetched_at: DateTime::UNIX_EPOCH,
            params: "{}",
            payload: payload.as_bytes(),
            payload_original: None,
            defect: None,
            window_at: None,
        };
        writer.push(&row).unwrap();
    }
    writer.finish().unwrap()
}

/// A file with one text column and more key-value metadata.
pub(super) fn records_with(payloads: &[&str], more: &[(&str, String)]) -> Finished {
    use arrow::{
        array::{RecordBatch, StringArray},
        datatypes::{DataType, Field, Schema},
    };
    let schema = std::sync::Arc::new(Schema::new(vec![Field::new("payload", DataType::Utf8, false)]));
    let mut spool = Spool::create(&WriteBudget::new(1 << 24, std::env::temp_dir()), schema.clone(), properties(more)).unwrap();
    let texts = StringArray::from_iter_values(payloads);
    spool.write(&RecordBatch::try_new(schema, vec![std::sync::Arc::new(texts)]).unwrap()).unwrap();
    spool.finish().unwrap()
}

/// A receipt of a pull of `testrail_cases` without files.
pub(super) fn receipt(run_at: &str) -> Receipt {
    let run_at = at(run_at);
    Receipt {
        version: RECEIPT_VERSION,
        run_id: Uuid::from_u128(1),
        pull_id: Uuid::now_v7(),
        source: "testrail".into(),
        endpoint: "testrail_cases".into(),
        scope: serde_json::from_str(r#"{"project_id":17}"#).unwrap(),
        part: 0,
        mode: Mode::Full,
        outcome: Outcome::Complete,
        stop: Stop::NoNext,
        error: None,
        warnings: Vec::new(),
        cursor: None,
        window_from: None,
        window_to: None,
        expected: Some(0),
        records: 0,
        defects: 0,
        requests: 1,
        retries: 0,
        bytes: 2,
        partitions: Vec::new(),
        files: Vec::new(),
        redacted: Vec::new(),
        host: "127.0.0.1".into(),
        definition: "0123456789abcdef".into(),
        etl: "0.1.0".into(),
        run_at,
        started: run_at,
        finished: run_at + Duration::minutes(1),
    }
}

/// Uploads records for a receipt and names them in it.
pub(super) async fn land(lake: &Lake, receipt: &mut Receipt, payloads: &[&str]) {
    let file = records_of(receipt.pull_id, payloads);
    let path = layout::records("testrail", "cases", receipt.run_at.date_naive(), receipt.pull_id);
    assert!(lake.upload_new(&path, &file.path).await.unwrap().is_new());
    receipt.records = file.rows;
    receipt.files.push(file.file(&path, FileKind::Records));
}

/// Makes an object look as old as `modified` by the store's clock.
pub(super) fn backdate(lake: &Lake, path: &str, modified: DateTime<Utc>) {
    let file = fs_err::OpenOptions::new().write(true).open(lake.local_path(path).unwrap()).unwrap();
    file.file().set_modified(modified.into()).unwrap();
}
