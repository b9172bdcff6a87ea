//! What the scripts before got wrong about commits, crashes, pages, clocks and credentials. One story is told to the end once,
//! and each difference looks at it in a function of its own; docs/differences.md says which entry each one is about.

use std::{collections::BTreeSet, path::Path};

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Utc};
use etl::simulator::Simulator;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use crate::{
    products::targets,
    pump::{Pump, Tables, assert_same, assert_same_lines, day, files, serve, small_world, tables},
};

/// Two projects of two platforms.
const RUN: [&str; 5] = ["run", "--project", "fenix", "--project", "firefox-desktop"];
const REFUSED: &str = "refused by the test";

#[tokio::test]
async fn what_the_scripts_before_got_wrong() {
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let mut pump = Pump::new(&simulator);
    // There it is yesterday still: nothing may go by the machine's zone.
    pump.set("TZ", "America/Los_Angeles");
    pump.at(day(0), "04:00:00");
    pump.ok(&RUN);
    difference_bounds_are_utc_and_today_counts(&simulator);
    difference_histories_are_read_with_the_key(&simulator);
    difference_release_flags_come_after_the_bugs_they_are_about(&simulator);
    difference_only_bugs_with_the_flag_are_asked_for(&simulator);
    difference_no_file_is_left_behind(&pump);
    difference_every_page_of_a_list_is_read(&simulator, &pump).await;
    difference_a_load_that_stops_midway_leaves_each_table_as_it_was(&pump).await;

    simulator.set_day(day(1));
    difference_refused_credentials_are_no_empty_answer(&pump).await;
    difference_a_refused_delete_is_an_error_and_doubles_nothing(&pump).await;
    pump.ok(&["load"]);

    simulator.set_day(day(2));
    pump.at(day(2), "04:00:00");
    difference_a_run_for_one_platform_leaves_the_rows_of_the_others(&pump).await;

    simulator.set_day(day(6));
    pump.at(day(6), "04:00:00");
    difference_a_pause_of_days_loses_no_change(&simulator, &pump).await;
}

fn seconds(date: NaiveDate, time: NaiveTime) -> i64 {
    date.and_time(time).and_utc().timestamp()
}

/// The list of plans ends with the start of the run, not with that of the day, and begins with the UTC year.
fn difference_bounds_are_utc_and_today_counts(simulator: &Simulator) {
    let year = NaiveDate::from_ymd_opt(day(0).year(), 1, 1).unwrap();
    let (from, to) = (seconds(year, NaiveTime::MIN) - 1, seconds(day(0), NaiveTime::from_hms_opt(4, 0, 0).unwrap()));
    for list in ["get_plans/59", "get_runs/17"] {
        let mut asked = targets(simulator, list);
        // Runs of a milestone are asked for without a window.
        asked.retain(|target| !target.contains("milestone_id="));
        let number = |target: &str, name: &str| -> i64 { target.split(name).nth(1).unwrap().split('&').next().unwrap().parse().unwrap() };
        assert!(!asked.is_empty());
        for target in &asked {
            assert_eq!(number(target, "created_after="), from, "{target}");
            // The run's start, a moment after the command's.
            assert!((to..to + 60).contains(&number(target, "created_before=")), "{target}");
        }
    }
}

fn difference_histories_are_read_with_the_key(simulator: &Simulator) {
    let bugzilla: Vec<_> = simulator.requests().into_iter().filter(|request| request.target.starts_with("/bugzilla/")).collect();
    assert!(bugzilla.iter().filter(|request| request.target.contains("/history")).count() > 3);
    assert!(bugzilla.iter().all(|request| request.has_header("x-bugzilla-api-key")));
}

fn difference_release_flags_come_after_the_bugs_they_are_about(simulator: &Simulator) {
    let all: Vec<String> = simulator.requests().into_iter().map(|request| request.target).collect();
    let place = |part: &str| -> Vec<usize> { (0..all.len()).filter(|at| all[*at].contains(part)).collect() };
    let (bugs, flags, histories) = (place("qa-found-in-"), place("cf_status_firefox14"), place("/history"));
    assert!(bugs.last() < flags.first() && flags.last() < histories.first(), "{bugs:?} {flags:?} {histories:?}");
}

fn difference_only_bugs_with_the_flag_are_asked_for(simulator: &Simulator) {
    let asked = targets(simulator, "anyexact");
    assert!(
        !asked.is_empty()
            && asked
                .iter()
                .all(|target| target.contains("f1=flagtypes.name&o1=substring&v1=qe-verify+&f2=product&o2=anyexact&v2=Fenix,Focus,GeckoView")),
        "{asked:?}"
    );
}

/// Results go to the lake and the database, and nowhere else.
fn difference_no_file_is_left_behind(pump: &Pump) {
    let names = |folder: &Path| -> BTreeSet<String> {
        fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(names(pump.root()), ["data", "etl.toml", "migrations", "sources", "sql"].map(str::to_owned).into());
    let known = ["lake", "lake.duckdb", "etl.sqlite", "etl.sqlite-shm", "etl.sqlite-wal"];
    let other: Vec<String> = names(&pump.root().join("data")).into_iter().filter(|name| !known.contains(&name.as_str())).collect();
    assert!(other.is_empty(), "{other:?}");
}

/// The tables are those of pages so large that there is one only.
async fn difference_every_page_of_a_list_is_read(simulator: &Simulator, pump: &Pump) {
    let mut small = Pump::new(simulator);
    small.at(day(0), "04:00:00");
    small.edit("sources/testrail.toml", "limit = 250", "limit = 10");
    small.edit("sources/bugzilla.toml", "limit = 1000", "limit = 10");
    let before = simulator.requests().len();
    small.ok(&RUN);
    let later =
        simulator.requests()[before..].iter().filter(|request| request.target.contains("offset=10") || request.target.contains("v1=19")).count();
    assert!(later > 5, "{later} second pages");
    let own = ["created_at", "created_on", "id"];
    assert_same("pages of ten", &tables(&pump.database(), &own).await, &tables(&small.database(), &own).await);
}

/// Makes the database refuse: `when` names the event and the condition of each table.
async fn refuse(pump: &Pump, tables: &Tables, when: impl Fn(&str) -> String) {
    let mut connection = open(pump).await;
    for table in tables.keys() {
        execute(&mut connection, &format!("create trigger refuse_{table} before {} begin select raise(abort, '{REFUSED}'); end", when(table))).await;
    }
    connection.close().await.unwrap();
}

async fn allow(pump: &Pump, tables: &Tables) {
    let mut connection = open(pump).await;
    for table in tables.keys() {
        execute(&mut connection, &format!("drop trigger refuse_{table}")).await;
    }
    connection.close().await.unwrap();
}

async fn open(pump: &Pump) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite:{}", pump.database().display())).await.unwrap()
}

async fn execute(connection: &mut SqliteConnection, sql: &str) {
    sqlx::query(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Three rows of each table are taken away, and the database refuses to take back more than one of them: not even that one may
/// stay, and no table may be empty.
async fn difference_a_load_that_stops_midway_leaves_each_table_as_it_was(pump: &Pump) {
    let whole = pump.tables().await;
    let full: Tables = whole.iter().filter(|(_, rows)| rows.len() > 5).map(|(name, rows)| (name.clone(), rows.clone())).collect();
    assert!(full.len() > 10, "{:?}", full.keys());
    let mut connection = open(pump).await;
    for table in full.keys() {
        execute(&mut connection, &format!("delete from {table} where rowid in (select rowid from {table} order by rowid limit 3)")).await;
    }
    connection.close().await.unwrap();
    let before = pump.tables().await;
    refuse(pump, &full, |table| format!("insert on {table} when (select count(*) from {table}) > {}", before[table].len())).await;
    let ran = pump.run(&["load"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches(": cannot load `").count(), full.len(), "{}", ran.stderr);
    assert!(ran.stderr.contains(REFUSED));
    assert_same("after loads that stopped midway", &before, &pump.tables().await);
    allow(pump, &full).await;
    pump.ok(&["load"]);
    // Rows that come back get an id of the database's anew.
    assert_eq!(whole.values().map(Vec::len).sum::<usize>(), pump.tables().await.values().map(Vec::len).sum::<usize>());
    pump.ok(&["load", "--verify"]);
}

async fn difference_refused_credentials_are_no_empty_answer(pump: &Pump) {
    let before = pump.tables().await;
    let mut refused = pump.fork();
    refused.set("TESTRAIL_PASSWORD", "withdrawn");
    refused.set("BUGZILLA_API_KEY", "withdrawn");
    refused.at(day(1), "03:00:00");
    let ran = refused.run(&RUN);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("answered 401") && ran.stderr.contains("API key"), "{}", ran.stderr);
    assert_same("after refused credentials", &before, &refused.tables().await);
}

/// Rows whose keys the marts do not have must go; the right ones are not put beside those that cannot.
async fn difference_a_refused_delete_is_an_error_and_doubles_nothing(pump: &Pump) {
    let mut connection = open(pump).await;
    let moved = [("test_suites", "testrail_test_suites_id"), ("report_bugzilla_softvision_bugs", "bugzilla_key")];
    for (table, key) in moved {
        execute(&mut connection, &format!("update {table} set {key} = 999999, _row_hash = 1 where rowid = (select min(rowid) from {table})")).await;
    }
    connection.close().await.unwrap();
    let before = pump.tables().await;
    refuse(pump, &before, |table| format!("delete on {table}")).await;
    let ran = pump.run(&["load"]);
    allow(pump, &before).await;
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    for (table, _) in moved {
        assert!(ran.stderr.contains(&format!("cannot load `{table}`")), "{}", ran.stderr);
    }
    assert_same("after refused deletes", &before, &pump.tables().await);
}

async fn difference_a_run_for_one_platform_leaves_the_rows_of_the_others(pump: &Pump) {
    let mobile = |tables: &Tables| -> Vec<String> {
        let fenix = |row: &&String| row.contains("projects_id=1,") || row.contains("testrail_project_id=59,");
        tables.iter().flat_map(|(name, rows)| rows.iter().filter(fenix).map(move |row| format!("{name}: {row}"))).collect()
    };
    let before = pump.tables().await;
    pump.ok(&["run", "--platform", "desktop"]);
    let after = pump.tables().await;
    let of = |rows: &[String], table: &str| rows.iter().filter(|row| row.starts_with(table)).count();
    let kept = mobile(&before);
    for table in ["test_suites", "report_test_case_coverage", "report_testrail_milestones", "report_testrail_test_plans"] {
        assert!(of(&kept, table) > 1, "{table}");
    }
    assert_same_lines("rows of the other platform", &kept, &mobile(&after));
    assert_ne!(before["report_test_case_coverage"].len(), after["report_test_case_coverage"].len());
}

/// Changes are asked for since the last pull, however long ago that was.
async fn difference_a_pause_of_days_loses_no_change(simulator: &Simulator, pump: &Pump) {
    let before = simulator.requests().len();
    let table = "report_bugzilla_softvision_bugs";
    pump.ok(&["run", table]);
    let asked: Vec<String> =
        simulator.requests()[before..].iter().map(|request| request.target.clone()).filter(|target| target.contains("qa-found-in-")).collect();
    let since = asked[0].split("last_change_time=").nth(1).unwrap().split('&').next().unwrap().replace("%3A", ":");
    let since: DateTime<Utc> = since.parse().unwrap();
    let hour = day(2).and_hms_opt(3, 0, 0).unwrap().and_utc();
    assert!((0..3_600).contains(&(since - hour).num_seconds()), "{since}");
    let mut fresh = Pump::new(simulator);
    fresh.at(day(6), "04:00:00");
    fresh.ok(&["run", table]);
    // A bug that lost its tag shows in neither; one that is hidden by now stays until the next full list.
    let keyed = |tables: &Tables| -> BTreeSet<String> { tables[table].iter().map(|row| without_id(row)).collect() };
    let (after, now) = (keyed(&pump.timeless_tables().await), keyed(&fresh.timeless_tables().await));
    let lost: Vec<&String> = now.difference(&after).collect();
    assert!(now.len() > 20 && lost.is_empty(), "{} of {} rows: {lost:#?}", lost.len(), now.len());
}

fn without_id(row: &str) -> String {
    row.split_once(", ").filter(|(id, _)| id.starts_with("id=")).map_or(row, |(_, rest)| rest).to_owned()
}

/// Fact tables hold TestRail's option ids, which are no ids of the lookup tables: nothing points from one table at another.
#[test]
fn difference_no_table_has_a_foreign_key() {
    let migrations = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations"));
    assert!(migrations.len() >= 3);
    for path in migrations {
        let text = fs_err::read_to_string(&path).unwrap().to_lowercase();
        assert!(!text.contains("foreign key") && !text.contains(" references "), "{}", path.display());
    }
}
