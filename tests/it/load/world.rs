//! A small project with a lake and a database in a temporary folder.

use std::{path::Path, sync::Arc};

use arrow::{
    array::{ArrayRef, Date32Array, Int32Array, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema},
};
use chrono::{DateTime, NaiveDate, Utc};
use etl::{
    catalog::{Contract, Project},
    error::Result,
    events::Silent,
    lake::{Lake, MANIFEST_VERSION, Manifest, Part, layout},
    load::{self, Job, Summary, Value, migrate},
    settings::{Env, Settings},
};
use parquet::arrow::ArrowWriter;
use uuid::Uuid;

const PLANS: &str = "-- description: Plans.\n-- grain: state\n-- key: plan\n-- identity: id\n-- columns:\n--   plan integer not null: plan\n--   name varchar(10): name\nselect 1\n";
const DAILY: &str = "-- description: Counts by day.\n-- grain: snapshot\n-- snapshot of: x\n-- snapshot date: on_day\n-- key: on_day, plan\n-- columns:\n--   on_day date not null: day\n--   plan integer not null: plan\nselect 1\n";

pub(super) struct World {
    pub(super) folder: tempfile::TempDir,
    pub(super) project: Project,
    pub(super) lake: Lake,
    pub(super) settings: Settings,
}

impl World {
    /// With the tables `plans` and `daily`, migrated.
    pub(super) async fn new() -> Self {
        let world = Self::unmigrated();
        world.migrate().await;
        world
    }

    pub(super) fn unmigrated() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let marts = folder.path().join("sql/marts");
        fs_err::create_dir_all(&marts).unwrap();
        fs_err::write(marts.join("plans.sql"), PLANS).unwrap();
        fs_err::write(marts.join("daily.sql"), DAILY).unwrap();
        let settings = Settings::read(folder.path(), Env::of([("ETL_NOW", "2025-01-31T00:00:00Z")])).unwrap();
        let project = Project::read(folder.path()).unwrap();
        let lake = Lake::open(&settings.lake).unwrap();
        Self { folder, project, lake, settings }
    }

    pub(super) async fn migrate(&self) {
        let migrations = self.folder.path().join("migrations");
        migrate::new(&self.project, &migrations, "first", self.settings.clock.now()).unwrap();
        migrate::run(&self.settings.database, &migrations).await.unwrap();
    }

    pub(super) fn contract(&self, table: &str) -> &Contract {
        self.project.model(table).unwrap().contract.as_ref().unwrap()
    }

    /// Publishes rows of `plans` as of a time.
    pub(super) async fn publish(&self, rows: &[(Option<i32>, &str)], as_of: &str, replay: bool) -> Uuid {
        let transform_id = Uuid::now_v7();
        let plans: ArrayRef = Arc::new(rows.iter().map(|row| row.0).collect::<Int32Array>());
        let names: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.1)).collect::<StringArray>());
        let part = self.part("plans", transform_id, None, vec![("plan", plans), ("name", names)]).await;
        self.manifest("plans", transform_id, as_of, replay, vec![part]).await;
        transform_id
    }

    /// Publishes days of January 2025 of `daily`, each with its plans; gives their files.
    pub(super) async fn publish_days(&self, days: &[(u32, &[i32])], as_of: &str) -> Vec<Part> {
        self.publish_more_days(Vec::new(), days, as_of).await
    }

    /// The same, after days that an earlier transform wrote.
    pub(super) async fn publish_more_days(&self, mut parts: Vec<Part>, days: &[(u32, &[i32])], as_of: &str) -> Vec<Part> {
        let transform_id = Uuid::now_v7();
        for (day, plans) in days {
            let date = NaiveDate::from_ymd_opt(2025, 1, *day).unwrap();
            let since = i32::try_from((date - NaiveDate::default()).num_days()).unwrap();
            let dates: ArrayRef = Arc::new(plans.iter().map(|_| Some(since)).collect::<Date32Array>());
            let plans: ArrayRef = Arc::new(plans.iter().map(|plan| Some(*plan)).collect::<Int32Array>());
            parts.push(self.part("daily", transform_id, Some(date), vec![("on_day", dates), ("plan", plans)]).await);
        }
        self.manifest("daily", transform_id, as_of, false, parts.clone()).await;
        parts
    }

    pub(super) async fn part(&self, table: &str, transform_id: Uuid, day: Option<NaiveDate>, columns: Vec<(&str, ArrayRef)>) -> Part {
        let fields: Vec<Field> = columns.iter().map(|(name, array)| Field::new(*name, DataType::clone(array.data_type()), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns.into_iter().map(|(_, array)| array).collect()).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, schema, None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let path = layout::mart_part(table, transform_id, day);
        let (rows, size) = (batch.num_rows() as u64, bytes.len() as u64);
        let sha256 = etl::digest::sha256(&bytes);
        assert!(self.lake.put_new(&path, bytes.into()).await.unwrap().is_new());
        Part { day, path, rows, bytes: size, sha256, fingerprint: String::new(), inputs: Vec::new(), unread: Vec::new() }
    }

    pub(super) async fn manifest(&self, table: &str, transform_id: Uuid, as_of: &str, replay: bool, parts: Vec<Part>) {
        let as_of: DateTime<Utc> = as_of.parse().unwrap();
        let manifest = Manifest {
            version: MANIFEST_VERSION,
            table: table.to_owned(),
            transform_id,
            as_of,
            replay,
            created: self.settings.clock.now(),
            fingerprint: String::new(),
            columns: self.contract(table).columns.iter().map(|column| (column.name.clone(), column.kind.to_string())).collect(),
            rows: parts.iter().map(|part| part.rows).sum(),
            parts,
            definition: None,
            scopes: Vec::new(),
            scopes_fingerprint: None,
            etl: "test".to_owned(),
            duckdb: "test".to_owned(),
        };
        self.lake.publish(&manifest).await.unwrap();
    }

    fn job<'a>(&'a self, tables: &'a [String]) -> Job<'a> {
        Job {
            project: &self.project,
            lake: &self.lake,
            settings: &self.settings,
            observer: Arc::new(Silent),
            tables,
            plan_only: false,
            verify: false,
            adopt: false,
            accept_shrink: &[],
            accept_lake: false,
            as_of: None,
        }
    }

    pub(super) async fn load(&self, change: impl FnOnce(&mut Job<'_>)) -> Result<Summary> {
        let mut job = self.job(&[]);
        change(&mut job);
        load::run(&job).await
    }

    pub(super) async fn load_tables(&self, tables: &[String]) -> Result<Summary> {
        load::run(&self.job(tables)).await
    }

    /// The rows of a table, as text.
    pub(super) async fn rows(&self, table: &str) -> Vec<String> {
        let rows = load::read_table(&self.settings.database, self.contract(table)).await.unwrap();
        rows.iter().map(|row| row.iter().map(Value::to_string).collect::<Vec<_>>().join("|")).collect()
    }

    pub(super) fn database(&self) -> Vec<u8> {
        fs_err::read(self.settings.data.join("etl.sqlite")).unwrap()
    }

    pub(super) fn root(&self) -> &Path {
        self.folder.path()
    }
}
