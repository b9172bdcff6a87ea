//! Contracts, marts and databases for the tests of this room.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arrow::{
    array::{ArrayRef, Date32Array, Float64Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray},
    datatypes::{DataType, Field, Schema},
};
use chrono::{DateTime, NaiveDate, Utc};
use futures::future::BoxFuture;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection, SqliteConnection};
use uuid::Uuid;

use super::{
    again::ATTEMPTS,
    batch::{Pair, Summary, load},
    destination::Destination,
    mart::{Batches, Before, Head, Mart, Origin, Piece, Published},
    migrate,
    scratch::{Scratch, Server},
    table::{Manner, Mode, TableSummary},
    value::{Value, days_of},
};
use crate::{
    catalog::{Column, ColumnType, Contract, Grain, OnMissing},
    clock::Clock,
    error::Result,
    events::Silent,
    secret::Secret,
    settings::LoadLimits,
};

/// Rows as tests write them.
pub(super) type Row = Vec<Value<'static>>;

/// A column; `flags` may say `not null` and `insert_only`.
pub(super) fn column(name: &str, kind: ColumnType, flags: &str) -> Column {
    Column {
        name: name.to_owned(),
        kind,
        not_null: flags.contains("not null"),
        round: None,
        insert_only: flags.contains("insert_only"),
        meaning: format!("the {name}; it's 100% --meant"),
    }
}

/// A state mart of these columns, its first one the key.
pub(super) fn state(table: &str, columns: Vec<Column>) -> Contract {
    Contract {
        table: table.to_owned(),
        description: "A table's \\ sample.".to_owned(),
        key: vec![columns[0].name.clone()],
        columns,
        grain: Grain::State,
        on_missing: OnMissing::Delete,
        size_free: false,
        identity: Some("id".to_owned()),
        reports: Vec::new(),
        schedule: None,
    }
}

/// `plan integer` (key), `name varchar(10)`, `first_seen timestamp insert_only`.
pub(super) fn plans() -> Contract {
    state(
        "plans",
        vec![
            column("plan", ColumnType::Integer, "not null"),
            column("name", ColumnType::Varchar(10), ""),
            column("first_seen", ColumnType::Timestamp, "insert_only"),
        ],
    )
}

/// A row of [`plans`].
pub(super) fn plan(plan: i64, name: &str, first_seen: i64) -> Row {
    vec![Value::Int(plan), text(name), Value::Timestamp(first_seen)]
}

/// A text.
pub(super) fn text(text: &str) -> Value<'static> {
    Value::Text(text.to_owned().into())
}

/// Days of January 2025.
pub(super) fn january(days: &[u32]) -> BTreeSet<NaiveDate> {
    days.iter().map(|day| NaiveDate::from_ymd_opt(2025, 1, *day).unwrap()).collect()
}

/// A day of January 2025 as a value.
pub(super) fn day(day: u32) -> Value<'static> {
    Value::Date(days_of(NaiveDate::from_ymd_opt(2025, 1, day).unwrap()))
}

/// A mart with these rows, as of day `as_of` of January 2025.
pub(super) fn mart(contract: &Contract, rows: &[Row], as_of: u32) -> Mart {
    let batch = batch(contract, rows);
    let as_of: DateTime<Utc> = NaiveDate::from_ymd_opt(2025, 1, as_of).unwrap().and_hms_opt(4, 0, 0).unwrap().and_utc();
    // Small pieces of small batches, so that positions run over several.
    let slices = |batch: &RecordBatch, size: usize| -> Vec<RecordBatch> {
        (0..batch.num_rows()).step_by(size).map(|start| batch.slice(start, size.min(batch.num_rows() - start))).collect()
    };
    let open = move || -> Result<Vec<Piece>> {
        let pieces = slices(&batch, 20.max(batch.num_rows() / 2)).into_iter().map(|piece| {
            let rows = piece.num_rows();
            let read = move |_: Option<&[&str]>| -> Result<Batches> { Ok(Box::new(slices(&piece, 7.max(rows / 2)).into_iter().map(Ok))) };
            Piece { rows, read: Arc::new(read) }
        });
        Ok(pieces.collect())
    };
    Mart { head: Head { transform_id: Uuid::now_v7(), as_of, days: None, origin: Origin::default() }, open: Arc::new(open) }
}

fn batch(contract: &Contract, rows: &[Row]) -> RecordBatch {
    let mut fields = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for (index, column) in contract.columns.iter().enumerate() {
        let int = |row: &Row| if let Value::Int(number) = row[index] { Some(number) } else { None };
        let array: ArrayRef = match column.kind {
            ColumnType::SmallInt => Arc::new(rows.iter().map(|row| int(row).map(|number| i16::try_from(number).unwrap())).collect::<Int16Array>()),
            ColumnType::Integer => Arc::new(rows.iter().map(|row| int(row).map(|number| i32::try_from(number).unwrap())).collect::<Int32Array>()),
            ColumnType::BigInt => Arc::new(rows.iter().map(int).collect::<Int64Array>()),
            ColumnType::Double => {
                Arc::new(rows.iter().map(|row| if let Value::Double(number) = row[index] { Some(number) } else { None }).collect::<Float64Array>())
            }
            ColumnType::Date => {
                Arc::new(rows.iter().map(|row| if let Value::Date(days) = row[index] { Some(days) } else { None }).collect::<Date32Array>())
            }
            ColumnType::Timestamp => Arc::new(
                rows.iter()
                    .map(|row| if let Value::Timestamp(seconds) = row[index] { Some(seconds * 1_000_000 + 999_999) } else { None })
                    .collect::<TimestampMicrosecondArray>(),
            ),
            ColumnType::Varchar(_) | ColumnType::Text => {
                Arc::new(rows.iter().map(|row| if let Value::Text(text) = &row[index] { Some(text.as_ref()) } else { None }).collect::<StringArray>())
            }
        };
        let kind: DataType = array.data_type().clone();
        fields.push(Field::new(&column.name, kind, true));
        arrays.push(array);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

/// An empty SQLite file in `folder`.
pub(super) fn sqlite(folder: &Path) -> Destination {
    Destination::of(&address(folder)).unwrap().waiting(Duration::from_millis(300))
}

/// Its address.
pub(super) fn address(folder: &Path) -> Secret {
    Secret::new(format!("sqlite:{}", folder.join("db.sqlite").display()))
}

/// Where a check of the conformance suite runs: an empty database, and a folder for its migrations.
pub(super) struct Place {
    /// As the account that loads.
    pub(super) destination: Destination,
    /// As the account that migrates.
    pub(super) owner: Destination,
    pub(super) folder: tempfile::TempDir,
    /// Of a server; `None` for SQLite.
    pub(super) scratch: Option<Scratch>,
}

impl Place {
    /// An empty SQLite file.
    pub(super) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let destination = sqlite(folder.path());
        Self { owner: destination.clone(), destination, folder, scratch: None }
    }

    /// An empty database on a server.
    pub(super) async fn on(server: Server) -> Self {
        let scratch = Scratch::new(server).await;
        let of = |url: String| Destination::of(&Secret::new(url)).unwrap().waiting(Duration::from_secs(1));
        Self { destination: of(scratch.loader()), owner: of(scratch.owner()), folder: tempfile::tempdir().unwrap(), scratch: Some(scratch) }
    }

    /// The folder of the migrations.
    pub(super) fn migrations(&self) -> PathBuf {
        self.folder.path().join("migrations")
    }

    /// Writes the migrations for these contracts and runs them.
    pub(super) async fn migrated(&self, contracts: &[&Contract]) {
        let now = "2025-01-01T00:00:00Z".parse().unwrap();
        migrate::write(&self.migrations(), &migrate::tables(contracts.iter().copied()).unwrap(), "sample", now).unwrap();
        self.bring().await.unwrap();
    }

    /// Runs the migrations that are pending.
    pub(super) async fn bring(&self) -> Result<Vec<String>> {
        self.bring_from(&self.migrations()).await
    }

    /// Runs the migrations of a folder.
    pub(super) async fn bring_from(&self, migrations: &Path) -> Result<Vec<String>> {
        migrate::bring(&self.owner, migrations).await
    }

    /// A connection of the server's own account that stays open.
    pub(super) async fn stranger(&self) -> Stranger {
        let url = self.scratch.as_ref().unwrap().url();
        if url.starts_with("mysql") {
            Stranger::Mysql(Box::new(MySqlConnection::connect(&url).await.unwrap()))
        } else {
            Stranger::Postgres(Box::new(PgConnection::connect(&url).await.unwrap()))
        }
    }

    /// Runs statements that `etl` would not.
    pub(super) async fn run(&self, sql: &str) {
        match &self.scratch {
            Some(scratch) => scratch.run(sql).await,
            None => {
                let mut connection = SqliteConnection::connect(address(self.folder.path()).expose()).await.unwrap();
                sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
            }
        }
    }
}

/// Somebody else at the database.
pub(super) enum Stranger {
    Mysql(Box<MySqlConnection>),
    Postgres(Box<PgConnection>),
}

impl Stranger {
    pub(super) async fn run(&mut self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Mysql(connection) => drop(sqlx::raw_sql(sql).execute(connection.as_mut()).await.unwrap()),
            Self::Postgres(connection) => drop(sqlx::raw_sql(sql).execute(connection.as_mut()).await.unwrap()),
        }
    }
}

/// A load without special wishes.
pub(super) fn manner(mode: Mode) -> Manner {
    Manner {
        limits: LoadLimits { shrink_rows: 50, shrink_percent: 20.0 },
        accept_shrink: Vec::new(),
        lake: None,
        accept_lake: false,
        asked_for: false,
        mode,
        adopt: false,
        bucketed_from: u64::MAX,
        attempts: ATTEMPTS,
        clock: Clock::starting_at("2025-01-31T00:00:00Z".parse().unwrap()),
    }
}

/// A mart that is here already, and of whose past nothing is known.
impl Published for Mart {
    fn head(&self) -> &Head {
        &self.head
    }

    fn before(&self, _: Uuid) -> BoxFuture<'_, Result<Option<Before>>> {
        Box::pin(async { Ok(None) })
    }

    fn fetch<'a>(&'a self, days: Option<&'a BTreeSet<NaiveDate>>) -> BoxFuture<'a, Result<Mart>> {
        assert!(days.is_none(), "nothing is known of its past");
        Box::pin(async { Ok(self.clone()) })
    }
}

/// Loads one mart.
pub(super) async fn load_one<P: Published + 'static>(destination: &Destination, contract: &Contract, mart: &Arc<P>, manner: &Manner) -> TableSummary {
    let mart: Arc<dyn Published> = Arc::<P>::clone(mart);
    let pair = Pair { contract: Arc::new(contract.clone()), mart: Ok(Some(mart)) };
    let Summary { mut tables } = load(destination, None, vec![pair], manner, &Silent).await;
    tables.remove(0)
}

/// Inserted, updated, deleted, unchanged, blocked.
pub(super) fn numbers(summary: &TableSummary) -> (u64, u64, u64, u64, u64) {
    (summary.inserted, summary.updated, summary.deleted, summary.unchanged, summary.blocked)
}
