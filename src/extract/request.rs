//! From a row of `for_each` to the path and the parameters of a request.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value as Json;

use crate::{
    catalog::{Body, Endpoint, Format, Piece, Template},
    engine::{Row, Value},
    http,
};

/// What one call asks for, before paging adds its own parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Path under the base URL, values percent-encoded.
    pub path: String,
    /// Query parameters, not encoded.
    pub query: Vec<(String, String)>,
    /// The JSON that a POST carries.
    pub body: Option<Json>,
}

/// The values of a batch's column that share one call.
#[derive(Clone, Debug)]
pub struct Joined {
    /// As one text, for path and parameters.
    pub text: String,
    /// One by one, for a body.
    pub values: Vec<Json>,
}

/// Fills the templates of `endpoint` from `row`; in a batch, `joined` stands for the batch column.
///
/// # Errors
/// What is wrong with the row: a NULL or empty value in the path, a value that a format does not fit.
pub fn asked(endpoint: &Endpoint, row: &Row, joined: Option<&Joined>) -> Result<Asked, String> {
    let batch = endpoint.batch.as_ref().map(|batch| batch.column.as_str()).zip(joined);
    let Some(path) = fill(&endpoint.path, row, batch, true)? else {
        return Err("a column of the path is NULL or empty".to_owned());
    };
    let mut query = Vec::new();
    for (name, template) in &endpoint.params {
        // A parameter whose column is NULL is left out.
        if let Some(value) = fill(template, row, batch, false).map_err(|what| format!("params.{name}: {what}"))? {
            query.push((name.clone(), value));
        }
    }
    let body = match &endpoint.body {
        None => None,
        Some(body) => write_body(body, row, batch).map_err(|what| format!("body: {what}"))?,
    };
    Ok(Asked { path, query, body })
}

/// A body with its columns filled in. A member whose column is NULL is left out, as a parameter is.
fn write_body(body: &Body, row: &Row, batch: Option<(&str, &Joined)>) -> Result<Option<Json>, String> {
    Ok(Some(match body {
        Body::Fixed(value) => value.clone(),
        Body::Text(template) => match template.pieces() {
            [Piece::Column(column, Format::Plain)] => match batch.filter(|(name, _)| name == column) {
                Some((_, joined)) => Json::Array(joined.values.clone()),
                None => match column_value(row, column) {
                    Value::Null => return Ok(None),
                    value => value.to_json(),
                },
            },
            [Piece::Column(_, Format::Epoch | Format::EpochMs)] => match fill(template, row, batch, false)? {
                None => return Ok(None),
                Some(number) => number.parse::<i64>().map_or(Json::Null, Json::from),
            },
            _ => match fill(template, row, batch, false)? {
                None => return Ok(None),
                Some(text) => Json::String(text),
            },
        },
        Body::List(items) => {
            let items: Result<Vec<Option<Json>>, String> = items.iter().map(|item| write_body(item, row, batch)).collect();
            Json::Array(items?.into_iter().flatten().collect())
        }
        Body::Object(members) => {
            let mut object = serde_json::Map::new();
            for (name, value) in members {
                if let Some(value) = write_body(value, row, batch)? {
                    object.insert(name.clone(), value);
                }
            }
            Json::Object(object)
        }
    }))
}

/// The text of a template, or `None` if one of its columns is NULL (in a path also: empty, which would ask for another thing).
fn fill(template: &Template, row: &Row, batch: Option<(&str, &Joined)>, path: bool) -> Result<Option<String>, String> {
    let mut out = String::new();
    for piece in template.pieces() {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Column(column, format) => {
                let value = match batch {
                    Some((batch, joined)) if batch == column => Some(joined.text.clone()),
                    _ => written(column, column_value(row, column), *format)?,
                };
                match value {
                    None => return Ok(None),
                    Some(value) if path && value.is_empty() => return Ok(None),
                    Some(value) if path => http::encode(&value, &mut out),
                    Some(value) => out.push_str(&value),
                }
            }
        }
    }
    Ok(Some(out))
}

/// The value of a column; a column that is not there counts as NULL (planning has refused that before).
pub fn column_value<'r>(row: &'r Row, column: &str) -> &'r Value {
    row.iter().find(|(name, _)| name == column).map_or(&Value::Null, |(_, value)| value)
}

/// A value as it is written without a format. `None` is NULL.
pub fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(value) => Some(value.to_string()),
        Value::Int(value) => Some(value.to_string()),
        Value::Double(value) => Some(value.to_string()),
        Value::Text(value) => Some(value.clone()),
        Value::Timestamp(value) => Some(iso(*value)),
        Value::Date(value) => Some(value.to_string()),
    }
}

fn written(column: &str, value: &Value, format: Format) -> Result<Option<String>, String> {
    if format == Format::Plain || value.is_null() {
        return Ok(plain(value));
    }
    let Some(time) = value.as_timestamp() else {
        return Err(format!("`{column}` is `{}`, and its format needs a TIMESTAMP or DATE", plain(value).unwrap_or_default()));
    };
    Ok(Some(match format {
        Format::Epoch => time.timestamp().to_string(),
        Format::EpochMs => time.timestamp_millis().to_string(),
        Format::Date => time.date_naive().to_string(),
        Format::Iso | Format::Plain => iso(time),
    }))
}

/// Whole seconds, cut: earlier is safe for every lower bound.
fn iso(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::samples::endpoint;

    fn row() -> Row {
        let time: DateTime<Utc> = "2025-01-02T03:04:05.9Z".parse().unwrap();
        vec![
            ("id".to_owned(), Value::Int(17)),
            ("name".to_owned(), Value::Text("a/b c&d".to_owned())),
            ("since".to_owned(), Value::Timestamp(time)),
            ("none".to_owned(), Value::Null),
            ("empty".to_owned(), Value::Text(String::new())),
        ]
    }

    #[test]
    fn fills_paths_and_parameters() {
        let mut endpoint = endpoint("path = \"get/{id}/{name}\"\nfor_each = \"x\"");
        endpoint.params = [
            ("e", "{since:epoch}"),
            ("i", ">{since:iso}"),
            ("d", "{since:date}"),
            ("n", "{none}"),
            ("t", "{name}"),
            ("c", "1"),
            ("m", "{since:epoch_ms}"),
        ]
        .iter()
        .map(|(name, text)| ((*name).to_owned(), Template::parse(text).unwrap()))
        .collect();
        let asked = asked(&endpoint, &row(), None).unwrap();
        assert_eq!(asked.path, "get/17/a%2Fb%20c%26d");
        let query: Vec<_> = asked.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(query, ["e=1735787045", "i=>2025-01-02T03:04:05Z", "d=2025-01-02", "t=a/b c&d", "c=1", "m=1735787045900"]);
    }

    #[test]
    fn a_list_is_a_parameter_sent_several_times() {
        let endpoint = endpoint("path = \"p\"\nparams = { a = 1, field = [\"count({id})\", \"rate\"] }\nfor_each = \"x\"");
        let asked = asked(&endpoint, &row(), None).unwrap();
        let query: Vec<_> = asked.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(query, ["a=1", "field=count(17)", "field=rate"]);
    }

    #[test]
    fn refuses_what_would_ask_for_something_else() {
        for (path, part) in [("a/{none}", "NULL"), ("a/{empty}", "empty"), ("a/{id:epoch}", "TIMESTAMP")] {
            let endpoint = endpoint(&format!("path = \"{path}\"\nfor_each = \"x\""));
            let message = asked(&endpoint, &row(), None).unwrap_err();
            assert!(message.contains(part), "{path}: {message}");
        }
    }

    #[test]
    fn a_batch_puts_the_joined_values_in() {
        let mut endpoint = endpoint(
            "path = \"bug\"\nparams = { id = \"{id}\" }\nbatch = { column = \"id\", size = 2, join = \",\", match = \"/id\" }\nfor_each = \"x\"",
        );
        endpoint.description.clear();
        let joined = Joined { text: "1,2".to_owned(), values: vec![1.into(), 2.into()] };
        assert_eq!(asked(&endpoint, &row(), Some(&joined)).unwrap().query, [("id".to_owned(), "1,2".to_owned())]);
    }

    #[test]
    fn a_body_keeps_the_types_of_its_columns() {
        let keys = "method = \"POST\"\nbody = { ids = \"{id}\", q = [\"n {name}\", \"{none}\", true], at = \"{since:epoch_ms}\", none = \"{none}\" }\nfor_each = \"x\"";
        let body = |keys: &str, joined: Option<&Joined>| asked(&endpoint(keys), &row(), joined).unwrap().body.unwrap().to_string();
        assert_eq!(body(keys, None), r#"{"ids":17,"q":["n a/b c&d",true],"at":1735787045900}"#);
        let batch = format!("batch = {{ column = \"id\", size = 2, match = \"/id\" }}\n{keys}");
        let joined = Joined { text: "17,18".to_owned(), values: vec![17.into(), 18.into()] };
        assert_eq!(body(&batch, Some(&joined)), r#"{"ids":[17,18],"q":["n a/b c&d",true],"at":1735787045900}"#);
    }
}
