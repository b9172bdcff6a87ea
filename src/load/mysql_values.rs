//! Values on their way into MySQL's statements and out of its rows.

use std::{borrow::Cow, fmt::Write};

use chrono::{NaiveDate, NaiveDateTime, Timelike};
use sqlx::{
    Arguments, Column as _, Decode, MySql, Row, TypeInfo, ValueRef,
    mysql::{MySqlArguments, MySqlRow, MySqlValueRef},
};

use super::{
    civil::{date_text, timestamp_text},
    target::Charset,
    value::{Value, days_of},
};
use crate::{
    catalog::ColumnType,
    error::{Kind, OrFail, Result},
};

pub(super) fn arguments(values: &[Value<'_>]) -> Result<MySqlArguments> {
    let mut arguments = MySqlArguments::default();
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
    Ok(arguments)
}

/// Writes a literal that means the same under every `sql_mode`: a text that an escape could touch is written in hex.
pub(super) fn literal(out: &mut String, value: &Value<'_>) {
    // Writing into a String cannot fail.
    match value {
        Value::Null => out.push_str("null"),
        Value::Int(number) => drop(write!(out, "{number}")),
        // In the form with an exponent, or it would be read as a DECIMAL and be rounded.
        Value::Double(number) => drop(write!(out, "{number:e}")),
        Value::Text(text) if memchr::memchr2(b'\'', b'\\', text.as_bytes()).is_none() => quoted(out, text),
        Value::Text(text) => {
            out.push_str("_utf8mb4 x'");
            for byte in text.bytes() {
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
            out.push('\'');
        }
        Value::Date(days) => quoted(out, &date_text(*days)),
        Value::Timestamp(seconds) => quoted(out, &timestamp_text(*seconds)),
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn quoted(out: &mut String, text: &str) {
    out.push('\'');
    out.push_str(text);
    out.push('\'');
}

/// An upper bound of the bytes of a literal.
pub(super) fn literal_size(value: &Value<'_>) -> usize {
    match value {
        Value::Text(text) => text.len() * 2 + 16,
        _ => 32,
    }
}

/// A stored value as the column's type has it; as a text where a hand has put something else there.
fn stored<'r>(raw: MySqlValueRef<'r>, kind: ColumnType) -> Result<Value<'r>> {
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let class = raw.type_info().into_owned();
    let wrong = || "cannot read a value";
    Ok(match (class.name(), kind) {
        ("TINYINT" | "BOOLEAN" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT", _) => {
            number(<i64 as Decode<MySql>>::decode(raw).or_fail(Kind::Database, wrong)?, kind)
        }
        ("TINYINT UNSIGNED" | "SMALLINT UNSIGNED" | "MEDIUMINT UNSIGNED" | "INT UNSIGNED" | "BIGINT UNSIGNED", _) => {
            let unsigned = <u64 as Decode<MySql>>::decode(raw).or_fail(Kind::Database, wrong)?;
            i64::try_from(unsigned).map_or_else(|_| Value::Text(unsigned.to_string().into()), |signed| number(signed, kind))
        }
        ("FLOAT" | "DOUBLE", ColumnType::Double) => Value::Double(<f64 as Decode<MySql>>::decode(raw).or_fail(Kind::Database, wrong)?),
        ("FLOAT" | "DOUBLE", _) => Value::Text(<f64 as Decode<MySql>>::decode(raw).or_fail(Kind::Database, wrong)?.to_string().into()),
        ("DATE", _) => match <NaiveDate as Decode<MySql>>::decode(raw) {
            Ok(date) if kind == ColumnType::Date => Value::Date(days_of(date)),
            Ok(date) => Value::Text(date.to_string().into()),
            Err(_) => Value::Text("a day that does not exist".into()),
        },
        ("DATETIME" | "TIMESTAMP", _) => match <NaiveDateTime as Decode<MySql>>::decode(raw) {
            Ok(moment) if kind == ColumnType::Timestamp && moment.nanosecond() == 0 => Value::Timestamp(moment.and_utc().timestamp()),
            Ok(moment) => Value::Text(moment.to_string().into()),
            Err(_) => Value::Text("a moment that does not exist".into()),
        },
        // The driver calls texts with MariaDB's nopad collations binary.
        ("VARCHAR" | "CHAR" | "TEXT" | "TINYTEXT" | "MEDIUMTEXT" | "LONGTEXT" | "VARBINARY" | "BINARY" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB", _) => {
            Value::Text(Cow::Borrowed(<&'r str as Decode<MySql>>::decode(raw).or_fail(Kind::Database, wrong)?))
        }
        (other, _) => Value::Text(format!("a {other}").into()),
    })
}

fn number(number: i64, kind: ColumnType) -> Value<'static> {
    match kind {
        ColumnType::SmallInt | ColumnType::Integer | ColumnType::BigInt => Value::Int(number),
        _ => Value::Text(number.to_string().into()),
    }
}

pub(super) fn row_values<'r>(row: &'r MySqlRow, kinds: &[ColumnType]) -> Result<Vec<Value<'r>>> {
    let mut values = Vec::with_capacity(kinds.len());
    for (column, kind) in row.columns().iter().zip(kinds) {
        values.push(stored(row.try_get_raw(column.ordinal()).or_fail(Kind::Database, || "cannot read a row")?, *kind)?);
    }
    Ok(values)
}

/// `varchar(20)`, `int(11)` and their like as a portable type. The short TEXT types hold bytes: as many code points as are sure.
pub(super) fn portable(declared: &str) -> Option<ColumnType> {
    let lower = declared.trim().to_ascii_lowercase();
    if lower.contains("unsigned") {
        return None;
    }
    let name = lower.split(['(', ' ']).next().unwrap_or_default();
    Some(match name {
        "varchar" => ColumnType::Varchar(lower.strip_prefix("varchar(")?.split(')').next()?.trim().parse().ok()?),
        "tinytext" => ColumnType::Varchar(255 / 4),
        "text" => ColumnType::Varchar(65_535 / 4),
        "mediumtext" => ColumnType::Varchar(16_777_215 / 4),
        "longtext" => ColumnType::Text,
        "smallint" => ColumnType::SmallInt,
        "int" => ColumnType::Integer,
        "bigint" => ColumnType::BigInt,
        "double" if lower == "double" => ColumnType::Double,
        "date" => ColumnType::Date,
        "datetime" => ColumnType::Timestamp,
        // MySQL's TIMESTAMP ends in 2038; FLOAT, DOUBLE(n,m), DECIMAL and TINYINT hold less than the portable types.
        _ => return None,
    })
}

/// The texts that a column of this character set holds.
pub(super) fn charset(name: Option<&str>) -> Charset {
    match name {
        None | Some("utf8mb4") => Charset::Unicode,
        Some("utf8" | "utf8mb3") => Charset::ThreeBytes,
        Some(_) => Charset::Ascii,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &Value<'_>) -> String {
        let mut out = String::new();
        literal(&mut out, value);
        assert!(out.len() <= literal_size(value), "{out}");
        out
    }

    #[test]
    fn literals_hold_nothing_that_an_escape_could_touch() {
        assert_eq!(written(&Value::Text("é😀 \" ; -- \n".into())), "'é😀 \" ; -- \n'");
        assert_eq!(written(&Value::Text("it's".into())), "_utf8mb4 x'69742773'");
        assert_eq!(written(&Value::Text("a\\".into())), "_utf8mb4 x'615c'");
        assert_eq!(written(&Value::Text("".into())), "''");
        assert_eq!(written(&Value::Double(f64::MAX)), "1.7976931348623157e308");
        assert_eq!(written(&Value::Int(i64::MIN)), "-9223372036854775808");
        assert_eq!(written(&Value::Timestamp(-1)), "'1969-12-31 23:59:59'");
    }

    #[test]
    fn declared_types() {
        let cases = [
            ("int(11)", Some(ColumnType::Integer)),
            ("int", Some(ColumnType::Integer)),
            ("int(10) unsigned", None),
            ("tinyint(1)", None),
            ("varchar(75)", Some(ColumnType::Varchar(75))),
            ("text", Some(ColumnType::Varchar(16_383))),
            ("longtext", Some(ColumnType::Text)),
            ("double", Some(ColumnType::Double)),
            ("double(5,2)", None),
            ("float(5,2)", None),
            ("datetime(6)", Some(ColumnType::Timestamp)),
            ("timestamp", None),
        ];
        for (declared, want) in cases {
            assert_eq!(portable(declared), want, "{declared}");
        }
    }
}
