//! Values that cross from DuckDB into planning: the columns of a `for_each` row.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};

/// One value of a query.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// BOOLEAN.
    Bool(bool),
    /// Any integer that fits into 64 bits.
    Int(i64),
    /// FLOAT, DOUBLE.
    Double(f64),
    /// VARCHAR, JSON and everything that DuckDB shows as text.
    Text(String),
    /// TIMESTAMP, UTC.
    Timestamp(DateTime<Utc>),
    /// DATE.
    Date(NaiveDate),
}

/// One row: column names with values, in the order of the query.
pub type Row = Vec<(String, Value)>;

impl Value {
    /// The value as JSON, as receipts and `params` hold it. Times are ISO 8601 with `Z`.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Int(value) => (*value).into(),
            Self::Double(value) => (*value).into(),
            Self::Text(value) => value.as_str().into(),
            Self::Timestamp(value) => value.to_rfc3339_opts(SecondsFormat::AutoSi, true).into(),
            Self::Date(value) => value.to_string().into(),
        }
    }

    /// Whether it is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The instant, if it is one.
    pub fn as_timestamp(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Timestamp(value) => Some(*value),
            Self::Date(value) => Some(value.and_time(chrono::NaiveTime::MIN).and_utc()),
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Double(_) | Self::Text(_) => None,
        }
    }
}
