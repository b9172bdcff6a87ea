//! Builds that run are read again until they have ended.

use std::collections::BTreeMap;

use etl::simulator::{RecordedFiles, Simulator, World};
use serde_json::Value;

use super::{get, targets, variable};
use crate::{
    pump::{Pump, assert_same_lines, day, serve, small_world},
    real::{landed, recordings, slices, sorted, text},
};

pub(crate) const COLUMNS: &str = "select app, build_number, branch, status, status_text, triggered_workflow, triggered_by, \
                       strftime(triggered_at, '%Y-%m-%dT%H:%M:%SZ') as t, strftime(finished_at, '%Y-%m-%dT%H:%M:%SZ') as f \
                       from report_bitrise_builds_count order by build_number";

/// A build as a line of the query above.
fn row(build: &Value) -> String {
    let text = |name: &str| build[name].as_str().unwrap_or_default().to_owned();
    let cells = ["branch", "status", "status_text", "triggered_workflow", "triggered_by", "triggered_at", "finished_at"];
    let cells = cells.map(|name| if name == "status" { build[name].to_string() } else { text(name) });
    format!("firefox-ios,{},{}", build["build_number"], cells.join(","))
}

/// Every build that is listed today.
async fn builds(simulator: &Simulator) -> Vec<Value> {
    let token = variable(simulator, "BITRISE_TOKEN");
    let (mut found, mut next) = (Vec::new(), String::new());
    loop {
        let (page, _) = get(simulator, "ETL_BITRISE_BASE_URL", &format!("builds?limit=50{next}"), &token).await;
        found.extend(page["data"].as_array().unwrap().iter().cloned());
        match page["paging"]["next"].as_str() {
            Some(slug) => next = format!("&next={slug}"),
            None => return found,
        }
    }
}

/// Lines of [`COLUMNS`] where the builds were first read today.
pub(crate) async fn finished(simulator: &Simulator) -> Vec<String> {
    let builds = builds(simulator).await;
    sorted_by_number(builds.iter().filter(|build| build["status"] != 0))
}

#[tokio::test]
async fn a_build_that_runs_is_lost_for_no_day() {
    let simulator = serve(small_world()).await;
    let mut pump = Pump::of(&simulator, &["bitrise"]);
    let mut seen: Vec<Value> = Vec::new();
    // Builds that leave the list of 200 days stay.
    let mut finished: BTreeMap<u64, Value> = BTreeMap::new();
    let mut went_on = 0;
    for number in 0..8 {
        simulator.set_day(day(number));
        pump.at(day(number), "04:00:00");
        let before = targets(&simulator, "/builds").len();
        pump.ok(&["run", "bitrise-builds"]);
        let asked = targets(&simulator, "/builds").split_off(before);
        // The cursor is one second before the oldest build that was not finished when last seen, or before the newest one.
        let time = |build: &Value| chrono::DateTime::parse_from_rfc3339(build["triggered_at"].as_str().unwrap()).unwrap().timestamp();
        let open = seen.iter().filter(|build| build["status"] == 0).map(time).min();
        let newest = seen.iter().map(time).max();
        went_on += u32::from(open.is_some());
        match open.into_iter().chain(newest).min() {
            None => assert!(asked.iter().all(|target| !target.contains("after=")), "{asked:?}"),
            Some(first) => assert!(asked.iter().all(|target| target.contains(&format!("after={}", first - 1))), "{first}: {asked:?}"),
        }
        seen = builds(&simulator).await;
        let ended = seen.iter().filter(|build| build["status"] != 0);
        finished.extend(ended.map(|build| (build["build_number"].as_u64().unwrap(), build.clone())));
        let expected = sorted_by_number(finished.values());
        assert_same_lines(&format!("day {number}"), &pump.lines(COLUMNS), &expected);
    }
    assert!(went_on > 3 && finished.len() > seen.len(), "{went_on}: {} {}", finished.len(), seen.len());
}

fn sorted_by_number<'a>(builds: impl Iterator<Item = &'a Value>) -> Vec<String> {
    let mut builds: Vec<&Value> = builds.collect();
    builds.sort_by_key(|build| build["build_number"].as_u64());
    builds.into_iter().map(row).collect()
}

#[tokio::test]
async fn recorded_builds_come_through() {
    let Some(real) = recordings() else { return };
    let body = text(&real, "bitrise/docs-managing-an-apps-builds-1.json");
    let builds = slices(&body, "data");
    let app = "/bitrise/v0.1/apps/6c06d3a40422d10f/builds";
    let simulator = serve(World::recorded(RecordedFiles::new().other(app, body))).await;
    let mut pump = Pump::of(&simulator, &["bitrise"]);
    pump.set("ETL_NOW", "2022-08-02T04:00:00Z");
    let told = pump.ok(&["run", "bitrise-builds"]);
    assert!(!told.contains("differ from what"), "{told}");
    assert_same_lines("landed", &sorted(landed(&pump, "bitrise_builds").await.concat()), &sorted(builds.clone()));
    let builds: Vec<Value> = builds.iter().map(|build| serde_json::from_str(build).unwrap()).collect();
    assert_same_lines("report_bitrise_builds_count", &pump.lines(COLUMNS), &sorted_by_number(builds.iter()));
}
