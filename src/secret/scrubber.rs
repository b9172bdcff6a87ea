//! The one scrubber: it knows every secret of this process and takes them out of everything that is written or shown.
//!
//! A secret of at least [`LONG`] bytes is replaced wherever it occurs: as it is, percent-encoded, in base64, escaped for JSON
//! or HTML. One of [`SHORT`] to [`LONG`] bytes is replaced only as a whole word and only in text that is not a record, because
//! it may be an ordinary word or number. A shorter one is never replaced.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    sync::{LazyLock, PoisonError, RwLock},
};

use regex::bytes::{Regex, RegexBuilder};
use serde::de::IgnoredAny;
use serde_json::Value;

use super::forms::forms;

/// What a secret is replaced with.
pub const MASK: &str = "***";

/// Secrets of fewer bytes are replaced only as whole words.
const LONG: usize = 8;

/// Secrets of fewer bytes are not replaced.
const SHORT: usize = 4;

/// The secrets of this process.
static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(RwLock::default);

/// `scheme://user:` and a password before the `@`.
static PASSWORD_IN_URL: LazyLock<regex::Regex> =
    LazyLock::new(|| regex::Regex::new(r#"(://[^/?#\s:@"'<>]*:)[^/?#\s@"'<>]+@"#).expect("a valid pattern"));

#[derive(Default)]
struct Known {
    /// Values that prove an identity: not even a record may contain them.
    credentials: BTreeSet<String>,
    /// Values of variables that look like credentials by their names: no text may contain them.
    suspects: BTreeSet<String>,
    patterns: Patterns,
}

#[derive(Default)]
struct Patterns {
    credentials: Option<Regex>,
    anywhere: Option<Regex>,
    whole_words: Option<Regex>,
}

/// Makes a value known as a credential of this process.
pub fn register(value: &str) {
    add(value, true);
}

/// Makes a value known that is probably a credential: it is kept out of text, but not out of records.
pub fn register_suspect(value: &str) {
    add(value, false);
}

fn add(value: &str, is_credential: bool) {
    let value = value.trim();
    // A key in several lines may show up line by line.
    let lines = value.lines().map(str::trim).filter(|line| line.len() >= 2 * LONG && !line.starts_with("-----"));
    let parts: Vec<&str> = lines.chain([value]).filter(|part| part.len() >= SHORT).collect();
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    let set = if is_credential { &mut known.credentials } else { &mut known.suspects };
    let before = set.len();
    set.extend(parts.into_iter().map(str::to_owned));
    if set.len() > before {
        known.patterns = Patterns::new(&known.credentials, &known.suspects);
    }
}

impl Patterns {
    fn new(credentials: &BTreeSet<String>, suspects: &BTreeSet<String>) -> Self {
        let all = || credentials.iter().chain(suspects).map(String::as_str);
        let is_long = |value: &&str| value.len() >= LONG;
        Self {
            credentials: any_of(credentials.iter().map(String::as_str).filter(is_long).flat_map(forms)),
            anywhere: any_of(all().filter(is_long).flat_map(forms)),
            whole_words: any_of(all().filter(|value| !is_long(value)).flat_map(|value| [value.to_owned()])),
        }
    }
}

/// A pattern of literals, of which the longest at a place is found.
fn any_of(literals: impl Iterator<Item = String>) -> Option<Regex> {
    let mut literals: Vec<String> = literals.collect::<BTreeSet<_>>().into_iter().collect();
    if literals.is_empty() {
        return None;
    }
    literals.sort_by_key(|literal| std::cmp::Reverse(literal.len()));
    let pattern: Vec<String> = literals.iter().map(|literal| regex::escape(literal)).collect();
    // Alternatives of literals: the limit is on memory, and no input comes near it.
    RegexBuilder::new(&pattern.join("|")).size_limit(1 << 28).build().ok()
}

fn with_patterns<T>(read: impl FnOnce(&Patterns) -> T) -> T {
    read(&KNOWN.read().unwrap_or_else(PoisonError::into_inner).patterns)
}

/// Takes every secret out of a text, and the password out of every URL in it.
pub fn scrub(text: &str) -> Cow<'_, str> {
    let scrubbed = scrub_known(text);
    match PASSWORD_IN_URL.replace_all(&scrubbed, "${1}***@") {
        Cow::Owned(masked) => Cow::Owned(masked),
        Cow::Borrowed(_) => scrubbed,
    }
}

fn scrub_known(text: &str) -> Cow<'_, str> {
    with_patterns(|patterns| {
        let long = replace(text.as_bytes(), patterns.anywhere.as_ref(), |_, _| true);
        let all = match replace(long.as_deref().unwrap_or(text.as_bytes()), patterns.whole_words.as_ref(), is_whole_word) {
            Some(all) => Some(all),
            None => long,
        };
        match all {
            // Secrets are UTF-8, so what is left between them is UTF-8 too.
            Some(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
            None => Cow::Borrowed(text),
        }
    })
}

/// Takes every secret out of a JSON text, which stays valid JSON, and the values out of URL parameters in it that look like
/// credentials.
pub fn scrub_json(text: &str) -> Cow<'_, str> {
    let scrubbed = scrub(text);
    let masked = super::mask_parameters(&scrubbed);
    if matches!((&scrubbed, &masked), (Cow::Borrowed(_), Cow::Borrowed(_))) {
        return Cow::Borrowed(text);
    }
    let masked = masked.into_owned();
    if is_json(masked.as_bytes()) {
        return Cow::Owned(masked);
    }
    match serde_json::from_str::<Value>(text) {
        Ok(mut value) => {
            walk(&mut value, &|text| super::mask_parameters(&scrub(text)).into_owned());
            Cow::Owned(value.to_string())
        }
        Err(_) => Cow::Owned(masked),
    }
}

/// Whether a body contains a credential of this process.
pub fn has_credential(body: &[u8]) -> bool {
    with_patterns(|patterns| patterns.credentials.as_ref().is_some_and(|pattern| pattern.is_match(body)))
}

/// A copy of a record without the credentials that it contains; `None` if it contains none. Valid JSON stays valid.
pub fn scrub_record(record: &[u8]) -> Option<Vec<u8>> {
    let scrubbed = with_patterns(|patterns| replace(record, patterns.credentials.as_ref(), |_, _| true))?;
    if is_json(&scrubbed) || !is_json(record) {
        return Some(scrubbed);
    }
    // A number, or a piece of an escape sequence.
    let mut value: Value = serde_json::from_slice(record).ok()?;
    let whole = |text: &str| match with_patterns(|patterns| replace(text.as_bytes(), patterns.credentials.as_ref(), |_, _| true)) {
        Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        None => text.to_owned(),
    };
    walk(&mut value, &whole).then(|| value.to_string().into_bytes())
}

/// Replaces texts, and numbers that contain a secret; whether anything changed.
fn walk(value: &mut Value, clean: &impl Fn(&str) -> String) -> bool {
    match value {
        Value::Null | Value::Bool(_) => false,
        Value::Number(number) => {
            let text = number.to_string();
            let is_secret = clean(&text) != text;
            if is_secret {
                *value = Value::Null;
            }
            is_secret
        }
        Value::String(text) => {
            let cleaned = clean(text);
            let changed = cleaned != *text;
            *text = cleaned;
            changed
        }
        Value::Array(items) => items.iter_mut().fold(false, |changed, item| walk(item, clean) | changed),
        Value::Object(fields) => {
            let mut changed = false;
            let cleaned = std::mem::take(fields).into_iter().map(|(name, mut item)| {
                changed |= walk(&mut item, clean);
                let cleaned = clean(&name);
                changed |= cleaned != name;
                (cleaned, item)
            });
            *fields = cleaned.collect();
            changed
        }
    }
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

fn replace(text: &[u8], pattern: Option<&Regex>, is_secret: fn(&[u8], std::ops::Range<usize>) -> bool) -> Option<Vec<u8>> {
    let mut out: Option<Vec<u8>> = None;
    let mut end = 0;
    for found in pattern?.find_iter(text).filter(|found| is_secret(text, found.range())) {
        let out = out.get_or_insert_default();
        out.extend_from_slice(&text[end..found.start()]);
        out.extend_from_slice(MASK.as_bytes());
        end = found.end();
    }
    let mut out = out?;
    out.extend_from_slice(&text[end..]);
    Some(out)
}

fn is_whole_word(text: &[u8], range: std::ops::Range<usize>) -> bool {
    let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80);
    !is_word(range.start.checked_sub(1).and_then(|before| text.get(before))) && !is_word(text.get(range.end))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;

    const SECRET: &str = "Hunter2/+ \"%&<ü>Key";

    #[test]
    fn secrets_are_found_in_every_encoding() {
        register(SECRET);
        let encoded: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
        let mut percent = url::Url::parse("https://h/").unwrap();
        percent.query_pairs_mut().append_pair("q", SECRET);
        percent.path_segments_mut().unwrap().push(SECRET);
        let json = serde_json::to_string(SECRET).unwrap();
        for text in [
            SECRET.to_owned(),
            encoded.to_lowercase().replace("hunter2", "Hunter2").replace("key", "Key"),
            encoded,
            percent.to_string(),
            json.replace('/', "\\/"),
            json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e"),
            json.replace('ü', "\\u00fc"),
            json,
            base64::engine::general_purpose::STANDARD.encode(SECRET),
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(SECRET),
            "Hunter2/+ &quot;%&amp;&lt;ü&gt;Key".to_owned(),
        ] {
            let scrubbed = scrub(&text);
            assert!(scrubbed.contains(MASK) && !scrubbed.contains("unter2") && !scrubbed.contains("SHVud"), "{text} became {scrubbed}");
        }
        assert!(matches!(scrub("nothing to see"), Cow::Borrowed(_)));
        assert_eq!(scrub("cannot open mysql://etl:p%40ss@h:1/d"), "cannot open mysql://etl:***@h:1/d");
    }

    #[test]
    fn short_secrets_are_replaced_as_whole_words_only() {
        for value in ["main", "abc", "pass-word"] {
            register(value);
        }
        assert_eq!(scrub("domain main: main_x abc maintain \"main\" xpass-wordx"), "domain ***: main_x abc maintain \"***\" x***x");
        assert_eq!(scrub_record(br#"{"branch":"main"}"#), None);
    }

    #[test]
    fn suspects_stay_in_records() {
        register_suspect("SuspectValue");
        assert_eq!(scrub("a SuspectValue"), "a ***");
        assert_eq!(scrub_record(br#"{"a":"SuspectValue"}"#), None);
    }

    #[test]
    fn records_and_envelopes_stay_valid_json() {
        register("1234567890");
        register("nsecretsecret");
        let cases = [
            (r#"{"id":1234567890,"a":[1]}"#, Some(r#"{"id":null,"a":[1]}"#)),
            (r#"{"a":"key 1234567890","1234567890":2}"#, Some(r#"{"a":"key ***","***":2}"#)),
            (r#"{"a":"\nsecretsecret"}"#, None),
            (r#"{"a":"xnsecretsecret"}"#, Some(r#"{"a":"x***"}"#)),
            (r#"{"a":1}"#, None),
        ];
        for (record, expected) in cases {
            let scrubbed = scrub_record(record.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap());
            let same = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            assert_eq!(scrubbed.as_deref().map(same), expected.map(same), "{record}");
        }
        let next = r#"{"id":1234567890,"next":"https://h/x?page=2&access_token=abc\u0026api_key=d","sig":"?signature=x"}"#;
        let expected = serde_json::json!({"id":null,"next":"https://h/x?page=2&access_token=***&api_key=***","sig":"?signature=***"});
        assert_eq!(serde_json::from_str::<Value>(&scrub_json(next)).unwrap(), expected);
    }

    #[test]
    fn lines_of_a_private_key_are_secrets() {
        register("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END PRIVATE KEY-----\n");
        assert_eq!(scrub("x AQEFAASCBKcwggSjAgEAAoIB"), "x ***");
        assert_eq!(scrub("-----BEGIN PRIVATE KEY-----"), "-----BEGIN PRIVATE KEY-----");
    }
}
