//! Single values of a record as bytes: the text that a batch is told apart by, the time that decides whether it lies in a window.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde_json::Value;

use crate::scan;

/// The value at `pointer` as plain text, for matching answers of a batch with what was asked.
pub fn plain_text(record: &[u8], pointer: &str) -> Option<String> {
    match serde_json::from_slice(&record[scan::find(record, pointer)?]) {
        Ok(Value::String(text)) => Some(text),
        Ok(Value::Null) | Err(_) => None,
        Ok(other) => Some(other.to_string()),
    }
}

/// The instant at `pointer`: Unix seconds or ISO 8601. `Ok(None)` if it is missing or null.
///
/// # Errors
/// The text of a value that is no instant.
pub fn instant_at(record: &[u8], pointer: &str) -> Result<Option<DateTime<Utc>>, String> {
    let Some(range) = scan::find(record, pointer) else { return Ok(None) };
    let text = String::from_utf8_lossy(&record[range]).into_owned();
    match serde_json::from_str(&text) {
        Ok(Value::Null) => Ok(None),
        Ok(Value::Number(number)) => {
            let micros = number.as_i64().and_then(|seconds| seconds.checked_mul(1_000_000));
            #[expect(clippy::cast_possible_truncation, reason = "a time is cut to microseconds; out of range saturates and is refused below")]
            let micros = micros.or_else(|| number.as_f64().map(|seconds| (seconds * 1e6).floor() as i64));
            micros.and_then(DateTime::from_timestamp_micros).map(Some).ok_or(text)
        }
        Ok(Value::String(inside)) => iso(&inside).map(Some).ok_or(text),
        _ => Err(text),
    }
}

/// ISO 8601 as APIs write it: with `Z`, with an offset with or without a colon, without any (UTC), or a date alone.
fn iso(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    if let Ok(time) = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z") {
        return Some(time.to_utc());
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
            return Some(time.and_utc());
        }
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|day| day.and_time(NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants() {
        let second = "2025-01-02T03:04:05Z";
        for (value, expected) in [
            ("1735787045", Ok(Some(second))),
            ("1735787045.0", Ok(Some(second))),
            ("\"2025-01-02T03:04:05Z\"", Ok(Some(second))),
            ("\"2025-01-02T04:04:05.000+0100\"", Ok(Some(second))),
            ("\"2025-01-02T04:04:05+01:00\"", Ok(Some(second))),
            ("\"2025-01-02 03:04:05\"", Ok(Some(second))),
            ("null", Ok(None)),
            ("\"soon\"", Err(())),
            ("true", Err(())),
        ] {
            let record = format!("{{\"t\":{value}}}");
            let found = instant_at(record.as_bytes(), "/t").map_err(|_| ());
            assert_eq!(found, expected.map(|time| time.map(|text: &str| text.parse().unwrap())), "{value}");
        }
        assert_eq!(instant_at(b"{}", "/t"), Ok(None));
    }
}
