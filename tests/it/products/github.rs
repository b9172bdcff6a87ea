//! Issues of GitHub over days, and recorded ones.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate};
use etl::simulator::{RecordedFiles, Simulator, World};
use serde_json::{Value, value::RawValue};

use super::{loaded, variable, without_halves};
use crate::{
    pump::{Pump, assert_same_lines, day, serve, small_world},
    real::{landed, recordings, sorted},
};

pub(crate) const COUNTS: &str = "select report_date || ' ' || projects_id || ' ' || issue_class || ' ' || opened_count || ' ' || closed_count || ' ' || open_count || ' ' || \
                      coalesce(open_count_7d_ago, 'null') || ' ' || is_regression from report_issue_regression";
/// Projects with their ids in the seed.
const PROJECTS: [(&str, u64); 3] = [("firefox-ios", 3), ("fenix", 1), ("focus-ios", 4)];

/// All issues of a repository, read newest first by page numbers: another way than the one under test.
async fn issues(simulator: &Simulator, project: &str) -> Vec<Value> {
    let (base, token) = (variable(simulator, "ETL_GITHUB_BASE_URL"), variable(simulator, "GITHUB_TOKEN"));
    let mut found = Vec::new();
    for page in 1.. {
        let url = format!("{base}repos/mozilla-mobile/{project}/issues?state=all&per_page=37&page={page}");
        let answer = reqwest::Client::new().get(url).header("Authorization", format!("Bearer {token}")).send().await.unwrap();
        let text = without_halves(&answer.text().await.unwrap());
        let records: Vec<Value> = serde_json::from_str(&text).unwrap();
        if records.is_empty() {
            break;
        }
        found.extend(records);
    }
    found
}

fn date(value: &Value) -> Option<NaiveDate> {
    value.as_str().map(|text| DateTime::parse_from_rfc3339(text).unwrap().date_naive())
}

fn classes(issue: &Value) -> Vec<&'static str> {
    const CLASSES: [(&str, &[&str]); 7] = [
        ("intermittent", &["eng:intermittent-test"]),
        ("auto-found", &["eng:bug-auto-found"]),
        ("crash", &["crash", "b:crash"]),
        ("bug", &["🐞 bug"]),
        ("p1", &["P1"]),
        ("p2", &["P2"]),
        ("p3", &["P3"]),
    ];
    let labels: Vec<&str> = issue["labels"].as_array().unwrap().iter().filter_map(|label| label["name"].as_str()).collect();
    CLASSES.into_iter().filter(|(_, names)| labels.iter().any(|label| names.contains(label))).map(|(class, _)| class).collect()
}

/// The days on which the issues of a group were opened and closed.
type Lives = Vec<(NaiveDate, Option<NaiveDate>)>;

/// Day by day, by counting.
fn expected(known: &BTreeMap<(u64, u64), Value>, today: NaiveDate) -> Vec<String> {
    let mut groups: BTreeMap<(u64, &str), Lives> = BTreeMap::new();
    for ((project, _), issue) in known {
        if issue["pull_request"].is_null() {
            for class in classes(issue) {
                groups.entry((*project, class)).or_default().push((date(&issue["created_at"]).unwrap(), date(&issue["closed_at"])));
            }
        }
    }
    let mut rows = Vec::new();
    for ((project, class), spans) in groups {
        let first = spans.iter().map(|(opened, _)| *opened).min().unwrap();
        let open = |day: NaiveDate| spans.iter().filter(|(opened, closed)| *opened <= day && closed.is_none_or(|closed| closed > day)).count();
        for day in first.iter_days().take_while(|day| *day < today) {
            let opened = spans.iter().filter(|(opened, _)| *opened == day).count();
            let closed = spans.iter().filter(|(_, closed)| *closed == Some(day)).count();
            let ago = day.checked_sub_days(Days::new(7)).filter(|ago| *ago >= first).map(open);
            let shown = ago.map_or_else(|| "null".to_owned(), |ago| ago.to_string());
            let regression = u8::from(ago.is_some_and(|ago| open(day) > ago));
            rows.push(format!("{day} {project} {class} {opened} {closed} {} {shown} {regression}", open(day)));
        }
    }
    rows.sort();
    rows
}

/// Lines of [`COUNTS`] where the issues were read today and never before.
pub(crate) async fn regressions(simulator: &Simulator, today: NaiveDate) -> Vec<String> {
    let mut known = BTreeMap::new();
    add_issues(simulator, &mut known).await;
    expected(&known, today)
}

/// What the repositories list today, by project and number.
async fn add_issues(simulator: &Simulator, known: &mut BTreeMap<(u64, u64), Value>) {
    for (project, id) in PROJECTS {
        known.extend(issues(simulator, project).await.into_iter().map(|issue| ((id, issue["number"].as_u64().unwrap()), issue)));
    }
}

#[tokio::test]
async fn regressions_are_counted_day_by_day() {
    let simulator = serve(small_world()).await;
    let mut pump = Pump::of(&simulator, &["github"]);
    let mut known = BTreeMap::new();
    for number in [0, 1, 4, 30] {
        let today = day(number);
        simulator.set_day(today);
        pump.at(today, "05:00:00");
        pump.ok(&["run", "issue-regression"]);
        add_issues(&simulator, &mut known).await;
        assert_same_lines(&format!("day {number}"), &loaded(&pump, COUNTS).await, &expected(&known, today));
    }
    let targets: Vec<String> = simulator.requests().into_iter().map(|request| request.target).collect();
    assert!(targets.iter().any(|target| target.contains("since=")), "later lists ask for changes only");
    assert!(known.values().any(|issue| issue["pull_request"].is_null() && issue["closed_at"].is_string()));
}

#[tokio::test]
async fn recorded_issues_come_through() {
    let Some(real) = recordings() else { return };
    let exchanges: Vec<BTreeMap<String, Box<RawValue>>> =
        serde_json::from_str(&fs_err::read_to_string(real.join("github/octokit-paginate-issues-raw.json")).unwrap()).unwrap();
    let lists = exchanges.iter().filter(|exchange| exchange["method"].get() == "\"get\"").map(|exchange| exchange["response"].get());
    let records: Vec<String> = lists
        .filter_map(|body| serde_json::from_str::<Vec<Box<RawValue>>>(body).ok())
        .flatten()
        .map(|record| record.get().to_owned())
        .filter(|record| record.contains("\"number\""))
        .collect();
    assert!(records.len() > 5, "{} records", records.len());
    let path = "/github/repos/mozilla-mobile/fenix/issues";
    let simulator = serve(World::recorded(RecordedFiles::new().other(path, format!("[{}]", records.join(","))))).await;
    let mut pump = Pump::of(&simulator, &["github"]);
    pump.set("ETL_NOW", "2022-08-02T04:00:00Z");
    pump.ok(&["extract", "github_issues", "--project", "fenix"]);
    assert_same_lines("landed", &sorted(landed(&pump, "github_issues").await.concat()), &sorted(records.clone()));
    let mut newest: BTreeMap<u64, String> = BTreeMap::new();
    for record in &records {
        let record: Value = serde_json::from_str(record).unwrap();
        let number = record["number"].as_u64().unwrap();
        newest.insert(number, format!("{number},{},{}", record["title"].as_str().unwrap(), record["state"].as_str().unwrap()));
    }
    let typed = pump.lines("select issue_number, title, state from latest.github_issues order by 1");
    assert_same_lines("typed", &typed, &newest.into_values().collect::<Vec<_>>());
}

#[tokio::test]
async fn difference_b_and_d_only_lists_are_asked_and_all_is_no_repository() {
    let simulator = serve(small_world()).await;
    let mut pump = Pump::of(&simulator, &["github"]);
    for number in 0..2 {
        simulator.set_day(day(number));
        pump.at(day(number), "10:00:00");
        pump.ok(&["run", "--report-type", "github-issues", "--project", "ALL"]);
    }
    let targets: Vec<String> = simulator.requests().into_iter().map(|request| request.target).collect();
    // Of a known issue nothing is asked alone, and the project ALL stands for the configured repositories.
    assert!(targets.iter().all(|target| target.split('?').next().unwrap().ends_with("/issues")), "{targets:?}");
    for (project, _) in PROJECTS {
        let own = format!("/github/repos/mozilla-mobile/{project}/issues?");
        let lists = targets.iter().filter(|target| target.starts_with(&own) && !target.ends_with("&page=2"));
        assert_eq!(lists.count(), 2, "{targets:?}");
    }
}

#[tokio::test]
async fn difference_a_a_refused_list_is_no_all_clear() {
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let mut pump = Pump::of(&simulator, &["github"]);
    pump.at(day(0), "10:00:00");
    pump.ok(&["run", "github-issues", "issue-regression"]);
    let before = loaded(&pump, "select issue_id || '' from report_github_issues").await;
    pump.at(day(1), "10:00:00");
    pump.set("GITHUB_TOKEN", "withdrawn");
    let ran = pump.run(&["run", "github-issues", "issue-regression"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("401: Bad credentials"), "{}", ran.stderr);
    assert_eq!(loaded(&pump, "select issue_id || '' from report_github_issues").await, before);
}
