//! What TestRail got after the last run of a year is read by the first run of the next one.

use chrono::NaiveDate;
use etl::simulator::{Scale, World};

use crate::pump::{Pump, Tables, assert_same_lines, serve, tables};

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

    // Databases that are filled at once: from the whole year, and from the first window of test health.
    let mut last_day = 0;
    for (start, tables) in [("2025-01-01", &TABLES[..2]), ("2025-12-23", &TABLES[2..])] {
        let mut whole = Pump::of(&simulator, &["testrail"]);
        whole.at(date("2026-01-02"), "04:00:00");
        whole.ok(&arguments(&["--start-date", start]));
        let (daily, whole) = (timeless(&daily).await, timeless(&whole).await);
        for table in tables {
            assert_same_lines(table, &whole[*table], &daily[*table]);
            last_day += whole[*table].iter().filter(|line| line.contains("testrail_created_on='2025-12-31")).count();
        }
    }
    assert!(last_day > 0, "no plan was made on the last day of the year");
}

async fn timeless(pump: &Pump) -> Tables {
    tables(&pump.database(), &["created_on", "id"]).await
}
