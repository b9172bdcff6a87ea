//! What an API answers to one request, before a fault spoils it.

use std::ops::Range;

use super::json::{Style, Value};

/// One HTTP answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) retry_after: Option<String>,
    /// Further headers, names in lower case.
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    /// Where the records are, for faults that spoil exactly them.
    pub(super) records: Option<Records>,
}

/// Where the array of records stands in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Records {
    /// The member of the envelope: name, colon and array, with the comma before it where there is one.
    pub(super) member: Range<usize>,
    /// The array, brackets included.
    pub(super) array: Range<usize>,
}

const JSON: &str = "application/json; charset=utf-8";

impl Answer {
    /// A JSON body with this status.
    pub(super) fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, content_type: JSON, retry_after: None, headers: Vec::new(), body: body.into(), records: None }
    }

    /// Plain text.
    pub(super) fn text(status: u16, body: &str) -> Self {
        Self { content_type: "text/plain; charset=utf-8", ..Self::json(status, body) }
    }

    /// A value, written in `style`, with status 200.
    pub(super) fn value(value: &Value, style: Style) -> Self {
        let mut body = Vec::new();
        value.write(style, &mut body);
        Self::json(200, body)
    }

    /// An HTML page.
    pub(super) fn html(status: u16, body: &str) -> Self {
        Self { content_type: "text/html; charset=UTF-8", ..Self::json(status, body) }
    }

    /// `head`, then `"name":[records]}`; `head` is the opening brace and what stands before the array.
    pub(super) fn envelope(head: &str, name: &str, records: impl Iterator<Item = Vec<u8>>) -> Self {
        let mut body = head.as_bytes().to_vec();
        let member = body.len();
        if !head.ends_with('{') {
            body.push(b',');
        }
        body.extend_from_slice(format!("\"{name}\":").as_bytes());
        let array = body.len();
        body.push(b'[');
        for (number, record) in records.enumerate() {
            if number > 0 {
                body.push(b',');
            }
            body.extend_from_slice(&record);
        }
        body.push(b']');
        let end = body.len();
        body.push(b'}');
        Self { records: Some(Records { member: member..end, array: array..end }), ..Self::json(200, body) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_knows_where_its_records_are() {
        let answer = Answer::envelope(r#"{"size":2"#, "runs", [b"{}".to_vec(), b"1".to_vec()].into_iter());
        assert_eq!(answer.body, br#"{"size":2,"runs":[{},1]}"#);
        let records = answer.records.unwrap();
        assert_eq!(&answer.body[records.array], b"[{},1]");
        assert_eq!(&answer.body[records.member], br#","runs":[{},1]"#);
        assert_eq!(Answer::envelope("{", "bugs", std::iter::empty()).body, br#"{"bugs":[]}"#);
    }
}
