//! Where rows went, what is late, what differs, where a row comes from: asked of one lake of three days.

use std::{collections::BTreeMap, io::Write as _, process::Stdio};

use etl::simulator::Simulator;
use serde_json::Value;
use sqlx::{Connection, Row, SqliteConnection};

use crate::pump::{ENDPOINTS, Pump, Ran, day, files, serve, small_world, tables};

const RUN: [&str; 5] = ["run", "--project", "fenix", "--project", "firefox-desktop"];

/// The table one of whose rows is taken over by somebody else.
const TAKEN: &str = "report_testrail_milestones";

fn json(pump: &Pump, arguments: &[&str]) -> Value {
    let ran = pump.run(arguments);
    assert_eq!(ran.code, Some(0), "{arguments:?}\n{}{}", ran.stdout, ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}\n{}", ran.stdout))
}

async fn on_database(pump: &Pump, sql: String) -> Vec<sqlx::sqlite::SqliteRow> {
    let mut connection = SqliteConnection::connect(&format!("sqlite:{}", pump.database().display())).await.unwrap();
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    rows
}

async fn rows_in(pump: &Pump, table: &str) -> i64 {
    on_database(pump, format!("select count(*) as n from \"{table}\"")).await[0].get("n")
}

/// Three days; before the last one a row of [`TAKEN`] is somebody else's. The last run is part of a workflow.
async fn three_days() -> (Simulator, Pump) {
    let simulator = serve(small_world()).await;
    let mut pump = Pump::new(&simulator);
    for number in 0..3 {
        simulator.set_day(day(number));
        pump.at(day(number), "04:00:00");
        if number == 2 {
            on_database(&pump, format!("update {TAKEN} set _row_hash = null where rowid = (select min(rowid) from {TAKEN})")).await;
            pump.set("GITHUB_ACTIONS", "true");
            let summary = pump.root().join("summary.md").display().to_string();
            pump.set("GITHUB_STEP_SUMMARY", summary);
        }
        pump.ok(&RUN);
    }
    pump.set("GITHUB_ACTIONS", "false");
    (simulator, pump)
}

#[tokio::test]
async fn one_lake_answers_every_question() {
    let (_simulator, mut pump) = three_days().await;
    rows_are_accounted_for(&pump).await;
    differences_are_those_of_the_rows(&pump);
    a_row_leads_to_its_records(&pump);
    days_of_a_snapshot_are_replayed(&pump).await;
    statements_are_read_from_a_pipe(&pump);
    somebodys_edits_are_told(&pump).await;
    what_is_late_is_told(&mut pump).await;
}

/// Name, rows, change, why.
type Step = (String, Option<i64>, Option<i64>, String);

/// The steps of each node.
fn steps(pump: &Pump) -> BTreeMap<String, Vec<Step>> {
    let mut found: BTreeMap<String, Vec<Step>> = BTreeMap::new();
    for line in json(pump, &["status", "--last", "--format", "json"]).as_array().unwrap() {
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        found.entry(text("node")).or_default().push((text("step"), line["rows"].as_i64(), line["change"].as_i64(), text("why")));
    }
    found
}

async fn rows_are_accounted_for(pump: &Pump) {
    let steps = steps(pump);
    let of =
        |node: &str, step: &str| steps[node].iter().find(|line| line.0 == step).unwrap_or_else(|| panic!("{node} has no {step}: {:#?}", steps[node]));
    let mut tables_seen = 0;
    for (node, lines) in &steps {
        assert!(lines.iter().all(|line| !line.3.contains("the steps end")), "{node}: {lines:#?}");
        // Each step is the one before and what it says that it changed, but where something begins.
        if let Some(at) = lines.iter().position(|line| line.0 == "table") {
            tables_seen += 1;
            assert_eq!(lines[at].1, Some(rows_in(pump, node).await), "{node}");
            for pair in lines[at - 2..=at].windows(2) {
                assert_eq!(pair[1].1.unwrap(), pair[0].1.unwrap() + pair[1].2.unwrap(), "{node}: {pair:?}");
            }
            let mart = of(node, "mart");
            if mart.3.is_empty() {
                let before = lines.iter().rposition(|line| line.0 == "mart").unwrap() - 1;
                assert_eq!(lines[before].1, mart.1, "{node}: the last step and the mart");
            }
            let loaded = of(node, "loaded");
            assert_eq!(mart.1.unwrap() + loaded.2.unwrap(), loaded.1.unwrap(), "{node}");
        }
    }
    assert!(tables_seen > 15, "{tables_seen}");
    assert_eq!((of(TAKEN, "loaded").2, of(TAKEN, "table").2), (Some(-1), Some(1)), "the row that was taken over is blocked, and not owned");
    let counts: Vec<String> = ENDPOINTS
        .iter()
        .map(|id| {
            format!(
                "select '{id}', (select count(*) from latest.{id}), count(*), count(distinct (scope::varchar, record_key)) from landed.{id} \
                 where _meta.run_at = (select max(run_at) from pulls where endpoint = '{id}')"
            )
        })
        .collect();
    for line in pump.lines(&counts.join(" union all ")) {
        let parts: Vec<&str> = line.split(',').collect();
        let rows = |step: &str| of(parts[0], step).1.unwrap().to_string();
        assert_eq!([rows("latest"), rows("landed"), rows("keys")], parts[1..4], "{}", parts[0]);
        assert_eq!(
            of(parts[0], "landed so far").1.unwrap() + of(parts[0], "not replaced").2.unwrap() + of(parts[0], "latest").2.unwrap(),
            of(parts[0], "latest").1.unwrap()
        );
    }
    assert_eq!(of("report_test_case_coverage", "cases: from latest.testrail_cases").1, of("testrail_cases", "latest").1);
    assert!(of("report_test_case_coverage", "known_sub_suites: where NOT cases.is_deleted").2.unwrap() < 0);
    let summary = fs_err::read_to_string(pump.root().join("summary.md")).unwrap();
    assert!(summary.contains("Where rows went") && summary.contains("known_sub_suites: where NOT cases.is_deleted"), "{summary}");
    let recorded = files(&pump.lake().join("runs")).into_iter().filter(|path| path.to_str().unwrap().ends_with(".flow.json"));
    assert_eq!(recorded.count(), 3, "every run that moved something is recorded");
}

fn differences_are_those_of_the_rows(pump: &Pump) {
    let (first, last) = (day(0).to_string(), day(2).to_string());
    // The order of the columns is the key first.
    let sql = "select testrail_plan_id, to_json(item) from (select * from report_testrail_test_plans) as item order by 1";
    let rows = |at: &str| -> BTreeMap<String, String> {
        let ran = pump.run(&["query", sql, "--as-of", at, "--format", "csv"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.stdout.lines().skip(1).map(|line| line.split_once(',').unwrap()).map(|(key, row)| (key.to_owned(), row.to_owned())).collect()
    };
    let (before, after) = (rows(&first), rows(&last));
    let added = after.keys().filter(|key| !before.contains_key(*key)).count();
    let removed = before.keys().filter(|key| !after.contains_key(*key)).count();
    let changed: Vec<&String> = before.iter().filter(|(key, row)| after.get(*key).is_some_and(|other| other != *row)).map(|(key, _)| key).collect();
    assert!(!changed.is_empty(), "three days change something");
    let found = json(pump, &["diff", "report_testrail_test_plans", "--from", &first, "--to", &last, "--format", "json", "--limit", "1000"]);
    let counts = &found["counts"];
    for (name, count) in [("before", before.len()), ("after", after.len()), ("added", added), ("removed", removed), ("changed", changed.len())] {
        assert_eq!(counts[name].as_u64(), Some(count as u64), "{name}: {found:#}");
    }
    let told = found["rows"].as_array().unwrap();
    for key in changed {
        assert!(told.iter().any(|row| row["key"] == format!("testrail_plan_id={key}") && row["change"] == "changed"), "{key}: {found:#}");
    }
    let cells: u64 = found["columns"].as_object().unwrap().values().map(|rows| rows.as_u64().unwrap()).sum();
    assert_eq!(cells + (added + removed) as u64, told.len() as u64, "every differing cell is a row");
    // A snapshot: one day with another.
    let found = json(pump, &["diff", "report_test_case_coverage", "--from", &first, "--ignore", "created_at", "--format", "json"]);
    assert!(found["key"].as_array().unwrap().iter().all(|key| key != "snapshot_date"), "{found:#}");
    let rows =
        pump.lines("select count(*) from report_test_case_coverage where snapshot_date = (select max(snapshot_date) from report_test_case_coverage)");
    assert_eq!(found["counts"]["after"].to_string(), rows[0]);
    let found = json(pump, &["diff", "testrail_milestones", "--from", &last, "--to", &last, "--format", "json"]);
    assert_eq!((found["counts"]["changed"].as_u64(), found["counts"]["added"].as_u64()), (Some(0), Some(0)));
    for (arguments, code) in [
        (vec!["diff", "report_testrail_test_plan", "--from", &first], 2),
        (vec!["diff", "report_testrail_test_plans", "--from", &last, "--to", &first], 2),
        (vec!["diff", "report_testrail_test_plans", "--from", &first, "--ignore", "no_such"], 2),
        (vec!["diff", "report_testrail_test_plans"], 2),
    ] {
        assert_eq!(pump.run(&arguments).code, Some(code), "{arguments:?}");
    }
}

fn a_row_leads_to_its_records(pump: &Pump) {
    let sql = "select projects_id, testrail_test_suites_id, test_sub_suites_id, test_automation_status_id, test_automation_coverage_id, \
               test_automation_tae, snapshot_date, test_count from report_test_case_coverage \
               where snapshot_date = (select max(snapshot_date) from report_test_case_coverage) order by test_count desc, projects_id, testrail_test_suites_id, test_sub_suites_id limit 1";
    let line = pump.lines(sql).remove(0);
    let mut values: Vec<&str> = line.split(',').collect();
    let test_count: u64 = values.pop().unwrap().parse().unwrap();
    assert!(test_count > 1);
    // The newest day is what is meant where none is named.
    values.pop();
    let mut arguments = vec!["why", "report_test_case_coverage", "--format", "json", "--limit", "2"];
    arguments.extend(&values);
    let found = json(pump, &arguments);
    let cases = &found["endpoints"][0];
    assert_eq!((cases["endpoint"].as_str(), cases["total"].as_u64()), (Some("testrail_cases"), Some(test_count)), "{found:#}");
    assert_eq!(found["endpoints"].as_array().unwrap().len(), 1, "{found:#}");
    assert_eq!(found["mart"]["row"]["test_count"].as_str(), Some(test_count.to_string().as_str()));
    assert!(found["database"]["state"].as_str().unwrap().contains("from this mart"), "{found:#}");
    let records = cases["records"].as_array().unwrap();
    assert_eq!(records.len(), 2);
    for record in records {
        assert_eq!(record["payload"]["id"], record["key"][0]);
        assert_eq!(record["payload"]["suite_id"].to_string(), values[1]);
        assert_eq!(record["request"]["status"].as_u64(), Some(200));
        assert!(record["request"]["url"].as_str().unwrap().contains(&format!("get_cases/{}", record["scope"]["project_id"])), "{record:#}");
    }
    // One row of one record, for people; the key's column may be named.
    let id = pump.lines("select testrail_plan_id from report_testrail_test_plans order by 1 limit 1").remove(0);
    let ran = pump.run(&["why", "report_testrail_test_plans", &format!("testrail_plan_id={id}")]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("get_plans/") && ran.stdout.contains(&format!("  [{id}]  pull ")), "{}", ran.stdout);
    for (arguments, code, part) in [
        (vec!["why", TAKEN, "1"], 1, "no row with this key"),
        (vec!["why", TAKEN, "1", "2"], 2, "one value too many"),
        (vec!["why", "report_test_case_coverage", "1"], 2, "`testrail_test_suites_id` is missing"),
        (vec!["why", "report_testrail_mileston", "1"], 2, "did you mean"),
    ] {
        let ran = pump.run(&arguments);
        assert_eq!(ran.code, Some(code), "{arguments:?}\n{}", ran.stderr);
        assert!(ran.stderr.contains(part), "{arguments:?}\n{}", ran.stderr);
    }
}

async fn days_of_a_snapshot_are_replayed(pump: &Pump) {
    let file = pump.root().join("range.sqlite");
    let url = format!("sqlite:{}", file.display());
    pump.ok(&["--database", &url, "migrate", "run"]);
    let (first, second) = (day(0).to_string(), day(1).to_string());
    let range = ["--database", &url, "replay", "--from", &second, "--to", &second, "report_test_case_coverage", "report_testrail_test_plans"];
    let plan = pump.run(&[&range[..], &["--plan"]].concat());
    assert_eq!(plan.code, Some(0), "{}", plan.stderr);
    assert!(tables(&file, &[]).await["report_test_case_coverage"].is_empty(), "a plan changes nothing");
    pump.ok(&range);
    let replayed = tables(&file, &["id", "created_at", "_row_hash"]).await;
    let all = tables(&pump.database(), &["id", "created_at", "_row_hash"]).await;
    let of_day = |rows: &[String], day: &str| rows.iter().filter(|row| row.contains(&format!("snapshot_date='{day}'"))).cloned().collect::<Vec<_>>();
    let coverage = &replayed["report_test_case_coverage"];
    assert_eq!(*coverage, of_day(&all["report_test_case_coverage"], &second), "this day and no other");
    assert!(!coverage.is_empty() && !replayed["report_testrail_test_plans"].is_empty());
    for (arguments, code) in [
        (vec!["replay", "--as-of", "2001-01-01"], 4),
        (vec!["replay"], 2),
        (vec!["replay", "--from", &second, "--to", &first], 2),
        (vec!["replay", "--from", &second], 2),
    ] {
        assert_eq!(pump.run(&arguments).code, Some(code), "{arguments:?}");
    }
}

fn piped(pump: &Pump, arguments: &[&str], input: &str) -> Ran {
    let mut child = pump.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Ran::of(child.wait_with_output().unwrap())
}

fn statements_are_read_from_a_pipe(pump: &Pump) {
    let ran = piped(pump, &["shell"], "select 'a;b' as x;\nselect count(*) > 0 as y\n  from latest.testrail_cases; -- the end\nselect 3 as z");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "x\na;b\ny\ntrue\nz\n3\n"), "{}", ran.stderr);
    let ran = piped(pump, &["shell", "--builtin"], "select 1 as x;\nselect nothing from nowhere;\nselect 2 as x;\n");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), "x\n1\n"), "{}", ran.stderr);
    let ran = piped(pump, &["shell"], ".tables\n.quit\nselect 1;\n");
    assert!(ran.stdout.contains("latest.testrail_cases\n") && !ran.stdout.contains('1'), "{}", ran.stdout);
}

async fn somebodys_edits_are_told(pump: &Pump) {
    let found = json(pump, &["diff", "report_testrail_test_plans", "--against-database", "--format", "json"]);
    let counts = |found: &Value, name: &str| found["counts"][0][name].as_u64();
    assert_eq!(
        (counts(&found, "only in the mart"), counts(&found, "changed"), counts(&found, "only in the table"), counts(&found, "edited by hand")),
        (Some(0), Some(0), Some(0), Some(0)),
        "{found:#}"
    );
    on_database(pump, "delete from report_testrail_test_plans where rowid = (select min(rowid) from report_testrail_test_plans)".to_owned()).await;
    on_database(
        pump,
        "update report_testrail_test_plans set name = 'mine' where rowid = (select max(rowid) from report_testrail_test_plans)".to_owned(),
    )
    .await;
    let found = json(pump, &["diff", "report_testrail_test_plans", "--against-database", "--format", "json"]);
    assert_eq!((counts(&found, "only in the mart"), counts(&found, "edited by hand")), (Some(1), Some(1)), "{found:#}");
    assert!(found["rows"].as_array().unwrap().iter().any(|row| row["row"] == "edited" && row["in the table"] == "'mine'"), "{found:#}");
}

async fn what_is_late_is_told(pump: &mut Pump) {
    let late = |pump: &Pump| pump.run(&["status", "testrail-milestones", "--max-age", "26h"]);
    pump.at(day(2), "20:00:00");
    let ran = late(pump);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    pump.set("GITHUB_ACTIONS", "true");
    pump.at(day(3), "08:00:00");
    let ran = late(pump);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("nothing was pulled since") && ran.stderr.contains("\n::error title=etl::"), "{}", ran.stderr);
    assert!(ran.stderr.contains("the last load started"), "{}", ran.stderr);
    pump.ok(&["extract", "testrail-milestones", "--project", "fenix"]);
    let ran = late(pump);
    assert!(ran.code == Some(1) && ran.stderr.contains("not computed since"), "{}", ran.stderr);
    pump.ok(&["transform", "testrail-milestones"]);
    let ran = late(pump);
    assert!(ran.code == Some(1) && ran.stderr.contains("not loaded since"), "{}", ran.stderr);
    pump.ok(&["load", "testrail-milestones"]);
    assert_eq!(late(pump).code, Some(0));
    // Not late yet, and nobody should wait until it is: a load that failed, and one that never came to an end.
    pump.at(day(3), "08:30:00");
    on_database(pump, format!("alter table {TAKEN} rename to away")).await;
    assert_eq!(pump.run(&["load", TAKEN]).code, Some(1));
    let ran = late(pump);
    assert!(ran.code == Some(1) && ran.stderr.contains(&format!("`{TAKEN}` (testrail-milestones) was not loaded: the load of ")), "{}", ran.stderr);
    on_database(pump, format!("alter table away rename to {TAKEN}")).await;
    pump.at(day(3), "09:00:00");
    pump.ok(&["load", TAKEN]);
    assert_eq!(late(pump).code, Some(0));
    pump.at(day(3), "10:00:00");
    pump.ok(&["load", TAKEN]);
    let end = files(&pump.lake().join("runs")).into_iter().rfind(|path| path.to_str().unwrap().ends_with(".end.json")).unwrap();
    fs_err::remove_file(end).unwrap();
    let ran = late(pump);
    assert!(ran.code == Some(1) && ran.stderr.contains("the load of 2025-10-01 10:00:") && ran.stderr.contains(" did not end"), "{}", ran.stderr);
}
