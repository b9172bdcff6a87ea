//! A value as it will be stored, and how a raw value becomes one: trimmed, cut, rounded, or refused.

use std::{borrow::Cow, fmt};

use chrono::NaiveDate;

use super::civil::{DAY, date_text, timestamp_text};
use crate::catalog::{Column, ColumnType};

/// One value of a destination table.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// No value; not the same as an empty text.
    Null,
    /// SMALLINT, INTEGER and BIGINT.
    Int(i64),
    /// DOUBLE: finite, never -0.0.
    Double(f64),
    /// VARCHAR and TEXT.
    Text(Cow<'a, str>),
    /// DATE: days since 1970-01-01.
    Date(i32),
    /// TIMESTAMP: seconds since 1970-01-01 00:00:00 UTC.
    Timestamp(i64),
}

/// A value as the mart's file holds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Raw<'a> {
    Null,
    Int(i128),
    Double(f64),
    Text(&'a str),
    /// Since 1970-01-01.
    Days(i64),
    /// Since 1970-01-01 00:00:00 UTC, already cut.
    Seconds(i64),
}

/// Why a value does not fit into its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Misfit {
    Null,
    OutOfRange,
    NotFinite,
    DateOutOfRange,
    WrongType,
    /// A text that the column's character set cannot hold.
    CharacterSet,
    /// A snapshot row whose day is not among the days that the mart says it computed.
    OutsideDays,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "is NULL in a column that is `not null`",
            Self::OutOfRange => "is out of the type's range",
            Self::NotFinite => "is NaN or infinite",
            Self::DateOutOfRange => "is outside of the years 1000 to 9999",
            Self::WrongType => "is not of the column's type",
            Self::CharacterSet => "has characters that the column's character set cannot hold (convert the table to utf8mb4)",
            Self::OutsideDays => "is a day that the mart did not compute",
        })
    }
}

/// What was changed to make values fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Trims {
    /// Texts cut at the column's length.
    pub(super) cuts: u64,
    /// U+0000 removed.
    pub(super) nuls: u64,
}

/// Days since 1970 of 1000-01-01 and 9999-12-31: the range that every engine holds.
const FIRST_DAY: i64 = -354_285;
const LAST_DAY: i64 = 2_932_896;

/// Makes `raw` fit into `column`, or says why it cannot.
pub(super) fn fit<'a>(raw: Raw<'a>, column: &Column, trims: &mut Trims) -> Result<Value<'a>, Misfit> {
    let value = match (raw, column.kind) {
        (Raw::Null, _) if column.not_null => return Err(Misfit::Null),
        (Raw::Null, _) => Value::Null,
        (Raw::Text(text), ColumnType::Varchar(limit)) => Value::Text(cut(without_nul(text, trims), limit, trims)),
        (Raw::Text(text), ColumnType::Text) => Value::Text(without_nul(text, trims)),
        (Raw::Int(number), ColumnType::SmallInt) => Value::Int(i16::try_from(number).map_err(|_| Misfit::OutOfRange)?.into()),
        (Raw::Int(number), ColumnType::Integer) => Value::Int(i32::try_from(number).map_err(|_| Misfit::OutOfRange)?.into()),
        (Raw::Int(number), ColumnType::BigInt) => Value::Int(i64::try_from(number).map_err(|_| Misfit::OutOfRange)?),
        (Raw::Double(number), ColumnType::Double) => Value::Double(rounded(number, column.round)?),
        (Raw::Days(days), ColumnType::Date) => Value::Date(day(days)?),
        (Raw::Seconds(seconds), ColumnType::Timestamp) => {
            day(seconds.div_euclid(DAY))?;
            Value::Timestamp(seconds)
        }
        _ => return Err(Misfit::WrongType),
    };
    Ok(value)
}

fn without_nul<'a>(text: &'a str, trims: &mut Trims) -> Cow<'a, str> {
    let nuls = memchr::memchr_iter(0, text.as_bytes()).count();
    if nuls == 0 {
        return Cow::Borrowed(text);
    }
    trims.nuls += nuls as u64;
    Cow::Owned(text.replace('\0', ""))
}

fn cut<'a>(text: Cow<'a, str>, limit: u32, trims: &mut Trims) -> Cow<'a, str> {
    // A text of n bytes has at most n code points.
    if text.len() <= limit as usize {
        return text;
    }
    let Some((end, _)) = text.char_indices().nth(limit as usize) else { return text };
    trims.cuts += 1;
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
        Cow::Owned(mut text) => {
            text.truncate(end);
            Cow::Owned(text)
        }
    }
}

/// The double nearest to `number`'s decimal form with so many places (a tie goes to the even digit): unlike
/// multiplying by a power of ten this neither overflows nor moves a value that is already rounded.
fn rounded(number: f64, places: Option<u8>) -> Result<f64, Misfit> {
    if !number.is_finite() {
        return Err(Misfit::NotFinite);
    }
    let number = match places {
        None => number,
        Some(places) => format!("{number:.*}", usize::from(places)).parse().map_err(|_| Misfit::NotFinite)?,
    };
    // SQLite and MySQL do not keep the sign of zero.
    Ok(if number == 0.0 { 0.0 } else { number })
}

fn day(days: i64) -> Result<i32, Misfit> {
    if (FIRST_DAY..=LAST_DAY).contains(&days) { i32::try_from(days).map_err(|_| Misfit::DateOutOfRange) } else { Err(Misfit::DateOutOfRange) }
}

impl Value<'_> {
    /// The same value with its text owned.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Int(number) => Value::Int(number),
            Self::Double(number) => Value::Double(number),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Date(days) => Value::Date(days),
            Self::Timestamp(seconds) => Value::Timestamp(seconds),
        }
    }

    /// A text that lives as long as the value, for statements that bind it again.
    pub(super) fn borrowed(&self) -> Value<'_> {
        match self {
            Self::Text(text) => Value::Text(Cow::Borrowed(text)),
            Self::Null => Value::Null,
            Self::Int(number) => Value::Int(*number),
            Self::Double(number) => Value::Double(*number),
            Self::Date(days) => Value::Date(*days),
            Self::Timestamp(seconds) => Value::Timestamp(*seconds),
        }
    }
}

/// Days since 1970-01-01 of a date.
pub(super) fn days_of(date: NaiveDate) -> i32 {
    i32::try_from((date - NaiveDate::default()).num_days()).unwrap_or(i32::MAX)
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Double(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::Date(days) => f.write_str(&date_text(*days)),
            Self::Timestamp(seconds) => f.write_str(&timestamp_text(*seconds)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(kind: ColumnType, round: Option<u8>) -> Column {
        Column { name: "c".to_owned(), kind, not_null: false, round, insert_only: false, meaning: String::new() }
    }

    fn fitted(raw: Raw<'_>, kind: ColumnType) -> (Result<Value<'_>, Misfit>, Trims) {
        let mut trims = Trims::default();
        (fit(raw, &column(kind, None), &mut trims), trims)
    }

    #[test]
    fn text_loses_nul_before_it_is_cut_at_code_points() {
        let (value, trims) = fitted(Raw::Text("a\0😀é\0bc"), ColumnType::Varchar(3));
        assert_eq!(value.unwrap(), Value::Text("a😀é".into()));
        assert_eq!(trims, Trims { cuts: 1, nuls: 2 });
        let (value, trims) = fitted(Raw::Text("😀😀😀"), ColumnType::Varchar(3));
        assert_eq!(value.unwrap(), Value::Text("😀😀😀".into()));
        assert_eq!(trims, Trims::default());
        let (value, _) = fitted(Raw::Text(""), ColumnType::Text);
        assert_eq!(value.unwrap(), Value::Text("".into()));
    }

    #[test]
    fn numbers_keep_to_their_range() {
        assert_eq!(fitted(Raw::Int(32_767), ColumnType::SmallInt).0, Ok(Value::Int(32_767)));
        assert_eq!(fitted(Raw::Int(32_768), ColumnType::SmallInt).0, Err(Misfit::OutOfRange));
        assert_eq!(fitted(Raw::Int(i128::from(i32::MIN) - 1), ColumnType::Integer).0, Err(Misfit::OutOfRange));
        assert_eq!(fitted(Raw::Int(i128::from(i64::MAX) + 1), ColumnType::BigInt).0, Err(Misfit::OutOfRange));
        assert_eq!(fitted(Raw::Double(f64::NAN), ColumnType::Double).0, Err(Misfit::NotFinite));
        assert_eq!(fitted(Raw::Double(1.0), ColumnType::Integer).0, Err(Misfit::WrongType));
        let Ok(Value::Double(zero)) = fitted(Raw::Double(-0.0), ColumnType::Double).0 else { panic!("no double") };
        assert!(zero.is_sign_positive());
    }

    #[test]
    fn rounding_is_decimal_and_idempotent() {
        for (number, places, want) in [(0.125, 2, 0.12), (2.675, 2, 2.67), (1e300, 6, 1e300), (-0.0000001, 6, 0.0), (1.0 / 3.0, 6, 0.333_333)] {
            let once = rounded(number, Some(places)).unwrap();
            assert_eq!(once, want);
            assert_eq!(rounded(once, Some(places)).unwrap(), once);
        }
    }

    #[test]
    fn days_have_the_range_that_all_engines_hold() {
        assert_eq!(FIRST_DAY, i64::from(days_of(NaiveDate::from_ymd_opt(1000, 1, 1).unwrap())));
        assert_eq!(LAST_DAY, i64::from(days_of(NaiveDate::from_ymd_opt(9999, 12, 31).unwrap())));
        assert_eq!(fitted(Raw::Days(FIRST_DAY - 1), ColumnType::Date).0, Err(Misfit::DateOutOfRange));
        assert_eq!(fitted(Raw::Seconds((LAST_DAY + 1) * DAY), ColumnType::Timestamp).0, Err(Misfit::DateOutOfRange));
        assert_eq!(date_text(-1), "1969-12-31");
        assert_eq!(timestamp_text(-1), "1969-12-31 23:59:59");
    }
}
