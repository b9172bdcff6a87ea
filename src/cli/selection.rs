//! Which part of the graph and which slice of time a command works on. The same options everywhere.

use chrono::NaiveDate;
use clap::{Args, ValueEnum};

use super::Platform;
use crate::catalog::{Cadence, ScheduleEntry, parse_schedule};

/// What to work on.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Selection")]
pub struct SelectionArgs {
    /// Reports, tables, models, endpoints or sources; each stands for itself and everything it needs [default: all]
    #[arg(value_name = "NODE", help_heading = "Arguments")]
    pub nodes: Vec<String>,
    /// A report by name, or ALL; may be repeated
    #[arg(long, value_name = "REPORT")]
    pub report_type: Vec<String>,
    /// A project by its short name (upper or lower case), or ALL; may be repeated
    #[arg(long, value_name = "PROJECT")]
    pub project: Vec<String>,
    /// All projects of a platform
    #[arg(long, value_enum, ignore_case = true)]
    pub platform: Option<Platform>,
    /// Only tables that are refreshed this often; with --platform, those of its schedule
    #[arg(long, value_enum, ignore_case = true, value_name = "CADENCE")]
    pub schedule: Option<Schedule>,
    /// With --schedule weekly or fortnightly: only tables of this day
    #[arg(long, value_enum, ignore_case = true, value_name = "DAY", requires = "schedule")]
    pub weekday: Option<Weekday>,
    /// A meta bug whose dependencies bugzilla-meta-bugs reads, instead of those of etl.toml; may be repeated
    #[arg(long, value_name = "N")]
    pub meta_bug_id: Vec<u32>,
    /// A keyword that bugzilla-query-by-keyword asks for, instead of those of etl.toml; may be repeated
    #[arg(long, value_name = "WORD")]
    pub bz_keyword: Vec<String>,
    /// The long form of the message to Slack; changes no table
    #[arg(long)]
    pub longform: bool,
    /// The short form of the message to Slack; changes no table
    #[arg(long, conflicts_with = "longform")]
    pub shortform: bool,
    /// Ask lists only for what was created since 00:00 UTC of the day N days ago
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub num_days: Option<i64>,
    /// First day (UTC) that lists are asked for; wins over --num-days
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub start_date: Option<NaiveDate>,
    /// Last day (UTC, inclusive) that lists are asked for [default: now]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub end_date: Option<NaiveDate>,
}

/// How often a table is refreshed, as `-- schedule:` in its file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Schedule {
    /// Every day
    Daily,
    /// Once a week
    Weekly,
    /// Every other week
    Fortnightly,
    /// Once a month
    Monthly,
}

/// The day on which a table is refreshed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Weekday {
    /// Monday
    Mon,
    /// Tuesday
    Tue,
    /// Wednesday
    Wed,
    /// Thursday
    Thu,
    /// Friday
    Fri,
    /// Saturday
    Sat,
    /// Sunday
    Sun,
}

impl Weekday {
    /// As headers write it, `sat`.
    fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

impl Schedule {
    /// The same as the catalog knows it.
    pub fn cadence(self) -> Cadence {
        match self {
            Self::Daily => Cadence::Daily,
            Self::Weekly => Cadence::Weekly,
            Self::Fortnightly => Cadence::Fortnightly,
            Self::Monthly => Cadence::Monthly,
        }
    }
}

impl SelectionArgs {
    /// The variables of `etl.toml` that options replace for this invocation.
    pub fn variables(&self) -> Vec<(&'static str, toml::Value)> {
        let mut variables = Vec::new();
        if !self.meta_bug_id.is_empty() {
            variables.push(("bugzilla_meta_bugs", self.meta_bug_id.iter().map(|id| i64::from(*id)).collect::<Vec<_>>().into()));
        }
        if !self.bz_keyword.is_empty() {
            variables.push(("bugzilla_keywords", self.bz_keyword.clone().into()));
        }
        variables
    }

    /// Whether the selection includes a table with this schedule.
    ///
    /// # Errors
    /// As [`parse_schedule`].
    pub fn includes_schedule(&self, schedule: &str) -> Result<bool, String> {
        let Some(wanted) = self.schedule else { return Ok(true) };
        let fits = |entry: &ScheduleEntry| {
            let platform = entry.platform.as_deref().zip(self.platform.map(Platform::name)).is_none_or(|(own, asked)| own == asked);
            let has_day = matches!(entry.cadence, Cadence::Weekly | Cadence::Fortnightly);
            let day = self.weekday.filter(|_| has_day).is_none_or(|day| entry.day == day.name());
            platform && day && entry.cadence == wanted.cadence()
        };
        Ok(parse_schedule(schedule)?.iter().any(fits))
    }

    /// The names to look up in the graph, as written. Empty stands for everything: no name was given, or `ALL`.
    pub fn names(&self) -> Vec<String> {
        let is_all = |name: &&String| name.eq_ignore_ascii_case("all");
        if self.report_type.iter().any(|name| is_all(&name)) {
            return Vec::new();
        }
        let mut names: Vec<String> = Vec::new();
        for name in self.nodes.iter().chain(&self.report_type) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(nodes: &[&str], reports: &[&str]) -> Vec<String> {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        SelectionArgs { nodes: owned(nodes), report_type: owned(reports), ..SelectionArgs::default() }.names()
    }

    #[test]
    fn names_of_nodes_and_reports() {
        assert!(of(&[], &[]).is_empty());
        assert!(of(&["a"], &["all"]).is_empty());
        assert_eq!(of(&["a", "b"], &["b", "c"]), ["a", "b", "c"]);
    }

    #[test]
    fn schedules_go_by_cadence_and_platform() {
        let includes = |schedule, platform, text: &str| {
            SelectionArgs { schedule: Some(schedule), platform, ..SelectionArgs::default() }.includes_schedule(text).unwrap()
        };
        let coverage = "desktop daily; mobile weekly sat";
        for (schedule, platform, text, expected) in [
            (Schedule::Daily, None, coverage, true),
            (Schedule::Weekly, None, coverage, true),
            (Schedule::Daily, Some(Platform::Mobile), coverage, false),
            (Schedule::Weekly, Some(Platform::Mobile), coverage, true),
            (Schedule::Daily, Some(Platform::Mobile), "daily", true),
            (Schedule::Monthly, None, "daily", false),
        ] {
            assert_eq!(includes(schedule, platform, text), expected, "{schedule:?} {platform:?} {text}");
        }
        assert!(SelectionArgs::default().includes_schedule("anything").unwrap());
    }

    #[test]
    fn a_week_has_days() {
        let includes = |schedule, day, text: &str| {
            SelectionArgs { schedule: Some(schedule), weekday: Some(day), ..SelectionArgs::default() }.includes_schedule(text).unwrap()
        };
        for (schedule, day, text, expected) in [
            (Schedule::Weekly, Weekday::Sat, "desktop daily; mobile weekly sat", true),
            (Schedule::Weekly, Weekday::Sat, "weekly tue", false),
            (Schedule::Weekly, Weekday::Tue, "daily; weekly tue", true),
            (Schedule::Fortnightly, Weekday::Mon, "fortnightly tue", false),
            (Schedule::Daily, Weekday::Mon, "daily", true),
        ] {
            assert_eq!(includes(schedule, day, text), expected, "{schedule:?} {day:?} {text}");
        }
    }

    #[test]
    fn options_replace_variables() {
        assert!(SelectionArgs::default().variables().is_empty());
        let args = SelectionArgs { meta_bug_id: vec![7, 8], bz_keyword: vec!["a".to_owned()], ..SelectionArgs::default() };
        let told: Vec<String> = args.variables().iter().map(|(name, value)| format!("{name} = {value}")).collect();
        assert_eq!(told, ["bugzilla_meta_bugs = [7, 8]", "bugzilla_keywords = [\"a\"]"]);
    }
}
