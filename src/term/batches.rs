//! Rows of DuckDB, batch by batch, to a table, CSV or JSON.

use std::{
    io::{self, Write},
    sync::Arc,
};

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    datatypes::{
        ArrowTimestampType, DataType, Field, Fields, Schema, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
        TimestampSecondType,
    },
    error::ArrowError,
    util::display::{ArrayFormatter, FormatOptions},
};

use super::{
    cell::{Cell, quoted_json},
    rows::{self, Format, Rows},
};

/// Writes record batches; only a table is kept in memory, and of that the first rows.
pub struct BatchWriter<W> {
    format: Format,
    width: Option<u16>,
    columns: Vec<String>,
    json_names: Vec<String>,
    table: Rows,
    limit: usize,
    rows: u64,
    out: W,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Rows that there are.
    pub rows: u64,
    /// Rows that were written; fewer only in a table.
    pub shown: u64,
}

impl<W: Write> BatchWriter<W> {
    /// A writer for batches of `schema`. `width` is the terminal's. A table shows its first `limit` rows.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(format: Format, schema: &Schema, width: Option<u16>, limit: usize, mut out: W) -> io::Result<Self> {
        let columns: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        if format == Format::Csv {
            rows::csv_head(&columns, &mut out)?;
        }
        Ok(Self { format, width, json_names: rows::json_names(&columns), table: Rows::new(columns.clone()), columns, limit, rows: 0, out })
    }

    /// Writes one batch.
    ///
    /// # Errors
    /// Those of `out`, and a column that cannot be shown.
    pub fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        debug_assert_eq!(batch.num_columns(), self.columns.len(), "all batches have the schema's columns");
        let arrays = batch.columns().iter().map(unpacked).collect::<Result<Vec<_>, _>>().map_err(io::Error::other)?;
        let fields = batch.schema_ref().fields();
        let columns: Result<Vec<Column<'_>>, ArrowError> = fields.iter().zip(&arrays).map(|(field, array)| Column::new(field, array)).collect();
        let columns = columns.map_err(io::Error::other)?;
        for row in 0..batch.num_rows() {
            let first = self.rows == 0;
            self.rows += 1;
            if self.format == Format::Table && self.table.len() >= self.limit {
                continue;
            }
            let cells = columns.iter().map(|column| column.cell(row)).collect::<Result<Vec<Cell>, _>>().map_err(io::Error::other)?;
            match self.format {
                Format::Table => self.table.push(cells),
                Format::Csv => rows::csv_row(&cells, &mut self.out)?,
                Format::Json => rows::json_row(&self.json_names, &cells, first, &mut self.out)?,
            }
        }
        Ok(())
    }

    /// Ends the output and flushes it.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn finish(mut self) -> io::Result<Written> {
        let mut shown = self.rows;
        match self.format {
            Format::Table => {
                shown = self.table.len() as u64;
                self.table.write(Format::Table, self.width, &mut self.out)?;
            }
            Format::Csv => {}
            Format::Json => rows::json_end(self.rows == 0, &mut self.out)?,
        }
        self.out.flush()?;
        Ok(Written { rows: self.rows, shown })
    }
}

/// A column whose values can be shown one by one.
struct Column<'a> {
    array: &'a ArrayRef,
    shape: Shape,
    text: Option<ArrayFormatter<'a>>,
}

#[derive(Clone, Copy)]
enum Shape {
    Bool,
    Number,
    Float,
    Json,
    Nested,
    Text,
}

impl<'a> Column<'a> {
    fn new(field: &Field, array: &'a ArrayRef) -> Result<Self, ArrowError> {
        let shape = match array.data_type() {
            DataType::Boolean => Shape::Bool,
            kind if kind.is_integer() || kind.is_decimal() => Shape::Number,
            kind if kind.is_floating() => Shape::Float,
            DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) | DataType::Struct(_) | DataType::Map(..) => Shape::Nested,
            kind if kind.is_string() && is_json(field) => Shape::Json,
            _ => Shape::Text,
        };
        let text = match shape {
            Shape::Bool | Shape::Nested => None,
            Shape::Number | Shape::Float | Shape::Json | Shape::Text => Some(ArrayFormatter::try_new(array.as_ref(), &OPTIONS)?),
        };
        Ok(Self { array, shape, text })
    }

    /// One value.
    fn cell(&self, row: usize) -> Result<Cell, ArrowError> {
        if self.array.is_null(row) || *self.array.data_type() == DataType::Null {
            return Ok(Cell::Null);
        }
        let text = || self.text.as_ref().map(|text| text.value(row).to_string()).unwrap_or_default();
        Ok(match self.shape {
            Shape::Bool => Cell::Bool(self.array.as_boolean().value(row)),
            Shape::Number => Cell::Number(text()),
            Shape::Float => float(text()),
            Shape::Json => document(text()),
            Shape::Nested => Cell::Json(nested(self.array, row)?),
            Shape::Text => Cell::Text(text()),
        })
    }
}

/// Dictionaries (DuckDB's ENUM) as plain values, and times with a zone as UTC: Arrow cannot show a named zone by itself.
fn unpacked(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    fn in_utc<T: ArrowTimestampType>(array: &ArrayRef) -> ArrayRef {
        Arc::new(array.as_primitive::<T>().clone().with_timezone("+00:00"))
    }
    match array.data_type() {
        DataType::Dictionary(_, values) => arrow::compute::cast(array, values),
        DataType::Timestamp(TimeUnit::Second, Some(_)) => Ok(in_utc::<TimestampSecondType>(array)),
        DataType::Timestamp(TimeUnit::Millisecond, Some(_)) => Ok(in_utc::<TimestampMillisecondType>(array)),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => Ok(in_utc::<TimestampMicrosecondType>(array)),
        DataType::Timestamp(TimeUnit::Nanosecond, Some(_)) => Ok(in_utc::<TimestampNanosecondType>(array)),
        _ => Ok(array.clone()),
    }
}

/// A list, struct or map as JSON text. A map whose keys are text becomes an object, any other a list of entries.
fn nested(array: &ArrayRef, row: usize) -> Result<String, ArrowError> {
    match array.data_type() {
        DataType::List(field) => list(field, &array.as_list::<i32>().value(row)),
        DataType::LargeList(field) => list(field, &array.as_list::<i64>().value(row)),
        DataType::FixedSizeList(field, _) => list(field, &array.as_fixed_size_list().value(row)),
        DataType::Map(entry, _) => {
            let entries: ArrayRef = Arc::new(array.as_map().value(row));
            match entry.data_type() {
                DataType::Struct(fields) if fields.first().is_some_and(|key| key.data_type().is_string()) => map(fields, &entries),
                _ => list(entry, &entries),
            }
        }
        DataType::Struct(fields) => {
            let members: Result<Vec<String>, ArrowError> = fields
                .iter()
                .zip(array.as_struct().columns())
                .map(|(field, column)| {
                    let value = unpacked(&column.slice(row, 1))?;
                    Ok(format!("{}:{}", quoted_json(field.name()), Column::new(field, &value)?.cell(0)?.json()))
                })
                .collect();
            Ok(format!("{{{}}}", members?.join(",")))
        }
        kind => Err(ArrowError::NotYetImplemented(format!("showing {kind}"))),
    }
}

fn list(field: &Field, values: &ArrayRef) -> Result<String, ArrowError> {
    let values = unpacked(values)?;
    let column = Column::new(field, &values)?;
    let items: Result<Vec<String>, ArrowError> = (0..values.len()).map(|index| Ok(column.cell(index)?.json().into_owned())).collect();
    Ok(format!("[{}]", items?.join(",")))
}

fn map(fields: &Fields, entries: &ArrayRef) -> Result<String, ArrowError> {
    let entries = entries.as_struct();
    let (names, values) = (unpacked(entries.column(0))?, unpacked(entries.column(1))?);
    let (names, values) = (Column::new(&fields[0], &names)?, Column::new(&fields[1], &values)?);
    let members: Result<Vec<String>, ArrowError> =
        (0..entries.len()).map(|index| Ok(format!("{}:{}", names.cell(index)?.json(), values.cell(index)?.json()))).collect();
    Ok(format!("{{{}}}", members?.join(",")))
}

/// Text that DuckDB calls JSON. It may hold a bare invalid text all the same.
fn document(text: String) -> Cell {
    if serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok() { Cell::Json(text) } else { Cell::Text(text) }
}

/// A float as a number; JSON has no word for NaN and infinity.
fn float(text: String) -> Cell {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Cell::Number(text),
        _ => Cell::Text(text.to_ascii_lowercase()),
    }
}

/// Whether DuckDB says that the text is JSON.
fn is_json(field: &Field) -> bool {
    field.metadata().get("ARROW:extension:name").is_some_and(|name| name == "arrow.json")
}

/// Dates as `2026-01-31`, times as `2026-01-31 04:00:00` in UTC, with a fraction only where there is one.
const OPTIONS: FormatOptions<'static> = FormatOptions::new()
    .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"))
    .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.f%:z"))
    .with_datetime_format(Some("%Y-%m-%d %H:%M:%S%.f"));

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use arrow::{
        array::{
            BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, ListArray, StringArray, StructArray,
            TimestampMicrosecondArray,
        },
        datatypes::Int32Type,
    };

    use super::*;

    fn batch() -> RecordBatch {
        let inner = Fields::from(vec![Field::new("a", DataType::Int32, true), Field::new("b \"", DataType::Utf8, true)]);
        let structs =
            StructArray::new(inner, vec![Arc::new(Int32Array::from(vec![Some(1), None])), Arc::new(StringArray::from(vec!["x", "y\n"]))], None);
        let json = StringArray::from(vec![Some("{\"k\": [1]}"), Some("no json")]);
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("i", Arc::new(Int64Array::from(vec![Some(i64::MAX), None]))),
            ("f", Arc::new(Float64Array::from(vec![1.5, f64::NAN]))),
            ("t", Arc::new(StringArray::from(vec![Some("a, b"), Some("")]))),
            ("b", Arc::new(BooleanArray::from(vec![Some(true), None]))),
            ("ts", Arc::new(TimestampMicrosecondArray::from(vec![1_769_832_000_000_000, 1_769_832_000_500_000]))),
            ("tz", Arc::new(TimestampMicrosecondArray::from(vec![1_769_832_000_000_000, 0]).with_timezone("Europe/Berlin"))),
            ("d", Arc::new(Date32Array::from(vec![Some(20_484), None]))),
            ("dec", Arc::new(Decimal128Array::from(vec![Some(-5), Some(12_345)]).with_precision_and_scale(38, 2).unwrap())),
            ("l", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1), None]), None]))),
            ("s", Arc::new(structs)),
            ("j", Arc::new(json)),
        ];
        let fields: Vec<Field> = columns
            .iter()
            .map(|(name, array)| {
                let field = Field::new(*name, array.data_type().clone(), true);
                if *name == "j" { field.with_metadata(HashMap::from([("ARROW:extension:name".to_owned(), "arrow.json".to_owned())])) } else { field }
            })
            .collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, array)| array).collect()).unwrap()
    }

    fn written(format: Format, limit: usize) -> (String, Written) {
        let mut out = Vec::new();
        let batch = batch();
        let mut writer = BatchWriter::new(format, batch.schema_ref(), None, limit, &mut out).unwrap();
        writer.write(&batch).unwrap();
        writer.write(&batch.slice(0, 0)).unwrap();
        let written = writer.finish().unwrap();
        (String::from_utf8(out).unwrap(), written)
    }

    #[test]
    fn csv() {
        insta::assert_snapshot!(written(Format::Csv, 1).0, @r#"
        i,f,t,b,ts,tz,d,dec,l,s,j
        9223372036854775807,1.5,"a, b",true,2026-01-31 04:00:00,2026-01-31 04:00:00+00:00,2026-01-31,-0.05,"[1,null]","{""a"":1,""b \"""":""x""}","{""k"": [1]}"
        ,nan,"",,2026-01-31 04:00:00.500,1970-01-01 00:00:00+00:00,,123.45,,"{""a"":null,""b \"""":""y\n""}",no json
        "#);
    }

    #[test]
    fn json_keeps_wide_numbers_and_nests_documents() {
        insta::assert_snapshot!(written(Format::Json, 1).0, @r#"
        [
        {"i":9223372036854775807,"f":1.5,"t":"a, b","b":true,"ts":"2026-01-31 04:00:00","tz":"2026-01-31 04:00:00+00:00","d":"2026-01-31","dec":-0.05,"l":[1,null],"s":{"a":1,"b \"":"x"},"j":{"k": [1]}},
        {"i":null,"f":"nan","t":"","b":null,"ts":"2026-01-31 04:00:00.500","tz":"1970-01-01 00:00:00+00:00","d":null,"dec":123.45,"l":null,"s":{"a":null,"b \"":"y\n"},"j":"no json"}
        ]
        "#);
        serde_json::from_str::<serde_json::Value>(&written(Format::Json, 1).0).unwrap();
    }

    #[test]
    fn a_table_shows_its_first_rows() {
        let (text, counts) = written(Format::Table, 1);
        assert_eq!(text.lines().count(), 3);
        assert_eq!(counts, Written { rows: 2, shown: 1 });
    }
}
