//! What TestRail got after the last run of a year is read by the first run of the next one.

use chrono::NaiveDate;
use etl::simulator::{Scale, World};

use crate::pump::{Pump, assert_same_lines, serve};

const TABLES: [&str; 3] = ["report_testrail_test_plans", "report_testrail_test_runs", "report_testrail_test_health"];
const REPORTS: [&str; 2] = ["testrail-test-plans-and-runs", "testrail-test-health"];

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[tokio::test]
async fn plans_made_at_new_year_are_read() {
    let scale = Scale { first_day: date("2025-12-08"), plans: 18, plans_weekly: 40, runs: 12, cases: 60, odd_one_in: 6, ..Scale::demo() };
    let simulator = serve(World::seeded(11, scale)).await;
    let arguments = |more: &[&'static str]| [&["run"][..], &REPORTS, &["--project", "firefox-desktop"], more].concat();
    let mut daily = Pump::of(&simulator, &["testrail"]);
    simulator.set_day(date("2025-12-30"));
    daily.at(date("2025-12-30"), "04:00:00");
    daily.ok(&arguments(&[]));
    simulator.set_day(date("2026-01-01"));
    daily.at(date("2026-01-02"), "04:00:00");
    daily.ok(&arguments(&[]));

    // A database that is filled from the whole year.
    let mut whole = Pump::of(&simulator, &["testrail"]);
    whole.at(date("2026-01-02"), "04:00:00");
    whole.ok(&arguments(&["--start-date", "2025-01-01"]));

    let (daily, whole) = (daily.timeless_tables().await, whole.timeless_tables().await);
    let last_day = whole[TABLES[0]].iter().filter(|line| line.contains("2025-12-31")).count();
    assert!(last_day > 0, "no plan was made on the last day of the year: {:?}", whole[TABLES[0]]);
    for table in TABLES {
        assert_same_lines(table, &whole[table], &daily[table]);
    }
}
