//! What the lake holds of single records: their bytes, and the exchange that brought them. And rows of results by their key.

use super::{
    moment::Moment,
    row::{Row, Value},
    session::{literal, parquet, quoted},
};
use crate::{
    error::Result,
    lake::{FileKind, Local, Receipt},
};

/// One landed record, found by its place in a pull.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// JSON array of the key.
    pub key: String,
    /// The record as it stood in the body.
    pub payload: String,
    /// What was wrong with it.
    pub defect: Option<String>,
    /// The parameters of its partition.
    pub params: String,
    /// The request: `GET`.
    pub method: String,
    /// Its URL, secrets masked.
    pub url: String,
    /// HTTP status.
    pub status: Option<i64>,
    /// Start of its last attempt, UTC.
    pub started: String,
    /// Attempts.
    pub attempts: i64,
}

impl Moment<'_> {
    /// The record at a place in a pull, and the exchange that brought it.
    ///
    /// # Errors
    /// [`crate::error::Kind::Lake`] if a file of the pull is missing.
    pub fn evidence(&self, receipt: &Receipt, request_no: i64, record_no: i64) -> Result<Evidence> {
        let mut evidence = Evidence::default();
        let files = |kind: FileKind| self.engine().local(receipt.files.iter().filter(|file| file.kind == kind && file.rows > 0));
        let records = files(FileKind::Records)?;
        if !records.paths().is_empty() {
            let sql = format!(
                "select record_key, payload::varchar, defect, params::varchar from {} where request_no = {request_no} and record_no = {record_no}",
                parquet(records.paths(), "")
            );
            if let Some([(_, key), (_, payload), (_, defect), (_, params)]) = self.rows(&sql)?.first().map(Vec::as_slice) {
                (evidence.key, evidence.payload, evidence.params) = (text(key), text(payload), text(params));
                evidence.defect = Some(text(defect)).filter(|defect| !defect.is_empty());
            }
        }
        let requests = files(FileKind::Requests)?;
        if !requests.paths().is_empty() {
            let sql = format!(
                "select method, url, status, (started at time zone 'UTC')::varchar, attempts from {} where request_no = {request_no}",
                parquet(requests.paths(), "")
            );
            if let Some([(_, method), (_, url), (_, status), (_, started), (_, attempts)]) = self.rows(&sql)?.first().map(Vec::as_slice) {
                (evidence.method, evidence.url, evidence.started) = (text(method), text(url), text(started));
                evidence.status = number(status);
                evidence.attempts = number(attempts).unwrap_or(1);
            }
        }
        Ok(evidence)
    }

    /// The rows of a result in these files whose columns are written like these texts, all columns as texts.
    ///
    /// # Errors
    /// [`crate::error::Kind::Sql`].
    pub fn rows_like(&self, files: &Local, key: &[(String, String)], limit: usize) -> Result<Vec<Row>> {
        if files.paths().is_empty() {
            return Ok(Vec::new());
        }
        let terms: Vec<String> = key.iter().map(|(column, text)| format!("{}::varchar = {}", quoted(column), literal(text))).collect();
        self.rows(&format!(
            "select columns(*)::varchar from {} where {} limit {limit}",
            parquet(files.paths(), ""),
            if terms.is_empty() { "true".to_owned() } else { terms.join(" and ") }
        ))
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Text(text) => text.clone(),
        other => other.to_json().to_string(),
    }
}

fn number(value: &Value) -> Option<i64> {
    if let Value::Int(number) = value { Some(*number) } else { None }
}
