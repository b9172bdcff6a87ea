//! A table of 100,000 rows and 12 columns into SQLite: loaded first, loaded again without a change, with 1% changed.
//! `cargo bench --bench reload`. Fails if a load without a change takes over 0.5 s (median of five).
#![expect(clippy::print_stdout, reason = "a measurement for people")]

use std::{process::ExitCode, sync::Arc, time::Instant};

use chrono::{DateTime, TimeDelta, Utc};
use etl::{
    catalog::Project,
    engine::{Engine, RunRow},
    events::Silent,
    lake::{Lake, MANIFEST_VERSION, Manifest, Part, layout},
    load::{self, Job, migrate},
    settings::{Env, Settings},
};
use tokio::runtime::Handle;
use uuid::Uuid;

const ROWS: u64 = 100_000;
const ROUNDS: usize = 5;
const AT_MOST: f64 = 0.5;

/// The mart. `{share}` of its rows have another text than the first time, in per cent.
const MART: &str = "\
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

struct Scene {
    _folder: tempfile::TempDir,
    project: Arc<Project>,
    settings: Settings,
    lake: Lake,
    engine: Engine,
    published: DateTime<Utc>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut scene = Scene::new().await;
    scene.publish(0).await;
    let first = scene.load((ROWS, 0)).await;
    println!("reload: {ROWS} rows of 12 columns, first load {first:.3} s");
    let mut same = Vec::new();
    let mut newer = Vec::new();
    for _ in 0..ROUNDS {
        same.push(scene.load((0, 0)).await);
        scene.publish(0).await;
        newer.push(scene.load((0, 0)).await);
    }
    let (same, newer) = (median(same), median(newer));
    println!("reload: the same mart again {same:.3} s, a newer mart without a change {newer:.3} s (at most {AT_MOST})");
    scene.publish(1).await;
    let changed = scene.load((0, ROWS / 100)).await;
    println!("reload: a newer mart with 1% changed {changed:.3} s");
    if same.max(newer) <= AT_MOST { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let marts = folder.path().join("sql/marts");
        fs_err::create_dir_all(&marts).expect("space on the disk");
        fs_err::write(marts.join("big.sql"), select(0)).expect("space on the disk");
        let settings = Settings::read(folder.path(), Env::default()).expect("sound settings");
        let project = Arc::new(Project::read(folder.path()).expect("a sound project"));
        let lake = Lake::open(&settings.lake).expect("a folder");
        let migrations = folder.path().join("migrations");
        migrate::new(&project, &migrations, "first", settings.clock.now()).expect("a sound contract");
        migrate::run(&settings.database, &migrations).await.expect("a fresh database");
        let engine = Engine::open(Arc::clone(&project), lake.clone(), settings.clone(), Arc::new(Silent), Handle::current()).expect("a sound mart");
        Self { _folder: folder, project, settings, lake, engine, published: DateTime::UNIX_EPOCH }
    }

    /// Publishes the next mart, in which `share` per cent of the rows are other ones than in the first.
    async fn publish(&mut self, share: u32) {
        self.published += TimeDelta::days(1);
        let at = self.published;
        let run = RunRow { run_at: at, as_of: at, projects: Vec::new(), window_start: None, window_end: None, full_refresh: false };
        let spool = self.engine.temp().join("mart.parquet");
        let rows = self.engine.moment(&run, &[]).and_then(|moment| moment.write_parquet(&select(share), &spool)).expect("the mart runs");
        let bytes = fs_err::read(&spool).expect("the mart was written");
        let transform_id = Uuid::now_v7();
        let path = layout::mart_part("big", transform_id, None);
        self.lake.upload_new(&path, &spool).await.expect("space on the disk");
        let contract = self.project.model("big").and_then(|model| model.contract.as_ref()).expect("a mart has a contract");
        let sha256 = etl::digest::sha256(&bytes);
        let part = Part { day: None, path, rows, bytes: bytes.len() as u64, sha256, fingerprint: String::new(), inputs: Vec::new() };
        let manifest = Manifest {
            version: MANIFEST_VERSION,
            table: "big".to_owned(),
            transform_id,
            as_of: at,
            replay: false,
            created: at,
            fingerprint: String::new(),
            columns: contract.columns.iter().map(|column| (column.name.clone(), column.kind.to_string())).collect(),
            parts: vec![part],
            rows,
            etl: env!("CARGO_PKG_VERSION").to_owned(),
            duckdb: self.engine.version().to_owned(),
        };
        self.lake.publish(&manifest).await.expect("a sound manifest");
    }

    /// Loads the newest mart, checks how many rows it inserts and updates, gives the seconds.
    async fn load(&self, expected: (u64, u64)) -> f64 {
        let job = Job {
            project: &self.project,
            lake: &self.lake,
            settings: &self.settings,
            observer: Arc::new(Silent),
            tables: &[],
            plan_only: false,
            verify: false,
            adopt: false,
            accept_shrink: &[],
            as_of: None,
        };
        let begin = Instant::now();
        let summary = load::run(&job).await.expect("a destination");
        let seconds = begin.elapsed().as_secs_f64();
        let table = &summary.tables[0];
        assert!(table.error.is_none() && table.skipped.is_none(), "{table:?}");
        assert_eq!((table.inserted, table.updated, table.deleted), (expected.0, expected.1, 0));
        seconds
    }
}

fn select(share: u32) -> String {
    MART.replace("{share}", &share.to_string()).replace("{rows}", &ROWS.to_string())
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}
