//! Bitrise, Looker, Confluence and Taskcluster by their specifications; Sentry by its published examples.

use super::*;

fn text(name: &str) -> Option<String> {
    recordings().map(|folder| fs_err::read_to_string(folder.join(name)).unwrap())
}

#[tokio::test]
async fn bitrise_answers_as_specified() {
    let Some(text) = text("bitrise/bitrise-ci-swagger-2026.json") else { return };
    let mut schemas = Schemas::of(&text);
    schemas.optional_may_be_null = true;
    for day in days() {
        let simulator = on(day).await;
        let (base, token) = (variable(&simulator, "ETL_BITRISE_BASE_URL"), variable(&simulator, "BITRISE_TOKEN"));
        let page = get(&format!("{base}builds?limit=50"), ("Authorization", &token)).await;
        assert_official(&schemas, "#/definitions/v0.BuildListResponseModel", &page, 500);
        let next = page["paging"]["next"].as_str().expect("more than one page").to_owned();
        let page = get(&format!("{base}builds?limit=50&next={next}"), ("Authorization", &token)).await;
        assert_official(&schemas, "#/definitions/v0.BuildListResponseModel", &page, 500);
        assert_eq!(page["data"][0]["slug"], next.as_str());
    }
    // The recorded answer of the guide passes the same judge.
    for name in ["bitrise/docs-managing-an-apps-builds-0.json", "bitrise/docs-managing-an-apps-builds-1.json"] {
        let recorded: Value = serde_json::from_str(&self::text(name).unwrap()).unwrap();
        if recorded["paging"].is_object() {
            assert_official(&schemas, "#/definitions/v0.BuildListResponseModel", &recorded, 20);
        }
    }
}

#[tokio::test]
async fn looker_answers_as_specified() {
    let Some(text) = text("looker/Looker.4.0.oas.json") else { return };
    let schemas = Schemas::of(&text);
    for day in days() {
        let simulator = on(day).await;
        let base = variable(&simulator, "ETL_LOOKER_BASE_URL");
        let form = [("client_id", variable(&simulator, "LOOKER_CLIENT_ID")), ("client_secret", variable(&simulator, "LOOKER_SECRET"))];
        let login: Value = {
            let answer = reqwest::Client::new().post(format!("{base}login")).form(&form).send().await.unwrap();
            serde_json::from_str(&answer.text().await.unwrap()).unwrap()
        };
        assert_official(&schemas, "#/components/schemas/AccessToken", &login, 4);
        let token = format!("token {}", login["access_token"].as_str().unwrap());
        let looks = get(&format!("{base}folders/1820/looks"), ("Authorization", &token)).await;
        assert!(looks.as_array().unwrap().len() > 8);
        for look in looks.as_array().unwrap() {
            assert_official(&schemas, "#/components/schemas/LookWithQuery", look, 10);
        }
        let id = looks[0]["id"].as_str().unwrap();
        let begun = reqwest::Client::new().post(format!("{base}render_tasks/looks/{id}/png?width=4&height=4")).header("Authorization", &token);
        let begun: Value = serde_json::from_str(&begun.send().await.unwrap().text().await.unwrap()).unwrap();
        assert_official(&schemas, "#/components/schemas/RenderTask", &begun, 7);
        let task = get(&format!("{base}render_tasks/{}", begun["id"].as_str().unwrap()), ("Authorization", &token)).await;
        assert_official(&schemas, "#/components/schemas/RenderTask", &task, 7);
    }
}

#[tokio::test]
async fn looker_hides_wrong_credentials_behind_a_page_that_is_not_found() {
    let Some(recorded) = text("looker/spectacles-login-bad-credentials.jsonl") else { return };
    let recorded: Value = serde_json::from_str(recorded.lines().next().unwrap()).unwrap();
    let status = recorded.pointer("/response/status/code").or_else(|| recorded.pointer("/status")).and_then(Value::as_u64);
    let simulator = on(days()[0]).await;
    let base = variable(&simulator, "ETL_LOOKER_BASE_URL");
    let form = [("client_id", "wrong"), ("client_secret", "wrong")];
    let answer = reqwest::Client::new().post(format!("{base}login")).form(&form).send().await.unwrap();
    assert_eq!(Some(u64::from(answer.status().as_u16())), status, "{recorded}");
    assert!(answer.text().await.unwrap().starts_with("<!DOCTYPE html>"));
}

#[tokio::test]
async fn confluence_answers_as_specified() {
    use base64::Engine as _;
    let Some(text) = text("confluence/confluence-cloud-v1-swagger.v3.json") else { return };
    let schemas = Schemas::of(&text);
    for day in days() {
        let simulator = on(day).await;
        let base = variable(&simulator, "ETL_CONFLUENCE_BASE_URL");
        let login = format!("{}:{}", variable(&simulator, "ATLASSIAN_USERNAME"), variable(&simulator, "ATLASSIAN_API_TOKEN"));
        let basic = format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(login));
        for page in ["1471774758", "1695154291", "2006057695"] {
            let url = format!("{base}content/{page}?expand=body.storage,version,space");
            assert_official(&schemas, "#/components/schemas/Content", &get(&url, ("Authorization", &basic)).await, 20);
        }
        simulator.attach("1471774758", "a.png", "by hand", "x");
        let files = get(&format!("{base}content/1471774758/child/attachment?expand=version"), ("Authorization", &basic)).await;
        assert_official(&schemas, "#/components/schemas/ContentArray", &files, 12);
    }
}

#[tokio::test]
async fn taskcluster_answers_as_specified() {
    let Some(text) = text("taskcluster/references-queue-index.json") else { return };
    let references: Vec<Value> = serde_json::from_str(&text).unwrap();
    let schemas = Schemas::of_files(references.into_iter().filter_map(|mut reference| {
        let name = reference["filename"].as_str()?.strip_prefix("schemas/")?.rsplit('/').next()?.to_owned();
        Some((name, reference["content"].take()))
    }));
    let nobody = ("Accept", "application/json");
    for day in days() {
        let simulator = on(day).await;
        let base = variable(&simulator, "ETL_TASKCLUSTER_BASE_URL");
        let of_day = format!("{base}index/v1/namespaces/gecko.v2.mozilla-central.pushdate.{}", day.format("%Y.%m.%d"));
        let pushes = get(&of_day, nobody).await;
        assert_official(&schemas, "list-namespaces-response.json#", &pushes, 4);
        let former = day.pred_opt().unwrap();
        let pushes = get(&format!("{base}index/v1/namespaces/gecko.v2.mozilla-central.pushdate.{}", former.format("%Y.%m.%d")), nobody).await;
        let push = pushes["namespaces"][0]["namespace"].as_str().unwrap();
        let tasks = get(&format!("{base}index/v1/tasks/{push}.firefox"), nobody).await;
        assert_official(&schemas, "list-tasks-response.json#", &tasks, 12);
        let task = get(&format!("{base}queue/v1/task/{}", tasks["tasks"][0]["taskId"].as_str().unwrap()), nobody).await;
        assert_official(&schemas, "task.json#", &task, 20);
        let group = task["taskGroupId"].as_str().unwrap();
        let mut token: Option<String> = None;
        let mut seen = 0;
        loop {
            let more = token.map(|token| format!("&continuationToken={token}")).unwrap_or_default();
            let page = get(&format!("{base}queue/v1/task-group/{group}/list?limit=1000{more}"), nobody).await;
            assert_official(&schemas, "list-task-group-response.json#", &page, 4);
            seen += page["tasks"].as_array().unwrap().len();
            token = page["continuationToken"].as_str().map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        assert!(seen > 10, "{seen}");
    }
}

/// Sentry's specification is not there; its examples are. Every key of theirs that the simulator sends has the example's JSON
/// type, and the keys that the project reads are all there.
#[tokio::test]
async fn sentry_answers_as_in_the_examples() {
    let example = |name: &str| text(&format!("sentry/spec-example-{name}.json")).map(|text| serde_json::from_str::<Value>(&text).unwrap());
    let (Some(releases), Some(issues), Some(sessions)) = (example("releases"), example("issues"), example("sessions")) else { return };
    for day in days() {
        let simulator = on(day).await;
        let base = variable(&simulator, "ETL_SENTRY_BASE_URL");
        let token = format!("Bearer {}", variable(&simulator, "SENTRY_API_TOKEN"));
        let ask = async |path: &str| get(&format!("{base}{path}"), ("Authorization", &token)).await;
        let all = ask("releases/?project=6375561&environment=release").await;
        assert_alike("releases", &releases["ReturnAListOfReleasesForAnOrganization"][0], &all);
        let short = all[0]["versionInfo"]["version"]["raw"].as_str().unwrap().split('+').next().unwrap().to_owned();
        let found = ask(&format!("issues/?project=6375561&query=is:unresolved+release.version:{short}")).await;
        assert_alike("issues", &issues["ReturnAListOfIssuesForAnOrganization"][0], &found);
        let rates = ask("sessions/?project=6375561&environment=release&query=release.package:org.mozilla.firefox&field=count_unique(user)").await;
        assert_alike("sessions", &sessions["QuerySessions"], &Value::Array(vec![rates]));
    }
}

#[track_caller]
fn assert_alike(what: &str, example: &Value, records: &Value) {
    let kind = |value: &Value| match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    let records = records.as_array().unwrap();
    let mut compared = 0;
    for (name, value) in records.iter().flat_map(|record| record.as_object().unwrap()) {
        let official = example.get(name).unwrap_or_else(|| panic!("{what}: the example has no `{name}`"));
        if !value.is_null() && !official.is_null() {
            assert_eq!(kind(value), kind(official), "{what}: `{name}`");
            compared += 1;
        }
    }
    assert!(compared >= 4, "{what}: {compared} values were compared");
}
