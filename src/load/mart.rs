//! A published mart as the load sees it: its head, and its rows as often as they are needed.
//!
//! Rows are never held as a whole. A load reads the files once to hash them, a second time only where something changed.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use super::{
    cells::Cells,
    value::{Misfit, Trims, Value, days_of, fit},
};
use crate::{
    catalog::Contract,
    error::{Error, Kind, Result},
};

/// The batches of a mart, in order.
pub type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// A mart that can be read several times, with the same rows in the same order.
pub struct Mart {
    /// The transform that published it.
    pub transform_id: Uuid,
    /// The time that it shows.
    pub as_of: DateTime<Utc>,
    /// The days of a snapshot, those without rows too; `None` for other grains.
    pub days: Option<BTreeSet<NaiveDate>>,
    /// Opens its rows from the first one.
    pub open: Box<dyn Fn() -> Result<Batches> + Send + Sync>,
}

/// The rows of one batch as they will be stored.
pub(super) struct Rows<'a> {
    contract: &'a Contract,
    cells: Cells<'a>,
    days: Option<(usize, BTreeSet<i32>)>,
}

impl<'a> Rows<'a> {
    /// The rows of `batch`.
    pub(super) fn of(batch: &'a RecordBatch, contract: &'a Contract, mart: &Mart) -> Result<Self> {
        let date = contract.snapshot_date().and_then(|date| contract.columns.iter().position(|column| column.name == date));
        let days = date.zip(mart.days.as_ref()).map(|(column, days)| (column, days.iter().map(|day| days_of(*day)).collect()));
        Ok(Self { contract, cells: Cells::of(batch, contract)?, days })
    }

    /// Rows in the batch.
    pub(super) fn len(&self) -> usize {
        self.cells.rows
    }

    /// The value in the contract's column `column`, or why it does not fit.
    pub(super) fn value(&self, column: usize, row: usize, trims: &mut Trims) -> Result<Value<'a>, Misfit> {
        let value = fit(self.cells.raw(column, row), &self.contract.columns[column], trims)?;
        match (&self.days, &value) {
            (Some((date, days)), Value::Date(day)) if *date == column && !days.contains(day) => Err(Misfit::OutsideDays),
            _ => Ok(value),
        }
    }

    /// All values of a row that preflight has let through.
    pub(super) fn row(&self, row: usize) -> Result<Vec<Value<'a>>> {
        (0..self.contract.columns.len()).map(|column| self.sound(column, row)).collect()
    }

    /// A value that preflight has let through.
    pub(super) fn sound(&self, column: usize, row: usize) -> Result<Value<'a>> {
        self.value(column, row, &mut Trims::default()).map_err(|misfit| {
            let column = &self.contract.columns[column].name;
            Error::new(Kind::Internal, format!("a value of `{column}` {misfit}, although the preflight found it sound"))
        })
    }
}

/// `a=1, b=x`: a key as people read it.
pub(super) fn key_text<'v>(contract: &Contract, values: impl IntoIterator<Item = &'v Value<'v>>) -> String {
    let mut text = String::new();
    for (name, value) in contract.key.iter().zip(values) {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(name);
        text.push('=');
        text.push_str(&shortened(&value.to_string()));
    }
    text
}

/// At most 60 code points of a text, on one line.
pub(super) fn shortened(text: &str) -> String {
    let line = text.replace(['\n', '\r', '\t'], " ");
    match line.char_indices().nth(60) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

/// Where the contract's key columns stand among its columns.
pub(super) fn key_positions(contract: &Contract) -> Vec<usize> {
    contract.key.iter().filter_map(|key| contract.columns.iter().position(|column| column.name == *key)).collect()
}
