//! The workflows' own steps, run here against simulated APIs, MariaDB and a lake that the jobs share.

mod runner;
mod schedules;
mod site;
mod switching;

use etl::simulator::{Fault, FaultKind};
use site::Site;

use crate::pump::day;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scope_that_fails_lets_the_rest_load_into_mysql_and_makes_the_run_red() {
    let mut site = Site::small().await;
    site.at(day(0), "04:00");
    site.simulator.script(Fault::new("get_suites/59", FaultKind::Status { code: 403, retry_after: None }).times(u32::MAX));
    let daily = site.runner.run("daily.yml", &[]);
    assert_eq!(daily.results["pump.load"], "success", "{daily:#?}");
    assert_eq!(daily.results["pump.verdict"], "failure", "{daily:#?}");
    assert!(daily.step("Verdict").text.contains("some scopes failed"), "{daily:#?}");
    assert!(daily.step("Extract").text.contains("::error"), "annotated: {daily:#?}");
    assert!(site.count("report_bugzilla_softvision_bugs").await > 0, "what was complete is loaded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stage_that_fails_stops_the_later_ones_and_mysql_stays_as_it_is() {
    let mut site = Site::small().await;
    site.at(day(0), "04:00");
    site.runner.give("production", "secrets.CLOUD_SQL_DATABASE_PASSWORD", "wrong");
    let daily = site.runner.run("daily.yml", &[]);
    assert_eq!(daily.results["pump.transform"], "success", "{daily:#?}");
    assert_eq!(daily.results["pump.load"], "failure", "{daily:#?}");
    assert_eq!(daily.step("Load").code, 1, "{daily:#?}");
    assert!(daily.step("Verdict").text.contains("load failure"), "{daily:#?}");
    assert_eq!(site.count("report_bugzilla_softvision_bugs").await, 0);
}
