//! Blanks what must not be kept, before a record is landed. Everything else of the record stays byte for byte.

use std::borrow::Cow;

use crate::scan;

/// The record with the values at `pointers` replaced by `null`. Pointers that lead nowhere are no error: APIs leave keys out.
pub fn redact<'a>(record: &'a [u8], pointers: &[String]) -> Cow<'a, [u8]> {
    let mut ranges: Vec<_> = pointers.iter().filter_map(|pointer| scan::find(record, pointer)).collect();
    if ranges.is_empty() {
        return Cow::Borrowed(record);
    }
    ranges.sort_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
    let mut out = Vec::with_capacity(record.len());
    let mut copied = 0;
    for range in ranges {
        // A pointer below another one is blanked with it.
        if range.start >= copied {
            out.extend_from_slice(&record[copied..range.start]);
            out.extend_from_slice(b"null");
            copied = range.end;
        }
    }
    out.extend_from_slice(&record[copied..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_leaves_the_rest() {
        let cases: [(&str, &[&str], &str); 4] = [
            (r#"{"id": 1, "mail":"a@b" , "x":[1]}"#, &["/mail"], r#"{"id": 1, "mail":null , "x":[1]}"#),
            (r#"{"u":{"mail":"a","name":"b"}}"#, &["/u/name", "/u/mail"], r#"{"u":{"mail":null,"name":null}}"#),
            (r#"{"u":{"mail":"a"}}"#, &["/u/mail", "/u"], r#"{"u":null}"#),
            (r#"{"id":1}"#, &["/mail"], r#"{"id":1}"#),
        ];
        for (record, pointers, expected) in cases {
            let pointers: Vec<String> = pointers.iter().map(|pointer| (*pointer).to_owned()).collect();
            assert_eq!(redact(record.as_bytes(), &pointers), Cow::Borrowed(expected.as_bytes()));
        }
    }
}
