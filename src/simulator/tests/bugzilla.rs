use super::*;

const FOUND_BY_QA: &str = "bug?cf_qa_whiteboard=qa-found-in-&cf_qa_whiteboard_type=substring";

/// Ids of all bugs that QA found, paged by key.
async fn by_key(simulator: &Simulator, limit: usize) -> Vec<u64> {
    let base = format!("{FOUND_BY_QA}&include_fields=id,no_such_field&order=bug_id&limit={limit}");
    let mut ids = bugzilla(simulator, &base).await.ids("bugs");
    loop {
        let last = ids.last().copied().unwrap_or_default();
        let page = bugzilla(simulator, &format!("{base}&f1=bug_id&o1=greaterthan&v1={last}")).await.ids("bugs");
        let more = page.len() == limit;
        ids.extend(page);
        if !more {
            return ids;
        }
    }
}

#[tokio::test]
async fn paging_by_key_finds_every_bug_once() {
    let simulator = demo().await;
    let ids = by_key(&simulator, 60).await;
    assert!((180..280).contains(&ids.len()), "{}", ids.len());
    assert!(ids.is_sorted_by(|one, next| one < next));
    let count = bugzilla(&simulator, &format!("{FOUND_BY_QA}&count_only=1")).await.json();
    assert_eq!(count["bug_count"], ids.len());
    let mut unordered = bugzilla(&simulator, FOUND_BY_QA).await.ids("bugs");
    assert_ne!(unordered, ids, "without an order bugs come in any");
    unordered.sort_unstable();
    assert_eq!(unordered, ids);
}

#[tokio::test]
async fn limit_and_offset_have_their_traps() {
    let simulator = demo().await;
    let all = bugzilla(&simulator, &format!("{FOUND_BY_QA}&order=bug_id")).await.ids("bugs");
    for (rest, expected) in [("limit=0", &all[..]), ("limit=0&offset=5", &all[..]), ("limit=99999", &all[..]), ("limit=4&offset=2", &all[2..6])] {
        let ids = bugzilla(&simulator, &format!("{FOUND_BY_QA}&order=bug_id&{rest}")).await.ids("bugs");
        assert_eq!(ids, expected, "{rest}");
    }
    let refused = bugzilla(&simulator, &format!("{FOUND_BY_QA}&offset=5")).await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &50.into()));
}

#[tokio::test]
async fn bad_searches_are_refused() {
    let simulator = demo().await;
    for (call, code) in [
        ("bug", 32000),
        ("bug?limit=5", 32000),
        ("bug?f2=bug_id&o2=greaterthan&v2=1", 32000),
        ("bug?f1=bug_id&v1=1", 32000),
        ("bug?f1=bug_id&o1=greaterthan&v1=x", 52),
        ("bug?id=one", 52),
        ("bug?product=Firefox&cf_qa_whiteboard_typ=substring&produkt=x", 32000),
        ("bug?last_change_time=2025-01-01&last_change_time=2025-01-02", 53),
        ("bug?last_change_time=yesterday", 32000),
    ] {
        let reply = bugzilla(&simulator, call).await;
        assert_eq!((reply.status, &reply.json()["error"]), (400, &true.into()), "{call}");
        if !call.contains("_typ=") {
            assert_eq!(reply.json()["code"], code, "{call}");
        }
    }
    assert_eq!(bugzilla(&simulator, &format!("bug?id={}", "1,".repeat(4200))).await.status, 414);
    assert_eq!(bugzilla(&simulator, "nothing/here").await.status, 404);
}

#[tokio::test]
async fn filters_select() {
    let simulator = demo().await;
    let all = bugzilla(&simulator, "bug?f1=bug_id&o1=greaterthan&v1=0").await.array("bugs");
    let since = "2025-08-20T00:00:00Z";
    let changed = bugzilla(&simulator, &format!("bug?last_change_time={since}&product=Core&product=Firefox")).await;
    let expected = all
        .iter()
        .filter(|bug| bug["last_change_time"].as_str().unwrap() >= since && ["Core", "Firefox"].contains(&bug["product"].as_str().unwrap()));
    assert_eq!(changed.array("bugs").len(), expected.count());
    let regressions = bugzilla(&simulator, "bug?keywords=regression").await.array("bugs");
    assert!(!regressions.is_empty());
    let open = bugzilla(&simulator, "bug?bug_status=NEW&f1=resolution&o1=equals&v1=").await.array("bugs");
    assert!(!open.is_empty() && open.iter().all(|bug| bug["status"] == "NEW"));
}

#[tokio::test]
async fn hidden_bugs_are_omitted_from_lists_and_refused_alone() {
    let simulator = demo().await;
    let seen = bugzilla(&simulator, "bug?f1=bug_id&o1=greaterthan&v1=0&order=bug_id").await.ids("bugs");
    let anonymous = format!("{}/bug?f1=bug_id&o1=greaterthan&v1=0", simulator.bugzilla_url());
    let public = get_with(&anonymous, "").await.unwrap().ids("bugs");
    let restricted = *seen.iter().find(|id| !public.contains(id)).expect("a bug that needs the key");
    assert!(seen.len() < 400 && public.len() < seen.len());

    // No id between two neighbours that are one step apart exists or is visible.
    let hidden = std::iter::successors(Some(seen[0]), |id| Some(id + 1)).take(40 * 37);
    let mut refusals = [0; 2];
    for id in hidden.filter(|id| !seen.contains(id)) {
        let reply = bugzilla(&simulator, &format!("bug/{id}")).await;
        match (reply.status, reply.json()["code"].as_i64()) {
            (404, Some(101)) => refusals[0] += 1,
            (401, Some(102)) => {
                refusals[1] += 1;
                let listed = bugzilla(&simulator, &format!("bug?id={},{id}&id=7", seen[0])).await;
                assert_eq!(listed.ids("bugs"), [seen[0]]);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(refusals.iter().all(|count| *count > 0), "{refusals:?}");

    let url = format!("{}/bug/{restricted}/history", simulator.bugzilla_url());
    let refused = get_with(&url, "").await.unwrap();
    assert_eq!((refused.status, &refused.json()["code"]), (401, &102.into()));
    assert_eq!(bugzilla(&simulator, &format!("bug/{restricted}/history")).await.status, 200);
    let wrong = get_with(&url, "X-BUGZILLA-API-KEY: no\r\n").await.unwrap();
    assert_eq!((wrong.status, &wrong.json()["code"]), (400, &306.into()));
}

#[tokio::test]
async fn fields_come_and_go_in_the_list_and_in_bugs() {
    let simulator = demo().await;
    for (day, expected) in [(date(9, 8), 140..=144), (date(9, 15), 140..=145), (date(9, 17), 141..=145)] {
        simulator.set_day(day);
        let names: Vec<String> = bugzilla(&simulator, "field/bug")
            .await
            .array("fields")
            .iter()
            .map(|field| field["name"].as_str().unwrap().to_owned())
            .filter(|name| name.strip_prefix("cf_status_firefox").is_some_and(|rest| rest.parse::<u32>().is_ok()))
            .collect();
        let expected: Vec<String> = expected.map(|version| format!("cf_status_firefox{version}")).collect();
        assert_eq!(names, expected, "{day}");
        let bug = &bugzilla(&simulator, "bug?product=Core&limit=1").await.array("bugs")[0];
        let own = bug.as_object().unwrap().keys().filter(|name| expected.contains(name));
        assert_eq!(own.count(), expected.len());
        assert_eq!(bug.get("cf_status_firefox140").is_some(), expected[0].ends_with("140"));
    }
    let one = bugzilla(&simulator, "field/bug/cf_qa_whiteboard?include_fields=name").await;
    assert_eq!(one.body, br#"{"fields":[{"name":"cf_qa_whiteboard"}]}"#);
}

#[tokio::test]
async fn history_tells_when_a_flag_became_what_it_is() {
    let simulator = demo().await;
    simulator.set_day(date(10, 1));
    let bugs = bugzilla(&simulator, "bug?f1=cf_status_firefox144&o1=anywords&v1=fixed+verified").await.array("bugs");
    let mut told = 0;
    for bug in &bugs {
        let body = bugzilla(&simulator, &format!("bug/{}/history", bug["id"])).await.json();
        let history = body["bugs"][0]["history"].as_array().unwrap();
        assert!(history.last().is_none_or(|last| last["when"] == bug["last_change_time"]));
        let mut changes = history.iter().flat_map(|saved| saved["changes"].as_array().unwrap());
        let last = changes.rfind(|change| change["field_name"] == "cf_status_firefox144");
        // A flag that was set at filing has none.
        told += u32::from(last.is_some());
        assert!(last.is_none_or(|change| change["added"] == bug["cf_status_firefox144"]));
    }
    assert!(told > 5, "{told} of {}", bugs.len());
    let id = &bugs[0]["id"];
    let none = bugzilla(&simulator, &format!("bug/{id}/history?new_since=2030-01-01")).await.json();
    assert_eq!(none["bugs"][0]["history"], serde_json::json!([]));
}

#[tokio::test]
async fn time_and_version_answer() {
    let simulator = demo().await;
    assert_eq!(bugzilla(&simulator, "time").await.json()["db_time"], "2025-09-08T04:00:00Z");
    assert!(bugzilla(&simulator, "version").await.json()["version"].is_string());
}

#[tokio::test]
async fn a_rate_limit_is_announced_once_in_json_then_in_html() {
    let limit = RateLimit { requests: 1, per: Duration::from_secs(3600) };
    let simulator = started(Options { bugzilla_rate_limit: Some(limit), ..Options::default() }).await;
    assert_eq!(bugzilla(&simulator, "time").await.status, 200);
    let first = bugzilla(&simulator, "time").await;
    assert_eq!((first.status, &first.json()["code"]), (400, &32000.into()));
    let second = bugzilla(&simulator, "time").await;
    assert_eq!((second.status, second.header("retry-after")), (429, None));
    assert!(second.body.starts_with(b"<html>"));
}
