//! A tolerant reader of JSON's outer shape: where values begin and end, found by quotes and brackets alone.
//!
//! It works on bytes that no JSON parser takes (NaN, raw control characters, invalid UTF-8), says nothing about whether they
//! are valid, and copies nothing. All positions are byte offsets; `None` means cut or not there.

use std::{borrow::Cow, ops::Range};

/// The first position at or after `at` that is no white space.
pub fn skip_blanks(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
        at += 1;
    }
    at
}

/// The end of the string whose opening quote is at `at`.
pub fn string_end(text: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        let found = at + memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[found] == b'"' {
            return Some(found + 1);
        }
        at = found + 2;
    }
}

/// The end of the value that begins at `at`.
pub fn value_end(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at)? {
        b'"' => string_end(text, at),
        b'{' | b'[' => container_end(text, at),
        b'}' | b']' | b',' | b':' => None,
        _ => {
            let length =
                text[at..].iter().position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n')).unwrap_or(text.len() - at);
            Some(at + length)
        }
    }
}

fn container_end(text: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    loop {
        match text.get(at)? {
            b'"' => {
                at = string_end(text, at)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// Where the value that `pointer` names begins, looking from the value that begins at `at`. Of equal keys the first counts, as
/// in DuckDB.
pub fn start_of(text: &[u8], at: usize, pointer: &str) -> Option<usize> {
    let mut at = skip_blanks(text, at);
    for token in tokens(pointer) {
        at = match text.get(at)? {
            b'{' => member(text, at, &token)?,
            b'[' => element(text, at, token.parse().ok()?)?,
            _ => return None,
        };
    }
    text.get(at).map(|_| at)
}

/// The range of the value that `pointer` names, in a text that begins with its parent.
pub fn find(text: &[u8], pointer: &str) -> Option<Range<usize>> {
    let start = start_of(text, 0, pointer)?;
    Some(start..value_end(text, start)?)
}

/// The tokens of a JSON pointer.
fn tokens(pointer: &str) -> impl Iterator<Item = Cow<'_, str>> {
    pointer.split('/').skip(1).map(|token| if token.contains('~') { token.replace("~1", "/").replace("~0", "~").into() } else { token.into() })
}

/// Where the value of `key` begins in the object at `at`.
fn member(text: &[u8], at: usize, key: &str) -> Option<usize> {
    let mut at = skip_blanks(text, at + 1);
    while text.get(at) == Some(&b'"') {
        let end = string_end(text, at)?;
        let colon = skip_blanks(text, end);
        if text.get(colon) != Some(&b':') {
            return None;
        }
        let value = skip_blanks(text, colon + 1);
        if same_key(&text[at..end], key) {
            return Some(value);
        }
        at = next(text, value_end(text, value)?)?;
    }
    None
}

/// Calls `each` with every key of the object at `at` and where its value begins; ends early where the text is cut or not an object.
pub fn members<'t>(text: &'t [u8], at: usize, mut each: impl FnMut(Cow<'t, str>, usize)) {
    if text.get(at) != Some(&b'{') {
        return;
    }
    let mut at = skip_blanks(text, at + 1);
    while text.get(at) == Some(&b'"') {
        let Some(end) = string_end(text, at) else { return };
        let colon = skip_blanks(text, end);
        if text.get(colon) != Some(&b':') {
            return;
        }
        let value = skip_blanks(text, colon + 1);
        each(decoded(&text[at..end]), value);
        match value_end(text, value).and_then(|end| next(text, end)) {
            Some(following) => at = following,
            None => return,
        }
    }
}

/// Where each element of the array at `at` begins, as far as the text is not cut.
pub fn starts_of_elements(text: &[u8], at: usize) -> impl Iterator<Item = usize> {
    let first = skip_blanks(text, at + 1);
    let first = (text.get(at) == Some(&b'[') && text.get(first).is_some_and(|byte| *byte != b']')).then_some(first);
    std::iter::successors(first, |at| next(text, value_end(text, *at)?))
}

/// The text of a quoted key.
fn decoded(quoted: &[u8]) -> Cow<'_, str> {
    let inside = String::from_utf8_lossy(&quoted[1..quoted.len() - 1]);
    if inside.contains('\\') { serde_json::from_slice(quoted).map_or(inside, Cow::Owned) } else { inside }
}

/// Where element `index` of the array at `at` begins.
fn element(text: &[u8], at: usize, index: usize) -> Option<usize> {
    let mut at = skip_blanks(text, at + 1);
    for _ in 0..index {
        at = next(text, value_end(text, at)?)?;
    }
    (*text.get(at)? != b']').then_some(at)
}

/// The position after the comma that follows a value.
fn next(text: &[u8], end: usize) -> Option<usize> {
    let comma = skip_blanks(text, end);
    (text.get(comma) == Some(&b',')).then(|| skip_blanks(text, comma + 1))
}

fn same_key(quoted: &[u8], key: &str) -> bool {
    let inside = &quoted[1..quoted.len() - 1];
    if inside == key.as_bytes() {
        return true;
    }
    inside.contains(&b'\\') && serde_json::from_slice::<String>(quoted).is_ok_and(|decoded| decoded == key)
}

/// The ranges of all elements of the array that begins at `at`, and the array's end.
pub fn elements(text: &[u8], at: usize) -> Option<(Vec<Range<usize>>, usize)> {
    let mut found = Vec::new();
    let mut at = skip_blanks(text, at + 1);
    if text.get(at) == Some(&b']') {
        return Some((found, at + 1));
    }
    loop {
        let end = value_end(text, at)?;
        found.push(at..end);
        let after = skip_blanks(text, end);
        match text.get(after)? {
            b',' => at = skip_blanks(text, after + 1),
            b']' => return Some((found, after + 1)),
            _ => return None,
        }
    }
}

/// The ranges of the containers that lie more than `limit` levels deep, in order; none if the text is not nested that deep.
pub fn deeper_than(text: &[u8], limit: usize) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    // Each level takes two bytes, and most texts have fewer brackets than levels are allowed.
    if text.len() <= 2 * limit || memchr::memchr2_iter(b'[', b'{', text).nth(limit).is_none() {
        return found;
    }
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => match string_end(text, at) {
                Some(end) => {
                    at = end;
                    continue;
                }
                None => break,
            },
            b'{' | b'[' if depth == limit => match value_end(text, at) {
                Some(end) => {
                    found.push(at..end);
                    at = end;
                    continue;
                }
                None => break,
            },
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    found
}

/// The text with `null` in the place of each of these ranges, which are in order and apart.
pub fn without(text: &[u8], ranges: &[Range<usize>]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(text.len());
    let mut copied = 0;
    for range in ranges {
        kept.extend_from_slice(&text[copied..range.start]);
        kept.extend_from_slice(b"null");
        copied = range.end;
    }
    kept.extend_from_slice(&text[copied..]);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_by_pointer() {
        let text = br#" {"a" : {"b,]}\"":[1, {"c":"x\\"} ,NaN]} , "\u0064":2,"e~/f":null,"a":9} "#;
        let cases = [
            ("/a/b,]}\"/1/c", Some(r#""x\\""#)),
            ("/a/b,]}\"/2", Some("NaN")),
            ("/a/b,]}\"/3", None),
            ("/d", Some("2")),
            ("/e~0~1f", Some("null")),
            ("/missing", None),
            ("/d/x", None),
        ];
        for (pointer, expected) in cases {
            let found = find(text, pointer).map(|range| std::str::from_utf8(&text[range]).unwrap());
            assert_eq!(found, expected, "{pointer}");
        }
    }

    #[test]
    fn elements_and_cuts() {
        let text = b"[ {\"a\":\"]\"} , [] ,3 ]tail";
        let (found, end) = elements(text, 0).unwrap();
        let parts: Vec<_> = found.into_iter().map(|range| std::str::from_utf8(&text[range]).unwrap()).collect();
        assert_eq!(parts, ["{\"a\":\"]\"}", "[]", "3"]);
        assert_eq!(&text[end..], b"tail");
        assert_eq!(elements(b"[]", 0), Some((vec![], 2)));
        for cut in ["[", "[1", "[1,", "[{\"a\":1}", "[\"a", "[\"a\\", "[{\"a\":[1}"] {
            assert!(elements(cut.as_bytes(), 0).is_none(), "{cut}");
        }
    }

    #[test]
    fn deep_containers_are_found_and_replaced() {
        for (text, limit, expected) in [
            ("[[1],{\"a\":[2]}]", 2, "[[1],{\"a\":null}]"),
            ("[[[1],2,{}],\"[[[[\",[[]]]", 2, "[[null,2,null],\"[[[[\",[null]]"),
            ("[[[1]]]", 3, "[[[1]]]"),
            ("[[[\"cut", 2, "[[[\"cut"),
            ("7", 0, "7"),
            ("[1]", 0, "null"),
        ] {
            let deep = deeper_than(text.as_bytes(), limit);
            assert_eq!(String::from_utf8(without(text.as_bytes(), &deep)).unwrap(), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_a_parser(values in proptest::collection::vec(proptest::arbitrary::any::<(String, Option<i64>, bool)>(), 0..8)) {
            let text = serde_json::to_vec(&values).unwrap();
            let (found, end) = elements(&text, 0).unwrap();
            proptest::prop_assert_eq!(end, text.len());
            let parsed: Vec<serde_json::Value> = found.into_iter().map(|range| serde_json::from_slice(&text[range]).unwrap()).collect();
            proptest::prop_assert_eq!(serde_json::to_value(&values).unwrap(), serde_json::Value::Array(parsed));
        }
    }
}
