//! The traps of Sentry, Bitrise, Taskcluster, Looker and Confluence, as their facts tell them.

use super::*;

/// A call to one of the APIs, with the header that it wants.
async fn ask(simulator: &Simulator, base: &str, path: &str, header: &str) -> Reply {
    let url = simulator.variables().into_iter().find(|(name, _)| *name == base).unwrap().1;
    get_with(&format!("{url}{path}"), header).await.unwrap()
}

async fn sentry(simulator: &Simulator, path: &str) -> Reply {
    ask(simulator, "ETL_SENTRY_BASE_URL", path, &format!("Authorization: Bearer {SENTRY_TOKEN}\r\n")).await
}

async fn bitrise(simulator: &Simulator, path: &str) -> Reply {
    ask(simulator, "ETL_BITRISE_BASE_URL", path, &format!("Authorization: {BITRISE_TOKEN}\r\n")).await
}

async fn taskcluster(simulator: &Simulator, path: &str) -> Reply {
    ask(simulator, "ETL_TASKCLUSTER_BASE_URL", path, "").await
}

#[tokio::test]
async fn whoever_is_not_known_is_turned_away_as_each_api_does() {
    let simulator = demo().await;
    let wrong = "Authorization: Bearer no\r\n";
    for (base, path, status, part) in [
        ("ETL_SENTRY_BASE_URL", "releases/", 401, "Invalid token"),
        ("ETL_BITRISE_BASE_URL", "builds", 401, "Unauthorized"),
        ("ETL_CONFLUENCE_BASE_URL", "content/1471774758", 401, "<html>"),
        ("ETL_LOOKER_BASE_URL", "folders/1820/looks", 401, "Requires authentication"),
    ] {
        let reply = ask(&simulator, base, path, wrong).await;
        assert_eq!(reply.status, status, "{base}");
        assert!(String::from_utf8(reply.body).unwrap().contains(part), "{base}");
    }
    // Bitrise takes the token without a scheme word only.
    let with_word = format!("Authorization: Bearer {BITRISE_TOKEN}\r\n");
    assert_eq!(ask(&simulator, "ETL_BITRISE_BASE_URL", "builds", &with_word).await.status, 401);
}

#[tokio::test]
async fn sentry_names_both_neighbours_on_every_page() {
    let simulator = demo().await;
    let list = "releases/?project=6375561&environment=release&per_page=100";
    let first = sentry(&simulator, list).await;
    let link = first.header("link").unwrap().to_owned();
    assert!(link.contains("rel=\"previous\"; results=\"false\"") && link.contains("rel=\"next\"; results=\"true\"; cursor=\"0:100:0\""), "{link}");
    let last = sentry(&simulator, &format!("{list}&cursor=0:100:0")).await;
    let link = last.header("link").unwrap();
    assert!(link.contains("rel=\"previous\"; results=\"true\"") && link.contains("rel=\"next\"; results=\"false\""), "{link}");
    let (first, last) = (first.json(), last.json());
    assert_eq!(first.as_array().unwrap().len(), 100);
    assert!(last.as_array().unwrap().iter().all(|release| !first.as_array().unwrap().contains(release)));
    let odd = |part: &str| last.as_array().unwrap().iter().any(|release| release["version"].as_str().unwrap().contains(part));
    assert!(odd("@debug") && odd("@nightly") && odd("@9000.0.1"), "releases that are none, or far ahead");
}

#[tokio::test]
async fn sentry_knows_no_rate_on_the_first_day_and_no_group_of_another_environment() {
    let simulator = demo().await;
    // 142.2 of iOS comes out on the first day of the story.
    let totals = async |query: &str| {
        let fields = "field=crash_free_rate(session)&field=crash_free_rate(user)&field=count_unique(user)";
        sentry(&simulator, &format!("sessions/?project=6176941&{query}&{fields}")).await.json()["groups"].clone()
    };
    let package = "query=release.package:org.mozilla.ios.Firefox";
    let new = totals(&format!("environment=Production&{package}+release.version:142.3")).await;
    assert_eq!(new[0]["totals"]["crash_free_rate(user)"], Value::Null, "{new}");
    assert_eq!(new[0]["totals"]["count_unique(user)"], 0);
    let old = totals(&format!("environment=Production&{package}+release.version:142.0")).await;
    let rate = old[0]["totals"]["crash_free_rate(user)"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&rate), "a fraction: {rate}");
    assert_eq!(totals(&format!("environment=Beta&{package}")).await, serde_json::json!([]));
    assert_eq!(sentry(&simulator, "sessions/?project=6176941").await.status, 400);
    let issues = sentry(&simulator, "issues/?project=6176941&query=is:unresolved+release.version:142.0&limit=5").await.json();
    assert!(issues[0]["count"].is_string() && issues[0]["userCount"].is_u64(), "{issues}");
}

#[tokio::test]
async fn bitrise_lists_200_days_with_what_still_runs() {
    let simulator = demo().await;
    let running = |page: &Value| {
        let mut builds = page["data"].as_array().unwrap().iter();
        builds.find(|build| build["status"] == 0 && build["finished_at"].is_null()).cloned()
    };
    let mut page;
    let found = 'days: {
        for day in 8..28 {
            simulator.set_day(date(9, day));
            page = bitrise(&simulator, "builds?limit=500").await.json();
            if let Some(build) = running(&page) {
                break 'days build;
            }
        }
        panic!("no build ran on any day");
    };
    let builds = page["data"].as_array().unwrap();
    assert_eq!((builds.len(), &page["paging"]["page_item_limit"]), (50, &50.into()));
    let next = page["paging"]["next"].as_str().unwrap();
    assert_eq!(bitrise(&simulator, &format!("builds?next={next}")).await.json()["data"][0]["slug"], next);
    let newest = chrono::DateTime::parse_from_rfc3339(builds[0]["triggered_at"].as_str().unwrap()).unwrap().timestamp();
    let none = bitrise(&simulator, &format!("builds?after={newest}")).await.json();
    assert_eq!(none["data"], serde_json::json!([]), "`after` excludes its own second");
    assert!(none["paging"]["next"].is_null());
    // What runs ends on a later day, under its own slug.
    simulator.set_day(date(10, 6));
    let at = chrono::DateTime::parse_from_rfc3339(found["triggered_at"].as_str().unwrap()).unwrap().timestamp();
    let later = bitrise(&simulator, &format!("builds?after={}&before={}", at - 1, at + 1)).await.array("data");
    assert!(later.iter().any(|build| build["slug"] == found["slug"] && build["status"] != 0), "{later:?}");
}

#[tokio::test]
async fn taskcluster_pages_are_short_and_sometimes_empty() {
    let simulator = demo().await;
    let (mut pages, mut empty) = (0, 0);
    for day in ["01", "02", "03", "04", "05", "06", "07"] {
        let pushes = taskcluster(&simulator, &format!("index/v1/namespaces/gecko.v2.mozilla-central.pushdate.2025.09.{day}")).await;
        for push in pushes.array("namespaces") {
            let tasks = taskcluster(&simulator, &format!("index/v1/tasks/{}.firefox", push["namespace"].as_str().unwrap())).await;
            let task = tasks.array("tasks")[0]["taskId"].as_str().unwrap().to_owned();
            let group = taskcluster(&simulator, &format!("queue/v1/task/{task}")).await.json()["taskGroupId"].as_str().unwrap().to_owned();
            let mut more = String::new();
            loop {
                let page = taskcluster(&simulator, &format!("queue/v1/task-group/{group}/list?limit=1000{more}")).await;
                pages += 1;
                empty += u32::from(page.array("tasks").is_empty());
                match page.json()["continuationToken"].as_str() {
                    Some(token) => more = format!("&continuationToken={token}"),
                    None => break,
                }
            }
        }
    }
    assert!(pages > 14 && empty > 0, "{pages} pages, {empty} of them empty");
    let none = taskcluster(&simulator, "index/v1/namespaces/gecko.v2.mozilla-central.pushdate.2031.01.01").await;
    assert_eq!(none.body, br#"{"namespaces":[]}"#);
    let lost = taskcluster(&simulator, "queue/v1/task-group/aPt9FbIdQwmhwDIPDYLuaw/list").await;
    assert_eq!((lost.status, &lost.json()["code"]), (404, &"ResourceNotFound".into()));
}

#[tokio::test]
async fn the_trains_answer_in_their_own_way() {
    let simulator = demo().await;
    let shipped = ask(&simulator, "ETL_WHATTRAINISITNOW_BASE_URL", "firefox/releases/", "").await.json();
    assert_eq!(shipped["142.0"], "2025-08-18");
    let coming = ask(&simulator, "ETL_WHATTRAINISITNOW_BASE_URL", "firefox/releases/future/", "").await.json();
    assert!(coming["143.0"].is_string() && coming["142.0.x"].is_string());
    let lost = ask(&simulator, "ETL_WHATTRAINISITNOW_BASE_URL", "I_am_a_404/", "").await;
    assert_eq!((lost.status, &lost.json()["error"]), (404, &"Not Found".into()));
}
