//! The options of the verbs that look back: replay, diff, why, shell.

use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, ValueEnum};

use super::{SelectionArgs, as_of};
use crate::term::Format;

/// `etl replay`.
#[derive(Args, Clone, Debug)]
#[command(after_help = REPLAY_HELP)]
pub struct ReplayArgs {
    /// What to work on.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// The time to go back to. A day stands for its end
    #[arg(long, value_name = "TIME", value_parser = as_of, required_unless_present = "from", conflicts_with = "from")]
    pub as_of: Option<DateTime<Utc>>,
    /// First day (UTC) of a range: each day is computed as of its end, one after the other
    #[arg(long, value_name = "YYYY-MM-DD", requires = "to")]
    pub from: Option<NaiveDate>,
    /// Last day (UTC, inclusive) of the range
    #[arg(long, value_name = "YYYY-MM-DD", requires = "from")]
    pub to: Option<NaiveDate>,
    /// Print what would be inserted, updated and deleted; change no table
    #[arg(long)]
    pub plan: bool,
    /// Let the result count as the newest one, for later loads too, until a transform computes a newer one
    #[arg(long, conflicts_with_all = ["from", "plan"])]
    pub as_newest: bool,
    /// Let this table shrink this once although the guard refuses; may be repeated
    #[arg(long, value_name = "TABLE")]
    pub accept_shrink: Vec<String>,
    /// Load from this lake although the tables were last loaded from another one
    #[arg(long)]
    pub accept_lake: bool,
}

const REPLAY_HELP: &str = "\
Examples:
  etl replay --as-of 2026-01-31 --plan               what would the tables be as of then?
  etl replay --as-of 2026-01-31T04:00 report_testrail_milestones
  etl replay --from 2026-01-01 --to 2026-01-31 report_test_case_coverage
  etl --database sqlite:january.sqlite replay --as-of 2026-01-31

No API is asked: the lake has it all. The plan is shown before anything changes. Of a snapshot
table a range touches only its days, computed anew where a rule has changed since; other tables
go through the range day by day. The results are kept apart: the next transform and load bring
back the present. Into another database: migrate it first, with the same --database.";

/// `etl diff`.
#[derive(Args, Clone, Debug)]
#[command(after_help = DIFF_HELP)]
pub struct DiffArgs {
    /// A table, or an endpoint, whose latest rows are compared then
    #[arg(value_name = "TABLE")]
    pub table: String,
    /// The earlier time. A day stands for its end
    #[arg(long, value_name = "TIME", value_parser = as_of, required_unless_present = "database_side", conflicts_with = "database_side")]
    pub from: Option<DateTime<Utc>>,
    /// The later time [default: the newest finished pull]
    #[arg(long, value_name = "TIME", value_parser = as_of, conflicts_with = "database_side")]
    pub to: Option<DateTime<Utc>>,
    /// Compare the newest mart with the table in the database
    #[arg(id = "database_side", long = "against-database")]
    pub against_database: bool,
    /// Leave a column out; may be repeated
    #[arg(long, value_name = "COLUMN")]
    pub ignore: Vec<String>,
    /// Differing rows to show
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// How to write it
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: Format,
}

const DIFF_HELP: &str = "\
Examples:
  etl diff report_testrail_milestones --from 2026-01-24 --to 2026-01-31
  etl diff report_test_case_coverage --from 2026-01-24 --ignore created_at
  etl diff testrail_cases --from 2026-01-30 --format json --limit 1000
  etl diff report_testrail_milestones --against-database

Rows are matched by the table's key. Of a snapshot table the days of the two times are compared,
without the date. JSON is one object with counts, columns and rows; CSV has the rows.";

/// `etl why`.
#[derive(Args, Clone, Debug)]
#[command(after_help = WHY_HELP)]
pub struct WhyArgs {
    /// A table
    #[arg(value_name = "TABLE")]
    pub table: String,
    /// The key's values in its order, or COLUMN=VALUE; of a snapshot the date may be left out
    #[arg(value_name = "KEY", required = true)]
    pub key: Vec<String>,
    /// Records to show of each endpoint
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub limit: usize,
    /// How to write it
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: WhyFormat,
}

/// How a trail is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum WhyFormat {
    /// For people
    #[default]
    Text,
    /// One object
    Json,
}

const WHY_HELP: &str = "\
Examples:
  etl why report_testrail_milestones 1400004
  etl why report_testrail_test_runs testrail_run_id=1450003
  etl why report_testrail_milestones 1400004 --format json

From a row of a table back: is it in the database, which mart brought it, which records of which
pulls was it made of, and which request brought each. Of a row that counts or sums, all records
of its group are found. Conditions (WHERE, semi joins, NOT EXISTS) leave no trail.";

/// `etl shell`.
#[derive(Args, Clone, Debug)]
#[command(after_help = SHELL_HELP)]
pub struct ShellArgs {
    /// Use the built-in engine, also where the DuckDB shell is installed
    #[arg(long)]
    pub builtin: bool,
    /// See the lake as it was at a time; implies --builtin. A day stands for its end
    #[arg(long, value_name = "TIME", value_parser = as_of)]
    pub as_of: Option<DateTime<Utc>>,
    /// How to write results [default: table on a terminal, csv elsewhere]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<Format>,
}

const SHELL_HELP: &str = "\
Examples:
  etl shell
  etl shell --as-of 2026-01-31
  etl shell --builtin < queries.sql

Opens the DuckDB shell on data/lake.duckdb, read-only, where `duckdb` is on the PATH. Else, and
in a pipe, statements are read from standard input, each up to its semicolon, and answered one
by one; .tables lists the relations, .quit ends. In a pipe the first failure ends it.";
