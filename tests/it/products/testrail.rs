//! What TestRail's reports must say, computed from its answers.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::DateTime;
use etl::simulator::Simulator;
use serde_json::Value;

use super::{get, targets, variable};
use crate::real::sorted;

/// TestRail's ids of the projects, with those in the seed.
const PROJECTS: [(u64, u64); 6] = [(14, 3), (17, 6), (27, 4), (48, 2), (58, 5), (59, 1)];
/// The account of automation and its project.
const AUTOMATION: (u64, u64) = (17, 976);

pub(crate) const COVERAGE: &str = "select projects_id || ' ' || testrail_test_suites_id || ' ' || test_sub_suites_id || ' ' || test_automation_status_id || ' ' || \
    test_automation_coverage_id || ' ' || test_automation_tae || ' ' || test_count from report_test_case_coverage where snapshot_date = ";

pub(crate) const HEALTH: &str = "select testrail_case_id || ' ' || num_executions || ' ' || iif(avg_runtime is null, '-', printf('%.6f', avg_runtime)) || ' ' || \
    iif(pass_rate is null, '-', printf('%.6f', pass_rate)) || ' ' || most_recent_timestamp || ' ' || printf('%.1f', most_recent_runtime) || ' ' || most_recent_status || ' ' || \
    coalesce(status_history_1, '-') || ' ' || coalesce(status_history_2, '-') || ' ' || coalesce(status_history_3, '-') || ' ' || coalesce(status_history_4, '-') \
    from report_testrail_test_health";

/// All records of a list, each once although pages may shift while one reads.
async fn list(simulator: &Simulator, method: &str, member: &str) -> Vec<Value> {
    let mut found: BTreeMap<u64, Value> = BTreeMap::new();
    for offset in (0..).step_by(250) {
        let page = ask(simulator, &format!("{method}&limit=250&offset={offset}")).await;
        let records = page[member].as_array().unwrap();
        found.extend(records.iter().map(|record| (record["id"].as_u64().unwrap(), record.clone())));
        if page["_links"]["next"].is_null() {
            break;
        }
    }
    found.into_values().collect()
}

async fn ask(simulator: &Simulator, method: &str) -> Value {
    let pair = format!("{}:{}", variable(simulator, "TESTRAIL_USERNAME"), variable(simulator, "TESTRAIL_PASSWORD"));
    let login = format!("Basic {}", BASE64_STANDARD.encode(pair));
    get(simulator, "ETL_TESTRAIL_BASE_URL", method, &login).await.0
}

/// Whether a label says that the case is automated: an object with a title or a name, or a plain text.
fn is_tae(label: &Value) -> bool {
    let text = label.as_str().or_else(|| label["title"].as_str()).or_else(|| label["name"].as_str());
    text.is_some_and(|text| text.trim().to_lowercase() == "tae")
}

/// Lines of [`COVERAGE`] for today.
pub(crate) async fn coverage(simulator: &Simulator) -> Vec<String> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (project, id) in PROJECTS {
        for suite in list(simulator, &format!("get_suites/{project}"), "suites").await {
            for case in list(simulator, &format!("get_cases/{project}&suite_id={}", suite["id"]), "cases").await {
                if case["is_deleted"] == 1 {
                    continue;
                }
                let subs: BTreeSet<u64> = case["custom_sub_test_suites"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
                let subs = if subs.is_empty() { BTreeSet::from([7]) } else { subs };
                let option = |name: &str| case[name].as_u64().unwrap_or(1);
                let tae = u8::from(case["labels"].as_array().into_iter().flatten().any(is_tae));
                for sub in subs {
                    let (status, coverage) = (option("custom_automation_status"), option("custom_automation_coverage"));
                    *counts.entry(format!("{id} {} {sub} {status} {coverage} {tae}", case["suite_id"])).or_default() += 1;
                }
            }
        }
    }
    sorted(counts.into_iter().map(|(key, count)| format!("{key} {count}")))
}

/// Seconds of `1m 45s`, `45 seconds`, `1h 2m`: each number with the first letter behind it.
fn seconds(text: &str) -> f64 {
    let (mut total, mut number) = (0, 0);
    let mut open = false;
    for letter in text.chars().filter(|letter| !letter.is_whitespace()) {
        match (letter.to_digit(10), open) {
            (Some(digit), _) => {
                number = number * 10 + digit;
                open = true;
            }
            (None, true) => {
                total += std::mem::take(&mut number)
                    * match letter {
                        'h' => 3600,
                        'm' => 60,
                        's' => 1,
                        other => panic!("`{other}` in `{text}`"),
                    };
                open = false;
            }
            (None, false) => {}
        }
    }
    f64::from(total)
}

/// A result as far as test health goes by it.
struct Outcome {
    at: i64,
    id: u64,
    status: u64,
    seconds: f64,
}

/// Lines of [`HEALTH`]: from every run that was asked for its results so far, as long as automation made its plan.
pub(crate) async fn health(simulator: &Simulator) -> Vec<String> {
    let (project, account) = AUTOMATION;
    let asked: BTreeSet<u64> = targets(simulator, "get_results_for_run/")
        .iter()
        .map(|target| target.split("get_results_for_run/").nth(1).unwrap().split(['&', '=']).next().unwrap().parse().unwrap())
        .collect();
    let mut cases: BTreeMap<u64, Vec<Outcome>> = BTreeMap::new();
    for plan in list(simulator, &format!("get_plans/{project}"), "plans").await {
        if plan["created_by"] != account {
            continue;
        }
        let detail = ask(simulator, &format!("get_plan/{}", plan["id"])).await;
        let runs = detail["entries"].as_array().unwrap().iter().flat_map(|entry| entry["runs"].as_array().unwrap());
        for run in runs.map(|run| run["id"].as_u64().unwrap()).filter(|run| asked.contains(run)) {
            let tests = list(simulator, &format!("get_tests/{run}"), "tests").await;
            let case_of: BTreeMap<u64, u64> = tests.iter().map(|test| (test["id"].as_u64().unwrap(), test["case_id"].as_u64().unwrap())).collect();
            for result in list(simulator, &format!("get_results_for_run/{run}"), "results").await {
                let (Some(status), Some(elapsed)) = (result["status_id"].as_u64(), result["elapsed"].as_str()) else { continue };
                let outcome =
                    Outcome { at: result["created_on"].as_i64().unwrap(), id: result["id"].as_u64().unwrap(), status, seconds: seconds(elapsed) };
                cases.entry(case_of[&result["test_id"].as_u64().unwrap()]).or_default().push(outcome);
            }
        }
    }
    let line = |(case, mut outcomes): (u64, Vec<Outcome>)| {
        outcomes.sort_by_key(|outcome| std::cmp::Reverse((outcome.at, outcome.id)));
        let scored: Vec<&Outcome> = outcomes.iter().filter(|outcome| [1, 4, 5].contains(&outcome.status)).collect();
        let mean = |values: Vec<f64>| match values.len() {
            0 => "-".to_owned(),
            many => format!("{:.6}", values.iter().sum::<f64>() / many as f64),
        };
        let runtime = mean(scored.iter().map(|outcome| outcome.seconds).collect());
        let passed = mean(scored.iter().map(|outcome| f64::from(u8::from(outcome.status == 1))).collect());
        let newest = &outcomes[0];
        let moment = DateTime::from_timestamp(newest.at, 0).unwrap().format("%Y-%m-%d %H:%M:%S");
        let before = (1..5).map(|place| outcomes.get(place).map_or_else(|| "-".to_owned(), |outcome| outcome.status.to_string()));
        let before: Vec<String> = before.collect();
        format!("{case} {} {runtime} {passed} {moment} {:.1} {} {}", scored.len(), newest.seconds, newest.status, before.join(" "))
    };
    sorted(cases.into_iter().map(line))
}
