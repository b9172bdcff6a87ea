//! The key of a record: the canonical JSON array of what the endpoint's `key` names.

use serde_json::{Map, Value};

use super::Endpoint;

/// Builds the key of `record`, fetched for the partition `params`. The error says what is missing.
pub fn record_key(endpoint: &Endpoint, record: &Value, params: &Map<String, Value>) -> Result<String, String> {
    let mut parts = Vec::with_capacity(endpoint.key.len());
    for key in &endpoint.key {
        let (value, what) = match key.strip_prefix('@') {
            Some(column) => (params.get(column), "parameter"),
            None => (record.pointer(key), "record"),
        };
        match value {
            None | Some(Value::Null) => return Err(format!("the {what} has no `{key}`, which is part of the key of endpoint `{}`", endpoint.id)),
            Some(value) => parts.push(value),
        }
    }
    serde_json::to_string(&parts).map_err(|error| error.to_string())
}
