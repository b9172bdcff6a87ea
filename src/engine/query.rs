//! Running queries: a few typed rows for planning, or a stream of Arrow batches for people.

use arrow::{datatypes::SchemaRef, record_batch::RecordBatch};
use chrono::{DateTime, NaiveDate};
use duckdb::{
    Connection,
    types::{TimeUnit, Value as Cell},
};

use super::{
    moment::Moment,
    row::{Row, Value},
    session::{execute, literal, refused},
};
use crate::error::{Error, Kind, Result};

/// Takes the batches of a result, in order.
pub trait Batches {
    /// Called once, first.
    ///
    /// # Errors
    /// Ends the query.
    fn schema(&mut self, schema: &SchemaRef) -> Result<()>;
    /// Called for each batch.
    ///
    /// # Errors
    /// Ends the query.
    fn batch(&mut self, batch: &RecordBatch) -> Result<()>;
}

/// Runs a query and converts its rows.
pub(super) fn rows(connection: &Connection, sql: &str) -> Result<Vec<Row>> {
    let failed = |error| refused(error, sql);
    let mut statement = connection.prepare(sql).map_err(failed)?;
    let mut found = statement.query([]).map_err(failed)?;
    let mut rows = Vec::new();
    let mut names: Vec<String> = Vec::new();
    while let Some(row) = found.next().map_err(failed)? {
        if names.is_empty() {
            names = row.as_ref().column_names();
        }
        let mut cells = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            let cell: Cell = row.get(index).map_err(failed)?;
            let value = value(cell).ok_or_else(|| {
                Error::new(Kind::Config, format!("column `{name}` has a type that no request can carry"))
                    .hint("cast it to text, a number, a date or a timestamp")
            })?;
            cells.push((name.clone(), value));
        }
        rows.push(cells);
    }
    Ok(rows)
}

fn value(cell: Cell) -> Option<Value> {
    Some(match cell {
        Cell::Null => Value::Null,
        Cell::Boolean(value) => Value::Bool(value),
        Cell::TinyInt(value) => Value::Int(value.into()),
        Cell::SmallInt(value) => Value::Int(value.into()),
        Cell::Int(value) => Value::Int(value.into()),
        Cell::BigInt(value) => Value::Int(value),
        Cell::UTinyInt(value) => Value::Int(value.into()),
        Cell::USmallInt(value) => Value::Int(value.into()),
        Cell::UInt(value) => Value::Int(value.into()),
        Cell::UBigInt(value) => Value::Int(i64::try_from(value).ok()?),
        Cell::HugeInt(value) => Value::Int(i64::try_from(value).ok()?),
        Cell::Float(value) => Value::Double(value.into()),
        Cell::Double(value) => Value::Double(value),
        Cell::Text(value) => Value::Text(value),
        Cell::Enum(value) => Value::Text(value),
        Cell::Date32(days) => Value::Date(NaiveDate::from_epoch_days(days)?),
        Cell::Timestamp(unit, count) => Value::Timestamp(match unit {
            TimeUnit::Second => DateTime::from_timestamp(count, 0)?,
            TimeUnit::Millisecond => DateTime::from_timestamp_millis(count)?,
            TimeUnit::Microsecond => DateTime::from_timestamp_micros(count)?,
            TimeUnit::Nanosecond => DateTime::from_timestamp_nanos(count),
        }),
        _ => return None,
    })
}

impl Moment<'_> {
    /// Runs a free SELECT (its relations are made first) and streams the result. Files outside the lake cannot be read.
    ///
    /// # Errors
    /// [`Kind::Internal`] if the moment was not made by [`super::Engine::moment_apart`], [`Kind::Config`] if it is no single SELECT, [`Kind::Usage`] for an unknown relation, [`Kind::Sql`] otherwise.
    pub fn query(&self, sql: &str, into: &mut dyn Batches) -> Result<()> {
        if !self.session().is_apart() {
            return Err(Error::new(Kind::Internal, "a free query runs in a DuckDB of its own"));
        }
        self.require_for(sql)?;
        self.lock()?;
        let failed = |error| refused(error, sql);
        let mut statement = self.session().prepare(sql).map_err(failed)?;
        let stream = statement.stream_arrow([]).map_err(failed)?;
        into.schema(&stream.get_schema())?;
        for batch in stream {
            into.batch(&batch)?;
        }
        Ok(())
    }

    /// No file but those of the lake and the spill folder may be touched from here on. The first query locks; the lock stays.
    fn lock(&self) -> Result<()> {
        let lake = self.engine().lake().local_folder()?;
        let root = self.engine().project().root.join("sql");
        let folders: Vec<String> = [lake, root, self.engine().temp().to_owned()]
            .iter()
            .map(|path| literal(&format!("{}/", path.display().to_string().trim_end_matches('/'))))
            .collect();
        if self.locked().replace(true) {
            return Ok(());
        }
        execute(
            self.session(),
            &format!("set allowed_directories = [{}]; set enable_external_access = false; set lock_configuration = true", folders.join(", ")),
        )
    }
}
