//! What the report of release flags must say, computed from Bugzilla's answers.

use std::collections::BTreeMap;

use chrono::DateTime;
use etl::simulator::Simulator;
use serde_json::Value;

use super::{variable, without_halves};
use crate::real::sorted;

/// Bugs closed for these reasons are left out.
const EXCLUDED: [&str; 5] = ["WONTFIX", "INVALID", "WORKSFORME", "DUPLICATE", "MOVED"];
/// The lowest version.
const FLOOR: u32 = 140;

pub(crate) const FLAGS: &str = "select bugzilla_key || ' ' || bugzilla_release_version || ' ' || bugzilla_bug_status || ' ' || coalesce(bugzilla_bug_keywords, '-') || ' ' || \
    coalesce(bugzilla_bug_severity, '-') || ' ' || coalesce(bugzilla_bug_type, '-') || ' ' || bugzilla_bug_qa_found_in || ' ' || \
    coalesce(bugzilla_bug_flag_fixed_at, '-') from report_bugzilla_query_release_flags_for_bugs";

async fn ask(simulator: &Simulator, path: &str) -> Value {
    let url = format!("{}/{path}", variable(simulator, "ETL_BUGZILLA_BASE_URL"));
    let key = variable(simulator, "BUGZILLA_API_KEY");
    let answer = reqwest::Client::new().get(url).header("X-BUGZILLA-API-KEY", key).send().await.unwrap();
    serde_json::from_str(&without_halves(&answer.text().await.unwrap())).unwrap()
}

fn version(field: &str) -> Option<u32> {
    field.strip_prefix("cf_status_firefox")?.parse().ok().filter(|version| *version >= FLOOR)
}

/// Lines of [`FLAGS`], every flag of today with the first time at which it became fixed.
pub(crate) async fn release_flags(simulator: &Simulator) -> Vec<String> {
    let found = ask(simulator, "bug?cf_qa_whiteboard=qa-found-in-&cf_qa_whiteboard_type=substring&include_fields=_all").await;
    let versions = listed(simulator).await;
    let mut rows = Vec::new();
    for bug in found["bugs"].as_array().unwrap() {
        if EXCLUDED.contains(&bug["resolution"].as_str().unwrap_or_default()) {
            continue;
        }
        let history = ask(simulator, &format!("bug/{}/history", bug["id"])).await;
        let mut fixed: BTreeMap<u32, String> = BTreeMap::new();
        for event in history["bugs"][0]["history"].as_array().unwrap() {
            for change in event["changes"].as_array().unwrap() {
                let Some(version) = version(change["field_name"].as_str().unwrap()) else { continue };
                if ["fixed", "verified"].contains(&change["added"].as_str().unwrap().to_lowercase().as_str()) {
                    let when = DateTime::parse_from_rfc3339(event["when"].as_str().unwrap()).unwrap();
                    let when = when.naive_utc().format("%Y-%m-%d %H:%M:%S").to_string();
                    fixed.entry(version).and_modify(|first| *first = first.clone().min(when.clone())).or_insert(when);
                }
            }
        }
        let keywords: Vec<&str> = bug["keywords"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let keywords = if keywords.is_empty() { "-".to_owned() } else { keywords.join(", ") };
        let text = |name: &str| bug[name].as_str().unwrap_or("-").to_owned();
        for version in &versions {
            let flag = bug[format!("cf_status_firefox{version}")].as_str().unwrap_or("---");
            let at = fixed.get(version).filter(|_| ["fixed", "verified"].contains(&flag)).map_or("-", String::as_str);
            rows.push(format!("{} {version} {flag} {keywords} {} {} {} {at}", bug["id"], text("severity"), text("type"), text("cf_qa_whiteboard")));
        }
    }
    sorted(rows)
}

/// The versions whose flags are in use.
async fn listed(simulator: &Simulator) -> Vec<u32> {
    let fields = ask(simulator, "field/bug?include_fields=name").await;
    fields["fields"].as_array().unwrap().iter().filter_map(|field| version(field["name"].as_str().unwrap())).collect()
}
