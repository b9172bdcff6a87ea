//! `landed.<model>`: the raw rows of an endpoint, with what their receipt says of them.

use std::path::{Path, PathBuf};

use super::session::{instant, literal, parquet, parquet_in};
use crate::lake::Receipt;

/// Columns of `_meta` after the two that a receipt gives. Instants become UTC timestamps by arithmetic: `at time zone 'UTC'` says
/// the same, but asks ICU for every row, which was an eighth of the time of staging.
const META: &str = "pull_id := raw.pull_id, run_id := raw.run_id, run_at := {run_at}, pulled_at := {pulled_at}, \
    fetched_at := make_timestamp(epoch_us(raw.fetched_at)), scope := raw.scope, partition_no := raw.partition_no, request_no := raw.request_no, \
    record_no := raw.record_no, record_key := raw.record_key, window_at := make_timestamp(epoch_us(raw.window_at))";

const COLUMNS: &str = "raw.payload, raw.params, raw.scope, raw.record_key, make_timestamp(epoch_us(raw.fetched_at)) as fetched_at, raw.defect, \
    raw.run_id, raw.pull_id, raw.partition_no, raw.request_no, raw.record_no";

/// An empty file with the columns that a landed file has.
const NONE: &str = "(select null::varchar as run_id, null::varchar as pull_id, null::json as scope, null::integer as partition_no, \
    null::integer as request_no, null::integer as record_no, null::varchar as record_key, null::timestamptz as fetched_at, \
    null::timestamptz as window_at, null::json as params, null::json as payload, null::varchar as defect where false)";

fn meta(run_at: &str, pulled_at: &str) -> String {
    format!("struct_pack({}) as _meta", META.replace("{run_at}", run_at).replace("{pulled_at}", pulled_at))
}

/// The SELECT over the file of one pull. What is the same in all its rows comes from the receipt, so that it is neither read nor
/// worked with row by row.
pub(super) fn of_pull(file: &[PathBuf], receipt: &Receipt) -> String {
    format!(
        "select {}, {COLUMNS} from (select * replace ('{}' as run_id, '{}' as pull_id, {}::json as scope) from {}) as raw",
        meta(&instant(receipt.run_at), &instant(receipt.finished)),
        receipt.run_id,
        receipt.pull_id,
        literal(&receipt.scope_key()),
        parquet(file, "")
    )
}

/// The SELECT over the files of several pulls, one file each.
pub(super) fn of_several(files: &[PathBuf], receipts: &[&Receipt]) -> String {
    let pulls: Vec<String> =
        receipts.iter().map(|receipt| format!("('{}', {}, {})", receipt.pull_id, instant(receipt.run_at), instant(receipt.finished))).collect();
    format!(
        "select {}, {COLUMNS} from {} as raw join (values {}) as pull (pull_id, run_at, finished) on pull.pull_id = raw.pull_id",
        meta("pull.run_at", "pull.finished"),
        parquet(files, ""),
        pulls.join(", ")
    )
}

/// The SELECT over the files of several pulls; needs the relations `pulls` and `partitions`.
pub(super) fn of_pulls(files: &[PathBuf]) -> String {
    if files.is_empty() { empty() } else { counting(&parquet(files, "")) }
}

/// The SELECT over whatever pulls lie in `folder`, one folder a day; needs the relations `pulls` and `partitions`.
pub(super) fn of_folder(folder: &Path) -> String {
    // The exchanges of a pull have longer names.
    counting(&parquet_in(folder, "date=*/????????-????-????-????-????????????.parquet"))
}

/// Of these rows those that count.
fn counting(rows: &str) -> String {
    format!(
        "select {}, {COLUMNS} from {rows} as raw join pulls as pull on pull.pull_id = raw.pull_id and pull.complete \
         where not exists (select 1 from partitions as part where part.pull_id = raw.pull_id and part.partition_no = raw.partition_no and part.status <> 'ok')",
        meta("pull.run_at", "pull.finished"),
    )
}

/// The SELECT where nothing has landed: no rows, the right columns.
pub(super) fn empty() -> String {
    format!("select {}, {COLUMNS} from {NONE} as raw", meta("null::timestamp", "null::timestamp"))
}
