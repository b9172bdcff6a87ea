//! A job reports the truth: its summary, its exit code, what `--resume` does, and which result is the newest.

use std::{path::Path, time::Duration};

use etl::simulator::{Fault, FaultKind};

use crate::pump::{Pump, day, files, serve, small_world};

const TABLE: &str = "report_testrail_milestones";
const SQL: &str = "sql/marts/report_testrail_milestones.sql";
const NOWHERE: &str = "mysql://a:secret@127.0.0.1:9/c";

async fn pump() -> (etl::simulator::Simulator, Pump) {
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let mut pump = Pump::new(&simulator);
    pump.at(day(0), "04:00:00");
    (simulator, pump)
}

/// Runs a command with a job's summary; gives the exit code and the summary.
fn summary(pump: &Pump, arguments: &[&str]) -> (Option<i32>, String) {
    let path = pump.root().join("summary.md");
    let mut command = pump.command(arguments);
    let output = command.env("GITHUB_STEP_SUMMARY", &path).output().unwrap();
    let text = fs_err::read_to_string(&path).unwrap_or_default();
    let _ = fs_err::remove_file(&path);
    (output.status.code(), text)
}

#[tokio::test]
async fn every_failing_command_writes_its_failure_first() {
    let (_simulator, mut pump) = pump().await;
    for (arguments, code, start) in [
        (&["load"][..], 1, "### ❌ etl load failed: there is no lake at "),
        (&["status"], 1, "### ❌ etl status failed: there is no lake at "),
        (&["extract", "milestones"], 2, "### ❌ etl extract failed: there is no report, table, model or endpoint"),
        (&["extract", "--no-such-option"], 2, "### ❌ etl failed: unexpected argument '--no-such-option' found"),
        (&["--database", NOWHERE, "doctor", "testrail_suites"], 1, "### ❌ etl doctor failed: cannot connect to the database"),
        (&["--database", NOWHERE, "run", "testrail-milestones"], 1, "### ❌ etl run failed: cannot connect to the database"),
    ] {
        let (ended, text) = summary(&pump, arguments);
        assert_eq!(ended, Some(code), "{arguments:?}: {text}");
        assert!(text.starts_with(start), "{arguments:?}: {text}");
        assert!(!text.contains("secret"), "{text}");
    }
    let password = pump.replace("TESTRAIL_PASSWORD", "");
    let (ended, text) = summary(&pump, &["extract", "testrail_suites"]);
    assert!(ended == Some(2) && text.starts_with("### ❌ etl extract failed: ") && text.contains("TESTRAIL"), "{text}");
    pump.replace("TESTRAIL_PASSWORD", &password);
    let (ended, text) = summary(&pump, &["run", "testrail-milestones"]);
    assert!(ended == Some(0) && text.starts_with("### etl run: "), "{text}");
    let (ended, text) = summary(&pump, &["--database", NOWHERE, "load", TABLE]);
    assert_eq!(ended, Some(1));
    assert!(text.starts_with("### ❌ etl load failed: cannot connect") && text.contains("report\\_testrail\\_milestones"), "{text}");
    assert!(text.contains("extract and transform are safe: run `etl load`"), "{text}");
}

#[tokio::test]
async fn refused_credentials_are_one_line() {
    let (_simulator, mut pump) = pump().await;
    pump.replace("TESTRAIL_PASSWORD", "wrong");
    let ran = pump.run(&["extract", "testrail_suites", "testrail_milestones"]);
    let problems: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("problem: ") && line.contains("401")).collect();
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert_eq!(problems.len(), 1, "{}", ran.stderr);
    assert!(problems[0].starts_with("problem: testrail refused access"), "{}", ran.stderr);
}

#[tokio::test]
async fn run_calls_no_api_without_a_ready_database() {
    let (simulator, pump) = pump().await;
    let asked = simulator.requests().len();
    let empty = pump.root().join("empty.sqlite");
    for database in [NOWHERE.to_owned(), format!("sqlite:{}", empty.display())] {
        let ran = pump.run(&["--database", &database, "run", "testrail-milestones"]);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert_eq!(simulator.requests().len(), asked, "{database}: {}", ran.stderr);
    }
    // A database that waits for a migration.
    let address = format!("sqlite:{}", empty.display());
    let newest = files(&pump.root().join("migrations/sqlite")).pop().unwrap();
    let away = pump.root().join("away.sql");
    fs_err::rename(&newest, &away).unwrap();
    pump.ok(&["--database", &address, "migrate", "run"]);
    fs_err::rename(&away, &newest).unwrap();
    let ran = pump.run(&["--database", &address, "run", "testrail-milestones"]);
    assert!(ran.code == Some(1) && ran.stderr.contains("waits for 1 migration"), "{}", ran.stderr);
    assert_eq!(simulator.requests().len(), asked);
}

#[tokio::test]
async fn resume_continues_only_its_own_selection() {
    let (simulator, mut pump) = pump().await;
    let resume = |pump: &Pump, arguments: &[&str]| pump.ok(&[arguments, &["--resume"]].concat());
    let run = ["run", "testrail-milestones"];
    pump.ok(&run);
    // A day after a successful run: there is something to pull.
    simulator.set_day(day(1));
    pump.at(day(1), "04:00:00");
    let asked = simulator.requests().len();
    let told = resume(&pump, &run);
    assert!(told.contains("starting a new run: the last one of this selection") && simulator.requests().len() > asked, "{told}");
    // Unfinished, because one scope failed.
    simulator.script(Fault::new("get_suites/", FaultKind::Status { code: 403, retry_after: None }));
    let suites = ["extract", "testrail_suites", "--project", "fenix"];
    assert_ne!(pump.run(&suites).code, Some(0));
    pump.at(day(1), "05:00:00");
    let told = resume(&pump, &["extract", "testrail_suites"]);
    assert!(told.contains("starting a new run: there is no unfinished run"), "{told}");
    let told = resume(&pump, &suites);
    assert!(told.contains(&format!("resuming the run of {} 04:0", day(1))), "{told}");
    let told = resume(&pump, &suites);
    assert!(told.contains("starting a new run: the last one"), "{told}");
    // What is left of yesterday is not resumed: the job would be green with yesterday's data.
    simulator.script(Fault::new("get_suites/", FaultKind::Status { code: 403, retry_after: None }));
    assert_ne!(pump.run(&suites).code, Some(0));
    pump.at(day(2), "05:00:00");
    let told = resume(&pump, &suites);
    assert!(told.contains("starting a new run"), "{told}");
}

#[tokio::test]
async fn what_is_recorded_later_is_newer_whatever_the_clock_shows() {
    let (_simulator, mut pump) = pump().await;
    pump.ok(&["run", "testrail-milestones"]);
    // The clock stands still, then it goes back by a week.
    for (time, word) in [(day(0), "first"), (day(0) - chrono::Days::new(7), "second")] {
        pump.at(time, "04:00:00");
        let text = fs_err::read_to_string(pump.root().join(SQL)).unwrap();
        fs_err::write(pump.root().join(SQL), format!("{text}\n")).unwrap();
        pump.ok(&["extract", "testrail_milestones"]);
        pump.ok(&["transform", "testrail-milestones"]);
        let manifests = documents(&pump.lake().join("marts").join(TABLE));
        let written = manifests.iter().max_by_key(|(written, _)| *written).unwrap();
        let newest = manifests.iter().max_by_key(|(_, text)| field(text, "created")).unwrap();
        assert_eq!(written.1, newest.1, "{word}: the last one written is the newest");
        let loaded = pump.ok(&["load", TABLE]);
        assert!(loaded.contains(TABLE), "{loaded}");
        let receipts = documents(&pump.lake().join("receipts/testrail/milestones"));
        let written = receipts.iter().map(|(written, _)| *written).max().unwrap();
        let newest = receipts.iter().max_by_key(|(_, text)| field(text, "finished")).unwrap();
        assert!(written.duration_since(newest.0).unwrap() < Duration::from_secs(5), "{word}");
        let ids = pump.lines("select count(*) from latest.testrail_milestones as l join pulls as p on p.pull_id = l._pull_id where p.finished = (select max(finished) from pulls where endpoint = 'testrail_milestones' and scope = p.scope)");
        assert_ne!(ids, ["0"], "{word}");
    }
    let database = pump.database();
    let ledger = format!("sqlite:{}", database.display());
    let loaded = ledger_ids(&ledger).await;
    let manifests = documents(&pump.lake().join("marts").join(TABLE));
    let newest = manifests.iter().max_by_key(|(written, _)| *written).unwrap();
    assert_eq!(loaded, field(&newest.1, "transform_id"), "the load took it");
}

async fn ledger_ids(address: &str) -> String {
    use sqlx::Connection;
    let mut connection = sqlx::SqliteConnection::connect(address).await.unwrap();
    let sql = "select transform_id from etl_loads where table_name = 'report_testrail_milestones' order by id desc limit 1";
    sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
}

fn documents(folder: &Path) -> Vec<(std::time::SystemTime, String)> {
    let documents = files(folder).into_iter().filter(|path| path.extension().is_some_and(|end| end == "json"));
    documents.map(|path| (fs_err::metadata(&path).unwrap().modified().unwrap(), fs_err::read_to_string(path).unwrap())).collect()
}

fn field(text: &str, name: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    let text = value[name].as_str().unwrap();
    // Fractions have no fixed length.
    chrono::DateTime::parse_from_rfc3339(text).map_or_else(|_| text.to_owned(), |at| at.format("%Y-%m-%dT%H:%M:%S%.6f").to_string())
}

#[tokio::test]
async fn a_lake_that_does_not_exist_is_an_error() {
    let (_simulator, pump) = pump().await;
    for arguments in [
        &["query", "select count(*) from latest.testrail_cases"][..],
        &["status"],
        &["why", TABLE, "1"],
        &["diff", TABLE, "--from", "2020-01-01"],
        &["replay", TABLE, "--as-of", "2030-01-01"],
        &["load", TABLE],
        &["shell", "--builtin"],
        &["gc"],
    ] {
        let mistyped = pump.root().join("mistyped");
        let ran = pump.run(&[&["--lake", mistyped.to_str().unwrap()], arguments].concat());
        assert!(!mistyped.exists(), "{arguments:?} creates nothing");
        assert!(ran.code == Some(1) && ran.stderr.contains("there is no lake at `"), "{arguments:?}: {:?} {}", ran.code, ran.stderr);
    }
    pump.ok(&["extract", "testrail_suites"]);
    let early = pump.run(&["query", "--as-of", "2020-01-01", "select count(*) from latest.testrail_suites"]);
    assert!(early.code == Some(4) && early.stderr.contains("nothing was pulled by 2020-01-01"), "{}", early.stderr);
}

#[tokio::test]
async fn a_plan_treats_pending_migrations_as_the_load_does() {
    let (_simulator, mut pump) = pump().await;
    let newest = files(&pump.root().join("migrations/sqlite")).pop().unwrap();
    let away = pump.root().join("away.sql");
    fs_err::rename(&newest, &away).unwrap();
    pump.ok(&["migrate", "run"]);
    fs_err::rename(&away, &newest).unwrap();
    pump.ok(&["extract", "testrail-milestones"]);
    pump.ok(&["transform", "testrail-milestones"]);
    let plan = pump.ok(&["load", "--plan", TABLE]);
    assert!(plan.contains("1 migration pending"), "{plan}");
    let status = pump.run(&["migrate", "status"]);
    assert!(status.stdout.contains("pending"), "the plan changes nothing: {}", status.stdout);
    let loaded = pump.ok(&["load", TABLE]);
    assert!(loaded.contains("1 migration applied"), "{loaded}");
    let again = pump.ok(&["load", TABLE]);
    assert!(!again.contains("applied"), "{again}");

    // A failed trial load into another database is not the usual one's.
    let trial = format!("sqlite:{}", pump.root().join("trial.sqlite").display());
    assert_eq!(pump.run(&["--database", &trial, "load", TABLE]).code, Some(1));
    let status = pump.run(&["status", TABLE]);
    assert!(status.code == Some(0), "{}", status.stderr);
    let elsewhere = pump.run(&["--database", &trial, "status", TABLE]);
    assert!(elsewhere.stderr.contains("there is no database"), "{}", elsewhere.stderr);
    // A source is as old as the tables that it feeds.
    pump.at(day(40), "04:00:00");
    for node in ["testrail", "testrail_milestones", TABLE] {
        let status = pump.run(&["status", node]);
        assert!(status.code == Some(1) && status.stderr.contains(TABLE), "{node}: {:?} {}", status.code, status.stderr);
    }
}
