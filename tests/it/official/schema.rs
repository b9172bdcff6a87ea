//! Judges JSON by a JSON schema as Swagger 2, OpenAPI 3 and Taskcluster write it.
//!
//! Written here because the well-known validator changes features of crates below arrow, which would build half of the tree
//! a second time, and because `nullable` and keys that a specification does not know need rules of ours anyway.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

/// A set of schemas that refer to one another.
pub(crate) struct Schemas {
    /// By file name; the one of a single specification has an empty name.
    documents: BTreeMap<String, Value>,
    /// A property that is not required may be null: Swagger 2 cannot say so, and recorded answers have it.
    pub(crate) optional_may_be_null: bool,
}

/// What a value breaks, with the path to it, and how many rules were looked at.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) problems: Vec<String>,
    pub(crate) rules: usize,
}

impl Schemas {
    /// One specification.
    pub(crate) fn of(text: &str) -> Self {
        Self { documents: BTreeMap::from([(String::new(), serde_json::from_str(text).unwrap())]), optional_may_be_null: false }
    }

    /// Schemas that name one another by file, as (file name, schema).
    pub(crate) fn of_files(files: impl IntoIterator<Item = (String, Value)>) -> Self {
        Self { documents: files.into_iter().collect(), optional_may_be_null: false }
    }

    /// Judges `value` by the schema at `reference`, such as `#/components/schemas/Look` or `task.json#`.
    pub(crate) fn judge(&self, reference: &str, value: &Value) -> Verdict {
        let mut verdict = Verdict::default();
        let (file, schema) = self.find("", reference);
        self.check(file, schema, value, "", &mut verdict);
        verdict
    }

    fn find(&self, here: &str, reference: &str) -> (&str, &Value) {
        let (file, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        let file = if file.is_empty() { here } else { file.rsplit('/').next().unwrap() };
        let (name, document) = self.documents.get_key_value(file).unwrap_or_else(|| panic!("no schema `{file}` for `{reference}`"));
        (name, document.pointer(pointer).unwrap_or_else(|| panic!("nothing at `{reference}`")))
    }

    fn check(&self, file: &str, schema: &Value, value: &Value, at: &str, verdict: &mut Verdict) {
        if let Some(reference) = schema["$ref"].as_str() {
            let (file, schema) = self.find(file, reference);
            return self.check(file, schema, value, at, verdict);
        }
        if value.is_null() && schema["nullable"] == true {
            return;
        }
        verdict.rules += 1;
        let mut wrong = |what: String| verdict.problems.push(format!("{at}: {what}"));
        let kinds: Vec<&str> = match &schema["type"] {
            Value::String(kind) => vec![kind],
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if !kinds.is_empty() && !kinds.iter().any(|kind| is(kind, value)) {
            wrong(format!("{value} is no {}", kinds.join(" or ")));
            return;
        }
        if schema["enum"].as_array().is_some_and(|values| !values.contains(value)) {
            wrong(format!("{value} is none of {}", schema["enum"]));
        }
        if let Some(text) = value.as_str() {
            if schema["pattern"].as_str().is_some_and(|pattern| !Regex::new(pattern).unwrap().is_match(text)) {
                wrong(format!("`{text}` does not match {}", schema["pattern"]));
            }
            let length = text.chars().count() as u64;
            if schema["maxLength"].as_u64().is_some_and(|most| length > most) || schema["minLength"].as_u64().is_some_and(|least| length < least) {
                wrong(format!("`{text}` is too long or too short"));
            }
            if schema["format"] == "date-time" && chrono::DateTime::parse_from_rfc3339(text).is_err() {
                wrong(format!("`{text}` is no date-time"));
            }
        }
        let out_of_range = |number: f64| {
            schema["minimum"].as_f64().is_some_and(|least| number < least) || schema["maximum"].as_f64().is_some_and(|most| number > most)
        };
        if value.as_f64().is_some_and(out_of_range) {
            wrong(format!("{value} is out of range"));
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.check(file, part, value, at, verdict);
        }
        for (several, exactly_one) in [("anyOf", false), ("oneOf", true)] {
            let Some(parts) = schema[several].as_array() else { continue };
            let fitting = parts.iter().filter(|part| {
                let mut own = Verdict::default();
                self.check(file, part, value, at, &mut own);
                own.problems.is_empty()
            });
            let count = fitting.count();
            if count == 0 || (exactly_one && count > 1) {
                verdict.problems.push(format!("{at}: fits {count} of {several}"));
            }
        }
        self.check_parts(file, schema, value, at, verdict);
    }

    fn check_parts(&self, file: &str, schema: &Value, value: &Value, at: &str, verdict: &mut Verdict) {
        for (number, item) in value.as_array().into_iter().flatten().enumerate() {
            if !schema["items"].is_null() {
                self.check(file, &schema["items"], item, &format!("{at}/{number}"), verdict);
            }
        }
        let Some(members) = value.as_object() else { return };
        let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for name in required.iter().filter(|name| !members.contains_key(**name)) {
            verdict.problems.push(format!("{at}: `{name}` is required"));
        }
        for (name, member) in members {
            let at = format!("{at}/{name}");
            match (&schema["properties"][name], &schema["additionalProperties"]) {
                (Value::Null, Value::Object(_)) => self.check(file, &schema["additionalProperties"], member, &at, verdict),
                // A key that a closed list of properties lacks is an invention, also where the schema would let it pass.
                (Value::Null, more) if schema["properties"].as_object().is_some_and(|known| !known.is_empty()) && *more != true => {
                    verdict.problems.push(format!("{at}: no such property"));
                }
                (Value::Null, _) => {}
                _ if member.is_null() && self.optional_may_be_null && !required.contains(&name.as_str()) => {}
                (property, _) => self.check(file, property, member, &at, verdict),
            }
        }
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("unknown type `{other}`"),
    }
}

#[test]
fn what_breaks_a_schema_is_found() {
    let schemas = Schemas::of(
        r##"{"a": {"type": "object", "required": ["id"], "properties": {
            "id": {"type": "string", "pattern": "^x"}, "list": {"type": "array", "items": {"$ref": "#/b"}},
            "when": {"type": "string", "format": "date-time", "nullable": true},
            "either": {"oneOf": [{"type": "integer"}, {"type": "string"}]}}},
            "b": {"type": "integer", "minimum": 1, "enum": [1, 2]}}"##,
    );
    let judge = |text: &str| schemas.judge("#/a", &serde_json::from_str(text).unwrap()).problems;
    assert!(judge(r#"{"id": "x1", "list": [1, 2], "when": null, "either": "a"}"#).is_empty());
    for (bad, part) in [
        ("[]", "is no object"),
        ("{}", "`id` is required"),
        (r#"{"id": "y"}"#, "does not match"),
        (r#"{"id": "x", "list": [3]}"#, "/list/0: 3 is none of"),
        (r#"{"id": "x", "list": [null]}"#, "is no integer"),
        (r#"{"id": "x", "when": "2025-01-01"}"#, "is no date-time"),
        (r#"{"id": "x", "either": true}"#, "fits 0 of oneOf"),
        (r#"{"id": "x", "other": 1}"#, "/other: no such property"),
    ] {
        let problems = judge(bad);
        assert!(problems.iter().any(|problem| problem.contains(part)), "{bad}: {problems:?}");
    }
}
