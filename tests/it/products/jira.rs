//! Booked time of Jira over days, and recorded issues.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::DateTime;
use etl::simulator::{RecordedFiles, World};
use serde_json::Value;

use super::{get, loaded, variable};
use crate::{
    pump::{Pump, assert_same_lines, day, serve, small_world},
    real::{landed, recordings, sorted},
};

pub(crate) const LINES: &str = "select jira_worklog_id || ' ' || parent_key || ' ' || coalesce(child_key, '-') || ' ' || time_spent_seconds || ' ' || started_date || ' ' || \
                     coalesce(parent_name, '-') || ' ' || coalesce(child_name, '-') from report_jira_softvision_worklogs";

fn moment(text: &str) -> String {
    DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z").unwrap().naive_utc().format("%Y-%m-%d %H:%M:%S").to_string()
}

/// Every issue below the requests on the board, and every line booked on it, asked one by one.
pub(crate) async fn expected(simulator: &etl::simulator::Simulator) -> Vec<String> {
    let pair = format!("{}:{}", variable(simulator, "ATLASSIAN_USERNAME"), variable(simulator, "ATLASSIAN_API_TOKEN"));
    let login = format!("Basic {}", BASE64_STANDARD.encode(pair));
    let search = async |what: &str| {
        let (mut found, mut token) = (Vec::new(), None::<String>);
        loop {
            let next = token.map_or_else(String::new, |token| format!("&nextPageToken={token}"));
            let path = format!("search/jql?jql={what}%20ORDER%20BY%20key%20ASC&fields=summary,parent{next}");
            let page = get(simulator, "ETL_JIRA_BASE_URL", &path, &login).await.0;
            found.extend(page["issues"].as_array().unwrap().clone());
            token = page["nextPageToken"].as_str().map(str::to_owned);
            if token.is_none() {
                return found;
            }
        }
    };
    let key = |issue: &Value| issue["key"].as_str().unwrap().to_owned();
    let parent = |issue: &Value| issue["fields"]["parent"]["key"].as_str().map_or_else(|| key(issue), str::to_owned);
    let board = search("filter%3D15948").await;
    let requests: BTreeSet<String> = board.iter().map(parent).collect();
    let mut issues: BTreeMap<String, Value> = BTreeMap::new();
    for request in &requests {
        issues.insert(request.clone(), get(simulator, "ETL_JIRA_BASE_URL", &format!("issue/{request}?fields=summary"), &login).await.0);
        issues.extend(search(&format!("parent%20%3D%20{request}")).await.into_iter().map(|issue| (key(&issue), issue)));
    }
    issues.extend(board.into_iter().map(|issue| (key(&issue), issue)));
    let name = |key: &str| issues[key]["fields"]["summary"].as_str().unwrap().replace('\0', "");
    let mut rows = Vec::new();
    for (own, issue) in &issues {
        let lines = get(simulator, "ETL_JIRA_BASE_URL", &format!("issue/{own}/worklog"), &login).await.0;
        for line in lines["worklogs"].as_array().unwrap() {
            let parent = parent(issue);
            let (child, child_name) = if *own == parent { ("-".to_owned(), "-".to_owned()) } else { (own.clone(), name(own)) };
            let started = moment(line["started"].as_str().unwrap());
            let id = line["id"].as_str().unwrap();
            rows.push((id.to_owned(), format!("{id} {parent} {child} {} {started} {} {child_name}", line["timeSpentSeconds"], name(&parent))));
        }
    }
    let mut rows: Vec<String> = rows.into_iter().map(|(_, row)| row).collect();
    rows.sort();
    rows
}

/// Names as stored: what the column cuts and what is no text (half a surrogate pair, which `get` leaves out) is left to the
/// tests of loads.
pub(crate) fn plain(rows: Vec<String>) -> Vec<String> {
    rows.into_iter().filter(|row| row.is_ascii() && row.len() < 300 && !row.contains("  ") && !row.ends_with(' ')).collect()
}

#[tokio::test]
async fn booked_time_follows_edits_and_deletions() {
    let simulator = serve(small_world()).await;
    let mut pump = Pump::of(&simulator, &["jira"]);
    let mut seen = BTreeSet::new();
    for number in 0..9 {
        simulator.set_day(day(number));
        pump.at(day(number), "08:00:00");
        pump.ok(&["run", "jira-softvision-worklogs"]);
        let (loaded, expected) = (loaded(&pump, LINES).await, expected(&simulator).await);
        assert_eq!(loaded.len(), expected.len(), "day {number}");
        assert_same_lines(&format!("day {number}"), &plain(loaded), &plain(expected.clone()));
        seen.insert(expected);
    }
    assert!(seen.len() > 4, "something happened on most days");
    // Between full readings only what changed is asked for.
    let asked = simulator.requests().iter().filter(|request| request.target.contains("/worklog?")).count();
    let listed = simulator.requests().iter().filter(|request| request.method == "POST").count();
    assert!(listed >= 4, "{listed} lists of changes were followed");
    assert!(asked < 9 * 40, "{asked} issues were read whole");
}

#[tokio::test]
async fn without_rights_nothing_is_believed() {
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let mut pump = Pump::of(&simulator, &["jira"]);
    pump.at(day(0), "08:00:00");
    pump.ok(&["run", "jira-qa-needed"]);
    let before = loaded(&pump, "select jira_total_qa_needed || '' from report_jira_qa_needed").await;
    // A search would be answered with 200 and no issue.
    pump.at(day(1), "08:00:00");
    pump.set("ATLASSIAN_API_TOKEN", "expired");
    let ran = pump.run(&["run", "jira-qa-needed"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("its first question failed"), "{}", ran.stderr);
    assert_eq!(loaded(&pump, "select jira_total_qa_needed || '' from report_jira_qa_needed").await, before);
}

#[tokio::test]
async fn recorded_issues_and_worklogs_come_through() {
    let Some(real) = recordings() else { return };
    let read = |name: &str| -> Vec<String> {
        fs_err::read_to_string(real.join(name)).unwrap().lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
    };
    let (issues, lines) = (read("jira/devlake-issues-part.jsonl"), read("jira/devlake-worklogs-part.jsonl"));
    let records: Vec<Value> = issues.iter().map(|issue| serde_json::from_str(issue).unwrap()).collect();
    let keys: Vec<String> = records.iter().map(|issue| issue["key"].as_str().unwrap().to_owned()).collect();
    let api = "/jira/rest/api/3";
    let mut files = RecordedFiles::new()
        .other(format!("{api}/myself"), "{\"accountId\":\"x\"}")
        .other(format!("{api}/search/jql"), format!("{{\"isLast\":true,\"issues\":[{}]}}", issues.join(",")))
        .other(format!("{api}/worklog/updated"), "{\"values\":[],\"until\":1,\"lastPage\":true}")
        .other(format!("{api}/worklog/deleted"), "{\"values\":[],\"until\":1,\"lastPage\":true}");
    for (number, key) in keys.iter().enumerate() {
        let own = if number == 0 { lines.join(",") } else { String::new() };
        let total = if number == 0 { lines.len() } else { 0 };
        files = files
            .other(format!("{api}/issue/{key}/worklog"), format!("{{\"startAt\":0,\"maxResults\":5000,\"total\":{total},\"worklogs\":[{own}]}}"));
    }
    let simulator = serve(World::recorded(files)).await;
    let mut pump = Pump::of(&simulator, &["jira"]);
    pump.set("ETL_NOW", "2022-08-02T04:00:00Z");
    pump.ok(&["extract", "jira-qa-requests"]);
    assert_same_lines("landed", &sorted(landed(&pump, "jira_qa_requests").await.concat()), &sorted(issues.clone()));
    let expected = records.iter().map(|issue| format!("{},{}", issue["key"].as_str().unwrap(), moment(issue["fields"]["created"].as_str().unwrap())));
    let typed = pump.lines("select issue_key, strftime(created_at, '%Y-%m-%d %H:%M:%S') from latest.jira_qa_requests");
    assert_same_lines("created", &sorted(typed), &sorted(expected));
    pump.run(&["extract", "jira-softvision-worklogs"]);
    assert_same_lines("lines", &sorted(landed(&pump, "jira_worklogs").await.concat()), &sorted(lines.clone()));
    let expected = lines.iter().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        format!("{},{},{}", line["id"].as_str().unwrap(), line["timeSpentSeconds"], moment(line["started"].as_str().unwrap()))
    });
    let typed = pump.lines("select worklog_id, time_spent_seconds, strftime(started_at, '%Y-%m-%d %H:%M:%S') from latest.jira_worklogs");
    assert_same_lines("typed lines", &sorted(typed), &sorted(expected));
}
