//! Options that say what to work on, in their exact meaning.

use crate::pump::{Pump, day, serve, small_world};

/// The paths and queries that were asked below this prefix, in order and once each.
fn asked(simulator: &etl::simulator::Simulator, prefix: &str) -> Vec<String> {
    let mut found: Vec<String> = simulator.requests().iter().filter_map(|request| request.target.strip_prefix(prefix).map(str::to_owned)).collect();
    found.sort();
    found.dedup();
    found
}

#[tokio::test]
async fn meta_bugs_and_keywords_replace_those_of_the_configuration() {
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let mut pump = Pump::new(&simulator);
    pump.at(day(0), "04:00:00");
    pump.ok(&["run", "--report-type", "bugzilla-meta-bugs"]);
    assert!(asked(&simulator, "/bugzilla/rest/bug/").iter().all(|path| path.starts_with("1935100?")));
    // Another meta bug does not push the first one out.
    let bug = pump.lines("select distinct bug_id from latest.bugzilla_meta_children order by 1 limit 1").remove(0);
    pump.at(day(0), "05:00:00");
    pump.ok(&["run", "--report-type", "bugzilla-meta-bugs", "--meta-bug-id", &bug]);
    assert!(asked(&simulator, "/bugzilla/rest/bug/").iter().any(|path| path.starts_with(&format!("{bug}?"))));
    assert_eq!(pump.lines("select distinct bugzilla_bug_parent from report_bugzilla_meta_bugs"), ["1935100"]);
    pump.at(day(0), "06:00:00");
    pump.ok(&["run", "--report-type", "bugzilla-query-by-keyword", "--bz-keyword", "crash", "--bz-keyword", "regression"]);
    let keywords = pump.lines("select scope ->> 'query_keyword' from pulls where endpoint = 'bugzilla_keyword_bugs' order by all");
    assert_eq!(keywords, ["crash", "regression"]);
}

#[tokio::test]
async fn a_schedule_selects_by_cadence_and_platform() {
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let mut pump = Pump::new(&simulator);
    pump.at(day(0), "04:00:00");
    pump.ok(&["extract", "--report-type", "ALL", "--schedule", "daily", "--platform", "mobile"]);
    let endpoints = pump.lines("select distinct endpoint from pulls order by 1");
    assert!(endpoints.contains(&"testrail_milestones".to_owned()), "{endpoints:?}");
    assert!(endpoints.contains(&"bugzilla_qe_verify".to_owned()), "{endpoints:?}");
    // Coverage is daily for desktop only, run counts are weekly.
    assert!(!endpoints.iter().any(|id| id == "testrail_cases" || id == "testrail_runs"), "{endpoints:?}");
    for (arguments, code) in [
        (vec!["extract", "--schedule", "monthly"], 4),
        (vec!["extract", "--report-type", "testrail-users", "--schedule", "daily"], 4),
        (vec!["extract", "--schedule", "hourly"], 2),
        (vec!["extract", "--longform", "--shortform"], 2),
        (vec!["extract", "--meta-bug-id", "many"], 2),
        (vec!["extract", "--report-type", "test-case-covrage"], 2),
    ] {
        let ran = pump.run(&arguments);
        assert_eq!(ran.code, Some(code), "{arguments:?}\n{}", ran.stderr);
    }
    // Seed names are aliases, and the form of a message changes nothing.
    pump.ok(&["extract", "--report-type", "test-case-coverage", "--project", "FOCUS-IOS", "--longform"]);
    assert_eq!(pump.lines("select distinct scope.project_id from pulls where endpoint = 'testrail_cases'"), ["27"]);
}
