//! Values on their way into SQLite's parameters and out of its rows.

use std::borrow::Cow;

use sqlx::{
    Arguments, Column as _, Decode, Row, Sqlite, TypeInfo, ValueRef,
    sqlite::{SqliteArguments, SqliteRow, SqliteValueRef},
};

use super::{
    civil::{date_text, parse_date, parse_timestamp, timestamp_text},
    value::Value,
};
use crate::{
    catalog::ColumnType,
    error::{Kind, OrFail, Result},
};

pub(super) fn arguments(values: &[Value<'_>]) -> Result<SqliteArguments> {
    let mut arguments = SqliteArguments::default();
    append(&mut arguments, values)?;
    Ok(arguments)
}

pub(super) fn append(arguments: &mut SqliteArguments, values: &[Value<'_>]) -> Result<()> {
    arguments.reserve(values.len(), 0);
    for value in values {
        match value {
            Value::Null => arguments.add(Option::<i64>::None),
            Value::Int(number) => arguments.add(*number),
            Value::Double(number) => arguments.add(*number),
            Value::Text(text) => arguments.add(text.as_ref()),
            Value::Date(days) => arguments.add(date_text(*days)),
            Value::Timestamp(seconds) => arguments.add(timestamp_text(*seconds)),
        }
        .or_fail(Kind::Internal, || "cannot bind a value")?;
    }
    Ok(())
}

/// A stored value as the column's type has it; as a text where a hand has put something else there.
fn stored<'r>(raw: SqliteValueRef<'r>, kind: ColumnType) -> Result<Value<'r>> {
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let class = raw.type_info().into_owned();
    let wrong = || "cannot read a value";
    Ok(match (class.name(), kind) {
        ("INTEGER", ColumnType::Double) => Value::Double(<f64 as Decode<Sqlite>>::decode(raw).or_fail(Kind::Database, wrong)?),
        ("INTEGER", ColumnType::SmallInt | ColumnType::Integer | ColumnType::BigInt) => {
            Value::Int(<i64 as Decode<Sqlite>>::decode(raw).or_fail(Kind::Database, wrong)?)
        }
        ("INTEGER", _) => Value::Text(<i64 as Decode<Sqlite>>::decode(raw).or_fail(Kind::Database, wrong)?.to_string().into()),
        ("REAL", ColumnType::Double) => Value::Double(<f64 as Decode<Sqlite>>::decode(raw).or_fail(Kind::Database, wrong)?),
        ("REAL", _) => Value::Text(<f64 as Decode<Sqlite>>::decode(raw).or_fail(Kind::Database, wrong)?.to_string().into()),
        ("TEXT", _) => text(<&'r str as Decode<Sqlite>>::decode(raw).or_fail(Kind::Database, wrong)?, kind),
        (other, _) => Value::Text(format!("a {other}").into()),
    })
}

/// A stored text as a day or moment, if it is written exactly as we write it.
fn text(text: &str, kind: ColumnType) -> Value<'_> {
    let plain = || Value::Text(Cow::Borrowed(text));
    match kind {
        ColumnType::Date => parse_date(text).map_or_else(plain, Value::Date),
        ColumnType::Timestamp => parse_timestamp(text).map_or_else(plain, Value::Timestamp),
        _ => plain(),
    }
}

pub(super) fn row_values<'r>(row: &'r SqliteRow, kinds: &[ColumnType]) -> Result<Vec<Value<'r>>> {
    let mut values = Vec::with_capacity(kinds.len());
    for (column, kind) in row.columns().iter().zip(kinds) {
        values.push(stored(row.try_get_raw(column.ordinal()).or_fail(Kind::Database, || "cannot read a row")?, *kind)?);
    }
    Ok(values)
}

/// `VARCHAR(20)` and its like as a portable type.
pub(super) fn portable(declared: &str) -> Option<ColumnType> {
    let upper = declared.trim().to_ascii_uppercase();
    Some(match upper.as_str() {
        "TEXT" => ColumnType::Text,
        "SMALLINT" => ColumnType::SmallInt,
        "INT" | "INTEGER" => ColumnType::Integer,
        "BIGINT" => ColumnType::BigInt,
        "DOUBLE" | "DOUBLE PRECISION" | "REAL" | "FLOAT" => ColumnType::Double,
        "DATE" => ColumnType::Date,
        "TIMESTAMP" | "DATETIME" => ColumnType::Timestamp,
        _ => ColumnType::Varchar(upper.strip_prefix("VARCHAR(")?.strip_suffix(')')?.trim().parse().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types() {
        assert_eq!(portable("varchar(25)"), Some(ColumnType::Varchar(25)));
        assert_eq!(portable("Datetime"), Some(ColumnType::Timestamp));
        assert_eq!(portable("NUMERIC"), None);
    }
}
