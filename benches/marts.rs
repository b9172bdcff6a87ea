//! What the benches of loads share: marts over nothing, published one after the other, and a destination.

use std::{sync::Arc, time::Instant};

use chrono::{DateTime, TimeDelta, Utc};
use etl::{
    catalog::Project,
    engine::{Engine, RunRow},
    events::Silent,
    lake::{Lake, MANIFEST_VERSION, Manifest, Part, Receipts, layout},
    load::{self, Job, migrate},
    settings::{Env, Settings},
};
use tokio::runtime::Handle;
use uuid::Uuid;

/// Rows of [`BIG`].
pub(crate) const ROWS: u64 = 100_000;

/// Measurements of which the median counts.
pub(crate) const ROUNDS: usize = 5;

/// `{share}` per cent of the rows have another text than the first time.
pub(crate) const BIG: &str = "\
-- description: Rows to measure with.
-- grain: state
-- key: number
-- columns:
--   number integer not null: counts the rows
--   text_0 varchar(100): text
--   text_1 varchar(100): text
--   text_2 varchar(100): text
--   text_3 varchar(100): text
--   text_4 varchar(100): text
--   count_0 bigint: a count
--   count_1 bigint: a count
--   count_2 bigint: a count
--   ratio double: a fraction
--   day date: a day
--   moment timestamp: a time
select
    cast(n as integer) as number,
    format('{} {} of column 0', if(n % 100 < {share}, 'other', 'value'), n) as text_0,
    format('value {} of column 1', n) as text_1,
    format('value {} of column 2', n) as text_2,
    format('value {} of column 3', n) as text_3,
    format('value {} of column 4', n) as text_4,
    cast(0 as bigint) as count_0,
    cast(n as bigint) as count_1,
    cast(n * 2 as bigint) as count_2,
    cast(n / 3 as double) as ratio,
    date '2024-10-04' as day,
    timestamp '2023-11-14 22:13:20' + to_seconds(n) as moment
from range({rows}) as numbers (n)
";

/// A project of some marts, its lake and its tables.
pub(crate) struct Scene {
    _folder: tempfile::TempDir,
    pub(crate) project: Arc<Project>,
    pub(crate) settings: Settings,
    pub(crate) lake: Lake,
    engine: Engine,
    published: DateTime<Utc>,
}

impl Scene {
    /// The tables are made in `database`, or in a SQLite file of the scene's own.
    pub(crate) async fn new(database: Option<&str>, marts: &[(&str, String)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let models = folder.path().join("sql/marts");
        fs_err::create_dir_all(&models).expect("space on the disk");
        for (name, text) in marts {
            fs_err::write(models.join(format!("{name}.sql")), text).expect("space on the disk");
        }
        let settings = Settings::read(folder.path(), Env::of(database.map(|database| ("ETL_DATABASE", database)))).expect("sound settings");
        let project = Arc::new(Project::read(folder.path()).expect("a sound project"));
        let lake = Lake::open(&settings.lake).expect("a folder");
        let migrations = folder.path().join("migrations");
        migrate::new(&project, &migrations, "first", settings.clock.now()).expect("a sound contract");
        migrate::run(&settings.database, &migrations).await.expect("a fresh database");
        let engine = Engine::open(Arc::clone(&project), lake.clone(), settings.clone(), Arc::new(Silent), Handle::current()).expect("a sound mart");
        Self { _folder: folder, project, settings, lake, engine, published: DateTime::UNIX_EPOCH }
    }

    /// Publishes the next result of a mart: that of `select`.
    pub(crate) async fn publish(&mut self, table: &str, select: &str) {
        self.published += TimeDelta::days(1);
        let at = self.published;
        let run = RunRow { run_at: at, as_of: at, projects: Vec::new(), window_start: None, window_end: None, full_refresh: false };
        let spool = self.engine.temp().join("mart.parquet");
        let rows = self.engine.moment(&run, Receipts::none()).and_then(|moment| moment.write_parquet(select, &spool)).expect("the mart runs");
        let bytes = fs_err::read(&spool).expect("the mart was written");
        let transform_id = Uuid::now_v7();
        let path = layout::mart_part(table, transform_id, None);
        self.lake.upload_new(&path, &spool).await.expect("space on the disk").accept_existing();
        let contract = self.project.model(table).and_then(|model| model.contract.as_ref()).expect("a mart has a contract");
        let sha256 = etl::digest::sha256(&bytes);
        let part =
            Part { day: None, path, rows, bytes: bytes.len() as u64, sha256, fingerprint: String::new(), inputs: Vec::new(), unread: Vec::new() };
        let manifest = Manifest {
            version: MANIFEST_VERSION,
            table: table.to_owned(),
            transform_id,
            as_of: at,
            replay: false,
            created: at,
            fingerprint: String::new(),
            columns: contract.columns.iter().map(|column| (column.name.clone(), column.kind.to_string())).collect(),
            parts: vec![part],
            rows,
            definition: None,
            scopes: Vec::new(),
            scopes_fingerprint: None,
            etl: env!("CARGO_PKG_VERSION").to_owned(),
            duckdb: self.engine.version().to_owned(),
        };
        self.lake.publish(&manifest).await.expect("a sound manifest");
    }

    /// Loads the newest mart of a table; checks how many rows are inserted and updated; gives the seconds.
    pub(crate) async fn load(&self, table: &str, expected: (u64, u64)) -> f64 {
        let begin = Instant::now();
        let found = load(&self.project, &self.lake, &self.settings, table).await;
        let seconds = begin.elapsed().as_secs_f64();
        assert_eq!(found, expected);
        seconds
    }
}

/// Loads the newest mart of a table; gives the rows inserted and updated.
pub(crate) async fn load(project: &Project, lake: &Lake, settings: &Settings, table: &str) -> (u64, u64) {
    let job = Job {
        project,
        lake,
        settings,
        observer: Arc::new(Silent),
        tables: &[table.to_owned()],
        plan_only: false,
        verify: false,
        adopt: false,
        accept_shrink: &[],
        accept_lake: false,
        as_of: None,
    };
    let summary = load::run(&job).await.expect("a destination");
    let table = &summary.tables[0];
    assert!(table.error.is_none() && table.skipped.is_none() && table.deleted == 0, "{table:?}");
    (table.inserted, table.updated)
}

/// A mart's SELECT of so many rows.
pub(crate) fn filled(mart: &str, rows: u64, share: u64) -> String {
    mart.replace("{share}", &share.to_string()).replace("{rows}", &rows.to_string())
}

pub(crate) fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}
