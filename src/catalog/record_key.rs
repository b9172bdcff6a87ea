//! The key of a record: the canonical JSON array of what the endpoint's `key` names.

use serde_json::Value;

use crate::scan;

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
fn canonical(value: &Value) -> String {
    let mut value = value.clone();
    value.sort_all_objects();
    value.to_string()
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
}
