//! The key of a record as canonical JSON, and the time that decides whether it lies in a window.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde_json::Value;

use crate::http::scan;

/// The canonical JSON array of the key: `[17]`, `["fenix",3]`. `pointers` lead into the record; `columns` holds the values of the
/// `@columns` as JSON.
///
/// # Errors
/// The pointer that leads nowhere or to null: a record without its key cannot be told from others.
pub fn record_key<'p>(record: &[u8], pointers: &'p [String], columns: &serde_json::Map<String, Value>) -> Result<String, &'p str> {
    let mut key = String::with_capacity(24);
    key.push('[');
    for pointer in pointers {
        if key.len() > 1 {
            key.push(',');
        }
        match pointer.strip_prefix('@') {
            Some(column) => match columns.get(column) {
                Some(value) if !value.is_null() => key.push_str(&canonical(value)),
                _ => return Err(pointer),
            },
            None => push_value(&record[scan::find(record, pointer).ok_or(pointer.as_str())?], &mut key).ok_or(pointer.as_str())?,
        }
    }
    key.push(']');
    Ok(key)
}

fn push_value(value: &[u8], key: &mut String) -> Option<()> {
    let text = std::str::from_utf8(value).ok()?;
    // Plain numbers and plain texts are canonical as they are; they are nearly all keys.
    let plain_number = text.len() <= 15 && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    let plain_text = text.starts_with('"') && text.bytes().all(|byte| (0x20..0x7f).contains(&byte) && byte != b'\\');
    if plain_number || plain_text {
        key.push_str(text);
        return Some(());
    }
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Null) | Err(_) => None,
        Ok(value) => {
            key.push_str(&canonical(&value));
            Some(())
        }
    }
}

/// JSON without blanks and with keys in order.
pub fn canonical(value: &Value) -> String {
    let mut value = value.clone();
    value.sort_all_objects();
    value.to_string()
}

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
    fn keys() {
        let columns = serde_json::json!({"project":"fenix","none":null}).as_object().unwrap().clone();
        let record = r#"{"id": 17,"n":"a\u00e9","o":{"b":1,"a":-2.50},"null":null,"z":007,"big":123456789012345678}"#.as_bytes();
        let cases: [(&[&str], Result<&str, &str>); 7] = [
            (&["/id"], Ok("[17]")),
            (&["@project", "/n"], Ok("[\"fenix\",\"aé\"]")),
            (&["/o"], Ok("[{\"a\":-2.5,\"b\":1}]")),
            (&["/big"], Ok("[123456789012345678]")),
            (&["/id", "/missing"], Err("/missing")),
            (&["/null"], Err("/null")),
            (&["@none"], Err("@none")),
        ];
        for (pointers, expected) in cases {
            let pointers: Vec<String> = pointers.iter().map(|pointer| (*pointer).to_owned()).collect();
            assert_eq!(record_key(record, &pointers, &columns), expected.map(str::to_owned), "{pointers:?}");
        }
    }

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
