//! What a lake has never read is not empty: no row is deleted for want of it, and no table claims to be complete without it.

use etl::{
    catalog::Project,
    load,
    secret::Secret,
    simulator::{Fault, FaultKind, Simulator},
};

use crate::{
    pump::{Pump, Ran, day, serve, small_world},
    scratch::{Scratch, Server},
};

const REPORTS: [&str; 2] = ["testrail-test-plans-and-runs", "testrail-test-case-coverage"];
const TABLES: [&str; 3] = ["report_testrail_test_plans", "test_suites", "report_test_case_coverage"];

/// A pump with TestRail only, at 04:00 of the first day.
async fn testrail() -> (Simulator, Pump) {
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let mut pump = Pump::of(&simulator, &["testrail"]);
    pump.at(day(0), "04:00:00");
    (simulator, pump)
}

/// Lets every request of this route fail with 403 from now on.
fn forbid(simulator: &Simulator, route: &str) {
    simulator.script(Fault::new(route, FaultKind::Status { code: 403, retry_after: None }).times(u32::MAX));
}

/// Runs both reports, or another command for them, with these options.
fn with(pump: &Pump, database: &str, command: &str, options: &[&str]) -> Ran {
    pump.run(&[&["--database", database, command], options, &REPORTS].concat())
}

/// How many rows each of the tables has.
async fn counts(pump: &Pump, database: &str) -> Vec<usize> {
    let project = Project::read(pump.root()).unwrap();
    let mut counts = Vec::new();
    for table in TABLES {
        let contract = project.model(table).and_then(|model| model.contract.as_ref()).unwrap();
        counts.push(load::read_table(&Secret::new(database), contract).await.unwrap().len());
    }
    counts
}

fn assert_says(ran: &Ran, code: i32, parts: &[&str]) {
    assert_eq!(ran.code, Some(code), "{}{}", ran.stdout, ran.stderr);
    let all = format!("{}{}", ran.stdout, ran.stderr);
    for part in parts {
        assert!(all.contains(part), "`{part}` is not in\n{all}");
    }
}

/// The steps of the two tests below, in one database.
async fn a_new_lake_deletes_nothing(database: &str, migrate: bool) {
    let (simulator, mut pump) = testrail().await;
    if migrate {
        pump.ok(&["--database", database, "migrate", "run"]);
    }
    let database = if database.is_empty() { format!("sqlite:{}", pump.database().display()) } else { database.to_owned() };
    assert_says(&with(&pump, &database, "run", &[]), 0, &[]);
    let full = counts(&pump, &database).await;
    assert!(full.iter().all(|rows| *rows > 3), "{full:?}");

    // A new lake, which may not read everything of one project.
    pump.set("ETL_LAKE", pump.root().join("data/new").display().to_string());
    pump.at(day(0), "05:00:00");
    for route in ["get_plans/17", "get_suites/17"] {
        forbid(&simulator, route);
    }
    let refused = with(&pump, &database, "run", &[]);
    assert_says(&refused, 1, &["`report_testrail_test_plans` was loaded from the lake ", "--accept-lake"]);
    assert_eq!(counts(&pump, &database).await, full);
    let plan = with(&pump, &database, "load", &["--plan", "--accept-lake"]);
    assert_says(&plan, 3, &["kept: firefox-desktop was never read completely", "never read: firefox-desktop"]);
    let loaded = with(&pump, &database, "load", &["--accept-lake"]);
    assert_says(&loaded, 3, &["kept: firefox-desktop was never read completely", "remove it from the seed"]);
    assert_eq!(counts(&pump, &database).await, full, "what this lake never read was deleted");
    // The same mart again, which is not read a second time.
    assert_says(&with(&pump, &database, "load", &[]), 3, &["kept: firefox-desktop was never read completely"]);

    // Once everything can be read, the table is what the mart is.
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    for (name, value) in simulator.variables() {
        pump.set(name, value);
    }
    pump.at(day(0), "09:00:00");
    let whole = with(&pump, &database, "run", &[]);
    assert_says(&whole, 0, &[]);
    assert!(!whole.stderr.contains("never read"), "{}", whole.stderr);
    assert_eq!(counts(&pump, &database).await, full);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_lake_deletes_nothing_in_sqlite() {
    a_new_lake_deletes_nothing("", false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_lake_deletes_nothing_in_postgres() {
    let scratch = Scratch::new(Server::Postgres).await;
    a_new_lake_deletes_nothing(&scratch.owner(), true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_project_in_a_mistyped_lake_deletes_nothing() {
    let (_simulator, mut pump) = testrail().await;
    let database = format!("sqlite:{}", pump.database().display());
    assert_says(&with(&pump, &database, "run", &[]), 0, &[]);
    let full = counts(&pump, &database).await;
    pump.set("ETL_LAKE", pump.root().join("data/mistyped").display().to_string());
    pump.at(day(0), "05:00:00");
    assert_says(&with(&pump, &database, "run", &["--project", "fenix"]), 1, &["--accept-lake"]);
    assert_eq!(counts(&pump, &database).await, full);
    let accepted = with(&pump, &database, "run", &["--project", "fenix", "--accept-lake"]);
    assert_says(&accepted, 3, &["never read: ", "focus-android", "were never read completely"]);
    assert_eq!(counts(&pump, &database).await, full);
}

/// Where all loads came from one lake, each row does: what is gone from the projects that it reads goes from the tables too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lake_of_one_project_deletes_as_ever() {
    let (_simulator, mut pump) = testrail().await;
    let database = format!("sqlite:{}", pump.database().display());
    let first = with(&pump, &database, "run", &["--project", "fenix"]);
    assert_says(&first, 0, &["never read: "]);
    // A rule that leaves rows out stands for rows that are gone.
    let join = "semi join projects as project on project.testrail_project_id = suite.project_id";
    let fewer = format!("{join}\nwhere suite.suite_id = (select min(other.suite_id) from latest.testrail_suites as other)");
    pump.edit("sql/marts/test_suites.sql", join, &fewer);
    pump.at(day(0), "06:00:00");
    pump.ok(&["transform", "test_suites"]);
    pump.ok(&["load", "test_suites"]);
    assert_eq!(counts(&pump, &database).await[1], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_was_never_pulled_is_skipped() {
    let (simulator, pump) = testrail().await;
    forbid(&simulator, "get_plans/");
    let ran = pump.run(&["run", "testrail-test-plans-and-runs"]);
    assert_says(&ran, 1, &["never pulled: testrail_plan_details, testrail_plans", "skipped"]);
    assert!(!ran.stderr.contains("1970"), "{}", ran.stderr);
    assert!(!pump.lake().join("marts/report_testrail_test_plans").exists());
    assert_says(&pump.run(&["load", "report_testrail_milestones"]), 0, &["no mart was published yet"]);
    assert_says(&pump.run(&["transform", "report_testrail_milestones"]), 1, &["never pulled", "`etl run` pulls what is missing"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stale_data_is_named_in_its_row_and_first_in_the_summary() {
    let (simulator, mut pump) = testrail().await;
    pump.ok(&["run", "testrail-test-case-coverage"]);
    simulator.set_day(day(1));
    forbid(&simulator, "get_suites/17");
    pump.at(day(1), "04:00:00");
    let summary = pump.root().join("summary.md");
    pump.set("GITHUB_ACTIONS", "true");
    pump.set("GITHUB_STEP_SUMMARY", summary.display().to_string());
    let ran = pump.run(&["run", "testrail-test-case-coverage"]);
    assert_says(&ran, 3, &[&format!("stale since {} 04:0", day(0))]);
    let markdown = fs_err::read_to_string(summary).unwrap();
    // Below the headings, which say that the run failed.
    let first = markdown.lines().find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
    assert!(first.starts_with("**1 report is stale: testrail-test-case-coverage (last good "), "{markdown}");
    let row = markdown.lines().find(|line| line.starts_with("| test_suites ") && line.contains("| done |"));
    assert!(row.is_some_and(|row| row.contains("stale since ")), "{markdown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_model_is_named_until_it_is_computed() {
    let (_simulator, mut pump) = testrail().await;
    pump.ok(&["run", "testrail-test-case-coverage"]);
    let says = |pump: &Pump, arguments: &[&str]| {
        let ran = pump.run(arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}\n{}", ran.stderr);
        ran.stderr.contains("changed after its mart of ") && ran.stderr.contains("run `etl transform test_suites`")
    };
    let reads = [["load", "--plan", "test_suites"].as_slice(), &["diff", "test_suites", "--against-database"], &["load", "test_suites"]];
    assert!(!reads.iter().any(|arguments| says(&pump, arguments)));
    pump.edit("sql/marts/test_suites.sql", "select", "select -- changed\n");
    assert!(reads.iter().all(|arguments| says(&pump, arguments)));
    pump.at(day(0), "05:00:00");
    pump.ok(&["transform", "test_suites"]);
    assert!(!reads.iter().any(|arguments| says(&pump, arguments)));
}
