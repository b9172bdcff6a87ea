//! Records that DuckDB or serde_json would refuse: kept as they are, repaired beside it, and named.
//!
//! One lone surrogate would fail a whole DuckDB statement, so no such record may reach `payload` unrepaired. The check is
//! cheap for sound records: only an escape that begins like a surrogate, or a body that serde_json refused, is looked at closer.

use std::{borrow::Cow, sync::LazyLock};

use memchr::memmem;
use serde::de::IgnoredAny;

use crate::scan;

/// Levels that a record may be nested. DuckDB's JSON functions overflow a stack of 2 MB between 5,000 and 10,000 levels.
pub const NESTING_LIMIT: usize = 1_000;

/// A record that may be landed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// The bytes can be read as they are.
    Sound,
    /// A repaired copy, and what was wrong with the original.
    Repaired {
        /// What DuckDB can read.
        payload: String,
        /// For example `lone surrogate, NaN or Infinity`.
        defect: String,
    },
}

/// Looks at one record. `checked` says that serde_json has accepted it already, as UTF-8 and as JSON.
///
/// # Errors
/// What is wrong, for a record whose syntax no repair can save: such an answer cannot be trusted.
pub fn check(record: &[u8], checked: bool) -> Result<Checked, String> {
    let deep = scan::deeper_than(record, NESTING_LIMIT);
    if deep.is_empty() {
        return check_syntax(record, checked);
    }
    let cut = scan::without(record, &deep);
    let nested = format!("nested more than {NESTING_LIMIT} levels deep");
    Ok(match check_syntax(&cut, checked)? {
        Checked::Sound => Checked::Repaired { payload: String::from_utf8_lossy(&cut).into_owned(), defect: nested },
        Checked::Repaired { payload, defect } => Checked::Repaired { payload, defect: format!("{nested}, {defect}") },
    })
}

fn check_syntax(record: &[u8], checked: bool) -> Result<Checked, String> {
    let sound = checked || std::str::from_utf8(record).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
    if sound && !has_lone_surrogate(record) {
        return Ok(Checked::Sound);
    }
    let (payload, found) = repair(record);
    if let Err(error) = serde_json::from_str::<IgnoredAny>(&payload) {
        return Err(error.to_string());
    }
    Ok(Checked::Repaired { payload, defect: found.join(", ") })
}

/// Built once: building it costs as much as searching a short record.
static ESCAPE: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"\\u"));

/// Whether an escape is half of a surrogate pair. The text's strings must be sound otherwise.
fn has_lone_surrogate(text: &[u8]) -> bool {
    let mut at = 0;
    while let Some(found) = ESCAPE.find(&text[at..]) {
        let position = at + found;
        at = position + 2;
        let backslashes = text[..position].iter().rev().take_while(|byte| **byte == b'\\').count();
        if backslashes % 2 == 1 {
            // The backslash is itself escaped: text, no escape.
            continue;
        }
        match unit(text, position) {
            Some(0xD800..=0xDBFF) if matches!(unit(text, position + 6), Some(0xDC00..=0xDFFF)) => at = position + 12,
            Some(0xD800..=0xDFFF) => return true,
            _ => {}
        }
    }
    false
}

/// The code unit of the escape `\uXXXX` at `at`.
fn unit(text: &[u8], at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Makes a copy that a parser takes, and names what had to be changed, each thing once.
fn repair(record: &[u8]) -> (String, Vec<&'static str>) {
    let mut found = Vec::new();
    let mut note = |what: &'static str| {
        if !found.contains(&what) {
            found.push(what);
        }
    };
    let text = String::from_utf8_lossy(record);
    if matches!(text, Cow::Owned(_)) {
        note("invalid UTF-8");
    }
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len() + 16);
    let mut inside = false;
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let step = match (inside, bytes[at]) {
            (_, b'"') => {
                inside = !inside;
                out.push('"');
                1
            }
            (true, b'\\') => escape(bytes, at, &mut out, &mut note),
            (true, byte) if byte < 0x20 => {
                note("control character");
                out.push_str(&format!("\\u{byte:04x}"));
                1
            }
            (false, b'N' | b'I' | b'-') if number_word(rest).is_some() => {
                note("NaN or Infinity");
                out.push_str("null");
                number_word(rest).unwrap_or(1)
            }
            _ => {
                let length = rest.chars().next().map_or(1, char::len_utf8);
                out.push_str(&rest[..length]);
                length
            }
        };
        at += step;
    }
    (out, found)
}

/// Copies the escape at `at`, or what should stand there; returns its length.
fn escape(bytes: &[u8], at: usize, out: &mut String, note: &mut impl FnMut(&'static str)) -> usize {
    match (bytes.get(at + 1), unit(bytes, at)) {
        (_, Some(high @ 0xD800..=0xDBFF)) if matches!(unit(bytes, at + 6), Some(0xDC00..=0xDFFF)) => {
            let low = unit(bytes, at + 6).unwrap_or_default();
            out.push_str(&format!("\\u{high:04x}\\u{low:04x}"));
            12
        }
        (_, Some(0xD800..=0xDFFF)) => {
            note("lone surrogate");
            out.push_str("\\ufffd");
            6
        }
        (_, Some(unit)) => {
            out.push_str(&format!("\\u{unit:04x}"));
            6
        }
        (Some(letter @ (b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')), None) => {
            out.push('\\');
            out.push(char::from(*letter));
            2
        }
        _ => {
            note("invalid escape");
            out.push_str("\\\\");
            1
        }
    }
}

/// The length of `NaN`, `Infinity` or `-Infinity` at the start.
fn number_word(text: &str) -> Option<usize> {
    ["NaN", "Infinity", "-Infinity", "-NaN"].iter().find(|word| text.starts_with(**word)).map(|word| word.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_records_pass_untouched() {
        for text in [
            r#"{"id":1}"#,
            r#"{"a":"\ud83d\ude00 \u0000 \\ud800 \\\\ud800x"}"#,
            "{\"a\":\"😀 é\"}",
            r#"{"a":1e400,"b":-0.0,"c":123456789012345678901234567890}"#,
        ] {
            for checked in [true, false] {
                assert_eq!(check(text.as_bytes(), checked), Ok(Checked::Sound), "{text}");
            }
        }
    }

    #[test]
    fn defects_are_repaired_and_named() {
        let cases: [(&[u8], &str, &str); 9] = [
            (br#"{"a":"x\ud800y"}"#, r#"{"a":"x\ufffdy"}"#, "lone surrogate"),
            (br#"{"a":"\udc00\ud83d\ude00\ud83d"}"#, r#"{"a":"\ufffd\ud83d\ude00\ufffd"}"#, "lone surrogate"),
            (br#"{"a":"\\\ud800"}"#, r#"{"a":"\\\ufffd"}"#, "lone surrogate"),
            (br#"{"a":NaN,"b":[-Infinity,Infinity],"c":"NaN"}"#, r#"{"a":null,"b":[null,null],"c":"NaN"}"#, "NaN or Infinity"),
            (b"{\"a\":\"x\ty\x01\"}", r#"{"a":"x\u0009y\u0001"}"#, "control character"),
            (b"{\"a\":\"\xff\"}", "{\"a\":\"\u{fffd}\"}", "invalid UTF-8"),
            (b"{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\u{fffd}\u{fffd}\u{fffd}\"}", "invalid UTF-8"),
            (br#"{"a":"\x41"}"#, r#"{"a":"\\x41"}"#, "invalid escape"),
            (b"{\"a\":\"\\ud800\n\",\"b\":NaN}", r#"{"a":"\ufffd\u000a","b":null}"#, "lone surrogate, control character, NaN or Infinity"),
        ];
        for (record, payload, defect) in cases {
            let expected = Checked::Repaired { payload: payload.to_owned(), defect: defect.to_owned() };
            assert_eq!(check(record, false), Ok(expected), "{}", String::from_utf8_lossy(record));
        }
    }

    #[test]
    fn deep_records_are_cut_at_the_limit() {
        let nested = |levels: usize, inside: &str| format!("{{\"id\":1,\"a\":{}{inside}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(check(nested(NESTING_LIMIT - 1, "").as_bytes(), true), Ok(Checked::Sound));
        for (inside, defect) in [("1", "nested more than 1000 levels deep"), ("NaN", "nested more than 1000 levels deep")] {
            let expected = Checked::Repaired { payload: nested(NESTING_LIMIT - 1, "null"), defect: defect.to_owned() };
            assert_eq!(check(nested(100_000, inside).as_bytes(), inside == "1"), Ok(expected), "{inside}");
        }
        let both = format!("{{\"b\":NaN,{}", &nested(100_000, "")[1..]);
        let Ok(Checked::Repaired { defect, .. }) = check(both.as_bytes(), false) else { panic!("no defect") };
        assert_eq!(defect, "nested more than 1000 levels deep, NaN or Infinity");
    }

    #[test]
    fn what_cannot_be_repaired_is_refused() {
        for record in ["{\"a\":}", "{\"a\" 1}", "{a:1}", "{\"a\":tru}", "{\"a\":1,}"] {
            assert!(check(record.as_bytes(), false).is_err(), "{record}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_string_with_any_code_units_ends_as_valid_json(units in proptest::collection::vec(proptest::arbitrary::any::<u16>(), 0..12)) {
            let inside: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let record = format!("{{\"a\":\"{inside}\"}}");
            let sound = serde_json::from_str::<serde_json::Value>(&record).is_ok();
            match check(record.as_bytes(), true).unwrap() {
                Checked::Sound => proptest::prop_assert!(sound),
                Checked::Repaired { payload, .. } => {
                    proptest::prop_assert!(!sound);
                    let value: serde_json::Value = serde_json::from_str(&payload).unwrap();
                    proptest::prop_assert_eq!(value["a"].as_str().unwrap(), String::from_utf16_lossy(&units));
                }
            }
        }
    }
}
