//! The workflows' own steps, run here against simulated APIs, MariaDB and a lake that the jobs share.

mod runner;

use std::os::unix::fs::PermissionsExt as _;

use etl::simulator::{Fault, FaultKind, Simulator};
use runner::Runner;
use url::Url;

use crate::{
    pump::{Pump, day, serve, small_world},
    scratch::{PASSWORD, Scratch, Server},
};

/// A checkout, a bucket, a database, and what an environment of GitHub gives to jobs.
struct Site {
    simulator: Simulator,
    /// Keeps the checkout.
    _pump: Pump,
    database: Scratch,
    runner: Runner,
    _bucket: tempfile::TempDir,
}

impl Site {
    async fn new(sources: &[&str]) -> Self {
        let simulator = serve(small_world()).await;
        let pump = Pump::of(&simulator, sources);
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in [".github", "db", "config"] {
            crate::pump::copy(&root.join(folder), &pump.root().join(folder));
        }
        let database = Scratch::new(Server::Mysql).await;
        pump.ok(&["--database", &database.owner(), "migrate", "run"]);

        let bin = pump.root().join("bin");
        fs_err::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_etl"), bin.join("etl")).unwrap();
        // The server listens where the proxy would.
        let proxy = bin.join("cloud-sql-proxy");
        fs_err::write(&proxy, "#!/bin/sh\nexit 0\n").unwrap();
        fs_err::set_permissions(&proxy, std::fs::Permissions::from_mode(0o755)).unwrap();

        let bucket = tempfile::tempdir().unwrap();
        let loader = Url::parse(&database.loader()).unwrap();
        let mut runner = Runner::new(pump.root());
        #[expect(clippy::disallowed_methods, reason = "the programs of the machine")]
        runner.machine("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
        for (name, value) in simulator.variables().into_iter().chain(simulator.slack_variables(true)) {
            // What the workflows name themselves must come from them.
            if name.starts_with("ETL_") {
                runner.machine(name, value);
            } else {
                let name = if name == "GITHUB_TOKEN" { "GH_READ_TOKEN" } else { name };
                runner.give(&format!("secrets.{name}"), value.clone());
                runner.give(&format!("vars.{name}"), value);
            }
        }
        runner.give("vars.ETL_LAKE", bucket.path().join("lake").display().to_string());
        runner.give("vars.ETL_DATABASE", format!("mysql:?{}", loader.query().unwrap_or_default()));
        runner.give("vars.CLOUD_SQL_CONNECTION_NAME", "project:region:instance");
        runner.give("vars.CLOUD_SQL_DATABASE_PORT", loader.port().unwrap().to_string());
        runner.give("vars.CLOUD_SQL_DATABASE_NAME", loader.path().trim_start_matches('/'));
        runner.give("secrets.CLOUD_SQL_DATABASE_USERNAME", loader.username());
        runner.give("secrets.CLOUD_SQL_DATABASE_PASSWORD", PASSWORD);
        runner.give("secrets.GCLOUD_AUTH", "{}");
        Self { simulator, _pump: pump, database, runner, _bucket: bucket }
    }

    fn on(&mut self, number: u64) {
        self.simulator.set_day(day(number));
        self.runner.machine("ETL_NOW", format!("{}T04:00:00Z", day(number)));
    }

    async fn count(&self, table: &str) -> u64 {
        self.database.texts(&format!("select cast(count(*) as char) from {table}")).await[0].parse().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn daily_and_weekly_runs_fill_mysql_and_change_nothing_when_run_again() {
    let mut site = Site::new(&["testrail", "bugzilla"]).await;
    site.on(0);
    let daily = site.runner.run("daily.yml", &[]);
    assert!(daily.is_green(), "{daily:#?}");
    for step in ["Extract", "Transform", "Load"] {
        assert!(daily.step(step).summary.contains('|'), "no summary of {step}: {daily:#?}");
    }
    assert!(site.count("report_bugzilla_softvision_bugs").await > 0, "daily");
    assert_eq!(site.count("report_test_run_counts").await, 0, "weekly");

    let again = site.runner.run("pump.yml", &["load"]);
    assert!(again.is_green(), "a stage runs on its own: {again:#?}");
    assert!(site.runner.run("daily.yml", &[]).is_green(), "twice on one day");

    // Whatever weekday it is: that nothing is due is no failure.
    let weekly = site.runner.run("weekly.yml", &[]);
    assert!(weekly.is_green(), "{weekly:#?}");
    for quiet in ["fortnightly.yml", "monthly.yml"] {
        let finished = site.runner.run(quiet, &[]);
        assert!(finished.is_green(), "{finished:#?}");
    }
    let monthly = site.runner.run("monthly.yml", &[]);
    assert!(monthly.step("Extract").text.contains("nothing of this selection is scheduled"), "{monthly:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scope_that_fails_lets_the_rest_load_into_mysql_and_makes_the_run_red() {
    let mut site = Site::new(&["testrail", "bugzilla"]).await;
    site.on(0);
    site.simulator.script(Fault::new("get_suites/59", FaultKind::Status { code: 403, retry_after: None }).times(u32::MAX));
    let daily = site.runner.run("daily.yml", &[]);
    assert_eq!(daily.results["pump.load"], "success", "{daily:#?}");
    assert_eq!(daily.results["pump.verdict"], "failure", "{daily:#?}");
    assert!(daily.step("Verdict").text.contains("some scopes failed"), "{daily:#?}");
    assert!(daily.step("Extract").text.contains("::error"), "annotated: {daily:#?}");
    assert!(site.count("report_bugzilla_softvision_bugs").await > 0, "what was complete is loaded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stage_that_fails_stops_the_later_ones_and_mysql_stays_as_it_is() {
    let mut site = Site::new(&["testrail", "bugzilla"]).await;
    site.on(0);
    site.runner.give("secrets.CLOUD_SQL_DATABASE_PASSWORD", "wrong");
    let daily = site.runner.run("daily.yml", &[]);
    assert_eq!(daily.results["pump.transform"], "success", "{daily:#?}");
    assert_eq!(daily.results["pump.load"], "failure", "{daily:#?}");
    assert_eq!(daily.step("Load").code, 1, "{daily:#?}");
    assert!(daily.step("Verdict").text.contains("load failure"), "{daily:#?}");
    assert_eq!(site.count("report_bugzilla_softvision_bugs").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_and_pictures_of_what_mysql_holds_go_out_once() {
    let mut site = Site::new(&["sentry", "whattrainisitnow", "github", "looker", "confluence", "etl"]).await;
    site.on(0);
    let daily = site.runner.run("daily.yml", &[]);
    assert!(daily.is_green(), "{daily:#?}");
    let told = site.simulator.slack_messages();
    assert_eq!(told.len(), 1, "how the run ended: {told:#?}");

    let published = site.runner.run("publish.yml", &[]);
    assert!(published.is_green(), "{published:#?}");
    let messages = site.simulator.slack_messages().len();
    assert!(messages > told.len(), "{published:#?}");
    let again = site.runner.run("publish.yml", &[]);
    assert!(again.is_green(), "{again:#?}");
    assert_eq!(site.simulator.slack_messages().len(), messages, "nothing is posted twice");
    assert_eq!(published.results["deep-dive"], "skipped", "it is Tuesday's");

    site.runner.give("github.event.schedule", "0 10 * * 2");
    let early = site.runner.run("publish.yml", &[]);
    assert_eq!((early.results["pages"].as_str(), early.step("Deep dive").code), ("skipped", 4), "what it tells of was never computed: {early:#?}");
    site.runner.give("inputs.select", "sentry-unhandled-issues github-issues");
    assert!(site.runner.run("pump.yml", &[]).is_green());
    let thread = site.runner.run("publish.yml", &[]);
    assert!(thread.is_green(), "{thread:#?}");
    assert!(site.simulator.slack_messages().len() > messages + 3, "a thread");
}
