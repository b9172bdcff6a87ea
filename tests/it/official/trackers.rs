//! Jira and GitHub by their specifications.

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::*;

fn text(name: &str) -> Option<String> {
    recordings().map(|folder| fs_err::read_to_string(folder.join(name)).unwrap())
}

/// The specification calls Jira's times `date-time`; what it sends, recorded too, has no colon in the offset.
fn with_colons(value: Value) -> Value {
    match value {
        Value::String(text) if text.ends_with("-0700") => text.replace("-0700", "-07:00").into(),
        Value::Array(items) => items.into_iter().map(with_colons).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, with_colons(value))).collect(),
        other => other,
    }
}

#[tokio::test]
async fn jira_answers_as_specified() {
    let Some(text) = text("jira/jira-cloud-swagger-v3.v3.json") else { return };
    let mut schemas = Schemas::of(&text);
    schemas.optional_may_be_null = true;
    let schema = |name: &str| format!("#/components/schemas/{name}");
    for day in days() {
        let simulator = on(day).await;
        let base = variable(&simulator, "ETL_JIRA_BASE_URL");
        let pair = format!("{}:{}", variable(&simulator, "ATLASSIAN_USERNAME"), variable(&simulator, "ATLASSIAN_API_TOKEN"));
        let login = format!("Basic {}", BASE64_STANDARD.encode(pair));
        let get = async |path: &str| with_colons(get(&format!("{base}{path}"), ("Authorization", &login)).await);
        assert_official(&schemas, &schema("User"), &get("myself").await, 3);
        let jql = "search/jql?jql=filter%3D14323%20ORDER%20BY%20key%20ASC&fields=*all&maxResults=100";
        let page = get(jql).await;
        assert_official(&schemas, &schema("SearchAndReconcileResults"), &page, 300);
        assert_eq!((page["isLast"].as_bool(), page["issues"].as_array().unwrap().len()), (Some(false), 50), "the server lowers the size of a page");
        let mut last = page;
        while let Some(token) = last["nextPageToken"].as_str().map(str::to_owned) {
            last = get(&format!("{jql}&nextPageToken={token}")).await;
            assert_official(&schemas, &schema("SearchAndReconcileResults"), &last, 20);
        }
        assert_eq!(last["isLast"], true);
        // A search result embeds the first 20 worklogs of an issue that has more.
        let issue = get("issue/QATT-5?fields=worklog,summary").await;
        assert_official(&schemas, &schema("IssueBean"), &issue, 3);
        let lines = get("issue/QATT-5/worklog").await;
        assert_official(&schemas, &schema("PageOfWorklogs"), &lines, 50);
        let total = lines["total"].as_u64().unwrap();
        assert_eq!(issue["fields"]["worklog"]["worklogs"].as_array().unwrap().len() as u64, total.min(20));
        assert!(total > 20, "{total}");
        let changed = get("worklog/updated?since=0").await;
        assert_official(&schemas, &schema("ChangedWorklogs"), &changed, 100);
        assert_official(&schemas, &schema("ChangedWorklogs"), &get("worklog/deleted?since=0").await, 5);
        let ids: Vec<&Value> = changed["values"].as_array().unwrap().iter().take(40).map(|row| &row["worklogId"]).collect();
        let body = serde_json::json!({ "ids": ids }).to_string();
        let request = reqwest::Client::new().post(format!("{base}worklog/list")).header("Authorization", &login).body(body);
        let listed: Value = serde_json::from_str(&request.send().await.unwrap().text().await.unwrap().replace("\\ud83d", "")).unwrap();
        assert_eq!(listed.as_array().unwrap().len(), ids.len());
        for line in listed.as_array().unwrap() {
            assert_official(&schemas, &schema("Worklog"), &with_colons(line.clone()), 5);
        }
    }
}

#[tokio::test]
async fn github_answers_as_specified() {
    let Some(text) = text("github/github-openapi-subset.json") else { return };
    let schemas = Schemas::of(&text);
    for day in days() {
        let simulator = on(day).await;
        let (base, token) = (variable(&simulator, "ETL_GITHUB_BASE_URL"), format!("Bearer {}", variable(&simulator, "GITHUB_TOKEN")));
        let url = format!("{base}repos/mozilla-mobile/firefox-ios/issues?state=all&sort=updated&direction=asc&per_page=100");
        let issues = get(&url, ("Authorization", &token)).await;
        let issues = issues.as_array().unwrap();
        assert_eq!(issues.len(), 100);
        assert!(issues.iter().any(|issue| issue["pull_request"].is_object()) && issues.iter().any(|issue| issue["pull_request"].is_null()));
        for issue in issues {
            assert_official(&schemas, "#/components/schemas/issue", issue, 20);
        }
        let answer = reqwest::Client::new().get(&url).header("Authorization", &token).send().await.unwrap();
        let link = answer.headers()["link"].to_str().unwrap().to_owned();
        assert!(link.contains("/github/repositories/") && link.contains("rel=\"next\""), "{link}");
        assert!(answer.headers().contains_key("x-ratelimit-remaining"));
    }
}
