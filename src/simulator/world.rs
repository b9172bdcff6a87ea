//! What the simulated APIs know: either invented from a seed, or recorded.

use std::sync::{Arc, Mutex};

use chrono::NaiveDate;

use super::{
    bugzilla::BugIndex,
    calendar::{Calendar, Day},
    random::Dice,
    recorded::RecordedFiles,
    testrail,
};

/// How much there is of everything. All numbers are about the day the story begins; `weekly` ones come on top.
///
/// The projects are fixed: six of TestRail. Totals are shared out among them, Firefox Desktop having the most. A project has
/// room for 50,000 plans, as many runs outside of plans, and 6,000 top milestones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    /// First day of the story. 240 days before it are its past.
    pub first_day: NaiveDate,
    /// TestRail cases of all projects.
    pub cases: u64,
    /// New cases a week.
    pub cases_weekly: u64,
    /// Bytes that a case's JSON has at least; 0 adds no filler.
    pub case_bytes: u64,
    /// TestRail plans of all projects.
    pub plans: u64,
    /// New plans a week.
    pub plans_weekly: u64,
    /// Tests that a run lists at most; at least a third of it. Each has one to three results.
    pub tests_per_run: u64,
    /// TestRail runs outside of plans.
    pub runs: u64,
    /// New runs outside of plans a week.
    pub runs_weekly: u64,
    /// Top milestones of all projects; about every second one has milestones below it.
    pub milestones: u64,
    /// New top milestones a week.
    pub milestones_weekly: u64,
    /// Bugs, about seven of ten found by QA.
    pub bugs: u64,
    /// New bugs a week.
    pub bugs_weekly: u64,
    /// Jira issues of all projects.
    pub jira_issues: u64,
    /// New Jira issues a week.
    pub jira_issues_weekly: u64,
    /// Lines of booked time of an issue of the testers at most, below 100.
    pub worklogs_per_issue: u64,
    /// GitHub issues and pull requests of all repositories.
    pub github_issues: u64,
    /// New GitHub issues and pull requests a week.
    pub github_issues_weekly: u64,
    /// Builds of Bitrise.
    pub builds: u64,
    /// New builds a week.
    pub builds_weekly: u64,
    /// Tasks of a push to mozilla-central; other branches have fewer.
    pub tasks_per_push: u64,
    /// Issues of a version that Sentry finds; one version in five has four times as many.
    pub sentry_issues: u64,
    /// One record in so many has something unusual in it (emoji, `\u0000`, half a surrogate pair, 5,000 characters, keys
    /// that are absent or null); 0 for none.
    pub odd_one_in: u64,
}

impl Scale {
    /// What `etl demo` shows: a few hundred records of each kind, read within seconds.
    pub fn demo() -> Self {
        Self {
            first_day: NaiveDate::from_ymd_opt(2025, 9, 8).unwrap_or_default(),
            cases: 620,
            cases_weekly: 14,
            case_bytes: 0,
            plans: 40,
            plans_weekly: 7,
            tests_per_run: 12,
            runs: 24,
            runs_weekly: 3,
            milestones: 30,
            milestones_weekly: 5,
            bugs: 400,
            bugs_weekly: 21,
            jira_issues: 320,
            jira_issues_weekly: 16,
            worklogs_per_issue: 5,
            github_issues: 360,
            github_issues_weekly: 27,
            builds: 260,
            builds_weekly: 40,
            tasks_per_push: 12,
            sentry_issues: 30,
            odd_one_in: 12,
        }
    }

    /// A large test organisation times `factor`. At 1 it has, by the end of a year, 12,000 cases, 300 plans with some 60,000
    /// results of automated tests, 6,000 Jira issues with 8,000 lines of booked time, 15,000 bugs, 8,000 GitHub issues, and in
    /// that year 20,000 builds and 20,000 runs of tasks. Records are odd more rarely than in the demo.
    pub fn organisation(factor: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of at least 1; too much saturates")]
        let times = |count: u32| (f64::from(count) * factor).round().max(1.0) as u64;
        Self {
            cases: times(10_000),
            cases_weekly: times(38),
            plans: times(90),
            plans_weekly: times(4),
            tests_per_run: 84,
            runs: times(100),
            runs_weekly: times(7),
            milestones: times(100),
            milestones_weekly: times(7),
            bugs: times(9_000),
            bugs_weekly: times(115),
            jira_issues: times(3_500),
            jira_issues_weekly: times(48),
            worklogs_per_issue: 14,
            github_issues: times(4_000),
            github_issues_weekly: times(77),
            builds: times(8_500),
            builds_weekly: times(248),
            tasks_per_push: times(16),
            sentry_issues: times(40),
            odd_one_in: 100,
            ..Self::demo()
        }
    }

    /// `cases` cases of about 800 bytes and else what the demo has, for measurements. Nothing of it is held in memory.
    pub fn many_cases(cases: u64) -> Self {
        Self { cases, case_bytes: 800, ..Self::demo() }
    }
}

/// What the simulated APIs know. Cheap to clone.
#[derive(Clone, Debug)]
pub struct World(pub(super) Kind);

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Seeded(Arc<Seeded>),
    Recorded(Arc<RecordedFiles>),
}

/// A world that is computed from a seed: everything in it is a function of (seed, scale, day).
#[derive(Debug)]
pub(super) struct Seeded {
    pub(super) seed: u64,
    pub(super) scale: Scale,
    /// What searches look at, kept for the day that was asked about last.
    pub(super) bugs: Mutex<Option<(Day, Arc<BugIndex>)>>,
}

impl Seeded {
    pub(super) fn new(seed: u64, scale: Scale) -> Self {
        Self { seed, scale, bugs: Mutex::default() }
    }

    pub(super) fn calendar(&self) -> Calendar {
        Calendar { first_day: self.scale.first_day }
    }

    pub(super) fn dice(&self, kind: &str, number: u64) -> Dice {
        Dice::new(self.seed, kind, number)
    }
}

impl World {
    /// A world invented from `seed`. The same seed, scale and day give the same bytes in every answer.
    pub fn seeded(seed: u64, scale: Scale) -> Self {
        Self(Kind::Seeded(Arc::new(Seeded::new(seed, scale))))
    }

    /// A world of recorded answers, whose records are passed through byte for byte. It does not change with the day.
    pub fn recorded(files: RecordedFiles) -> Self {
        Self(Kind::Recorded(Arc::new(files)))
    }

    /// The day on which the story of a seeded world begins; 1 January 1970 for a recorded one.
    pub fn first_day(&self) -> NaiveDate {
        match &self.0 {
            Kind::Seeded(world) => world.scale.first_day,
            Kind::Recorded(_) => NaiveDate::default(),
        }
    }

    /// How many cases `get_cases` lists for a TestRail project over all its suites on `day`, without duplicates: what a
    /// reader must have got. 0 for a recorded world.
    pub fn cases(&self, project_id: u64, day: NaiveDate) -> u64 {
        match &self.0 {
            Kind::Seeded(world) => testrail::cases_of_project(world, project_id, world.calendar().day(day)),
            Kind::Recorded(_) => 0,
        }
    }
}

/// A seeded world on one day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Today<'a> {
    pub(super) world: &'a Seeded,
    pub(super) day: Day,
}

impl Today<'_> {
    /// Unix seconds of now.
    pub(super) fn now(self) -> i64 {
        self.world.calendar().now(self.day)
    }
}

/// Shares `total` out by `weights`: all of it, the largest weight taking what does not divide.
pub(super) fn shares(total: u64, weights: &[u64]) -> Vec<u64> {
    let sum: u64 = weights.iter().sum();
    let mut shares: Vec<u64> = weights.iter().map(|weight| (total * weight).checked_div(sum).unwrap_or(0)).collect();
    let left = total - shares.iter().sum::<u64>();
    let largest = (0..weights.len()).max_by_key(|index| weights[*index]);
    if let Some(share) = largest.and_then(|index| shares.get_mut(index)) {
        *share += left;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        assert_eq!(shares(10, &[1, 2, 1]), [2, 6, 2]);
        assert_eq!(shares(3, &[1, 5]), [0, 3]);
        assert_eq!(shares(0, &[1, 5]), [0, 0]);
    }
}
