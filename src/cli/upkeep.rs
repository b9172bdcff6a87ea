//! The options of the verbs around the pump: migrate, gc, demo, simulate, test, completions, man.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use clap_complete::Shell;

use super::SelectionArgs;
use crate::catalog::parse_duration;

/// `etl migrate`.
#[derive(Args, Clone, Debug)]
#[command(after_help = MIGRATE_HELP)]
pub struct MigrateArgs {
    /// What to do with the migrations.
    #[command(subcommand)]
    pub verb: MigrateVerb,
}

/// What to do with the migrations.
#[derive(Clone, Debug, Subcommand)]
pub enum MigrateVerb {
    /// Write the migration from the schema so far to the contracts in sql/
    New {
        /// A short name of the change: a-z, 0-9 and _
        name: String,
    },
    /// Apply the migrations that the database has not seen
    Run,
    /// List the migrations and which of them the database has
    Status,
}

const MIGRATE_HELP: &str = "\
Examples:
  etl migrate new add_milestones                     then read and commit what it wrote
  etl migrate run
  etl migrate status";

/// `etl gc`.
#[derive(Args, Clone, Debug)]
#[command(after_help = GC_HELP)]
pub struct GcArgs {
    /// List what would be removed; remove nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Leave alone what is younger: it may belong to a run that still works
    #[arg(long, value_name = "DURATION", default_value = "1d", value_parser = parse_duration)]
    pub min_age: Duration,
}

const GC_HELP: &str = "\
Examples:
  etl gc --dry-run
  etl gc --min-age 7d

Removed are files of crashed runs, caches of models that changed, checkpoints and packs that
newer ones replaced, and claims to publish whose attempts have ended. What a committed pull or
a published result names is never removed.";

/// `etl demo`.
#[derive(Args, Clone, Debug)]
#[command(after_help = DEMO_HELP)]
pub struct DemoArgs {
    /// What to show [default: six reports of TestRail and Bugzilla, for a quick look; with `--scale` every report on
    /// the days of its schedule]
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Simulated days to run through
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=366))]
    pub days: u32,
    /// Seed of the simulated data: the same seed gives the same tables
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How much there is of everything: 1 is a large organisation (12,000 test cases, 15,000 bugs,
    /// 20,000 builds a year; see docs/lake.md), 0.1 a tenth of it [default: a few hundred of each]
    #[arg(long, value_name = "FACTOR", value_parser = scale)]
    pub scale: Option<f64>,
    /// Go on with the day after the last one of an earlier demo instead of starting afresh
    #[arg(long)]
    pub keep: bool,
}

/// A factor within which ids of the simulated APIs have room.
fn scale(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|factor| (0.01..=10.0).contains(factor)).ok_or_else(|| "a number from 0.01 to 10 is needed".to_owned())
}

const DEMO_HELP: &str = "\
Examples:
  etl demo
  etl demo --report-type ALL --days 2
  etl demo --days 30 --seed 7
  etl demo --days 365 --scale 1                      a year of history to explore

Starts the APIs in miniature on this machine, extracts, transforms and loads day by day into
data/, and shows what it filled. Needs no network and no credentials, and leaves nothing
running.";

/// `etl simulate`.
#[derive(Args, Clone, Debug)]
#[command(after_help = SIMULATE_HELP)]
pub struct SimulateArgs {
    /// Days since the beginning of the simulated story: things change on each
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub day: u64,
    /// Seed of the simulated data: the same seed gives the same records
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Write the variables into this file instead of printing them
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
}

const SIMULATE_HELP: &str = "\
Examples:
  etl simulate --write apis.env --day 3

Then, in another shell: `. ./apis.env && etl run --report-type ALL`, and `etl publish …` to the
simulated Slack, Confluence and BigQuery. The variables name the addresses, the credentials that
the simulated APIs take, and the day as ETL_NOW.";

/// `etl test`.
#[derive(Args, Clone, Debug)]
#[command(after_help = TEST_HELP)]
pub struct TestArgs {
    /// Models, or model/case [default: all]
    #[arg(value_name = "MODEL[/CASE]")]
    pub names: Vec<String>,
}

const TEST_HELP: &str = "\
Examples:
  etl test
  etl test report_test_case_coverage
  etl test report_test_case_coverage/null_labels

A case is a folder: case.toml (which pulls, when), records as the API sends them, expect.csv.";

/// `etl completions`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:\n  etl completions bash > ~/.local/share/bash-completion/completions/etl")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// `etl man`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:\n  etl man ~/.local/share/man/man1\n  etl man | man -l -")]
pub struct ManArgs {
    /// Folder for a page of each verb; without it the main page is printed
    #[arg(value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
}
