//! The command line: clap's types, their help, and the pure rules that turn options into a window and projects.
//!
//! Nothing here runs anything. Stages never see these types; `commands` resolves them into settings, a selection and a run.

mod global;
mod moment;
mod past;
mod platform;
mod publish;
mod publish_data;
mod publish_slack;
mod reading;
mod selection;
mod stages;
mod upkeep;
mod window;

use clap::{Parser, Subcommand};

pub use global::Global;
pub use moment::as_of;
pub use past::{DiffArgs, ReplayArgs, ShellArgs, WhyArgs, WhyFormat};
pub use platform::{Platform, projects};
pub use publish::{BuildValidationArgs, ConfluenceArgs, LookerArgs, PublishArgs, PublishOptions, PublishVerb};
pub use publish_data::{BigqueryArgs, CsvArgs, ExportArg};
pub use publish_slack::{ConclusionArg, MessageArgs, PostArgs, SlackArgs, SlackVerb, StatusMessageArgs, UnsureArg};
pub use reading::{DoctorArgs, LineageArgs, LineageFormat, QueryArgs, QueryFormat, StatusArgs};
pub use selection::SelectionArgs;
pub use stages::{ExtractArgs, LoadArgs, RunArgs, TransformArgs};
pub use upkeep::{CompletionsArgs, DemoArgs, GcArgs, ManArgs, MigrateArgs, MigrateVerb, SimulateArgs, TestArgs};
pub use window::window;

/// A data pump for test operations: API records to Parquet, DuckDB SQL over them, results into a SQL database.
#[derive(Clone, Debug, Parser)]
#[command(name = "etl", version, max_term_width = 110, after_help = AFTER_HELP, disable_help_flag = true, disable_help_subcommand = true)]
pub struct Cli {
    /// Options that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// One verb per file in `commands/`.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Pull records from the APIs and land them in the lake as received
    Extract(ExtractArgs),
    /// Compute the models from the lake with DuckDB; touches no API and no database
    Transform(TransformArgs),
    /// Make the tables of the database equal to the marts
    Load(LoadArgs),
    /// Extract, transform and load, in this order
    Run(RunArgs),
    /// Compute and load the tables as of a past time or over a range of days, without asking an API
    Replay(ReplayArgs),
    /// Show what differs in a table between two times, or between the mart and the database
    Diff(DiffArgs),
    /// Follow a row of a table back to the records and requests that it comes from
    Why(WhyArgs),
    /// Publish pictures, pages and messages made from the marts
    Publish(PublishArgs),
    /// Ask the lake in SQL: latest.*, history.*, landed.*, pulls, any model
    Query(QueryArgs),
    /// Open an interactive SQL shell on the lake
    Shell(ShellArgs),
    /// Show what was pulled, computed and loaded, how old it is, and what failed
    Status(StatusArgs),
    /// Check files, variables, lake, database and every API, without changing anything
    Doctor(DoctorArgs),
    /// Show what a node needs and what needs it
    Lineage(LineageArgs),
    /// Write, run or list the database's migrations
    Migrate(MigrateArgs),
    /// Remove from the lake what no committed pull names
    Gc(GcArgs),
    /// Run everything on this machine against simulated APIs
    Demo(DemoArgs),
    /// Serve the simulated APIs on this machine, to rehearse against
    Simulate(SimulateArgs),
    /// Run the SQL tests below sql/tests: fixed records in, exact rows out
    Test(TestArgs),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
    /// Write the manual pages
    Man(ManArgs),
}

impl Command {
    /// The word on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Extract(_) => "extract",
            Self::Transform(_) => "transform",
            Self::Load(_) => "load",
            Self::Run(_) => "run",
            Self::Replay(_) => "replay",
            Self::Diff(_) => "diff",
            Self::Why(_) => "why",
            Self::Publish(_) => "publish",
            Self::Query(_) => "query",
            Self::Shell(_) => "shell",
            Self::Status(_) => "status",
            Self::Doctor(_) => "doctor",
            Self::Lineage(_) => "lineage",
            Self::Migrate(_) => "migrate",
            Self::Gc(_) => "gc",
            Self::Demo(_) => "demo",
            Self::Simulate(_) => "simulate",
            Self::Test(_) => "test",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
        }
    }
}

const AFTER_HELP: &str = "\
Examples:
  etl run report_test_case_coverage         extract, compute and load what one table needs
  etl run --report-type ALL --platform mobile
  etl load --plan                           what a load would change; changes nothing
  etl query \"from latest.testrail_cases limit 5\"
  etl lineage report_test_case_coverage     which endpoints and models stand behind a table

Exit codes:
  0  done
  1  failed
  2  the command line, a file or a variable is wrong
  3  some scopes failed; what was complete is committed and loaded
  4  nothing selected
  130, 143  stopped by Ctrl-C (SIGINT), by SIGTERM

Environment (an option wins over its variable, a variable over etl.toml):
  ETL_LAKE               folder of the lake, or gs://, s3://, az:// (docs/lake.md)
  ETL_DATABASE           sqlite:PATH, mysql://USER:PASSWORD@HOST/NAME or postgres://…
                         `mysql:` and `postgres:` alone take the rest from CLOUD_SQL_DATABASE_*
  ETL_DATA               folder for lake.duckdb, spill files and the defaults of the two above
  ETL_OFFLINE            1: read what is mirrored of a bucket and do not ask it
  ETL_NOW                the time to take for now, like 2026-01-31T04:00:00Z (tests, replays)
  ETL_<SOURCE>_BASE_URL  another base URL for a source: a proxy, a test server
  NO_COLOR               no colour on the terminal
Credentials are named in sources/*.toml; `etl doctor` lists which are set.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn verify_cli() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_and_option_is_explained() {
        fn check(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            assert!(command.get_about().is_some(), "{path} has no description");
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{path}: `{}` has no help", argument.get_id());
            }
            for verb in command.get_subcommands() {
                check(verb, &path);
            }
        }
        let mut command = Cli::command();
        command.build();
        check(&command, "");
    }

    #[test]
    fn help_fits_into_a_hundred_columns() {
        let command = Cli::command();
        for command in std::iter::once(&command).chain(command.get_subcommands()) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in help.lines() {
                assert!(line.chars().count() <= 96, "`{}`: {line}", command.get_name());
            }
        }
    }

    #[test]
    fn examples_of_the_help_parse() {
        fn check(text: &str) {
            let examples = text.lines().filter_map(|line| line.strip_prefix("  etl ")).map(|line| line.split("   ").next().unwrap_or(line));
            for example in examples {
                let words = std::iter::once("etl".to_owned()).chain(words(example));
                if let Err(error) = Cli::try_parse_from(words) {
                    panic!("`etl {example}` does not parse: {error}");
                }
            }
        }
        /// Splits at blanks, but for what stands in double quotes. Stops at a redirection or a pipe.
        fn words(line: &str) -> Vec<String> {
            let mut words = Vec::new();
            for (index, part) in line.split('"').enumerate() {
                if index % 2 == 1 {
                    words.push(part.to_owned());
                } else {
                    words.extend(part.split_whitespace().take_while(|word| !matches!(*word, "<" | ">" | "|")).map(str::to_owned));
                }
            }
            words
        }
        let command = Cli::command();
        for command in std::iter::once(&command).chain(command.get_subcommands()) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Examples:") || command.get_name() == "completions", "`{}` shows no example", command.get_name());
            check(&help);
        }
    }
}
