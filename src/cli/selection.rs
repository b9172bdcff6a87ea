//! Which part of the graph and which slice of time a command works on. The same options everywhere.

use chrono::NaiveDate;
use clap::Args;

use super::Platform;

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

impl SelectionArgs {
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
}
