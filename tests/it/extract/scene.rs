//! The project's own sources, a simulator and an empty lake.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use arrow::array::{Array, AsArray};
use chrono::{DateTime, Days, NaiveDate, Utc};
use etl::{
    catalog::{Project, Selection},
    clock::Clock,
    engine::{Engine, RunRow},
    error::Result,
    events::Silent,
    extract::{self, Job, Summary},
    lake::{Lake, Receipt, read_batches},
    settings::{Env, Settings},
    simulator::{BUGZILLA_KEY, Options, Scale, Simulator, TESTRAIL_PASSWORD, TESTRAIL_USER, World},
};
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::pump::copy;

pub(super) struct Scene {
    pub(super) folder: tempfile::TempDir,
    pub(super) world: World,
    pub(super) simulator: Simulator,
    pub(super) project: Project,
    pub(super) lake: Lake,
    pub(super) day: NaiveDate,
    clock: Clock,
}

/// One landed record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Landed {
    pub(super) key: String,
    pub(super) payload: String,
    pub(super) original: Option<Vec<u8>>,
    pub(super) defect: Option<String>,
}

fn run_at(day: NaiveDate) -> DateTime<Utc> {
    day.and_hms_opt(4, 0, 0).unwrap().and_utc()
}

impl Scene {
    pub(super) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(super) async fn with(options: Options) -> Self {
        let world = World::seeded(7, Scale::demo());
        let simulator = Simulator::start(world.clone(), options).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(
            folder.path().join("etl.toml"),
            "[vars]\nplan_name_contains = \"Automated testing\"\nrelease_flag_floor = 140\nexcluded_resolutions = [\"WONTFIX\",\"INVALID\",\"WORKSFORME\",\"DUPLICATE\",\"MOVED\"]\n",
        )
        .unwrap();
        // Extraction needs neither marts nor audits: what is wrong with one of those fails tests of its own.
        for part in ["sources", "sql/seeds", "sql/staging", "sql/intermediate"] {
            copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(part), &folder.path().join(part));
        }
        // But for the one that an endpoint is asked by.
        let mart = "sql/marts/report_testrail_milestones.sql";
        fs_err::create_dir_all(folder.path().join("sql/marts")).unwrap();
        fs_err::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(mart), folder.path().join(mart)).unwrap();
        let mut project = Project::read(folder.path()).unwrap();
        for client in project.sources.iter_mut().filter_map(|source| source.client.as_mut()) {
            client.rate_limit.requests = 0;
            client.retry.attempts = Some(3);
            client.retry.limited_wait = std::time::Duration::from_secs(1);
        }
        let lake = Lake::open(&folder.path().join("lake").display().to_string()).unwrap();
        let day = world.first_day();
        Self { folder, world, simulator, project, lake, day, clock: Clock::starting_at(run_at(day)) }
    }

    pub(super) fn next_day(&mut self) {
        self.day = self.day.checked_add_days(Days::new(1)).unwrap();
        self.simulator.set_day(self.day);
        self.clock = Clock::starting_at(run_at(self.day));
    }

    fn settings(&self) -> Settings {
        let env = Env::of([
            ("ETL_TESTRAIL_BASE_URL", format!("{}/index.php?/api/v2/", self.simulator.testrail_url())),
            ("ETL_BUGZILLA_BASE_URL", self.simulator.bugzilla_url()),
            ("TESTRAIL_USERNAME", TESTRAIL_USER.to_owned()),
            ("TESTRAIL_PASSWORD", TESTRAIL_PASSWORD.to_owned()),
            ("BUGZILLA_API_KEY", BUGZILLA_KEY.to_owned()),
        ]);
        let mut settings = Settings::read(self.folder.path(), env).unwrap();
        settings.clock = self.clock.clone();
        settings
    }

    /// Extracts these endpoints, wave by wave.
    pub(super) async fn extract(&self, waves: &[&[&str]]) -> Summary {
        self.try_extract(waves, Uuid::now_v7(), false).await.unwrap()
    }

    pub(super) async fn try_extract(&self, waves: &[&[&str]], run_id: Uuid, resume: bool) -> Result<Summary> {
        let settings = self.settings();
        let observer = Arc::new(Silent);
        let engine = Engine::open(Arc::new(self.project.clone()), self.lake.clone(), settings.clone(), observer.clone(), Handle::current())?;
        let waves = waves.iter().map(|wave| wave.iter().map(|id| (*id).to_owned()).collect()).collect();
        let selection = Selection { waves, ..Selection::default() };
        let run_at = self.clock.now();
        let run = RunRow { run_at, as_of: run_at, projects: vec!["fenix".to_owned()], window_start: None, window_end: None, full_refresh: false };
        let job = Job {
            project: &self.project,
            graph: engine.graph(),
            settings: &settings,
            lake: &self.lake,
            engine: &engine,
            observer,
            selection: &selection,
            run,
            run_id,
            resume,
            shard: None,
        };
        extract::run(&job).await
    }

    pub(super) async fn receipts(&self, endpoint: &str) -> Vec<Receipt> {
        let mut receipts = self.lake.receipts(None).await.unwrap().to_vec();
        receipts.retain(|receipt| receipt.endpoint == endpoint);
        receipts
    }

    /// The landed records of one pull, in order of keys.
    pub(super) fn records(&self, receipt: &Receipt) -> Vec<Landed> {
        let Some(file) = receipt.records_file() else { return Vec::new() };
        let columns = ["record_key", "payload", "payload_original", "defect"];
        let mut found = Vec::new();
        for batch in read_batches(&self.lake.local_path(&file.path).unwrap(), Some(&columns)).unwrap() {
            let batch = batch.unwrap();
            let (keys, payloads) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
            let (originals, defects) = (batch.column(2).as_binary::<i32>(), batch.column(3).as_string::<i32>());
            for row in 0..batch.num_rows() {
                found.push(Landed {
                    key: keys.value(row).to_owned(),
                    payload: payloads.value(row).to_owned(),
                    original: originals.is_valid(row).then(|| originals.value(row).to_vec()),
                    defect: defects.is_valid(row).then(|| defects.value(row).to_owned()),
                });
            }
        }
        found.sort();
        found
    }

    /// What is live of an endpoint whose pulls replace their scope: newest complete pull, last version of each key.
    pub(super) async fn live(&self, endpoint: &str) -> BTreeMap<String, String> {
        let receipts = self.receipts(endpoint).await;
        let newest = receipts.iter().rfind(|receipt| receipt.complete());
        newest.map(|receipt| self.records(receipt)).unwrap_or_default().into_iter().map(|record| (record.key, record.payload)).collect()
    }
}
