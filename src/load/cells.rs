//! Arrow columns read cell by cell, whatever integer width, text form or time unit the file chose.

use arrow::{
    array::{
        Array, AsArray, BooleanArray, Date32Array, Date64Array, Float32Array, Float64Array, LargeStringArray, PrimitiveArray, RecordBatch,
        StringArray, StringViewArray,
    },
    datatypes::{
        ArrowPrimitiveType, DataType, Decimal128Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
        TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};

use super::value::Raw;
use crate::{
    catalog::Contract,
    error::{Error, Kind, Result},
};

/// Reads one column by row number.
type Cell<'a> = Box<dyn Fn(usize) -> Raw<'a> + Send + Sync + 'a>;

/// The columns of a batch in the contract's order.
pub(super) struct Cells<'a> {
    /// `None`: not asked for.
    columns: Vec<Option<Cell<'a>>>,
    /// Rows in the batch.
    pub(super) rows: usize,
}

impl<'a> Cells<'a> {
    /// Finds the `wanted` ones of the contract's columns in `batch` by name.
    pub(super) fn of(batch: &'a RecordBatch, contract: &Contract, wanted: &[usize]) -> Result<Self> {
        let mut columns: Vec<Option<Cell<'a>>> = (0..contract.columns.len()).map(|_| None).collect();
        for position in wanted {
            let column = &contract.columns[*position];
            let array = batch.column_by_name(&column.name).ok_or_else(|| {
                Error::new(Kind::Contract, format!("the mart `{}` was published without the column `{}`", contract.table, column.name))
                    .hint("the contract is newer than the mart; run `etl transform`")
            })?;
            let cell = cell(array.as_ref()).ok_or_else(|| {
                Error::new(
                    Kind::Contract,
                    format!("column `{}` of the mart `{}` has the type {}, which no column can hold", column.name, contract.table, array.data_type()),
                )
            })?;
            columns[*position] = Some(cell);
        }
        Ok(Self { columns, rows: batch.num_rows() })
    }

    /// The raw value in the contract's column `column`.
    pub(super) fn raw(&self, column: usize, row: usize) -> Raw<'a> {
        self.columns[column].as_ref().map_or(Raw::Null, |cell| cell(row))
    }
}

fn cell(array: &dyn Array) -> Option<Cell<'_>> {
    Some(match array.data_type() {
        DataType::Null => Box::new(|_| Raw::Null),
        DataType::Int8 => number::<Int8Type>(array, |v| Raw::Int(v.into())),
        DataType::Int16 => number::<Int16Type>(array, |v| Raw::Int(v.into())),
        DataType::Int32 => number::<Int32Type>(array, |v| Raw::Int(v.into())),
        DataType::Int64 => number::<Int64Type>(array, |v| Raw::Int(v.into())),
        DataType::UInt8 => number::<UInt8Type>(array, |v| Raw::Int(v.into())),
        DataType::UInt16 => number::<UInt16Type>(array, |v| Raw::Int(v.into())),
        DataType::UInt32 => number::<UInt32Type>(array, |v| Raw::Int(v.into())),
        DataType::UInt64 => number::<UInt64Type>(array, |v| Raw::Int(v.into())),
        // DuckDB's HUGEINT.
        DataType::Decimal128(_, 0) => number::<Decimal128Type>(array, Raw::Int),
        DataType::Float32 => {
            let array: &Float32Array = array.as_primitive();
            Box::new(|row| if array.is_null(row) { Raw::Null } else { Raw::Double(array.value(row).into()) })
        }
        DataType::Float64 => {
            let array: &Float64Array = array.as_primitive();
            Box::new(|row| if array.is_null(row) { Raw::Null } else { Raw::Double(array.value(row)) })
        }
        DataType::Utf8 => {
            let array: &StringArray = array.as_string();
            Box::new(|row| if array.is_null(row) { Raw::Null } else { Raw::Text(array.value(row)) })
        }
        DataType::LargeUtf8 => {
            let array: &LargeStringArray = array.as_string();
            Box::new(|row| if array.is_null(row) { Raw::Null } else { Raw::Text(array.value(row)) })
        }
        DataType::Utf8View => {
            let array: &StringViewArray = array.as_string_view();
            Box::new(|row| if array.is_null(row) { Raw::Null } else { Raw::Text(array.value(row)) })
        }
        DataType::Boolean => {
            let array: &BooleanArray = array.as_boolean();
            Box::new(|row| if array.is_null(row) { Raw::Null } else { Raw::Int(array.value(row).into()) })
        }
        DataType::Date32 => {
            let array: &Date32Array = array.as_primitive();
            Box::new(|row| if array.is_null(row) { Raw::Null } else { Raw::Days(array.value(row).into()) })
        }
        DataType::Date64 => {
            let array: &Date64Array = array.as_primitive();
            Box::new(|row| if array.is_null(row) { Raw::Null } else { Raw::Days(array.value(row).div_euclid(86_400_000)) })
        }
        // Cut towards the past, so that a moment before 1970 is not moved into the next second.
        DataType::Timestamp(TimeUnit::Second, _) => number::<TimestampSecondType>(array, Raw::Seconds),
        DataType::Timestamp(TimeUnit::Millisecond, _) => number::<TimestampMillisecondType>(array, |v| Raw::Seconds(v.div_euclid(1_000))),
        DataType::Timestamp(TimeUnit::Microsecond, _) => number::<TimestampMicrosecondType>(array, |v| Raw::Seconds(v.div_euclid(1_000_000))),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => number::<TimestampNanosecondType>(array, |v| Raw::Seconds(v.div_euclid(1_000_000_000))),
        _ => return None,
    })
}

fn number<'a, T: ArrowPrimitiveType>(array: &'a dyn Array, raw: fn(T::Native) -> Raw<'a>) -> Cell<'a> {
    let array: &'a PrimitiveArray<T> = array.as_primitive();
    Box::new(move |row| if array.is_null(row) { Raw::Null } else { raw(array.value(row)) })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, TimestampMicrosecondArray, TimestampMillisecondArray};

    use super::*;

    #[test]
    fn reads_whatever_form_the_file_chose() {
        let arrays: [(ArrayRef, Raw<'_>); 5] = [
            (Arc::new(Int64Array::from(vec![7])), Raw::Int(7)),
            (Arc::new(StringViewArray::from(vec!["é"])), Raw::Text("é")),
            (Arc::new(LargeStringArray::from(vec![None::<&str>])), Raw::Null),
            (Arc::new(TimestampMicrosecondArray::from(vec![-1])), Raw::Seconds(-1)),
            (Arc::new(TimestampMillisecondArray::from(vec![1_999])), Raw::Seconds(1)),
        ];
        for (array, want) in &arrays {
            assert_eq!(cell(array.as_ref()).unwrap()(0), *want);
        }
    }
}
