//! What the demo's world holds, and how it changes.

use super::*;

/// Every answer that the reports of the demo need, in one string.
async fn everything(simulator: &Simulator) -> String {
    let mut text = Vec::new();
    for project in testrail(simulator, "get_projects").await.ids("projects") {
        let suites = testrail(simulator, &format!("get_suites/{project}")).await;
        for suite in suites.ids("suites") {
            for offset in [0, 250] {
                let call = format!("get_cases/{project}&suite_id={suite}&offset={offset}");
                text.extend(testrail(simulator, &call).await.body);
            }
        }
        for (list, detail) in [("plans", Some("get_plan")), ("milestones", Some("get_milestone")), ("runs", None)] {
            let reply = testrail(simulator, &format!("get_{list}/{project}")).await;
            for id in reply.ids(list) {
                if let Some(detail) = detail {
                    text.extend(testrail(simulator, &format!("{detail}/{id}")).await.body);
                }
            }
            text.extend(reply.body);
        }
        text.extend(suites.body);
    }
    for call in ["bug?f1=bug_id&o1=greaterthan&v1=0", "field/bug"] {
        text.extend(bugzilla(simulator, call).await.body);
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn the_same_seed_and_day_give_the_same_bytes() {
    let (one, other) = (started(Options::default()).await, started(Options::default()).await);
    let first = everything(&one).await;
    other.set_day(date(10, 20));
    let later = everything(&other).await;
    assert_ne!(later, first);
    other.set_day(date(9, 8));
    assert!(everything(&other).await == first);
    one.set_day(date(10, 20));
    assert!(everything(&one).await == later);
    let seed = Simulator::start(World::seeded(2, Scale::demo()), Options::default()).await.unwrap();
    assert!(everything(&seed).await != first);
}

#[tokio::test]
async fn the_demo_holds_what_the_reports_look_for() {
    for seed in [1, 7, 42] {
        let simulator = Simulator::start(World::seeded(seed, Scale::demo()), Options::default()).await.unwrap();
        holds_all(seed, &everything(&simulator).await);
    }
}

fn holds_all(seed: u64, text: &str) {
    for part in [
        "Automated testing - ",
        " (Beta)",
        " L10N",
        "Smoke",
        "Build Validation sign-off - Firefox RC 14",
        "TESTING_STATUS: [ GREEN ]",
        "QA_RECOMMENDATION:[",
        "qa-found-in-c14",
        "\"---\"",
        "\"verified\"",
        "\"title\":\"TAE\"",
        // Layouts and escapes.
        "\n    \"id\": ",
        "https:\\/\\/",
        "\\ud83e\\udd8a",
        "🦊",
        "\\u0000",
        "\\ud83d\"",
        "𠮷",
        "é lorem ipsum é",
        "\"custom_sub_test_suites\":[]",
        "\"custom_sub_test_suites\":null",
        "\"is_deleted\":1",
        "\"suite_id\":null",
    ] {
        assert!(text.contains(part), "nothing of seed {seed} has {part:?}");
    }
}

#[tokio::test]
async fn records_lack_keys_and_hold_nulls() {
    let simulator = demo().await;
    let bugs = bugzilla(&simulator, "bug?f1=bug_id&o1=greaterthan&v1=0").await.array("bugs");
    assert!(bugs.iter().any(|bug| bug.get("severity").is_none()));
    assert!(bugs.iter().any(|bug| bug.get("severity").is_some_and(Value::is_null)));
    let cases = all(&simulator, "get_cases/17&suite_id=1701", "cases").await;
    assert!(cases.iter().any(|case| case.get("labels").is_none()));
    assert!(cases.iter().any(|case| case.get("labels").is_some_and(Value::is_null)));
}

#[tokio::test]
async fn records_come_and_go_within_the_first_weeks() {
    for seed in [1, 7, 42] {
        let simulator = Simulator::start(World::seeded(seed, Scale::demo()), Options::default()).await.unwrap();
        let ids = async |day, call: &str, name: &str| {
            simulator.set_day(day);
            let mut ids = Vec::new();
            for project in [14, 17, 59] {
                let records = all(&simulator, &call.replace('P', &project.to_string()), name).await;
                ids.extend(records.iter().map(|record| record["id"].as_u64().unwrap()));
            }
            ids
        };
        for (call, name) in [("get_cases/P&suite_id=P01", "cases"), ("get_plans/P", "plans"), ("get_milestones/P", "milestones")] {
            let (early, late) = (ids(date(9, 8), call, name).await, ids(date(10, 6), call, name).await);
            assert!(late.iter().any(|id| !early.contains(id)), "seed {seed}: none of {name} is new");
            assert!(early.iter().any(|id| !late.contains(id)), "seed {seed}: none of {name} is gone");
        }
    }
}

#[tokio::test]
async fn a_suite_is_deleted_with_its_cases() {
    let simulator = demo().await;
    for (day, suites, status) in [(date(9, 13), 2, 200), (date(9, 14), 1, 400)] {
        simulator.set_day(day);
        assert_eq!(testrail(&simulator, "get_suites/48").await.array("suites").len(), suites);
        assert_eq!(testrail(&simulator, "get_cases/48&suite_id=4802").await.status, status);
    }
}

#[tokio::test]
async fn nothing_is_from_the_future() {
    let simulator = demo().await;
    for day in [date(9, 8), date(9, 30)] {
        simulator.set_day(day);
        let now = day.and_hms_opt(4, 0, 0).unwrap().and_utc();
        for call in ["get_plans/17", "get_runs/59"] {
            let name = if call.contains("plans") { "plans" } else { "runs" };
            for record in testrail(&simulator, call).await.array(name) {
                assert!(record["created_on"].as_i64().unwrap() < now.timestamp());
                assert!(record["completed_on"].as_i64().is_none_or(|seconds| seconds < now.timestamp()));
            }
        }
        for bug in bugzilla(&simulator, "bug?f1=bug_id&o1=greaterthan&v1=0").await.array("bugs") {
            let changed = bug["last_change_time"].as_str().unwrap();
            assert!(changed <= now.format("%Y-%m-%dT%H:%M:%SZ").to_string().as_str(), "{changed}");
        }
    }
}

#[tokio::test]
async fn a_million_cases_are_served_page_by_page() {
    let scale = Scale::many_cases(1_000_000);
    let simulator = Simulator::start(World::seeded(1, scale), Options::default()).await.unwrap();
    let start = std::time::Instant::now();
    let page = testrail(&simulator, "get_cases/17&suite_id=1701&offset=400000").await;
    assert_eq!(page.array("cases").len(), 250);
    assert!(page.body.len() > 250 * 800);
    // A page deep in the list costs about what the first one does; the bound only tells milliseconds from a walk of minutes.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
