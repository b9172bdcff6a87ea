//! The seam: one connection to a destination. Each engine has one file that implements this, in this order of sections.
//!
//! What needs no connection (quoting, type names, limits) is [`Flavour`]'s. Everything above the seam is the same for all
//! engines, and the conformance suite (`tests` in `conformance.rs`) runs against every implementation.

use futures::future::BoxFuture;
use sqlx::migrate::Migrator;

use super::{flavour::Flavour, statement::Sql, target::TableFacts, value::Value};
use crate::{catalog::ColumnType, error::Result};

/// Takes one fetched row.
pub(super) type Each<'a> = &'a mut (dyn FnMut(&[Value<'_>]) -> Result<()> + Send);

/// Rows on their way into a table.
pub(super) trait Source: Send {
    /// How many there are.
    fn count(&self) -> usize;

    /// Hands over the next of them, as many as lie together. False: there were no more.
    fn some(&mut self, each: &mut dyn FnMut(&[Value<'_>]) -> Result<()>) -> Result<bool>;
}

/// Rows that are in memory anyway.
pub(super) struct Few<'a>(&'a [Vec<Value<'a>>]);

impl<'a> Few<'a> {
    /// These.
    pub(super) fn new(rows: &'a [Vec<Value<'a>>]) -> Self {
        Self(rows)
    }
}

impl Source for Few<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn some(&mut self, each: &mut dyn FnMut(&[Value<'_>]) -> Result<()>) -> Result<bool> {
        let rows = std::mem::take(&mut self.0);
        rows.iter().try_for_each(|row| each(row))?;
        Ok(!rows.is_empty())
    }
}

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Reads one consistent state; blocks nobody.
    Read,
    /// Changes a table; only one such transaction of `etl` at a time.
    Write,
}

/// A migration that the database has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Applied {
    pub(super) version: i64,
    pub(super) checksum: Vec<u8>,
}

/// A connection. Dropping it rolls back what was not committed.
pub(super) trait Session: Send {
    // --- facts ---

    /// The engine.
    fn flavour(&self) -> Flavour;

    /// The server's name and version.
    fn server(&mut self) -> BoxFuture<'_, Result<String>>;

    /// The table as it really is, or `None`.
    fn facts<'a>(&'a mut self, table: &'a str) -> BoxFuture<'a, Result<Option<TableFacts>>>;

    // --- transactions ---

    /// Begins. For [`Access::Write`] the lock that keeps other loads out is taken first, so that what is read after is the
    /// newest state.
    ///
    /// # Errors
    /// [`crate::error::Kind::Locked`] when another load holds the lock for longer than the connection waits.
    fn begin(&mut self, access: Access) -> BoxFuture<'_, Result<()>>;

    /// Commits and releases the lock.
    fn commit(&mut self) -> BoxFuture<'_, Result<()>>;

    /// Rolls back and releases the lock.
    fn rollback(&mut self) -> BoxFuture<'_, Result<()>>;

    // --- rows ---

    /// Runs a statement once for each of these lists of parameters, in as few round trips as the engine allows; gives the
    /// number of rows that all of them changed.
    fn execute<'a>(&'a mut self, sql: &'a Sql, many: &'a [Vec<Value<'a>>]) -> BoxFuture<'a, Result<u64>>;

    /// Runs a query whose columns have these types, row by row. A stored value that is not of its type is given as a text.
    fn fetch<'a>(&'a mut self, sql: &'a Sql, values: &'a [Value<'a>], kinds: &'a [ColumnType], each: Each<'a>) -> BoxFuture<'a, Result<()>>;

    /// Inserts many rows by the engine's fastest way that stays inside the transaction. All rows have all `columns`.
    fn insert<'a>(&'a mut self, table: &'a str, columns: &'a [&'a str], rows: &'a mut dyn Source) -> BoxFuture<'a, Result<()>>;

    // --- migrations ---

    /// What `_sqlx_migrations` lists, and the version that is half applied, if there is one. Creates nothing.
    fn applied(&mut self) -> BoxFuture<'_, Result<(Vec<Applied>, Option<i64>)>>;

    /// Applies what is pending, under a lock.
    fn migrate<'a>(&'a mut self, migrator: &'a Migrator) -> BoxFuture<'a, Result<()>>;

    /// Closes the connection in order.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;
}
