//! The six TestRail projects and their suites.

use super::super::{
    calendar::Day,
    json::{Object, Value},
    world::{Today, shares},
};

/// A TestRail project.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) id: u64,
    pub(super) name: &'static str,
    /// What its builds are called in the names of milestones and plans.
    pub(super) build: &'static str,
    /// Its part of plans, runs and milestones.
    pub(super) weight: u64,
    pub(super) suites: &'static [Suite],
}

/// A suite of test cases. Its id is the project's, times 100, plus its place.
#[derive(Debug)]
pub(super) struct Suite {
    name: &'static str,
    /// The day on which it gets another name.
    renamed: Option<(Day, &'static str)>,
    /// Its part of all cases.
    pub(super) weight: u64,
    from: Day,
    until: Day,
}

const ALWAYS: Day = 100_000;

const fn suite(name: &'static str, weight: u64) -> Suite {
    Suite { name, renamed: None, weight, from: -ALWAYS, until: ALWAYS }
}

/// All projects, in the order of their ids.
pub(super) const PROJECTS: [Project; 6] = [
    Project {
        id: 14,
        name: "Firefox for iOS",
        build: "Firefox iOS",
        weight: 7,
        suites: &[
            suite("Full Functional Tests Suite", 9),
            suite("Smoke & Sanity", 3),
            // New within the first week of the story.
            Suite { from: 4, ..suite("Apple Intelligence 🍎", 2) },
        ],
    },
    Project {
        id: 17,
        name: "Firefox Desktop",
        build: "Firefox",
        weight: 12,
        suites: &[
            // The only list of the demo that does not fit on one page of 250.
            suite("Full Functional Tests Suite", 45),
            suite("Accessibility", 4),
            Suite { renamed: Some((3, "Sync & Mozilla accounts")), ..suite("Sync & Firefox Accounts", 4) },
        ],
    },
    Project { id: 27, name: "Focus for iOS", build: "Focus iOS", weight: 2, suites: &[suite("Full Functional Tests Suite", 4), suite("L10n", 1)] },
    Project {
        id: 48,
        name: "Focus for Android",
        build: "Focus Android",
        weight: 2,
        suites: &[
            suite("Full Functional Tests Suite", 4),
            // Deleted, with all its cases.
            Suite { until: 6, ..suite("Klar", 2) },
        ],
    },
    Project { id: 58, name: "Reference Browser", build: "Reference Browser", weight: 1, suites: &[suite("Master", 3)] },
    Project {
        id: 59,
        name: "Fenix Browser",
        build: "Fenix",
        weight: 7,
        suites: &[suite("Full Functional Tests Suite", 13), suite("Smoke & Sanity", 4), suite("Upgrade tests", 2)],
    },
];

/// The project of this id.
pub(super) fn project(id: u64) -> Option<&'static Project> {
    PROJECTS.iter().find(|project| project.id == id)
}

/// Shares `total` out among all projects and returns the part of one.
pub(super) fn share(project: &Project, total: u64) -> u64 {
    let weights = PROJECTS.each_ref().map(|project| project.weight);
    let place = PROJECTS.iter().position(|other| other.id == project.id);
    place.map_or(0, |place| shares(total, &weights)[place])
}

impl Project {
    /// The suites that exist on `day`, with their ids.
    pub(super) fn suites_on(&self, day: Day) -> impl Iterator<Item = (u64, &'static Suite)> {
        let first = self.id * 100 + 1;
        (first..).zip(self.suites).filter(move |(_, suite)| (suite.from..suite.until).contains(&day))
    }

    pub(super) fn record(&self) -> Object {
        vec![
            ("id".into(), self.id.into()),
            ("name".into(), self.name.into()),
            ("announcement".into(), Value::Null),
            ("show_announcement".into(), false.into()),
            ("is_completed".into(), false.into()),
            ("completed_on".into(), Value::Null),
            ("suite_mode".into(), 3_u64.into()),
            ("default_role_id".into(), Value::Null),
            ("url".into(), format!("https://testrail.example.test/index.php?/projects/overview/{}", self.id).into()),
        ]
    }
}

impl Suite {
    pub(super) fn record(&self, id: u64, project: &Project, today: Today<'_>) -> Object {
        let name = match self.renamed {
            Some((day, name)) if day <= today.day => name,
            _ => self.name,
        };
        vec![
            ("id".into(), id.into()),
            ("name".into(), name.into()),
            ("description".into(), Value::Null),
            ("project_id".into(), project.id.into()),
            ("is_master".into(), false.into()),
            ("is_baseline".into(), false.into()),
            ("is_completed".into(), false.into()),
            ("completed_on".into(), Value::Null),
            ("url".into(), format!("https://testrail.example.test/index.php?/suites/view/{id}").into()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_come_and_go() {
        let ids = |project_id: u64, day| -> Vec<u64> { project(project_id).unwrap().suites_on(day).map(|(id, _)| id).collect() };
        assert_eq!(ids(14, 0), [1401, 1402]);
        assert_eq!(ids(14, 4), [1401, 1402, 1403]);
        assert_eq!(ids(48, 5), [4801, 4802]);
        assert_eq!(ids(48, 6), [4801]);
    }

    #[test]
    fn all_of_a_total_is_shared_out() {
        for total in [0, 1, 40, 1_000_003] {
            assert_eq!(PROJECTS.iter().map(|project| share(project, total)).sum::<u64>(), total);
        }
    }
}
