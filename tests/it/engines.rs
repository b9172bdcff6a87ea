//! The reports give equal tables in SQLite, MySQL and PostgreSQL: the real binary loads the same marts into all three.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use etl::{catalog::Project, load, secret::Secret, simulator::Simulator};

use crate::{
    products::{bitrise, bugzilla, github, jira, loaded, sentry, testrail},
    pump::{Pump, assert_same_lines, day, serve, small_world},
    real::sorted,
    scratch::{Scratch, Server},
    shell,
};

/// The rows of every table, as values.
type Tables = BTreeMap<String, Vec<Vec<load::Value<'static>>>>;

async fn tables(pump: &Pump, database: &str) -> Tables {
    let project = Project::read(pump.root()).unwrap();
    let mut tables = Tables::new();
    for contract in project.tables().filter_map(|model| model.contract.as_ref()) {
        let mut rows = load::read_table(&Secret::new(database), contract).await.unwrap();
        // Each engine orders by its own collation.
        rows.sort_by_key(|row| format!("{row:?}"));
        tables.insert(contract.table.clone(), rows);
    }
    tables
}

/// The hashes that the rows of a table are stored with.
async fn hashes(scratch: &Scratch, table: &str) -> BTreeSet<String> {
    let text = if scratch.server == Server::Mysql { "char" } else { "text" };
    scratch.texts(&format!("select cast(_row_hash as {text}) from {table}")).await.into_iter().collect()
}

/// Every table that the reports fill; the lookups come last.
const TABLES: [&str; 41] = [
    "report_bitrise_builds_count",
    "report_bugzilla_meta_bugs",
    "report_bugzilla_overall_bugs",
    "report_bugzilla_qe_needed",
    "report_bugzilla_qe_needed_count",
    "report_bugzilla_query_by_keyword",
    "report_bugzilla_query_release_flags_for_bugs",
    "report_bugzilla_softvision_bugs",
    "report_confluence_pages",
    "report_github_bugs",
    "report_github_issues",
    "report_issue_regression",
    "report_jira_qa_needed",
    "report_jira_qa_requests",
    "report_jira_qa_requests_desktop",
    "report_jira_qa_requests_new_issue_types",
    "report_jira_softvision_issues_other_teams",
    "report_jira_softvision_issues_qa_teams",
    "report_jira_softvision_worklogs",
    "report_looker_looks",
    "report_sentry_issues",
    "report_sentry_rates",
    "report_sentry_unhandled_issues",
    "report_taskcluster_daily",
    "report_taskcluster_task_groups",
    "report_taskcluster_task_runs",
    "report_test_case_coverage",
    "report_test_run_counts",
    "report_testrail_milestones",
    "report_testrail_test_health",
    "report_testrail_test_plans",
    "report_testrail_test_results",
    "report_testrail_test_runs",
    "report_testrail_users",
    "test_suites",
    "github_issue_types",
    "projects",
    "test_automation_coverage",
    "test_automation_status",
    "test_run_result_types",
    "test_sub_suites",
];

#[tokio::test]
async fn a_long_temporary_folder_stops_no_load() {
    let simulator = serve(small_world()).await;
    let mut pump = Pump::new(&simulator);
    let folder = pump.root().join("x".repeat(120));
    fs_err::create_dir(&folder).unwrap();
    pump.set("TMPDIR", folder.display().to_string());
    for server in [Server::Mysql, Server::Postgres] {
        let scratch = Scratch::new(server).await;
        pump.ok(&["--database", &scratch.owner(), "migrate", "run"]);
    }
    assert_eq!(fs_err::read_dir(&folder).unwrap().count(), 0);
}

/// Every report of every project in one run: each table is filled, the engines agree, and what stands there is what the
/// answers of the APIs say when they are read and counted here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_report_fills_its_tables_alike_in_all_engines() {
    let simulator = serve(small_world()).await;
    let mut pump = Pump::whole(&simulator);
    let servers = [Scratch::new(Server::Mysql).await, Scratch::new(Server::Postgres).await];
    let sqlite = format!("sqlite:{}", pump.database().display());
    for scratch in &servers {
        let migrated = pump.run(&["--database", &scratch.owner(), "migrate", "run"]);
        assert_eq!(migrated.code, Some(0), "{}", migrated.stderr);
    }
    // On the second day a few reports are enough to see rows change and go.
    let all = ["run", "--report-type", "ALL", "--project", "ALL"].as_slice();
    let some = ["run", "testrail-test-case-coverage", "testrail-test-plans-and-runs", "bugzilla-desktop-bugs"].as_slice();
    for (number, arguments) in (0..).zip([all, some]) {
        simulator.set_day(day(number));
        pump.at(day(number), "04:00:00");
        pump.ok(arguments);
        let want = tables(&pump, &sqlite).await;
        let names: Vec<&str> = want.keys().map(String::as_str).collect();
        assert_eq!(names, sorted(TABLES.map(str::to_owned)), "the tables of the project");
        let empty: Vec<&String> = want.iter().filter(|(_, rows)| rows.is_empty()).map(|(name, _)| name).collect();
        assert!(empty.is_empty(), "day {number}: nothing in {empty:?}");
        for scratch in &servers {
            let loaded = pump.run(&["--database", &scratch.loader(), "load"]);
            assert_eq!(loaded.code, Some(0), "{}", loaded.stderr);
            let got = tables(&pump, &scratch.loader()).await;
            for (table, rows) in &want {
                assert!(got[table] == *rows, "day {number}: `{table}` differs in {}: {:?} {:?}", scratch.loader(), rows.first(), got[table].first());
            }
            let verified = pump.run(&["--database", &scratch.loader(), "load", "--verify"]);
            assert_eq!(verified.code, Some(0), "{}", verified.stderr);
            let again = pump.run(&["--database", &scratch.loader(), "load", "--plan"]);
            assert_eq!(again.code, Some(0), "{}", again.stderr);
        }
        for (table, rows) in &want {
            let (mysql, postgres) = (hashes(&servers[0], table).await, hashes(&servers[1], table).await);
            assert_eq!(mysql.len(), rows.len());
            assert!(mysql == postgres, "the hashes of `{table}` differ");
        }
        if number == 0 {
            as_the_answers_say(&simulator, &pump, day(number)).await;
            shell::shows_everything(&pump);
        }
    }
    let doctor = pump.run(&["--database", &servers[0].loader(), "doctor"]);
    assert!(format!("{}{}", doctor.stdout, doctor.stderr).contains("MariaDB") || doctor.stdout.contains("MySQL"), "{}", doctor.stdout);
    let doctor = pump.run(&["--database", &servers[1].loader(), "doctor"]);
    assert!(doctor.stdout.contains("PostgreSQL 1"), "{}", doctor.stdout);
}

/// The tables of SQLite, with which the other engines agree, against what is counted here from the simulator's answers.
async fn as_the_answers_say(simulator: &Simulator, pump: &Pump, today: NaiveDate) {
    let coverage = format!("{}'{today}'", testrail::COVERAGE);
    for (what, sql, expected) in [
        ("coverage", coverage.as_str(), testrail::coverage(simulator).await),
        ("test health", testrail::HEALTH, testrail::health(simulator).await),
        ("release flags", bugzilla::FLAGS, bugzilla::release_flags(simulator).await),
        ("rates", sentry::rates_sql().as_str(), sentry::rates(simulator, today).await),
        ("regressions", github::COUNTS, github::regressions(simulator, today).await),
    ] {
        assert!(expected.len() > 10, "{what}: {} rows", expected.len());
        assert_same_lines(what, &loaded(pump, sql).await, &expected);
    }
    let (lines, booked) = (loaded(pump, jira::LINES).await, jira::expected(simulator).await);
    assert_eq!(lines.len(), booked.len(), "lines of booked time");
    assert_same_lines("booked time", &jira::plain(lines), &jira::plain(booked));
    assert_same_lines("builds", &pump.lines(bitrise::COLUMNS), &bitrise::finished(simulator).await);
}

/// The `CLOUD_SQL_*` variables in place of an address, and what is said where one of them is missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cloud_sql_variables_of_mysql_and_postgres_are_taken() {
    let simulator = serve(small_world()).await;
    for (server, address) in [(Server::Mysql, "mysql:"), (Server::Postgres, "postgres:")] {
        let scratch = Scratch::new(server).await;
        let url = url::Url::parse(&scratch.owner()).unwrap();
        let mut pump = Pump::new(&simulator);
        pump.set("ETL_DATABASE", address);
        pump.set("CLOUD_SQL_DATABASE_USERNAME", url.username());
        pump.set("CLOUD_SQL_DATABASE_NAME", url.path().trim_start_matches('/'));
        pump.set("CLOUD_SQL_DATABASE_PORT", url.port().unwrap().to_string());
        let missing = pump.run(&["migrate", "run"]);
        assert_eq!(missing.code, Some(2), "{}", missing.stderr);
        assert!(missing.stderr.contains("not set: CLOUD_SQL_DATABASE_PASSWORD"), "{}", missing.stderr);
        pump.set("CLOUD_SQL_DATABASE_PASSWORD", crate::scratch::PASSWORD);
        let ran = pump.run(&["migrate", "run"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let doctor = pump.run(&["doctor"]);
        assert!(doctor.stdout.contains(":***@127.0.0.1") && !doctor.stdout.contains("Geheim"), "{}", doctor.stdout);
    }
}
