//! Waiting, not work: 1,000 independent requests at 50 ms latency and concurrency 8, from planning to commit.
//! `cargo bench --bench waiting`. Fails over 1.15 times the time that the latency alone takes.
#![expect(clippy::print_stdout, reason = "a measurement for people")]

use std::{path::Path, process::ExitCode, sync::Arc, time::Duration};

use etl::{
    catalog::{Project, Selection},
    clock::Clock,
    engine::{Engine, RunRow},
    events::Silent,
    extract::{self, Job},
    lake::Lake,
    settings::{Env, Settings},
    simulator::{Options, Scale, Simulator, TESTRAIL_PASSWORD, TESTRAIL_USER, World},
};
use tokio::{runtime::Handle, time::Instant};
use uuid::Uuid;

const REQUESTS: i64 = 1_000;
const LATENCY: Duration = Duration::from_millis(50);
const CONCURRENCY: u32 = 8;
const AT_MOST: f64 = 1.15;

#[tokio::main]
async fn main() -> ExitCode {
    let world = World::seeded(1, Scale::demo());
    let day = world.first_day();
    let simulator = Simulator::start(world, Options { latency: LATENCY, ..Options::default() }).await.expect("a port on loopback");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut project = Project::read(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the project is sound");
    for source in &mut project.sources {
        if let Some(client) = &mut source.client {
            client.rate_limit.requests = 0;
            client.rate_limit.concurrency = CONCURRENCY;
        }
        for endpoint in source.endpoints.iter_mut().filter(|endpoint| endpoint.id == "testrail_suites") {
            endpoint.for_each = Some(format!("select 59 as project_id, number from range({REQUESTS}) as numbers (number)"));
        }
    }
    let env = Env::of([
        ("ETL_TESTRAIL_BASE_URL", format!("{}/index.php?/api/v2/", simulator.testrail_url())),
        ("TESTRAIL_USERNAME", TESTRAIL_USER.to_owned()),
        ("TESTRAIL_PASSWORD", TESTRAIL_PASSWORD.to_owned()),
    ]);
    let mut settings = Settings::read(folder.path(), env).expect("sound settings");
    let run_at = day.and_time(chrono::NaiveTime::MIN).and_utc();
    settings.clock = Clock::starting_at(run_at);
    let lake = Lake::open(&settings.lake).expect("a folder");
    let observer = Arc::new(Silent);
    let engine = Engine::open(Arc::new(project.clone()), lake.clone(), settings.clone(), observer.clone(), Handle::current()).expect("sound queries");
    let selection = Selection { waves: vec![vec!["testrail_suites".to_owned()]], ..Selection::default() };
    let job = Job {
        project: &project,
        graph: engine.graph(),
        settings: &settings,
        lake: &lake,
        engine: &engine,
        observer,
        selection: &selection,
        run: RunRow { run_at, as_of: run_at, projects: Vec::new(), window_start: None, window_end: None, full_refresh: false },
        run_id: Uuid::now_v7(),
        resume: false,
        shard: None,
    };
    let begin = Instant::now();
    let summary = extract::run(&job).await.expect("a lake");
    let seconds = begin.elapsed().as_secs_f64();
    let requests: u64 = summary.pulls.iter().map(|pull| pull.requests).sum();
    assert!(!summary.any_failed(), "{summary:#?}");
    let least = requests as f64 * LATENCY.as_secs_f64() / f64::from(CONCURRENCY);
    println!("waiting: {requests} requests in {seconds:.2} s, {:.3} x the latency alone (at most {AT_MOST})", seconds / least);
    if seconds <= AT_MOST * least { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
