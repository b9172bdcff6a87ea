//! The options of the verbs that only read: query, status, doctor, lineage.

use std::{path::PathBuf, time::Duration};

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};

use super::as_of;
use crate::{catalog::parse_duration, term::Format};

/// `etl query`.
#[derive(Args, Clone, Debug)]
#[command(after_help = QUERY_HELP)]
pub struct QueryArgs {
    /// One SELECT; without it and without -f it is read from standard input
    #[arg(value_name = "SQL", conflicts_with = "file")]
    pub sql: Option<String>,
    /// Read the SELECT from a file
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// How to write the rows [default: by the name of -o, else table on a terminal and csv elsewhere]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<QueryFormat>,
    /// Write the rows to a file (.csv, .json, .parquet) instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// See the lake as it was at a time. A day stands for its end [default: the newest finished pull]
    #[arg(long, value_name = "TIME", value_parser = as_of)]
    pub as_of: Option<DateTime<Utc>>,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QueryFormat {
    /// Columns for people
    Table,
    /// Comma-separated; NULL is an empty field, an empty text is ""
    Csv,
    /// An array of objects
    Json,
    /// A Parquet file (needs -o)
    Parquet,
}

impl QueryFormat {
    /// The format as `term` writes it; none for Parquet, which DuckDB writes itself.
    pub fn rows(self) -> Option<Format> {
        match self {
            Self::Table => Some(Format::Table),
            Self::Csv => Some(Format::Csv),
            Self::Json => Some(Format::Json),
            Self::Parquet => None,
        }
    }
}

impl QueryArgs {
    /// The format that was asked for, else the one that the output file's name says, else a table on a terminal and CSV elsewhere.
    pub fn chosen_format(&self, stdout_is_terminal: bool) -> QueryFormat {
        if let Some(format) = self.format {
            return format;
        }
        let extension = self.output.as_ref().and_then(|path| path.extension()).and_then(|extension| extension.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("parquet") => QueryFormat::Parquet,
            Some("json") => QueryFormat::Json,
            _ if self.output.is_none() && stdout_is_terminal => QueryFormat::Table,
            _ => QueryFormat::Csv,
        }
    }
}

const QUERY_HELP: &str = "\
Examples:
  etl query \"from latest.testrail_cases limit 5\"
  etl query \"select endpoint, max(finished) from pulls group by all\" --format json
  etl query -f report.sql --as-of 2026-01-31 -o report.parquet
  etl query --format csv < report.sql

Relations: every model and seed by name; latest.NODE, history.NODE and landed.NODE for each
endpoint; pulls, partitions, run, vars. A mart is computed at that moment, a snapshot for that
day; all days of one are in data/lake.duckdb. Times are UTC. The statement may read nothing
else: no files, no network, no settings.";

/// `etl status`.
#[derive(Args, Clone, Debug)]
#[command(after_help = STATUS_HELP)]
pub struct StatusArgs {
    /// Reports, tables, models, endpoints or sources [default: all]
    #[arg(value_name = "NODE")]
    pub nodes: Vec<String>,
    /// The oldest age that a report may have, like 26h or 8d, instead of what its schedule allows
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, conflicts_with = "last")]
    pub max_age: Option<Duration>,
    /// Show where rows went: every step from the API to the table with the rows after it
    #[arg(long)]
    pub last: bool,
    /// How to write it
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: Format,
}

const STATUS_HELP: &str = "\
Examples:
  etl status
  etl status testrail --format json
  etl status report_test_case_coverage --last        why fewer rows than the API has?

  etl status --max-age 26h testrail-milestones       the dead-man's check, in a job of its own

The requests that a source has left are those that it told of when it was last asked; some APIs
tell of none. After `until` all are there again. `etl doctor` asks anew.

Exit code 1 when a report is older than its schedule, or --max-age, allows: its newest pull,
mart or load. Each is told as an error, in a GitHub workflow as an annotation.";

/// `etl doctor`.
#[derive(Args, Clone, Debug)]
#[command(after_help = DOCTOR_HELP)]
pub struct DoctorArgs {
    /// Reports, tables, endpoints or sources whose APIs to ask [default: all]
    #[arg(value_name = "NODE")]
    pub nodes: Vec<String>,
    /// Check the project's files only: queries, contracts, placeholders, migrations, workflows
    #[arg(long)]
    pub offline: bool,
    /// How to write it
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: Format,
}

const DOCTOR_HELP: &str = "\
Examples:
  etl doctor --offline                               before a commit: do the files fit?
  etl doctor                                         before a run: also variables and APIs
  etl doctor github --format json

Every query is bound against empty relations and compared with contracts, `for_each` columns,
migrations and the variables passed by the workflows. Without `--offline`, one record of each
endpoint is requested as well: the report lists what is missing, refused (401, 403) or not
found, a clock that differs, and the requests that are left.
The last line is `all ok` or the number of problems. Exit code 1 or 2 where something failed.
Secrets are never shown.";

/// `etl lineage`.
#[derive(Args, Clone, Debug)]
#[command(after_help = LINEAGE_HELP)]
pub struct LineageArgs {
    /// A report, table, model, endpoint or source [default: lists all]
    #[arg(value_name = "NODE")]
    pub node: Option<String>,
    /// How to write it
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: LineageFormat,
    /// Only what the node needs
    #[arg(long, conflicts_with = "down")]
    pub up: bool,
    /// Only what needs the node
    #[arg(long)]
    pub down: bool,
}

/// How a graph is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LineageFormat {
    /// An indented tree
    #[default]
    Text,
    /// Nodes and edges
    Json,
    /// A Mermaid flowchart, as Markdown pages show it
    Mermaid,
}

const LINEAGE_HELP: &str = "\
Examples:
  etl lineage
  etl lineage report_test_case_coverage
  etl lineage testrail_plans --down --format mermaid";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_of_a_query() {
        let of = |format, output: Option<&str>, terminal| {
            QueryArgs { sql: None, file: None, format, output: output.map(PathBuf::from), as_of: None }.chosen_format(terminal)
        };
        assert_eq!(of(None, None, true), QueryFormat::Table);
        assert_eq!(of(None, None, false), QueryFormat::Csv);
        assert_eq!(of(None, Some("a.PARQUET"), true), QueryFormat::Parquet);
        assert_eq!(of(None, Some("a.txt"), true), QueryFormat::Csv);
        assert_eq!(of(Some(QueryFormat::Json), Some("a.csv"), true), QueryFormat::Json);
    }
}
