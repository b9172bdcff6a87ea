//! The ledger `etl_loads`: one row per load that changed a table or the mart it shows, written in the same transaction.

use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

use super::{
    canonical::{HASH_VERSION, SetDigest},
    mart::Head,
    session::{Few, Session},
    statement::{last_load, loads_from_other_lakes},
    value::Value,
};
use crate::{
    catalog::{Column, ColumnType},
    error::{Error, Kind, Result},
};

/// Its name; no mart may have it.
pub(super) const LEDGER: &str = "etl_loads";

/// The column that the database fills.
pub(super) const LEDGER_IDENTITY: &str = "id";

/// What a load did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) inserted: u64,
    pub(super) updated: u64,
    pub(super) deleted: u64,
    pub(super) unchanged: u64,
    pub(super) blocked: u64,
}

impl Counts {
    /// Whether no row was written.
    pub(super) fn is_nothing(&self) -> bool {
        self.inserted + self.updated + self.deleted == 0
    }
}

/// The last load of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LastLoad {
    pub(super) transform_id: Option<Uuid>,
    pub(super) as_of: Option<DateTime<Utc>>,
    /// Rows of the mart that the table held after it.
    pub(super) held: u64,
    /// Nothing was left out, and the hashes are of our version: the digest says it all.
    pub(super) whole: bool,
    /// The lake that it read; `None` = not known.
    pub(super) lake: Option<Uuid>,
    /// How its rows were stored; empty = not known.
    pub(super) form: String,
    /// Of the owned rows after it.
    pub(super) digest: SetDigest,
}

/// The ledger's columns, from which the migrations are written too.
pub(super) fn columns() -> Vec<Column> {
    let column = |name: &str, kind: ColumnType, meaning: &str| Column {
        name: name.to_owned(),
        kind,
        not_null: true,
        round: None,
        insert_only: false,
        meaning: meaning.to_owned(),
    };
    vec![
        column("table_name", ColumnType::Varchar(63), "the loaded table"),
        column("transform_id", ColumnType::Varchar(36), "the transform whose mart it shows"),
        column("as_of", ColumnType::Timestamp, "the time that the mart shows"),
        column("loaded_at", ColumnType::Timestamp, "moment of the load"),
        column("inserted", ColumnType::BigInt, "rows inserted"),
        column("updated", ColumnType::BigInt, "rows updated"),
        column("deleted", ColumnType::BigInt, "rows deleted"),
        column("unchanged", ColumnType::BigInt, "rows that were as the mart has them"),
        column("blocked", ColumnType::BigInt, "rows left out because a row that etl did not write has their key"),
        column("owned_rows", ColumnType::BigInt, "owned rows after the load (of a snapshot: of the mart's days)"),
        column("hash_low", ColumnType::BigInt, "sum of the low 32 bits of their hashes"),
        column("hash_high", ColumnType::BigInt, "sum of the high 32 bits of their hashes"),
        column("hash_version", ColumnType::SmallInt, "version of the canonical form behind _row_hash"),
        column("etl_version", ColumnType::Varchar(30), "version of etl"),
        column("form", ColumnType::Varchar(16), "hash of what the contract says of storing rows; empty: not known"),
        column("lake_id", ColumnType::Varchar(36), "the lake that the mart was read from; empty: not known"),
    ]
}

/// Whether the destination keeps a ledger as this program writes it.
///
/// # Errors
/// [`Kind::Database`] if it does not.
pub(super) async fn check(session: &mut dyn Session) -> Result<()> {
    let refused = |what: String| Err(Error::new(Kind::Database, what).hint("run `etl migrate run`"));
    let Some(facts) = session.facts(LEDGER).await? else { return refused(format!("the destination has no table `{LEDGER}`")) };
    match columns().iter().find(|column| !facts.columns.iter().any(|real| real.name == column.name)) {
        Some(column) => refused(format!("the table `{LEDGER}` has no column `{}`", column.name)),
        None => Ok(()),
    }
}

/// The last load of `table`.
pub(super) async fn last(session: &mut dyn Session, table: &str) -> Result<Option<LastLoad>> {
    let names = [
        "transform_id",
        "as_of",
        "inserted",
        "updated",
        "unchanged",
        "blocked",
        "owned_rows",
        "hash_low",
        "hash_high",
        "hash_version",
        "form",
        "lake_id",
    ];
    let mut kinds = [ColumnType::BigInt; 12];
    kinds[0] = ColumnType::Varchar(36);
    kinds[10] = ColumnType::Varchar(16);
    kinds[11] = ColumnType::Varchar(36);
    kinds[1] = ColumnType::Timestamp;
    let sql = last_load(session.flavour(), LEDGER, &names);
    let mut last = None;
    let parameters = [Value::Text(table.into())];
    session
        .fetch(&sql, &parameters, &kinds, &mut |row| {
            let id = |index: usize| match &row[index] {
                Value::Text(text) => Uuid::parse_str(text).ok(),
                _ => None,
            };
            let as_of = match row[1] {
                Value::Timestamp(seconds) => DateTime::from_timestamp(seconds, 0),
                _ => None,
            };
            let number = |index: usize| match row[index] {
                Value::Int(number) => number.cast_unsigned(),
                _ => 0,
            };
            let form = match &row[10] {
                Value::Text(text) => text.clone().into_owned(),
                _ => String::new(),
            };
            last = Some(LastLoad {
                transform_id: id(0),
                as_of,
                held: number(2) + number(3) + number(4),
                whole: number(5) == 0 && number(9) == u64::from(HASH_VERSION),
                lake: id(11),
                form,
                digest: SetDigest { rows: number(6), low: number(7), high: number(8) },
            });
            Ok(())
        })
        .await?;
    Ok(last)
}

/// Whether every load of `table` was from this lake: then each row that `etl` wrote comes from a scope that the lake has read.
pub(super) async fn only_from(session: &mut dyn Session, table: &str, lake: Option<Uuid>) -> Result<bool> {
    let Some(lake) = lake else { return Ok(false) };
    let sql = loads_from_other_lakes(session.flavour(), LEDGER);
    let parameters = [Value::Text(table.into()), Value::Text(lake.to_string().into())];
    let mut others = 0;
    session
        .fetch(&sql, &parameters, &[ColumnType::BigInt], &mut |row| {
            if let [Value::Int(count)] = row {
                others = *count;
            }
            Ok(())
        })
        .await?;
    Ok(others == 0)
}

/// A load to be written down.
pub(super) struct Record<'a> {
    pub(super) table: &'a str,
    pub(super) head: &'a Head,
    /// The lake that it was read from.
    pub(super) lake: Option<Uuid>,
    /// How its rows are stored.
    pub(super) form: String,
    pub(super) counts: &'a Counts,
    /// Of the owned rows after it.
    pub(super) digest: SetDigest,
    pub(super) now: DateTime<Utc>,
}

/// Writes the row of a load; the caller commits.
pub(super) async fn record(session: &mut dyn Session, record: &Record<'_>) -> Result<()> {
    let Record { table, head, lake, form, counts, digest, now } = record;
    let number = |count: u64| Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
    let row = vec![
        Value::Text((*table).into()),
        Value::Text(head.transform_id.to_string().into()),
        Value::Timestamp(head.as_of.trunc_subsecs(0).timestamp()),
        Value::Timestamp(now.trunc_subsecs(0).timestamp()),
        number(counts.inserted),
        number(counts.updated),
        number(counts.deleted),
        number(counts.unchanged),
        number(counts.blocked),
        number(digest.rows),
        number(digest.low),
        number(digest.high),
        Value::Int(HASH_VERSION.into()),
        Value::Text(env!("CARGO_PKG_VERSION").into()),
        Value::Text(form.into()),
        Value::Text(lake.map(|lake| lake.to_string()).unwrap_or_default().into()),
    ];
    let columns = columns();
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    session.insert(LEDGER, &names, &mut Few::new(&[row])).await
}
