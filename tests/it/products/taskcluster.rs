//! Task groups are read until they are resolved, and a while longer; what comes out is what the groups say.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, FixedOffset};
use etl::simulator::{RecordedFiles, Simulator, World};
use serde_json::Value;

use super::{get, targets};
use crate::{
    pump::{Pump, assert_same_lines, day, serve, small_world},
    real::{landed, recordings, slices, sorted, text},
};

/// All tasks of a group, over all pages.
async fn group(simulator: &Simulator, id: &str) -> Vec<Value> {
    let (mut tasks, mut more) = (Vec::new(), String::new());
    loop {
        let path = format!("queue/v1/task-group/{id}/list?limit=1000{more}");
        let (page, _) = get(simulator, "ETL_TASKCLUSTER_BASE_URL", &path, "").await;
        tasks.extend(page["tasks"].as_array().unwrap().iter().cloned());
        match page["continuationToken"].as_str() {
            Some(token) => more = format!("&continuationToken={token}"),
            None => return tasks,
        }
    }
}

fn time(value: &Value) -> Option<DateTime<FixedOffset>> {
    value.as_str().map(|text| DateTime::parse_from_rfc3339(text).unwrap())
}

#[tokio::test]
async fn groups_are_followed_until_two_days_after_their_end() {
    let simulator = serve(small_world()).await;
    let mut pump = Pump::of(&simulator, &["taskcluster"]);
    let mut asked: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for number in 0..6 {
        simulator.set_day(day(number));
        pump.at(day(number), "04:00:00");
        let before = simulator.requests().len();
        pump.ok(&["run", "taskcluster-runs"]);
        let groups: BTreeSet<String> = simulator.requests()[before..]
            .iter()
            .filter_map(|request| Some(request.target.split_once("task-group/")?.1.split('/').next().unwrap().to_owned()))
            .collect();
        for group in groups {
            asked.entry(group).or_default().push(number);
        }
    }
    // Each group is asked for on days without a gap, and no longer than its last end and two days after.
    assert!(asked.len() > 6, "{asked:?}");
    for (id, days) in &asked {
        assert!(days.windows(2).all(|pair| pair[1] == pair[0] + 1), "{id}: {days:?}");
        assert!(days.len() <= 5, "{id}: {days:?}");
    }
    assert!(asked.values().any(|days| days.len() >= 3) && asked.values().any(|days| *days.last().unwrap() < 5), "{asked:?}");
    assert!(targets(&simulator, "continuationToken").len() > 3, "groups have several pages");

    let mut runs = Vec::new();
    let mut daily: BTreeMap<String, [u64; 5]> = BTreeMap::new();
    for id in asked.keys() {
        // Those that are no longer asked for have not changed since: that is what the two days are for.
        for task in group(&simulator, id).await {
            let queue = task["task"]["taskQueueId"].as_str().unwrap().to_owned();
            let own = task["status"]["runs"].as_array().unwrap();
            for (number, run) in own.iter().enumerate() {
                let seconds = match (time(&run["started"]), time(&run["resolved"])) {
                    (Some(started), Some(resolved)) => (resolved.timestamp() - started.timestamp()).to_string(),
                    _ => String::new(),
                };
                runs.push(format!("{},{},{},{seconds}", task["status"]["taskId"].as_str().unwrap(), run["runId"], run["state"].as_str().unwrap()));
                let Some(resolved) = time(&run["resolved"]) else { continue };
                let state = run["state"].as_str().unwrap();
                let why = run["reasonResolved"].as_str().unwrap();
                let counts = daily.entry(format!("{},{queue}", resolved.date_naive())).or_default();
                counts[0] += 1;
                counts[1] += u64::from(state == "completed");
                counts[2] += u64::from(state == "failed");
                counts[3] +=
                    u64::from(["claim-expired", "worker-shutdown", "resource-unavailable", "internal-error", "malformed-payload"].contains(&why));
                let again = own[number + 1..].iter().any(|later| later["state"] == "completed");
                counts[4] += u64::from((state == "failed" || why == "intermittent-task") && again);
            }
        }
    }
    runs.sort();
    let loaded = pump.lines("select task_id, run_id, state, run_seconds from report_taskcluster_task_runs");
    assert_same_lines("runs", &sorted(loaded), &runs);
    let expected: Vec<String> = daily.iter().map(|(key, counts)| format!("{key},{}", counts.map(|count| count.to_string()).join(","))).collect();
    let loaded = pump.lines(
        "select report_date, task_queue_id, sum(run_count), sum(completed_count), sum(failed_count), sum(infra_exception_count), \
         sum(intermittent_count) from report_taskcluster_daily group by all order by all",
    );
    assert_same_lines("days", &sorted(loaded), &sorted(expected));
}

#[tokio::test]
async fn a_recorded_group_comes_through() {
    let Some(real) = recordings() else { return };
    let body = text(&real, "taskcluster/code-coverage-task-group_2.json");
    let tasks = slices(&body, "tasks");
    let definition = text(&real, "taskcluster/code-coverage-linux_task.json");
    let pushes = r#"{"namespaces":[{"namespace":"gecko.v2.mozilla-central.pushdate.2018.03.02.20180302100000","name":"20180302100000","expires":"2019-03-02T10:18:14.371Z"}]}"#;
    let indexed = r#"{"tasks":[{"namespace":"x.firefox.linux64-opt","taskId":"MCIO1RWTRu2GhiE7_jILBw","rank":0,"data":{},"expires":"2019-03-02T10:18:14.371Z"}]}"#;
    let api = |path: &str| format!("/taskcluster/api/{path}");
    let mut files = RecordedFiles::new()
        .other(api("index/v1/tasks/gecko.v2.mozilla-central.pushdate.2018.03.02.20180302100000.firefox"), indexed)
        .other(api("queue/v1/task/MCIO1RWTRu2GhiE7_jILBw"), definition)
        .other(api("queue/v1/task-group/aPt9FbIdQwmhwDIPDYLuaw/list"), body);
    for branch in ["mozilla-central", "mozilla-beta", "mozilla-release"] {
        for day in ["2018.03.01", "2018.03.02"] {
            let there = branch == "mozilla-central" && day.ends_with("02");
            let answer = if there { pushes } else { r#"{"namespaces":[]}"# };
            files = files.other(api(&format!("index/v1/namespaces/gecko.v2.{branch}.pushdate.{day}")), answer);
        }
    }
    let simulator = serve(World::recorded(files)).await;
    let mut pump = Pump::of(&simulator, &["taskcluster"]);
    pump.set("ETL_NOW", "2018-03-02T23:00:00Z");
    let told = pump.ok(&["run", "taskcluster-runs"]);
    assert!(!told.contains("differ from what"), "{told}");
    assert_same_lines("landed", &sorted(landed(&pump, "taskcluster_group_tasks").await.concat()), &sorted(tasks.clone()));
    let mut expected = Vec::new();
    for task in tasks.iter().map(|task| serde_json::from_str::<Value>(task).unwrap()) {
        let status = &task["status"];
        for run in status["runs"].as_array().into_iter().flatten() {
            let queue = format!("{}/{}", status["provisionerId"].as_str().unwrap(), status["workerType"].as_str().unwrap());
            let name = task["task"]["metadata"]["name"].as_str().unwrap();
            expected.push(format!("{},{},{queue},{name},{}", status["taskId"].as_str().unwrap(), run["runId"], run["state"].as_str().unwrap()));
        }
    }
    let loaded = pump.lines("select task_id, run_id, task_queue_id, task_name, state from report_taskcluster_task_runs");
    assert_same_lines("runs", &sorted(loaded), &sorted(expected));
    let group = pump.lines("select task_group_id, branch, task_count from report_taskcluster_task_groups");
    assert_eq!(group, [format!("aPt9FbIdQwmhwDIPDYLuaw,mozilla-central,{}", tasks.len())]);
}
