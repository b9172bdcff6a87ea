//! JSON written by hand, with a choice of white space and escapes.
//!
//! A client that claims to keep records byte for byte is only tested by records that do not look as its own serialiser
//! would write them: pretty-printed ones, `\/`, `\u00e9` beside a raw `é`, and escapes that are no text at all.

use std::borrow::Cow;

/// A JSON value, its keys in the order in which they are written.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    /// A number that is no integer, as it is written.
    Decimal(String),
    Text(Cow<'static, str>),
    /// Text, followed by a fragment that already is the inside of a JSON string, such as `\ud83d`.
    Escaped(Cow<'static, str>, &'static str),
    List(Vec<Value>),
    Object(Object),
}

/// The members of a JSON object.
pub(super) type Object = Vec<(Cow<'static, str>, Value)>;

/// How a record is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `{"id":1,"url":"https:\/\/x"}` and `\u00e9`, as PHP writes it.
    Php,
    /// `{"id":1,"url":"https://x"}`, text in UTF-8.
    Compact,
    /// `{"id": 1, "b": 2}`.
    Spaced,
    /// One member a line, four blanks of indentation.
    Pretty,
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Int(number.cast_signed())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl Value {
    /// A list of anything that is a value.
    pub(super) fn list<T: Into<Self>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }

    /// Appends this value to `out`.
    pub(super) fn write(&self, style: Style, out: &mut Vec<u8>) {
        self.write_at(style, 0, out);
    }

    fn write_at(&self, style: Style, depth: usize, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(truth) => out.extend_from_slice(if *truth { b"true" } else { b"false" }),
            Self::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Self::Decimal(number) => out.extend_from_slice(number.as_bytes()),
            Self::Text(text) => write_text(text, "", style, out),
            Self::Escaped(text, tail) => write_text(text, tail, style, out),
            Self::List(items) => {
                out.push(b'[');
                for (number, item) in items.iter().enumerate() {
                    separate(number, style, depth + 1, out);
                    item.write_at(style, depth + 1, out);
                }
                close(items.is_empty(), b']', style, depth, out);
            }
            Self::Object(members) => {
                out.push(b'{');
                for (number, (name, value)) in members.iter().enumerate() {
                    separate(number, style, depth + 1, out);
                    write_text(name, "", Style::Compact, out);
                    out.extend_from_slice(if matches!(style, Style::Spaced | Style::Pretty) { b": " } else { b":" });
                    value.write_at(style, depth + 1, out);
                }
                close(members.is_empty(), b'}', style, depth, out);
            }
        }
    }
}

fn separate(number: usize, style: Style, depth: usize, out: &mut Vec<u8>) {
    if number > 0 {
        out.push(b',');
    }
    match style {
        Style::Pretty => indent(depth, out),
        Style::Spaced if number > 0 => out.push(b' '),
        _ => {}
    }
}

fn close(empty: bool, bracket: u8, style: Style, depth: usize, out: &mut Vec<u8>) {
    if style == Style::Pretty && !empty {
        indent(depth, out);
    }
    out.push(bracket);
}

fn indent(depth: usize, out: &mut Vec<u8>) {
    out.push(b'\n');
    out.resize(out.len() + 4 * depth, b' ');
}

fn write_text(text: &str, tail: &str, style: Style, out: &mut Vec<u8>) {
    let php = style == Style::Php;
    let special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\' || (php && (byte == b'/' || !byte.is_ascii()));
    out.push(b'"');
    let mut rest = text;
    // Most text is plain and copied in runs: a page of cases is some 200 KB.
    while let Some(plain) = rest.bytes().position(special) {
        out.extend_from_slice(&rest.as_bytes()[..plain]);
        let mut characters = rest[plain..].chars();
        if let Some(character) = characters.next() {
            write_escape(character, out);
        }
        rest = characters.as_str();
    }
    out.extend_from_slice(rest.as_bytes());
    out.extend_from_slice(tail.as_bytes());
    out.push(b'"');
}

fn write_escape(character: char, out: &mut Vec<u8>) {
    match character {
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        '"' | '\\' | '/' => out.extend_from_slice(&[b'\\', character as u8]),
        _ => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Value {
        Value::Object(vec![
            ("id".into(), 1_u64.into()),
            ("url".into(), "https://x/é😀\"\u{1}".into()),
            ("none".into(), Value::Null),
            ("list".into(), Value::list([Value::Bool(true), Value::List(vec![])])),
        ])
    }

    fn written(value: &Value, style: Style) -> String {
        let mut out = Vec::new();
        value.write(style, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_style_is_valid_and_means_the_same() {
        let expected: serde_json::Value = serde_json::from_str(&written(&sample(), Style::Compact)).unwrap();
        for style in [Style::Php, Style::Spaced, Style::Pretty] {
            let text = written(&sample(), style);
            assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn styles_look_as_described() {
        assert_eq!(written(&sample(), Style::Php), r#"{"id":1,"url":"https:\/\/x\/\u00e9\ud83d\ude00\"\u0001","none":null,"list":[true,[]]}"#);
        assert_eq!(written(&sample(), Style::Spaced), r#"{"id": 1, "url": "https://x/é😀\"\u0001", "none": null, "list": [true, []]}"#);
        assert_eq!(written(&Value::list([1_u64]), Style::Pretty), "[\n    1\n]");
    }

    #[test]
    fn an_escaped_tail_is_written_as_it_is() {
        let half = Value::Escaped("half ".into(), "\\ud83d");
        assert_eq!(written(&half, Style::Php), r#""half \ud83d""#);
    }
}
