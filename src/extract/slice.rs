//! Cuts a body into its records without touching a byte of them.
//!
//! The fast way lets serde_json check the whole body once and borrow each record from it. A body that it refuses because of
//! what stands inside records (NaN, raw control characters, invalid UTF-8) is cut by [`scan`]; whether its records can be
//! kept is decided record by record in [`super::defect`]. A body whose outer shape is broken is no answer at all.

use std::{fmt, ops::Range};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::{
    error::{Error, Kind, Result},
    scan,
};

/// Levels that are kept of an envelope; serde_json parses 127.
const ENVELOPE_DEPTH: usize = 100;

/// A body in parts. Ranges are byte ranges of the body.
#[derive(Clone, Debug, PartialEq)]
pub struct Sliced {
    /// The records in order.
    pub records: Vec<Range<usize>>,
    /// The whole body was accepted by serde_json: records need no further check of their syntax.
    pub checked: bool,
    /// The body with its records left out, parsed; null where the body is nothing but records.
    pub envelope: serde_json::Value,
    /// The body is the array itself, where an envelope is usual.
    pub bare: bool,
}

/// Cuts `body`. `pointer` names the array; empty = the body is the array, or the one record. With `bare_array` an array is
/// accepted in the place of the envelope.
///
/// # Errors
/// [`Kind::BadResponse`] for a body that is cut or is not JSON outside its records; [`Kind::WrongShape`] for one without an
/// array at `pointer`.
pub fn slice(body: &[u8], pointer: &str, bare_array: bool) -> Result<Sliced> {
    let begin = if body.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let begin = scan::skip_blanks(body, begin);
    let is_array = body.get(begin) == Some(&b'[');
    let bare = is_array && bare_array && !pointer.is_empty();
    let pointer = if bare { "" } else { pointer };
    let start = scan::start_of(body, begin, pointer);
    let one_record = pointer.is_empty() && !is_array;
    let fast = (!one_record).then(|| borrowed(body, begin, pointer)).flatten();
    let (records, array_end, checked) = match (fast, start) {
        (Some(records), Some(start)) => {
            let after = records.last().map_or(start + 1, |last| last.end);
            (records, scan::skip_blanks(body, after) + 1, true)
        }
        (_, None) => {
            if scan::value_end(body, begin).is_none() {
                return Err(bad("the JSON is cut"));
            }
            return Err(Error::new(Kind::WrongShape, format!("there is nothing at `{pointer}`, where the records should be")));
        }
        (None, Some(start)) if one_record => {
            let end = scan::value_end(body, start).ok_or_else(|| bad("the JSON is cut"))?;
            (std::iter::once(start..end).collect(), end, false)
        }
        (None, Some(start)) => {
            if scan::value_end(body, begin).is_none() {
                return Err(bad("the JSON is cut"));
            }
            if body.get(start) != Some(&b'[') {
                let place = if pointer.is_empty() { "the body".to_owned() } else { format!("the value at `{pointer}`") };
                return Err(Error::new(Kind::WrongShape, format!("{place} is not an array of records")));
            }
            let (records, end) = scan::elements(body, start).ok_or_else(|| bad("the JSON is cut, or the array of records is broken"))?;
            (records, end, false)
        }
    };
    let envelope = if pointer.is_empty() {
        if scan::skip_blanks(body, array_end) != body.len() {
            return Err(bad("something follows the JSON"));
        }
        serde_json::Value::Null
    } else {
        let start = start.unwrap_or(begin);
        let text = [&body[begin..start], b"[]", body.get(array_end..).unwrap_or_default()].concat();
        // What is outside the records must be sound: paging relies on it. Nothing that it reads lies deep.
        let text = scan::without(&text, &scan::deeper_than(&text, ENVELOPE_DEPTH));
        serde_json::from_str(&String::from_utf8_lossy(&text)).map_err(|error| bad("the answer around the records is no valid JSON").because(error))?
    };
    Ok(Sliced { records, checked, envelope, bare })
}

fn bad(what: &str) -> Error {
    Error::new(Kind::BadResponse, what)
}

/// The elements of the array at `pointer`, if serde_json accepts the whole body and there is an array.
fn borrowed(body: &[u8], begin: usize, pointer: &str) -> Option<Vec<Range<usize>>> {
    let tokens: Vec<String> = pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect();
    let mut deserializer = serde_json::Deserializer::from_slice(&body[begin..]);
    let found = Seek(&tokens).deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    let base = body.as_ptr() as usize;
    let range = |raw: &RawValue| {
        // A borrowed slice of `body`: its distance from the start is its position.
        let start = raw.get().as_ptr() as usize - base;
        start..start + raw.get().len()
    };
    Some(found?.into_iter().map(range).collect())
}

/// Follows the tokens of a pointer and borrows the elements of the array it leads to.
struct Seek<'t>(&'t [String]);

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = Option<Vec<&'de RawValue>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = Option<Vec<&'de RawValue>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array on the way to the records")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            match self.0.split_first() {
                // Of equal keys the first counts, as in `scan` and in DuckDB.
                Some((token, rest)) if found.is_none() && *token == key => found = Some(map.next_value_seed(Seek(rest))?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found.flatten())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> std::result::Result<Self::Value, A::Error> {
        let Some((token, rest)) = self.0.split_first() else {
            let mut records = Vec::new();
            while let Some(record) = sequence.next_element::<&'de RawValue>()? {
                records.push(record);
            }
            return Ok(Some(records));
        };
        let mut found = None;
        let mut position = 0_usize;
        loop {
            if token.parse() == Ok(position) {
                match sequence.next_element_seed(Seek(rest))? {
                    Some(records) => found = records,
                    None => return Ok(found),
                }
            } else if sequence.next_element::<IgnoredAny>()?.is_none() {
                return Ok(found);
            }
            position += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts<'a>(body: &'a [u8], sliced: &Sliced) -> Vec<std::borrow::Cow<'a, str>> {
        sliced.records.iter().map(|range| String::from_utf8_lossy(&body[range.clone()])).collect()
    }

    #[test]
    fn a_deep_envelope_is_cut() {
        let body = format!("{{\"deep\":{}{},\"plans\":[1],\"next\":null}}", "[".repeat(100_000), "]".repeat(100_000));
        let sliced = slice(body.as_bytes(), "/plans", false).unwrap();
        assert_eq!(parts(body.as_bytes(), &sliced), ["1"]);
        let kept = sliced.envelope.to_string();
        assert!(kept.ends_with(",\"plans\":[],\"next\":null}") || kept.contains("\"plans\":[]"), "{kept}");
        assert_eq!(kept.matches('[').count(), ENVELOPE_DEPTH, "99 levels and the records");
    }

    #[test]
    fn records_are_the_bytes_of_the_body() {
        let cases: [(&str, &str, bool, &[&str], &str); 9] = [
            ("[ {\"a\" : 1}\n,{ \"b\":[2]} ]", "", false, &["{\"a\" : 1}", "{ \"b\":[2]}"], "null"),
            (
                "{\"size\":2,\"plans\": [{\"id\":1.50} , {\"id\":2}],\"n\":null}",
                "/plans",
                true,
                &["{\"id\":1.50}", "{\"id\":2}"],
                "{\"size\":2,\"plans\":[],\"n\":null}",
            ),
            ("{\"plans\":[ ]}", "/plans", true, &[], "{\"plans\":[]}"),
            ("[{\"id\":1}]", "/plans", true, &["{\"id\":1}"], "null"),
            (" {\"id\":1, \"x\":\"\\u00e9\"} \n", "", false, &["{\"id\":1, \"x\":\"\\u00e9\"}"], "null"),
            ("{\"a\":{\"b\":[1,2]},\"c\":3}", "/a/b", false, &["1", "2"], "{\"a\":{\"b\":[]},\"c\":3}"),
            ("{\"bugs\":[{\"h\":[7,8]}]}", "/bugs/0/h", false, &["7", "8"], "{\"bugs\":[{\"h\":[]}]}"),
            ("\u{feff}[1]", "", false, &["1"], "null"),
            ("{\"plans\":[{\"v\":NaN},{\"v\":\"a\tb\"}]}", "/plans", true, &["{\"v\":NaN}", "{\"v\":\"a\tb\"}"], "{\"plans\":[]}"),
        ];
        for (body, pointer, bare, records, envelope) in cases {
            let sliced = slice(body.as_bytes(), pointer, bare).unwrap();
            assert_eq!(parts(body.as_bytes(), &sliced), records, "{body}");
            assert_eq!(sliced.envelope.to_string(), envelope, "{body}");
        }
    }

    #[test]
    fn broken_shapes_are_no_answers() {
        let cases = [
            ("{\"plans\":[{\"id\":1},", "/plans", "cut"),
            ("{\"plans\":[{\"id\":1}]", "/plans", "cut"),
            ("[{\"id\":1}", "", "cut"),
            ("{\"id\":1", "", "cut"),
            ("{\"plans\":\"oops\"}", "/plans", "not an array"),
            ("{\"plans\":{}}", "/plans", "not an array"),
            ("{\"other\":[]}", "/plans", "nothing at `/plans`"),
            ("[1]", "/plans", "nothing at `/plans`"),
            ("[1] x", "", "follows"),
            ("{\"plans\":[1 2]}", "/plans", "broken"),
            ("{\"plans\":[1],\"x\":NaN}", "/plans", "no valid JSON"),
        ];
        for (body, pointer, part) in cases {
            let error = slice(body.as_bytes(), pointer, false).unwrap_err();
            let shape = part.starts_with("not an array") || part.starts_with("nothing at");
            assert_eq!(error.kind(), if shape { Kind::WrongShape } else { Kind::BadResponse }, "{body}");
            assert!(error.to_string().contains(part), "{body}: {error}");
        }
    }

    #[test]
    fn invalid_utf_8_inside_a_record_is_cut_all_the_same() {
        let body = b"{\"plans\":[{\"a\":\"\xff\"},{\"a\":\"b\"}]}";
        let sliced = slice(body, "/plans", false).unwrap();
        assert!(!sliced.checked);
        assert_eq!(&body[sliced.records[0].clone()], b"{\"a\":\"\xff\"}");
        assert_eq!(sliced.records.len(), 2);
    }

    proptest::proptest! {
        #[test]
        fn both_ways_agree(values in proptest::collection::vec(proptest::arbitrary::any::<(String, Option<i32>, Vec<bool>)>(), 0..6)) {
            let body = serde_json::to_vec(&serde_json::json!({ "a": 1, "list": values })).unwrap();
            let sliced = slice(&body, "/list", false).unwrap();
            proptest::prop_assert!(sliced.checked);
            let start = scan::start_of(&body, 0, "/list").unwrap();
            proptest::prop_assert_eq!(scan::elements(&body, start).unwrap().0, sliced.records);
        }
    }
}
