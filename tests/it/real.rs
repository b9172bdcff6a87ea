//! Recorded answers of the real APIs go through unharmed: landed byte for byte, loaded as computed from the files here.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use arrow::array::{Array, AsArray};
use chrono::{DateTime, NaiveDate};
use etl::{
    lake::{Lake, read_batches},
    settings::Env,
    simulator::{RecordedFiles, Simulator, World},
};
use serde_json::{Value, value::RawValue};

use crate::pump::{Pump, Tables, assert_same_lines, serve};

/// The recordings, which are no part of the project. CI must have them; elsewhere a test without them says so and ends.
pub(crate) fn recordings() -> Option<PathBuf> {
    let env = Env::of_process();
    let folder = env.get("ETL_REAL_DATA").map(PathBuf::from);
    assert!(folder.is_some() || env.get("CI").is_none(), "ETL_REAL_DATA must name the folder of recorded answers in CI");
    if folder.is_none() {
        #[expect(clippy::print_stderr, reason = "a test that proves nothing must say so")]
        {
            eprintln!("note: ETL_REAL_DATA is not set, so no recorded answer was tried");
        }
    }
    folder
}

pub(crate) fn text(folder: &Path, name: &str) -> String {
    fs_err::read_to_string(folder.join(name)).unwrap()
}

/// The slices of an array of records, by member of the body.
pub(crate) fn slices(body: &str, member: &str) -> Vec<String> {
    let body: BTreeMap<String, &RawValue> = serde_json::from_str(body).unwrap();
    let items: Vec<&RawValue> = body.get(member).map_or_else(Vec::new, |items| serde_json::from_str(items.get()).unwrap());
    items.into_iter().map(|item| item.get().to_owned()).collect()
}

fn number(record: &Value, name: &str) -> Option<i64> {
    record[name].as_i64()
}

/// A text as SQLite quotes it, cut as its column wants it.
fn quoted(text: Option<&str>, length: usize) -> String {
    text.map_or_else(
        || "NULL".to_owned(),
        |text| format!("'{}'", text.chars().filter(|c| *c != '\0').take(length).collect::<String>().replace('\'', "''")),
    )
}

/// `2017-08-12T23:00:36Z` as the database holds it.
fn moment(text: Option<&str>) -> String {
    quoted(text.map(|text| DateTime::parse_from_rfc3339(text).unwrap().naive_utc().format("%Y-%m-%d %H:%M:%S").to_string()).as_deref(), 30)
}

fn epoch_date(seconds: Option<i64>) -> String {
    quoted(seconds.map(|seconds| DateTime::from_timestamp(seconds, 0).unwrap().date_naive().to_string()).as_deref(), 30)
}

fn line(cells: &[(&str, String)]) -> String {
    cells.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}

/// Rows without the id that the database gave.
pub(crate) fn without_id(tables: &Tables, table: &str) -> Vec<String> {
    let rows = tables[table]
        .iter()
        .map(|row| row.split_once(", ").filter(|(id, _)| id.starts_with("id=")).map_or(row.as_str(), |(_, rest)| rest).to_owned());
    sorted(rows)
}

pub(crate) fn sorted(rows: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut rows: Vec<String> = rows.into_iter().collect();
    rows.sort();
    rows
}

/// Everything that was landed of an endpoint, as it was received, pull by pull.
pub(crate) async fn landed(pump: &Pump, endpoint: &str) -> Vec<Vec<String>> {
    let lake = Lake::open(&pump.lake().display().to_string()).unwrap();
    let mut receipts = lake.receipts(None).await.unwrap().to_vec();
    receipts.retain(|receipt| receipt.endpoint == endpoint && receipt.complete());
    receipts.sort_by_key(|receipt| receipt.finished);
    let mut pulls = Vec::new();
    for receipt in receipts {
        let mut found = Vec::new();
        for batch in receipt
            .records_file()
            .into_iter()
            .flat_map(|file| read_batches(&lake.local_path(&file.path).unwrap(), Some(&["payload", "payload_original"])).unwrap())
        {
            let batch = batch.unwrap();
            let (payloads, originals) = (batch.column(0).as_string::<i32>(), batch.column(1).as_binary::<i32>());
            for row in 0..batch.num_rows() {
                found.push(if originals.is_valid(row) {
                    String::from_utf8(originals.value(row).to_vec()).unwrap()
                } else {
                    payloads.value(row).to_owned()
                });
            }
        }
        pulls.push(sorted(found));
    }
    pulls
}

/// A project in which bugs need no tag of QA: the recorded ones have none.
fn untagged(simulator: &Simulator) -> Pump {
    let pump = Pump::new(simulator);
    let tagged = "contains(lower(bug.qa_whiteboard), 'qa-found-in-')";
    pump.edit("sql/marts/report_bugzilla_softvision_bugs.sql", tagged, "true");
    pump.edit("sql/intermediate/bugzilla_release_flag_candidates.sql", tagged, "true");
    for audit in ["report_bugzilla_softvision_bugs__tag_missing", "report_bugzilla_query_release_flags_for_bugs__bug_not_found_by_qa"] {
        fs_err::remove_file(pump.root().join(format!("sql/audits/{audit}.sql"))).unwrap();
    }
    pump.edit("etl.toml", "release_flag_floor = 140", "release_flag_floor = 50");
    pump.edit("etl.toml", "[\"WONTFIX\", \"INVALID\", \"WORKSFORME\", \"DUPLICATE\", \"MOVED\"]", "[\"NONE\"]");
    pump
}

/// The row of `report_bugzilla_softvision_bugs` for a recorded bug, its id and first-seen time left out.
fn softvision_row(bug: &Value) -> String {
    let column = |name: &str, length| quoted(bug[name].as_str(), length);
    let keywords: Vec<&str> = bug["keywords"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    line(&[
        ("bugzilla_key", bug["id"].to_string()),
        ("bugzilla_summary", column("summary", usize::MAX)),
        ("bugzilla_product", column("product", 255)),
        ("bugzilla_qa_whiteboard", column("cf_qa_whiteboard", 500)),
        ("bugzilla_bug_severity", column("severity", 50)),
        ("bugzilla_bug_priority", column("priority", 50)),
        ("bugzilla_bug_status", column("status", 50)),
        ("bugzilla_bug_resolution", column("resolution", 50)),
        ("bugzilla_bug_created_at", moment(bug["creation_time"].as_str())),
        ("bugzilla_bug_last_change_time", moment(bug["last_change_time"].as_str())),
        ("bugzilla_bug_whiteboard", column("whiteboard", 500)),
        ("bugzilla_bug_keyword", quoted((!keywords.is_empty()).then(|| keywords.join(", ")).as_deref(), 500)),
        ("bugzilla_bug_resolved_at", moment(bug["cf_last_resolved"].as_str())),
    ])
}

/// The version that a status flag is about.
fn version(field: &str) -> Option<u32> {
    field.strip_prefix("cf_status_firefox")?.parse().ok().filter(|version| *version >= 50)
}

/// The first time at which each flag of a bug became fixed or verified.
fn fixed_at(history: &Value) -> BTreeMap<u32, String> {
    let mut first = BTreeMap::new();
    for change_set in history.as_array().into_iter().flatten() {
        for change in change_set["changes"].as_array().into_iter().flatten() {
            let fixed = matches!(change["added"].as_str().map(|added| added.trim().to_lowercase()).as_deref(), Some("fixed" | "verified"));
            if let (true, Some(version)) = (fixed, change["field_name"].as_str().and_then(version)) {
                let when = change_set["when"].as_str().unwrap().to_owned();
                let known = first.entry(version).or_insert_with(|| when.clone());
                *known = when.min(known.clone());
            }
        }
    }
    first
}

#[tokio::test]
async fn recorded_bugs_fields_and_histories_come_through() {
    let Some(real) = recordings() else { return };
    let real = real.join("bugzilla");
    // Bugs: the full ones, and of those that searches showed the one with the most in it.
    let mut bugs: BTreeMap<i64, String> = BTreeMap::new();
    for search in text(&real, "libmozdata-bug-search-responses.jsonl").lines() {
        let search: BTreeMap<String, &RawValue> = serde_json::from_str(search).unwrap();
        for bug in slices(search["body"].get(), "bugs") {
            let id = number(&serde_json::from_str(&bug).unwrap(), "id").unwrap();
            if bugs.get(&id).is_none_or(|known| known.len() < bug.len()) {
                bugs.insert(id, bug);
            }
        }
    }
    let mut histories: BTreeMap<i64, String> = BTreeMap::new();
    let mut bodies = text(&real, "libmozdata-history-responses-part.jsonl");
    for bug in text(&real, "bugbug-fixture-bugs.jsonl").lines() {
        let members: BTreeMap<String, &RawValue> = serde_json::from_str(bug).unwrap();
        // The recordings have the history in the bug itself: the answer is made of that very slice.
        bodies.push_str(&format!("\n{{\"bugs\":[{{\"alias\":null,\"history\":{},\"id\":{}}}]}}", members["history"].get(), members["id"].get()));
        bugs.insert(members["id"].get().parse().unwrap(), bug.to_owned());
    }
    for body in bodies.lines().filter(|body| !body.is_empty()) {
        let history = slices(body, "bugs").remove(0);
        histories.insert(number(&serde_json::from_str(&history).unwrap(), "id").unwrap(), history);
    }
    let fields = text(&real, "libmozdata-field-bug.json");
    let all: Vec<String> = bugs.values().cloned().collect();
    let files = RecordedFiles::new().bugs(all.join("\n")).unwrap().histories(bodies).unwrap().fields(fields.clone());
    let simulator = serve(World::recorded(files)).await;
    let mut pump = untagged(&simulator);
    // Every history, not only those of bugs that have been fixed.
    pump.edit("sources/bugzilla.toml", "where list_has_any(map_values(bug.flags), ['fixed', 'verified'])", "where true");
    pump.set("ETL_NOW", "2026-03-20T04:00:00Z");
    pump.ok(&["run", "bugzilla-desktop-bugs", "bugzilla-desktop-release-flags-for-bugs"]);

    for (endpoint, expected) in [
        ("bugzilla_qa_found_bugs", sorted(all.clone())),
        ("bugzilla_flag_bugs", sorted(all.clone())),
        ("bugzilla_fields", sorted(slices(&fields, "fields"))),
        ("bugzilla_history", sorted(histories.iter().filter(|(id, _)| bugs.contains_key(id)).map(|(_, history)| history.clone()))),
    ] {
        assert!(expected.len() > 60, "{endpoint}: {}", expected.len());
        assert_same_lines(&format!("landed {endpoint} against the recording"), &landed(&pump, endpoint).await.concat(), &expected);
    }

    let parsed: Vec<Value> = all.iter().map(|bug| serde_json::from_str(bug).unwrap()).collect();
    let tables = pump.timeless_tables().await;
    let expected = sorted(parsed.iter().map(softvision_row));
    assert_same_lines("report_bugzilla_softvision_bugs against the recording", &without_id(&tables, "report_bugzilla_softvision_bugs"), &expected);

    let fields: Vec<Value> = slices(&fields, "fields").iter().map(|field| serde_json::from_str(field).unwrap()).collect();
    let listed: BTreeSet<u32> = fields.iter().filter_map(|field| version(field["name"].as_str()?)).collect();
    let mut expected = Vec::new();
    for bug in &parsed {
        let of_bug: BTreeSet<u32> = bug.as_object().unwrap().keys().filter_map(|key| version(key)).collect();
        let history: Value = histories.get(&number(bug, "id").unwrap()).map_or(Value::Null, |history| serde_json::from_str(history).unwrap());
        let fixed = fixed_at(&history["history"]);
        for version in listed.union(&of_bug) {
            let flag = bug[format!("cf_status_firefox{version}")].as_str().unwrap_or("---").to_owned();
            let keywords: Vec<&str> = bug["keywords"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let at = fixed.get(version).filter(|_| flag == "fixed" || flag == "verified");
            expected.push(line(&[
                ("bugzilla_key", bug["id"].to_string()),
                ("bugzilla_release_version", version.to_string()),
                ("bugzilla_bug_status", quoted(Some(&flag), 100)),
                ("bugzilla_bug_keywords", quoted((!keywords.is_empty()).then(|| keywords.join(", ")).as_deref(), 500)),
                ("bugzilla_bug_severity", quoted(bug["severity"].as_str(), 100)),
                ("bugzilla_bug_resolution", quoted(bug["resolution"].as_str(), 100)),
                ("bugzilla_bug_type", quoted(bug["type"].as_str(), 100)),
                ("bugzilla_bug_qa_found_in", quoted(bug["cf_qa_whiteboard"].as_str(), 500)),
                ("bugzilla_bug_flag_fixed_at", moment(at.map(String::as_str))),
            ]));
        }
    }
    let loaded = without_id(&tables, "report_bugzilla_query_release_flags_for_bugs");
    assert_same_lines("release flags against the recording", &loaded, &sorted(expected));
    assert!(loaded.iter().filter(|row| row.contains("flag_fixed_at='")).count() > 20, "times of fixing were found");
}

#[tokio::test]
async fn the_same_bugs_over_years_are_versions_of_one_row() {
    let Some(real) = recordings() else { return };
    let recorded = text(&real, "bugzilla/libmozdata-same-three-bugs-over-years.jsonl");
    let bodies: Vec<&str> = recorded.lines().collect();
    let mut pump: Option<Pump> = None;
    for (number, body) in bodies.iter().enumerate() {
        let files = RecordedFiles::new().bugs(slices(body, "bugs").join("\n")).unwrap();
        let simulator = serve(World::recorded(files)).await;
        let pump = pump.get_or_insert_with(|| untagged(&simulator));
        pump.set("ETL_BUGZILLA_BASE_URL", simulator.bugzilla_url());
        let year = NaiveDate::from_ymd_opt(2016 + 2 * i32::try_from(number).unwrap(), 10, 1).unwrap();
        pump.at(year, "04:00:00");
        pump.ok(&["run", "report_bugzilla_softvision_bugs"]);
        let newest: Vec<Value> = slices(body, "bugs").iter().map(|bug| serde_json::from_str(bug).unwrap()).collect();
        let loaded = without_id(&pump.timeless_tables().await, "report_bugzilla_softvision_bugs");
        assert_same_lines(&format!("loaded in {year}"), &loaded, &sorted(newest.iter().map(softvision_row)));
    }
    let pump = pump.unwrap();
    let expected: Vec<Vec<String>> = bodies.iter().map(|body| sorted(slices(body, "bugs"))).collect();
    assert_eq!(landed(&pump, "bugzilla_qa_found_bugs").await, expected);
    let history = "select bug_id, count(*), count(valid_to), count(distinct valid_from), sum(cast(priority is null as integer)) \
                   from history.bugzilla_qa_found_bugs group by all order by all";
    assert_eq!(pump.lines(history), ["12345,4,3,4,0", "12346,4,3,4,0", "12347,4,3,4,0"], "every version, each but the last replaced");
    assert_eq!(pump.lines("select year(_pulled_at), count(*) from latest.bugzilla_qa_found_bugs group by all"), ["2022,3"]);
}

#[tokio::test]
async fn a_web_page_in_place_of_json_is_a_clear_error() {
    let Some(real) = recordings() else { return };
    let page = text(&real, "bugzilla/libmozdata-html-instead-of-json.html");
    let fields = text(&real, "bugzilla/libmozdata-field-bug.json");
    let simulator = serve(World::recorded(RecordedFiles::new().fields(page))).await;
    let mut pump = Pump::new(&simulator);
    pump.edit("sources/bugzilla.toml", "attempts = 6", "attempts = 2");
    pump.set("ETL_NOW", "2026-03-20T04:00:00Z");
    let count = "select count(*) from landed.bugzilla_fields";
    let refused = |pump: &Pump| {
        let ran = pump.run(&["extract", "bugzilla_fields"]);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert!(ran.stderr.contains("web page") && ran.stderr.contains("bugzilla_fields"), "{}", ran.stderr);
    };
    refused(&pump);
    assert_eq!(pump.lines(count), ["0"]);
    // After a good answer the page changes nothing.
    let url = simulator.bugzilla_url();
    let good = serve(World::recorded(RecordedFiles::new().fields(fields))).await;
    pump.set("ETL_BUGZILLA_BASE_URL", good.bugzilla_url());
    pump.set("ETL_NOW", "2026-03-20T05:00:00Z");
    pump.ok(&["extract", "bugzilla_fields"]);
    assert_eq!(pump.lines(count), ["868"]);
    pump.set("ETL_BUGZILLA_BASE_URL", url);
    pump.set("ETL_NOW", "2026-03-20T06:00:00Z");
    refused(&pump);
    assert_eq!(pump.lines(count), ["868"]);
    assert_eq!(pump.lines("select count(*) from latest.bugzilla_fields"), ["868"]);
}

/// The counts of a plan or run as columns of its table, and their sum.
fn counts(record: &Value) -> Vec<(&'static str, String)> {
    let count = |name: &str| number(record, &format!("{name}_count")).unwrap_or(0);
    let custom: i64 = (1..=7).map(|status| count(&format!("custom_status{status}"))).sum();
    let named = ["passed", "retest", "failed", "blocked", "untested"].map(count);
    let total = named.iter().sum::<i64>() + custom;
    let columns =
        ["test_case_passed_count", "test_case_retest_count", "test_case_failed_count", "test_case_blocked_count", "test_case_untested_count"];
    let mut cells: Vec<(&str, String)> = columns.into_iter().zip(named.map(|count| count.to_string())).collect();
    cells.push(("test_case_total_count", total.to_string()));
    cells
}

#[tokio::test]
async fn recorded_suites_cases_runs_and_plans_come_through() {
    let Some(real) = recordings() else { return };
    let old = |name: &str| text(&real, &format!("testrail/retailmenot-2013/{name}.json"));
    let official = |name: &str| text(&real, &format!("testrail/official-docs/{name}.json")).trim_end().to_owned();
    let array =
        |body: &str| -> Vec<String> { serde_json::from_str::<Vec<&RawValue>>(body).unwrap().into_iter().map(|item| item.get().to_owned()).collect() };
    let paged = |member: &str, record: &str| {
        format!("{{\"offset\":0,\"limit\":250,\"size\":1,\"_links\":{{\"next\":null,\"prev\":null}},\"{member}\":[{record}]}}")
    };
    let (suites, cases, runs, plans) = (old("TestSuites"), old("TestCases"), old("TestRuns"), old("TestPlans"));
    let (case, plan) = (official("get_case"), official("get_plan"));
    let old_plan = array(&plans).remove(0);
    let suite = "{\"id\": 1, \"name\": \"Master\"}";
    // Project 2 answers with bare arrays as in 2013, project 1 in pages as the documentation shows them.
    let files = RecordedFiles::new()
        .testrail("get_suites/2", suites.clone())
        .testrail("get_suites/1", paged("suites", suite))
        .testrail("get_cases/2", "[]")
        .testrail("get_cases/2&suite_id=17", cases.clone())
        .testrail("get_cases/1&suite_id=1", paged("cases", &case))
        .testrail("get_runs/2", runs.clone())
        .testrail("get_runs/1", "[]")
        .testrail("get_plans/2", plans.clone())
        .testrail("get_plans/1", paged("plans", &plan))
        .testrail(format!("get_plan/{}", number(&serde_json::from_str(&old_plan).unwrap(), "id").unwrap()), old_plan.clone())
        .testrail("get_plan/10", plan.clone())
        .testrail("get_milestones", "[]");
    let simulator = serve(World::recorded(files)).await;
    let mut pump = Pump::new(&simulator);
    let seed = pump.root().join("sql/seeds/projects.csv");
    let header: Vec<String> =
        fs_err::read_to_string(&seed).unwrap().lines().filter(|line| line.starts_with('#') || line.starts_with("id,")).map(str::to_owned).collect();
    fs_err::write(&seed, format!("{}\n1,2,sandbox,Sandbox\n2,1,official,Official\n", header.join("\n"))).unwrap();
    let seed = pump.root().join("sql/seeds/project_platforms.csv");
    let platforms = fs_err::read_to_string(&seed).unwrap();
    fs_err::write(&seed, format!("{platforms}sandbox,desktop\nofficial,desktop\n")).unwrap();
    pump.edit("etl.toml", "plan_name_contains = \"Automated testing\"", "plan_name_contains = \"\"");
    // The recorded plan was cut to its first run, and old runs have no time of creation.
    pump.set("ETL_NOW", "2022-03-20T04:00:00Z");
    pump.ok(&["run", "testrail-test-case-coverage", "testrail-test-run-counts", "testrail-test-plans-and-runs"]);

    for (endpoint, expected) in [
        ("testrail_suites", [array(&suites), vec![suite.to_owned()]].concat()),
        ("testrail_cases", [array(&cases), vec![case.clone()]].concat()),
        ("testrail_runs", array(&runs)),
        ("testrail_plans", vec![old_plan.clone(), plan.clone()]),
        ("testrail_plan_details", vec![old_plan.clone(), plan.clone()]),
    ] {
        assert_same_lines(&format!("landed {endpoint} against the recording"), &sorted(landed(&pump, endpoint).await.concat()), &sorted(expected));
    }

    let tables = pump.timeless_tables().await;
    let hashless = |table: &str| -> Vec<String> { sorted(tables[table].iter().map(|row| row.split(", _row_hash=").next().unwrap().to_owned())) };
    let parse = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    let project = |record: &Value| if number(record, "project_id") == Some(2) { "1" } else { "2" }.to_owned();
    let expected = [&old_plan, &plan].map(|plan| {
        let plan = parse(plan);
        let mut cells = vec![("id", plan["id"].to_string()), ("testrail_plan_id", plan["id"].to_string()), ("projects_id", project(&plan))];
        cells.push(("name", quoted(plan["name"].as_str(), 250)));
        cells.extend(counts(&plan));
        cells.extend([("testrail_created_on", epoch_date(number(&plan, "created_on"))), ("testrail_completed_on", "NULL".to_owned())]);
        line(&cells)
    });
    assert_same_lines("report_testrail_test_plans", &hashless("report_testrail_test_plans"), &sorted(expected));

    let plan = parse(&plan);
    let plan_runs: Vec<&Value> = plan["entries"].as_array().unwrap().iter().flat_map(|entry| entry["runs"].as_array().unwrap()).collect();
    assert!(!plan_runs.is_empty());
    let expected = plan_runs.iter().map(|run| {
        let name = run["name"].as_str().unwrap();
        let category = if name.to_uppercase().contains("SMOKE") {
            "Smoke"
        } else if name.to_uppercase().contains("L10N") {
            "L10n"
        } else {
            "Functional"
        };
        let mut cells = vec![
            ("id", run["id"].to_string()),
            ("testrail_run_id", run["id"].to_string()),
            ("projects_id", "2".to_owned()),
            ("plan_id", "10".to_owned()),
        ];
        cells.extend([
            ("suite_id", run["suite_id"].to_string()),
            ("name", quoted(Some(name), 250)),
            ("config", quoted(Some(run["config"].as_str().unwrap_or("")), 250)),
        ]);
        cells.push(("category", quoted(Some(category), 20)));
        cells.extend(counts(run));
        cells.extend([("testrail_created_on", epoch_date(number(run, "created_on"))), ("testrail_completed_on", "NULL".to_owned())]);
        line(&cells)
    });
    assert_same_lines("report_testrail_test_runs", &hashless("report_testrail_test_runs"), &sorted(expected));

    let mut by_suite: BTreeMap<(&str, i64), u32> = BTreeMap::new();
    for (project, case) in array(&cases).iter().map(|case| ("1", case)).chain([("2", &case)]) {
        *by_suite.entry((project, number(&parse(case), "suite_id").unwrap())).or_default() += 1;
    }
    let expected = by_suite.iter().map(|((project, suite), count)| {
        line(&[
            ("projects_id", (*project).to_owned()),
            ("testrail_test_suites_id", suite.to_string()),
            ("test_sub_suites_id", "7".to_owned()),
            ("test_automation_status_id", "1".to_owned()),
            ("test_automation_coverage_id", "1".to_owned()),
            ("test_automation_tae", "0".to_owned()),
            ("test_count", count.to_string()),
            ("snapshot_date", "'2022-03-20'".to_owned()),
        ])
    });
    assert_same_lines("report_test_case_coverage", &without_id(&tables, "report_test_case_coverage"), &sorted(expected));

    // No recorded run is completed: none may be counted, and all are known.
    assert!(array(&runs).iter().chain(&[plan["entries"][0]["runs"][0].to_string()]).all(|run| parse(run)["completed_on"].is_null()));
    assert!(tables["report_test_run_counts"].is_empty());
    let mut expected: Vec<(i64, i64)> =
        array(&runs).iter().map(|run| (number(&parse(run), "id").unwrap(), number(&parse(run), "untested_count").unwrap())).collect();
    expected.sort_unstable();
    let expected: Vec<String> = expected.into_iter().map(|(id, untested)| format!("{id},{untested}")).collect();
    assert_eq!(pump.lines("select run_id, untested_count from latest.testrail_runs order by run_id"), expected);
}
