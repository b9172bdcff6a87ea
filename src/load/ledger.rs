//! The ledger `etl_loads`: one row per load that changed a table or the mart it shows, written in the same transaction.

use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

use super::{canonical::HASH_VERSION, session::Session, statement::last_load, value::Value};
use crate::{
    catalog::{Column, ColumnType},
    error::Result,
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

/// The last load of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LastLoad {
    pub(super) transform_id: Option<Uuid>,
    pub(super) as_of: Option<DateTime<Utc>>,
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
        column("hash_version", ColumnType::SmallInt, "version of the canonical form behind _row_hash"),
        column("etl_version", ColumnType::Varchar(30), "version of etl"),
    ]
}

/// The last load of `table`.
pub(super) async fn last(session: &mut dyn Session, table: &str) -> Result<Option<LastLoad>> {
    let sql = last_load(session.flavour(), LEDGER, &["transform_id", "as_of"]);
    let mut last = None;
    let parameters = [Value::Text(table.into())];
    session
        .fetch(&sql, &parameters, &[ColumnType::Varchar(36), ColumnType::Timestamp], &mut |row| {
            let transform_id = match &row[0] {
                Value::Text(text) => Uuid::parse_str(text).ok(),
                _ => None,
            };
            let as_of = match row[1] {
                Value::Timestamp(seconds) => DateTime::from_timestamp(seconds, 0),
                _ => None,
            };
            last = Some(LastLoad { transform_id, as_of });
            Ok(())
        })
        .await?;
    Ok(last)
}

/// Writes the row of a load; the caller commits.
pub(super) async fn record(
    session: &mut dyn Session,
    table: &str,
    transform_id: Uuid,
    as_of: DateTime<Utc>,
    now: DateTime<Utc>,
    counts: &Counts,
) -> Result<()> {
    let number = |count: u64| Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
    let row = vec![
        Value::Text(table.into()),
        Value::Text(transform_id.to_string().into()),
        Value::Timestamp(as_of.trunc_subsecs(0).timestamp()),
        Value::Timestamp(now.trunc_subsecs(0).timestamp()),
        number(counts.inserted),
        number(counts.updated),
        number(counts.deleted),
        number(counts.unchanged),
        number(counts.blocked),
        Value::Int(HASH_VERSION.into()),
        Value::Text(env!("CARGO_PKG_VERSION").into()),
    ];
    let columns = columns();
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    session.insert(LEDGER, &names, &[row]).await
}
