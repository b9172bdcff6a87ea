//! A published mart as the load sees it: its head, and its rows as often as they are needed.
//!
//! Rows are never held as a whole. A load reads the files once to hash them; a second time only their keys, where something
//! may have changed; a third time only the pieces that hold what has.

use std::{collections::BTreeSet, sync::Arc};

use arrow::array::RecordBatch;
use chrono::{DateTime, NaiveDate, Utc};
use futures::future::BoxFuture;
use uuid::Uuid;

use super::{
    cells::Cells,
    value::{Misfit, Trims, Value, days_of, fit},
};
use crate::{
    catalog::Contract,
    error::{Error, Kind, Result},
};

/// Batches in order.
pub(super) type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// What a published mart says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The transform that published it.
    pub(super) transform_id: Uuid,
    /// The time that it shows.
    pub(super) as_of: DateTime<Utc>,
    /// The days of a snapshot, those without rows too; `None` for other grains.
    pub(super) days: Option<BTreeSet<NaiveDate>>,
    /// What it says of what it was computed from.
    pub(super) origin: Origin,
}

/// What a mart was computed from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// When it was published.
    pub created: DateTime<Utc>,
    /// Hash of the models that computed it; `None` = not known.
    pub definition: Option<String>,
    /// Names of scopes that were never read completely: no row is deleted for want of them.
    pub never_read: Vec<String>,
    /// Whether a pull of one of them failed.
    pub failed: bool,
    /// The time since which the first of its stale scopes is stale.
    pub stale_since: Option<DateTime<Utc>>,
    /// Of a snapshot: days that were computed before every scope had been read. No row of theirs is deleted.
    pub unread_days: BTreeSet<NaiveDate>,
}

impl Origin {
    /// Whether rows may be missing because a scope was never read.
    pub(super) fn is_incomplete(&self) -> bool {
        !self.never_read.is_empty() || !self.unread_days.is_empty()
    }
}

/// A published mart none of whose files was fetched so far.
pub(super) trait Published: Send + Sync {
    /// What it says of itself.
    fn head(&self) -> &Head;

    /// What another transform had published of the same table; `None` = that is not known any more.
    fn before(&self, transform_id: Uuid) -> BoxFuture<'_, Result<Option<Before>>>;

    /// Fetches its files, those of `days` if any are named; gives the mart of these days.
    fn fetch<'a>(&'a self, days: Option<&'a BTreeSet<NaiveDate>>) -> BoxFuture<'a, Result<Mart>>;
}

/// The days of an earlier mart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Before {
    /// All of them.
    pub(super) days: BTreeSet<NaiveDate>,
    /// Those that have the very same file in both marts.
    pub(super) same: BTreeSet<NaiveDate>,
    /// It was computed for a past moment on request.
    pub(super) replay: bool,
}

/// A mart that can be read several times, with the same rows in the same order.
#[derive(Clone)]
pub(super) struct Mart {
    /// What it says of itself; of a snapshot the days that it has here.
    pub(super) head: Head,
    /// Opens its files; gives their pieces in order.
    pub(super) open: Arc<dyn Fn() -> Result<Vec<Piece>> + Send + Sync>,
}

/// Reads the rows of a piece from the first one; of these columns at least, if any are named.
pub(super) type Read = dyn Fn(Option<&[&str]>) -> Result<Batches> + Send + Sync;

/// A part of a mart that is read by itself: a row group of a file.
#[derive(Clone)]
pub(super) struct Piece {
    /// How many there are.
    pub(super) rows: usize,
    /// The rows.
    pub(super) read: Arc<Read>,
}

impl Mart {
    /// All of its batches.
    pub(super) fn batches(&self) -> Result<Batches> {
        Ok(Box::new((self.open)()?.into_iter().flat_map(|piece| piece.batches(None))))
    }
}

impl Piece {
    /// Its batches; a failure to open it is the first one's.
    pub(super) fn batches(&self, columns: Option<&[&str]>) -> Batches {
        match (self.read)(columns) {
            Ok(batches) => batches,
            Err(error) => Box::new(std::iter::once(Err(error))),
        }
    }
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
        let all: Vec<usize> = (0..contract.columns.len()).collect();
        Self::of_columns(batch, contract, mart, &all)
    }

    /// The rows of `batch`, of which nothing but these of the contract's columns will be asked for.
    pub(super) fn of_columns(batch: &'a RecordBatch, contract: &'a Contract, mart: &Mart, columns: &[usize]) -> Result<Self> {
        let date = contract.snapshot_date().and_then(|date| contract.columns.iter().position(|column| column.name == date));
        let days = date.zip(mart.head.days.as_ref()).map(|(column, days)| (column, days.iter().map(|day| days_of(*day)).collect()));
        Ok(Self { contract, cells: Cells::of(batch, contract, columns)?, days })
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
        let mut values = Vec::with_capacity(self.contract.columns.len() + 1);
        for column in 0..self.contract.columns.len() {
            values.push(self.sound(column, row)?);
        }
        Ok(values)
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
