//! A cheap look at an endpoint: the first request of one partition, with the smallest page. Nothing is landed.

use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use super::{
    call::read,
    paginate::{Ask, Pager},
    request::{Joined, asked, column_value, plain},
};
use crate::{
    catalog::{Endpoint, Page},
    engine::{Row, Value},
    error::{Error, Kind},
    http::{Failure, Fetched, HttpClient, Request},
    lake::Receipt,
};

/// Asks for one record of the partition `row`.
///
/// # Errors
/// As [`HttpClient::ask`]; what may not be read is an error here, whatever a pull would make of it.
pub async fn look(endpoint: &Endpoint, http: &HttpClient, row: &Row) -> Result<Fetched<()>, Box<Failure>> {
    let joined = endpoint.batch.as_ref().map(|batch| {
        let value = column_value(row, &batch.column);
        Joined { text: plain(value).unwrap_or_default(), values: vec![value.to_json()] }
    });
    let asked = asked(endpoint, row, joined.as_ref())
        .map_err(|what| Box::new(Failure { error: Error::new(Kind::Config, format!("`{}`: {what}", endpoint.id)), answer: None }))?;
    let smallest = smallest(endpoint);
    let mut query = asked.query;
    if let Ask::Params(params) = Pager::new(&smallest).ask() {
        query.retain(|(name, _)| !params.iter().any(|(other, _)| other == name));
        query.extend(params);
    }
    let request = Request {
        endpoint: &endpoint.id,
        method: endpoint.method,
        path: &asked.path,
        query: &query,
        body: asked.body.as_ref(),
        follow: None,
        gone: if endpoint.partition.is_empty() { &[] } else { &endpoint.gone },
        forbidden: &[],
    };
    http.ask(&request, |body| read(endpoint, http, body).map(|_| ())).await
}

/// The endpoint with pages of one record.
fn smallest(endpoint: &Endpoint) -> Endpoint {
    let mut endpoint = endpoint.clone();
    match &mut endpoint.page {
        Page::None => {}
        Page::Offset { limit, .. } | Page::KeySet { limit, .. } | Page::PageNumber { limit, .. } => *limit = 1,
        Page::LinkHeader { size, .. } | Page::NextUrl { size, .. } | Page::Token { size, .. } => {
            size.iter_mut().for_each(|(_, limit)| *limit = 1);
        }
    }
    endpoint
}

/// The partition that a pull asked for last, of those that were answered.
pub fn known_partition(endpoint: &Endpoint, receipts: &[Receipt]) -> Option<Row> {
    let newest = receipts.iter().filter(|receipt| receipt.endpoint == endpoint.id && receipt.complete()).max_by_key(|receipt| receipt.finished)?;
    let partition = newest.partitions.iter().find(|partition| partition.records > 0).or(newest.partitions.first())?;
    Some(partition.params.iter().map(|(name, value)| (name.clone(), cell(value))).collect())
}

/// A value as `for_each` gave it: times are texts in receipts.
fn cell(value: &Json) -> Value {
    match value {
        Json::Null | Json::Array(_) | Json::Object(_) => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => number.as_i64().map_or_else(|| Value::Double(number.as_f64().unwrap_or_default()), Value::Int),
        Json::String(text) => match text.parse::<DateTime<Utc>>() {
            Ok(time) => Value::Timestamp(time),
            Err(_) => Value::Text(text.clone()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_from_a_receipt() {
        for value in [
            Value::Null,
            Value::Bool(true),
            Value::Int(-7),
            Value::Double(1.5),
            Value::Text("2026".to_owned()),
            Value::Timestamp("2026-01-02T03:04:05.25Z".parse().unwrap()),
        ] {
            assert_eq!(cell(&value.to_json()), value);
        }
    }
}
