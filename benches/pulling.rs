//! What the benches of pulls share: this project against a simulated TestRail, from planning to commit.

use std::{path::Path, sync::Arc, time::Instant};

use chrono::NaiveTime;
use etl::{
    catalog::{Project, Selection},
    clock::Clock,
    engine::{Engine, RunRow},
    events::Silent,
    extract::{self, Job, Summary},
    lake::Lake,
    settings::{Env, Settings},
    simulator::{Scale, TESTRAIL_PASSWORD, TESTRAIL_USER},
};
use tokio::runtime::Handle;
use uuid::Uuid;

/// Pulls the waves of endpoints from the TestRail at `url` into a lake of its own, without a rate limit; `change` may rewrite
/// the project before. Gives what was pulled and the seconds it took.
pub(crate) async fn pull(url: &str, waves: &[&str], change: impl FnOnce(&mut Project)) -> (Summary, f64) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut project = Project::read(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the project is sound");
    for client in project.sources.iter_mut().filter_map(|source| source.client.as_mut()) {
        client.rate_limit.requests = 0;
    }
    change(&mut project);
    let env = Env::of([
        ("ETL_TESTRAIL_BASE_URL", format!("{url}/index.php?/api/v2/")),
        ("TESTRAIL_USERNAME", TESTRAIL_USER.to_owned()),
        ("TESTRAIL_PASSWORD", TESTRAIL_PASSWORD.to_owned()),
    ]);
    let mut settings = Settings::read(folder.path(), env).expect("sound settings");
    let run_at = Scale::demo().first_day.and_time(NaiveTime::MIN).and_utc();
    settings.clock = Clock::starting_at(run_at);
    let lake = Lake::open(&settings.lake).expect("a folder");
    let observer = Arc::new(Silent);
    let engine = Engine::open(Arc::new(project.clone()), lake.clone(), settings.clone(), observer.clone(), Handle::current()).expect("sound queries");
    let selection = Selection { waves: waves.iter().map(|id| vec![(*id).to_owned()]).collect(), ..Selection::default() };
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
    assert!(!summary.any_failed(), "{summary:#?}");
    (summary, seconds)
}
