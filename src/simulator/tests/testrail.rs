use super::*;

#[tokio::test]
async fn wrong_credentials_are_401() {
    let simulator = demo().await;
    let url = format!("{}/index.php?/api/v2/get_projects", simulator.testrail_url());
    for header in ["", "Authorization: Basic bm86bm8=\r\n", "Authorization: Bearer x\r\n"] {
        let reply = get_with(&url, header).await.unwrap();
        assert_eq!(reply.status, 401);
        assert_eq!(reply.body, br#"{"error":"Authentication failed: invalid or missing user/password or session cookie."}"#);
    }
}

#[tokio::test]
async fn bad_calls_are_refused_as_documented() {
    let simulator = demo().await;
    for (call, status, message) in [
        ("get_cases/17", 400, "Field :suite_id is a required field."),
        ("get_cases/17&suite_id=1401", 400, "Field :suite_id is not a valid test suite."),
        ("get_suites/1", 400, "Field :project_id is not a valid or accessible project."),
        ("get_suites/x", 400, "Field :project_id is not a valid or accessible project."),
        ("get_plan/1799999", 400, "Field :plan_id is not a valid test plan."),
        ("get_milestone/1", 400, "Field :milestone_id is not a valid milestone."),
        ("get_plans/17&limit=0", 400, "Field :limit is not valid: must be between 1 and 250."),
        ("get_plans/17&limit=251", 400, "Field :limit is not valid: must be between 1 and 250."),
        ("get_everything", 404, "Unknown method 'get_everything'"),
    ] {
        let reply = testrail(&simulator, call).await;
        assert_eq!((reply.status, reply.json()["error"].as_str()), (status, Some(message)), "{call}");
    }
    let url = format!("{}/other.php", simulator.testrail_url());
    assert_eq!(get_with(&url, "").await.unwrap().status, 404);
}

#[tokio::test]
async fn pages_say_where_the_next_one_is() {
    let simulator = demo().await;
    let reply = testrail(&simulator, "get_plans/17&created_after=1&limit=3&offset=3").await;
    let page = reply.json();
    assert_eq!((&page["offset"], &page["limit"], &page["size"]), (&3.into(), &3.into(), &3.into()));
    assert_eq!(page["_links"]["next"], "/api/v2/get_plans/17&created_after=1&limit=3&offset=6");
    assert_eq!(page["_links"]["prev"], "/api/v2/get_plans/17&created_after=1&limit=3&offset=0");
    let first = testrail(&simulator, "get_plans/17").await.json();
    assert_eq!((&first["limit"], &first["_links"]["next"], &first["_links"]["prev"]), (&250.into(), &Value::Null, &Value::Null));
    let beyond = testrail(&simulator, "get_plans/17&offset=9000").await.json();
    assert_eq!((&beyond["size"], &beyond["_links"]["next"]), (&0.into(), &Value::Null));
}

#[tokio::test]
async fn small_pages_hold_what_one_page_holds() {
    let simulator = demo().await;
    for (call, name) in [
        ("get_projects", "projects"),
        ("get_suites/59", "suites"),
        ("get_cases/59&suite_id=5901", "cases"),
        ("get_plans/17", "plans"),
        ("get_runs/14", "runs"),
        ("get_milestones/17", "milestones"),
    ] {
        let whole = testrail(&simulator, call).await.array(name);
        assert!(whole.len() > 2, "{call}: {}", whole.len());
        assert_eq!(all(&simulator, &format!("{call}&limit=2"), name).await, whole, "{call}");
    }
}

#[tokio::test]
async fn the_largest_suite_needs_a_second_page() {
    let simulator = demo().await;
    let cases = all(&simulator, "get_cases/17&suite_id=1701", "cases").await;
    assert!(cases.len() > 250, "{}", cases.len());
    let mut counted = 0;
    for suite in testrail(&simulator, "get_suites/17").await.ids("suites") {
        counted += all(&simulator, &format!("get_cases/17&suite_id={suite}"), "cases").await.len() as u64;
    }
    assert_eq!(simulator_world().cases(17, date(9, 8)), counted);
}

fn simulator_world() -> World {
    World::seeded(1, Scale::demo())
}

#[tokio::test]
async fn a_shifting_list_repeats_one_record_and_loses_none() {
    let (plain, shifting) = (demo().await, started(Options::default()).await);
    let mut repeated = 0;
    for limit in 2..40 {
        let call = format!("get_cases/59&suite_id=5901&limit={limit}");
        let ids = |records: Vec<Value>| records.iter().map(|one| one["id"].as_u64().unwrap()).collect::<Vec<_>>();
        let (expected, mut got) = (ids(all(&plain, &call, "cases").await), ids(all(&shifting, &call, "cases").await));
        if got.len() > expected.len() {
            assert_eq!(got[limit - 1], got[limit]);
            got.remove(limit);
            repeated += 1;
        }
        assert_eq!(got, expected);
    }
    assert!((8..32).contains(&repeated), "{repeated}");
}

#[tokio::test]
async fn filters_select() {
    let simulator = demo().await;
    let plans = testrail(&simulator, "get_plans/17").await.array("plans");
    let created: Vec<i64> = plans.iter().map(|plan| plan["created_on"].as_i64().unwrap()).collect();
    assert!(created.is_sorted_by(|newer, older| newer >= older), "newest first");
    let (newest, oldest) = (created[0], created[created.len() - 1]);
    let count = async |call: String| testrail(&simulator, &call).await.array("plans").len();
    // Both ends are excluded.
    assert_eq!(count(format!("get_plans/17&created_after={oldest}&created_before={newest}")).await, plans.len() - 2);
    let completed = count("get_plans/17&is_completed=1".into()).await;
    assert!(completed > 0 && completed + count("get_plans/17&is_completed=0".into()).await == plans.len());
    let creator = &plans[0]["created_by"];
    let own = testrail(&simulator, &format!("get_plans/17&created_by={creator},9999")).await.array("plans");
    assert!(!own.is_empty() && own.iter().all(|plan| plan["created_by"] == *creator));

    let runs = testrail(&simulator, "get_runs/17&suite_id=1701").await.array("runs");
    assert!(!runs.is_empty() && runs.iter().all(|run| run["suite_id"] == 1701));

    let cases = all(&simulator, "get_cases/17&suite_id=1701", "cases").await;
    let mut updated: Vec<i64> = cases.iter().map(|case| case["updated_on"].as_i64().unwrap()).collect();
    updated.sort_unstable();
    let middle = updated[updated.len() / 2];
    let later = all(&simulator, &format!("get_cases/17&suite_id=1701&updated_after={middle}&limit=50"), "cases").await;
    assert_eq!(later.len(), updated.iter().filter(|seconds| **seconds > middle).count());
}

#[tokio::test]
async fn plans_hold_runs_that_the_list_of_runs_lacks() {
    let simulator = demo().await;
    let lone = testrail(&simulator, "get_runs/17").await.ids("runs");
    for id in testrail(&simulator, "get_plans/17").await.ids("plans") {
        let plan = testrail(&simulator, &format!("get_plan/{id}")).await.json();
        let runs: Vec<&Value> = plan["entries"].as_array().unwrap().iter().flat_map(|entry| entry["runs"].as_array().unwrap()).collect();
        assert!(!runs.is_empty());
        assert!(runs.iter().all(|run| run["plan_id"] == id && !lone.contains(&run["id"].as_u64().unwrap())));
        for count in ["passed_count", "untested_count", "failed_count"] {
            let sum: i64 = runs.iter().map(|run| run[count].as_i64().unwrap()).sum();
            assert_eq!(plan[count], sum);
        }
    }
}

#[tokio::test]
async fn milestones_nest_and_are_found_at_every_depth() {
    let simulator = demo().await;
    let mut depths = [0; 3];
    for id in testrail(&simulator, "get_milestones/17").await.ids("milestones") {
        let mut open = vec![(0, testrail(&simulator, &format!("get_milestone/{id}")).await.json())];
        while let Some((depth, milestone)) = open.pop() {
            depths[depth] += 1;
            for child in milestone["milestones"].as_array().unwrap() {
                assert_eq!(child["parent_id"], milestone["id"]);
                let alone = testrail(&simulator, &format!("get_milestone/{}", child["id"])).await.json();
                assert_eq!(alone, *child);
                open.push((depth + 1, child.clone()));
            }
        }
    }
    assert!(depths.iter().all(|count| *count > 0), "{depths:?}");
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_again() {
    let limit = RateLimit { requests: 2, per: Duration::from_millis(300) };
    let simulator = started(Options { testrail_rate_limit: Some(limit), ..Options::default() }).await;
    for _ in 0..2 {
        assert_eq!(testrail(&simulator, "get_projects").await.status, 200);
    }
    let refused = testrail(&simulator, "get_projects").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
    assert_eq!(bugzilla(&simulator, "version").await.status, 200);
    tokio::time::sleep(Duration::from_millis(310)).await;
    assert_eq!(testrail(&simulator, "get_projects").await.status, 200);
}
