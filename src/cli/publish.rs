//! `etl publish`: what is published, and how.

use clap::{Args, Subcommand};

use super::{BigqueryArgs, CsvArgs, SlackArgs};

/// `etl publish`.
#[derive(Args, Clone, Debug)]
#[command(after_help = PUBLISH_HELP)]
pub struct PublishArgs {
    /// What to publish.
    #[command(subcommand)]
    pub verb: PublishVerb,
}

/// What to publish.
#[derive(Clone, Debug, Subcommand)]
pub enum PublishVerb {
    /// Render the looks of report_looker_looks as PNG files
    Looker(LookerArgs),
    /// Write the pages of Confluence that YAML files describe
    Confluence(ConfluenceArgs),
    /// Write the page with the validation of a project's newest build
    BuildValidation(BuildValidationArgs),
    /// Post a message to Slack
    Slack(SlackArgs),
    /// Write exports as CSV files
    Csv(CsvArgs),
    /// Make the views of BigQuery over the tables of Cloud SQL
    Bigquery(BigqueryArgs),
}

/// What every publication takes.
#[derive(Args, Clone, Debug, Default)]
pub struct PublishOptions {
    /// Print what would be sent; change nothing
    #[arg(long)]
    pub plan: bool,
    /// Publish although it was published already
    #[arg(long)]
    pub force: bool,
}

/// `etl publish looker`.
#[derive(Args, Clone, Debug)]
pub struct LookerArgs {
    /// How to publish.
    #[command(flatten)]
    pub options: PublishOptions,
    /// Only the looks of this folder [default: LOOKER_FOLDER_ID, else all that were extracted]; may be repeated
    #[arg(long, value_name = "ID")]
    pub folder: Vec<String>,
}

/// `etl publish confluence`.
#[derive(Args, Clone, Debug)]
pub struct ConfluenceArgs {
    /// How to publish.
    #[command(flatten)]
    pub options: PublishOptions,
    /// The team whose pages are written [default: TEAM_ID, else MTE]
    #[arg(long, value_name = "TEAM")]
    pub team: Option<String>,
    /// Only this page; may be repeated
    #[arg(long, value_name = "ID")]
    pub page: Vec<String>,
}

/// `etl publish build-validation`.
#[derive(Args, Clone, Debug)]
pub struct BuildValidationArgs {
    /// How to publish.
    #[command(flatten)]
    pub options: PublishOptions,
    /// A project by its short name, or ALL [default: all with a configured page]; may be repeated
    #[arg(long, value_name = "PROJECT")]
    pub project: Vec<String>,
    /// The milestone [default: the newest build under test]
    #[arg(long, value_name = "ID")]
    pub milestone: Option<i64>,
}

const PUBLISH_HELP: &str = "\
Examples:
  etl publish looker --plan                          which pictures would be made
  etl publish looker --folder 1820
  etl publish confluence --plan                      the pages as they would be written
  etl publish confluence --team DTE --page 2006057695
  etl publish build-validation --project firefox-ios
  etl publish slack rates --plan                     the messages as JSON; sends nothing

Everything is made from the marts: extract and transform first. What was published is recorded
in the lake (the source `etl`), so running a command again does not publish twice.";
