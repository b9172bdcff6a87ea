//! What the headers of the marts promise is what the workflows start.

use std::{collections::BTreeSet, path::Path};

use etl::catalog::{Cadence, Project, parse_schedule};
use serde_json::Value;

fn workflow(name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/workflows").join(name);
    serde_saphyr::from_str(&fs_err::read_to_string(file).unwrap()).unwrap()
}

fn crons(workflow: &Value) -> Vec<&str> {
    workflow["on"]["schedule"].as_array().unwrap().iter().map(|entry| entry["cron"].as_str().unwrap()).collect()
}

/// The last field of a cron expression as headers write it.
fn weekday(cron: &str) -> &'static str {
    let number: usize = cron.split(' ').nth(4).unwrap().parse().unwrap();
    ["sun", "mon", "tue", "wed", "thu", "fri", "sat"][number]
}

#[test]
fn every_weekly_job_selects_its_crons_day() {
    let weekly = workflow("weekly.yml");
    let mut days = BTreeSet::new();
    for cron in crons(&weekly) {
        let condition = format!("github.event.schedule == '{cron}'");
        let jobs: Vec<&Value> = weekly["jobs"].as_object().unwrap().values().filter(|job| job["if"] == condition.as_str()).collect();
        let [job] = jobs[..] else { panic!("{cron} starts {jobs:?}") };
        assert_eq!(job["with"]["select"], format!("--schedule weekly --weekday {}", weekday(cron)));
        days.insert(weekday(cron));
    }
    assert!(days.len() > 2);
}

#[test]
fn every_schedule_of_a_mart_has_a_workflow() {
    let weekly = workflow("weekly.yml");
    let weekdays: Vec<&str> = crons(&weekly).into_iter().map(weekday).collect();
    let fortnightly = workflow("fortnightly.yml");
    let monthly = workflow("monthly.yml");
    let month_days: Vec<&str> = crons(&monthly).into_iter().map(|cron| cron.split(' ').nth(2).unwrap()).collect();
    let project = Project::read(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    let mut seen = 0;
    for contract in project.tables().filter_map(|model| model.contract.as_ref()) {
        for entry in parse_schedule(contract.schedule.as_deref().unwrap_or("daily")).unwrap() {
            let day = entry.day.as_str();
            let is_started = match entry.cadence {
                Cadence::Daily => true,
                Cadence::Weekly => weekdays.contains(&day),
                Cadence::Fortnightly => crons(&fortnightly).into_iter().any(|cron| weekday(cron) == day),
                Cadence::Monthly => month_days.contains(&day),
            };
            assert!(is_started, "no workflow runs `{}` on its day: {entry:?}", contract.table);
            seen += 1;
        }
    }
    assert!(seen > 30);
}

#[test]
fn the_fortnight_of_the_workflow_is_the_catalogs() {
    let fortnightly = workflow("fortnightly.yml");
    let script = fortnightly["jobs"]["week"]["steps"][0]["run"].as_str().unwrap();
    let entry = &parse_schedule("fortnightly sun").unwrap()[0];
    let count = script.split("/ 86400 - ").nth(1).unwrap().split(')').next().unwrap();
    let anchor: i64 = count.parse().unwrap();
    let epoch = chrono::NaiveDate::default();
    for sunday in epoch.iter_days().skip(usize::try_from(anchor).unwrap() + 6).step_by(7).take(120) {
        let weeks = ((sunday - epoch).num_days() - anchor) / 7;
        assert_eq!(weeks % 2 == 0, entry.is_due_on(sunday), "{sunday}");
    }
}
