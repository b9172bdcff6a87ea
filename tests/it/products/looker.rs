//! Looker's login and Confluence's pages, end to end.

use base64::Engine as _;

use super::{get, loaded, targets, variable};
use crate::{
    pump::{Pump, assert_same_lines, day, serve, small_world},
    real::sorted,
};

#[tokio::test]
async fn looks_are_read_with_one_login_that_is_given_back() {
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let mut pump = Pump::of(&simulator, &["looker"]);
    pump.at(day(0), "04:00:00");
    pump.ok(&["run", "looker-thumbnails"]);
    let asked: Vec<(String, String)> = simulator.requests().into_iter().map(|request| (request.method, request.target)).collect();
    assert_eq!(asked.iter().filter(|(method, target)| method == "POST" && target.ends_with("/login")).count(), 1, "{asked:?}");
    assert_eq!(asked.iter().filter(|(method, target)| method == "DELETE" && target.ends_with("/logout")).count(), 1, "{asked:?}");
    assert_eq!(targets(&simulator, "/looks").len(), 2);
    let counted =
        pump.lines("select folder_id, count(*) > 3, count(distinct file_name) = count(*) from report_looker_looks group by all order by all");
    assert_eq!(counted, ["1820,true,true", "1946,true,true"]);
    assert!(!simulator.requests().iter().any(|request| request.target.contains("secret")), "credentials are no part of a URL");
}

#[tokio::test]
async fn wrong_credentials_of_looker_say_so_although_it_answers_not_found() {
    let simulator = serve(small_world()).await;
    let mut pump = Pump::of(&simulator, &["looker"]);
    pump.at(day(0), "04:00:00");
    pump.set("LOOKER_SECRET", "wrong");
    let ran = pump.run(&["run", "looker-thumbnails"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("credentials") || ran.stderr.contains("log in") || ran.stderr.contains("login"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("wrong"), "{}", ran.stderr);
}

#[tokio::test]
async fn a_page_that_does_not_exist_is_a_warning_and_the_others_are_there() {
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let mut pump = Pump::of(&simulator, &["confluence"]);
    pump.at(day(0), "04:00:00");
    let told = pump.ok(&["run", "confluence-updates"]);
    assert!(told.contains("2019819530"), "{told}");
    let login = format!("{}:{}", variable(&simulator, "ATLASSIAN_USERNAME"), variable(&simulator, "ATLASSIAN_API_TOKEN"));
    let basic = format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(login));
    let mut expected = Vec::new();
    for page in loaded(&pump, "select page_id from report_confluence_pages").await {
        let path = format!("content/{page}?expand=body.storage,version,space");
        let (body, _) = get(&simulator, "ETL_CONFLUENCE_BASE_URL", &path, &basic).await;
        let text = body["body"]["storage"]["value"].as_str().unwrap();
        // The code sample on each page names the first anchor once more.
        let (starts, ends) = (text.matches("managed-region-start").count() - 1, text.matches("managed-region-end").count());
        let state = match (starts, ends) {
            (1, 1) => "ok",
            (0, 0) => "missing",
            _ => "damaged",
        };
        expected.push(format!("{page},{},{},{state}", body["version"]["number"], body["version"]["by"]["displayName"].as_str().unwrap()));
    }
    assert_eq!(expected.len(), 9);
    let sql = "select page_id || ',' || version_number || ',' || last_editor || ',' || region_state from report_confluence_pages";
    assert_same_lines("pages", &loaded(&pump, sql).await, &sorted(expected));
}
