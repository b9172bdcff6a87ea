//! Values on their way into PostgreSQL's statements and out of its rows.

use std::{borrow::Cow, fmt::Write};

use chrono::{DateTime, NaiveDate, TimeDelta};
use sqlx::{
    Arguments, Column as _, Row, TypeInfo, ValueRef,
    postgres::{PgArguments, PgRow, PgValueRef},
};

use super::{
    civil::{date_text, timestamp_text},
    value::Value,
};
use crate::{
    catalog::ColumnType,
    error::{Error, Kind, OrFail, Result},
};

pub(super) fn arguments(values: &[Value<'_>]) -> Result<PgArguments> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Value::Null => arguments.add(Option::<i64>::None),
            Value::Int(number) => arguments.add(*number),
            Value::Double(number) => arguments.add(*number),
            Value::Text(text) => arguments.add(text.as_ref()),
            Value::Date(days) => arguments.add(NaiveDate::default() + TimeDelta::days((*days).into())),
            Value::Timestamp(seconds) => arguments.add(DateTime::from_timestamp(*seconds, 0).unwrap_or_default().naive_utc()),
        }
        .or_fail(Kind::Internal, || "cannot bind a value")?;
    }
    Ok(arguments)
}

/// Writes a literal. It is a quoted text without a type, which takes the type of the column beside it.
pub(super) fn literal(out: &mut String, value: &Value<'_>) {
    // Writing into a String cannot fail.
    match value {
        Value::Null => out.push_str("null"),
        Value::Int(number) => drop(write!(out, "'{number}'")),
        Value::Double(number) => drop(write!(out, "'{number:e}'")),
        Value::Date(days) => drop(write!(out, "'{}'", date_text(*days))),
        Value::Timestamp(seconds) => drop(write!(out, "'{}'", timestamp_text(*seconds))),
        // With E a backslash means the same whatever `standard_conforming_strings` says.
        Value::Text(text) => {
            out.push_str("E'");
            for piece in text.split_inclusive(['\'', '\\']) {
                out.push_str(piece);
                if let Some(last @ (b'\'' | b'\\')) = piece.as_bytes().last() {
                    out.push(char::from(*last));
                }
            }
            out.push('\'');
        }
    }
}

/// Appends a row in the text format of COPY.
pub(super) fn copy_row(out: &mut Vec<u8>, values: &[Value<'_>]) {
    let mut number = String::new();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(b'\t');
        }
        number.clear();
        match value {
            Value::Null => out.extend_from_slice(b"\\N"),
            Value::Text(text) => copy_text(out, text),
            Value::Int(whole) => drop(write!(number, "{whole}")),
            Value::Double(ratio) => drop(write!(number, "{ratio:e}")),
            Value::Date(days) => out.extend_from_slice(date_text(*days).as_bytes()),
            Value::Timestamp(seconds) => out.extend_from_slice(timestamp_text(*seconds).as_bytes()),
        }
        out.extend_from_slice(number.as_bytes());
    }
    out.push(b'\n');
}

fn copy_text(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    while let Some(place) = rest.iter().position(|byte| matches!(byte, b'\\' | b'\n' | b'\r' | b'\t')) {
        out.extend_from_slice(&rest[..place]);
        out.push(b'\\');
        out.push(match rest[place] {
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            other => other,
        });
        rest = &rest[place + 1..];
    }
    out.extend_from_slice(rest);
}

/// 2000-01-01, from which PostgreSQL counts, in days since 1970-01-01.
const EPOCH: i64 = 10_957;

/// A stored value as the column's type has it; as a text where a hand has put something else there.
fn stored<'r>(raw: PgValueRef<'r>, kind: ColumnType) -> Result<Value<'r>> {
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let class = raw.type_info().into_owned();
    let bytes = raw.as_bytes().map_err(|error| Error::new(Kind::Database, "cannot read a value").because(error))?;
    let plain = |text: String| Ok(Value::Text(text.into()));
    let whole = |number: i64| match kind {
        ColumnType::SmallInt | ColumnType::Integer | ColumnType::BigInt => Ok(Value::Int(number)),
        _ => plain(number.to_string()),
    };
    let ratio = |number: f64| if kind == ColumnType::Double { Ok(Value::Double(number)) } else { plain(number.to_string()) };
    match class.name() {
        "INT2" => whole(i16::from_be_bytes(sized(bytes)?).into()),
        "INT4" => whole(i32::from_be_bytes(sized(bytes)?).into()),
        "INT8" => whole(i64::from_be_bytes(sized(bytes)?)),
        "FLOAT4" => ratio(f32::from_be_bytes(sized(bytes)?).into()),
        "FLOAT8" => ratio(f64::from_be_bytes(sized(bytes)?)),
        "TEXT" | "VARCHAR" | "CHAR" | "NAME" => {
            Ok(Value::Text(Cow::Borrowed(std::str::from_utf8(bytes).or_fail(Kind::Database, || "a text is no UTF-8")?)))
        }
        "DATE" => match i32::from_be_bytes(sized(bytes)?) {
            i32::MIN | i32::MAX => plain("an infinite day".to_owned()),
            days => match (i32::try_from(i64::from(days) + EPOCH), kind) {
                (Ok(days), ColumnType::Date) => Ok(Value::Date(days)),
                _ => plain(format!("day {days} since 2000-01-01")),
            },
        },
        "TIMESTAMP" | "TIMESTAMPTZ" => match i64::from_be_bytes(sized(bytes)?) {
            i64::MIN | i64::MAX => plain("an infinite moment".to_owned()),
            micros if micros.rem_euclid(1_000_000) == 0 && kind == ColumnType::Timestamp => {
                Ok(Value::Timestamp(micros.div_euclid(1_000_000) + EPOCH * super::civil::DAY))
            }
            micros => plain(format!("{micros} microseconds since 2000-01-01")),
        },
        other => plain(format!("a {other}")),
    }
}

fn sized<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().or_fail(Kind::Database, || "a value has not the size of its type")
}

pub(super) fn row_values<'r>(row: &'r PgRow, kinds: &[ColumnType]) -> Result<Vec<Value<'r>>> {
    let mut values = Vec::with_capacity(kinds.len());
    for (column, kind) in row.columns().iter().zip(kinds) {
        values.push(stored(row.try_get_raw(column.ordinal()).or_fail(Kind::Database, || "cannot read a row")?, *kind)?);
    }
    Ok(values)
}

/// `character varying(20)` and its like, as `format_type` names it, as a portable type.
pub(super) fn portable(declared: &str) -> Option<ColumnType> {
    Some(match declared {
        "text" | "character varying" => ColumnType::Text,
        "smallint" => ColumnType::SmallInt,
        "integer" => ColumnType::Integer,
        "bigint" => ColumnType::BigInt,
        "double precision" => ColumnType::Double,
        "date" => ColumnType::Date,
        _ if declared.starts_with("timestamp") && declared.ends_with("without time zone") => ColumnType::Timestamp,
        // `character(n)` pads, `timestamp with time zone` is another thing, `real` and `numeric` hold less.
        _ => ColumnType::Varchar(declared.strip_prefix("character varying(")?.strip_suffix(')')?.parse().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals() {
        let written = |value: Value<'_>| {
            let mut out = String::new();
            literal(&mut out, &value);
            out
        };
        assert_eq!(written(Value::Text("it's a \\ \"é😀\"\n".into())), "E'it''s a \\\\ \"é😀\"\n'");
        assert_eq!(written(Value::Text("'".into())), "E''''");
        assert_eq!(written(Value::Text("".into())), "E''");
        assert_eq!(written(Value::Int(i64::MIN)), "'-9223372036854775808'");
    }

    #[test]
    fn rows_of_copy() {
        let mut out = Vec::new();
        copy_row(
            &mut out,
            &[Value::Null, Value::Text("\\N\t\n\r'é".into()), Value::Int(-1), Value::Double(0.5), Value::Date(0), Value::Text("".into())],
        );
        assert_eq!(String::from_utf8(out).unwrap(), "\\N\t\\\\N\\t\\n\\r'é\t-1\t5e-1\t1970-01-01\t\n");
    }

    #[test]
    fn declared_types() {
        assert_eq!(portable("character varying(25)"), Some(ColumnType::Varchar(25)));
        assert_eq!(portable("timestamp(0) without time zone"), Some(ColumnType::Timestamp));
        for no in ["timestamp with time zone", "character(5)", "numeric(10,2)", "real"] {
            assert_eq!(portable(no), None, "{no}");
        }
    }
}
