//! The page with the validation of a build: the milestone that was signed off, its runs, and who may be asked.

use std::{collections::BTreeMap, fmt::Write};

use regex::Regex;

use super::{render::escape, template::Filling};
use crate::{engine::Row, settings::BuildValidation};

/// The newest milestone of each project that is a build under test; `{wanted}` stands for a further condition.
const MILESTONES: &str = "
select
    project.project_name_abbrev as project,
    project.project_name,
    milestone.*
from report_testrail_milestones as milestone
join projects as project on project.id = milestone.projects_id
where milestone.build_name is not null and {wanted}
qualify row_number() over (
    partition by project.project_name_abbrev
    order by milestone.started_on desc nulls last, milestone.testrail_milestone_id desc
) = 1
order by project";

/// The two newest runs of each milestone.
pub const RUNS: &str = "
select
    run_item.milestone_id,
    run_item.config,
    case
        when run_item.failed_count + run_item.retest_count > 0 then 'FAILED'
        when run_item.blocked_count + run_item.untested_count = 0 then 'PASSED'
        else 'IN PROGRESS'
    end as result
from latest.testrail_milestone_runs as run_item
qualify row_number() over (
    partition by run_item.milestone_id
    order by run_item.created_on desc nulls last, run_item.run_id desc
) <= 2
order by run_item.milestone_id, run_item.created_on desc nulls last, run_item.run_id desc";

/// The query for the milestones; with an id, that one only.
pub fn milestones(id: Option<i64>) -> String {
    let wanted = id.map_or_else(|| "true".to_owned(), |id| format!("milestone.testrail_milestone_id = {id}"));
    MILESTONES.replace("{wanted}", &wanted)
}

/// A column of a row as text; empty for NULL.
pub fn text(row: &Row, name: &str) -> String {
    match row.iter().find(|(own, _)| own == name).map(|(_, value)| value.to_json()) {
        None | Some(serde_json::Value::Null) => String::new(),
        Some(serde_json::Value::String(text)) => text,
        Some(other) => other.to_string(),
    }
}

/// The values of the template. `problems` say why the data may not be all there: then nothing is shown as good.
pub fn values(settings: &BuildValidation, milestone: &Row, runs: &[&Row], problems: &[String]) -> BTreeMap<&'static str, Filling> {
    let known = |name: &str| Filling::from(Some(text(milestone, name)));
    let date = [text(milestone, "completed_on"), text(milestone, "started_on")].into_iter().find(|date| !date.is_empty());
    let colour = match (problems.is_empty(), text(milestone, "testing_status").as_str()) {
        (true, "GREEN") => "Green",
        (true, "YELLOW") => "Yellow",
        (true, "RED") => "Red",
        _ => "Grey",
    };
    let note = if problems.is_empty() { String::new() } else { format!("The data may be out of date: {}", problems.join("; ")) };
    let mut values = BTreeMap::from([
        ("project_name", known("project_name")),
        ("milestone_name", known("name")),
        ("release_date", Filling::from(date.map(|date| date.chars().take(10).collect()))),
        ("build_version", known("build_version")),
        ("build_version_commit_hash", Filling::Text(commit(&text(milestone, "build_name")))),
        ("testing_status", known("testing_status")),
        ("testing_status_colour", Filling::Text(colour.to_owned())),
        ("testrail_report_url", known("url")),
        ("testrail_report_summary", Filling::Markup(summary(&text(milestone, "testing_recommendation"), &text(milestone, "description")))),
        ("testrail_issues_verified", Filling::Text(settings.issues_verified.clone())),
        ("testrail_issues_new", Filling::Text(settings.issues_new.clone())),
        ("testrail_issues_known", Filling::Text(settings.issues_known.clone())),
        ("testrail_contacts", contacts(settings)),
        ("data_note", Filling::Text(note)),
    ]);
    let names = [
        ["testrail_run_1_result", "testrail_run_1_build_type", "testrail_run_1_device"],
        ["testrail_run_2_result", "testrail_run_2_build_type", "testrail_run_2_device"],
    ];
    for (number, [result, build_type, device]) in names.into_iter().enumerate() {
        let run = runs.get(number);
        let config = run.map(|run| text(run, "config")).unwrap_or_default();
        let (before, after) = config.split_once(',').unwrap_or((&config, ""));
        values.insert(result, run.map(|run| text(run, "result")).into());
        values.insert(build_type, Filling::from(Some(before.trim().to_owned())));
        values.insert(device, Filling::from(Some(after.trim().to_owned())));
    }
    values
}

/// What stands in parentheses and looks like a commit or a build number.
fn commit(build_name: &str) -> String {
    let pattern = Regex::new(r"\(\s*([0-9a-fA-F]{7,40}|\d+)\s*\)");
    let found = pattern.ok().and_then(|pattern| Some(pattern.captures(build_name)?.get(1)?.as_str().to_owned()));
    found.unwrap_or_default()
}

/// The recommendation and what the description says beside its marked lines (`TESTING_STATUS: [GREEN]`), as list items.
fn summary(recommendation: &str, description: &str) -> String {
    let marked = Regex::new(r"^\s*[A-Z][A-Z_ ]*:\s*\[[^\]]*\]\s*$");
    let is_marked = |line: &&str| marked.as_ref().is_ok_and(|marked| marked.is_match(line));
    let free = description.lines().filter(|line| !is_marked(line));
    let mut items = String::new();
    for line in std::iter::once(recommendation).chain(free) {
        let line = line.trim().trim_start_matches(['-', '*', '•']).trim();
        if !line.is_empty() {
            let _ = write!(items, "<li>{}</li>", escape(line));
        }
    }
    if items.is_empty() { "<li>N/A</li>".to_owned() } else { items }
}

fn contacts(settings: &BuildValidation) -> Filling {
    let links: Vec<String> =
        settings.contacts.iter().map(|contact| format!("<a href=\"mailto:{}\">{}</a>", escape(&contact.mail), escape(&contact.name))).collect();
    if links.is_empty() { Filling::Unknown } else { Filling::Markup(links.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{engine::Value, settings::Contact};

    fn row(cells: &[(&str, &str)]) -> Row {
        cells
            .iter()
            .map(|(name, value)| ((*name).to_owned(), if value.is_empty() { Value::Null } else { Value::Text((*value).to_owned()) }))
            .collect()
    }

    fn settings() -> BuildValidation {
        BuildValidation {
            project: "firefox-ios".to_owned(),
            page_id: "1".to_owned(),
            template: "x".into(),
            contacts: vec![Contact { name: "Zoë & Co".to_owned(), mail: "z@example.test".to_owned() }],
            issues_verified: "N/A".to_owned(),
            issues_new: "<none>".to_owned(),
            issues_known: "N/A".to_owned(),
        }
    }

    #[test]
    fn a_milestone_with_its_runs() {
        let milestone = row(&[
            ("project_name", "Firefox for iOS"),
            ("build_name", "Firefox v120.1 (36024) RC1"),
            ("build_version", "120.1"),
            ("started_on", "2026-01-02"),
            ("completed_on", ""),
            ("testing_status", "GREEN"),
            ("testing_recommendation", "Ship it"),
            ("description", "TESTING_STATUS: [GREEN]\nQA_RECOMMENDATION: [Ship it]\n\n* ran A < B\n"),
        ]);
        let run = row(&[("config", "ARM64, iPhone 16 Pro, iOS 18"), ("result", "PASSED")]);
        let values = values(&settings(), &milestone, &[&run], &[]);
        let text = |name: &str| match &values[name] {
            Filling::Text(text) | Filling::Markup(text) => text.clone(),
            Filling::Unknown => "unknown".to_owned(),
        };
        for (name, expected) in [
            ("release_date", "2026-01-02"),
            ("build_version_commit_hash", "36024"),
            ("testing_status_colour", "Green"),
            ("testrail_report_url", "unknown"),
            ("testrail_report_summary", "<li>Ship it</li><li>ran A &lt; B</li>"),
            ("testrail_run_1_result", "PASSED"),
            ("testrail_run_1_build_type", "ARM64"),
            ("testrail_run_1_device", "iPhone 16 Pro, iOS 18"),
            ("testrail_run_2_result", "unknown"),
            ("testrail_contacts", "<a href=\"mailto:z@example.test\">Zoë &amp; Co</a>"),
            ("data_note", ""),
        ] {
            assert_eq!(text(name), expected, "{name}");
        }
    }

    #[test]
    fn data_that_may_be_old_is_never_green() {
        let milestone = row(&[("testing_status", "GREEN")]);
        let values = values(&settings(), &milestone, &[], &["the last pull failed".to_owned()]);
        assert_eq!(values["testing_status_colour"], Filling::Text("Grey".to_owned()));
        assert_eq!(values["data_note"], Filling::Text("The data may be out of date: the last pull failed".to_owned()));
    }

    #[test]
    fn commits_and_build_numbers() {
        for (name, expected) in [("a (0a1b2c3d4e)", "0a1b2c3d4e"), ("a (RC1) (7)", "7"), ("a (beta)", ""), ("a", "")] {
            assert_eq!(commit(name), expected, "{name}");
        }
    }
}
