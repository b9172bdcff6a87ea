//! `etl publish csv` and `etl publish bigquery`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `etl publish csv`.
#[derive(Args, Clone, Debug)]
#[command(after_help = CSV_HELP)]
pub struct CsvArgs {
    /// What to export; may be repeated [default: all]
    #[arg(value_enum, value_name = "EXPORT", help_heading = "Arguments")]
    pub exports: Vec<ExportArg>,
    /// A project by its short name, or ALL; may be repeated [default: all]
    #[arg(long, value_name = "PROJECT")]
    pub project: Vec<String>,
    /// Folder for the files
    #[arg(long, short = 'o', value_name = "FOLDER", default_value = ".")]
    pub out: PathBuf,
    /// Put each project's files below sentry/PROJECT of this folder or bucket (gs://, s3://, az://) instead
    #[arg(long, value_name = "LOCATION", conflicts_with = "out")]
    pub upload: Option<String>,
    /// Print names and rows of the files, and which would be replaced; write nothing
    #[arg(long)]
    pub plan: bool,
    /// Issues of the long form, most events first
    #[arg(long)]
    pub longform: bool,
    /// Issues in Sentry's order, as is usual
    #[arg(long, conflicts_with = "longform")]
    pub shortform: bool,
}

/// What is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportArg {
    /// sentry_rates.csv
    SentryRates,
    /// sentry_issues_PROJECT_VERSION.csv
    SentryIssues,
    /// sentry_unhandled_issues_PROJECT.csv
    SentryUnhandledIssues,
    /// github_new_bugs_PROJECT_DATE.csv
    GithubNewBugs,
}

/// `etl publish bigquery`.
#[derive(Args, Clone, Debug)]
#[command(after_help = BIGQUERY_HELP)]
pub struct BigqueryArgs {
    /// Project of the dataset
    #[arg(long, value_name = "PROJECT")]
    pub project: String,
    /// Dataset for the views
    #[arg(long, value_name = "DATASET")]
    pub dataset: String,
    /// Connection to Cloud SQL: LOCATION.ID, or its whole name
    #[arg(long, value_name = "CONNECTION")]
    pub connection: String,
    /// Location of dataset and connection, where the connection does not name it
    #[arg(long, value_name = "LOCATION")]
    pub location: Option<String>,
    /// Write the statements into a file (- for standard output); asks and changes nothing
    #[arg(long, value_name = "FILE", conflicts_with = "plan")]
    pub out: Option<PathBuf>,
    /// Print which views would be made or replaced; change nothing
    #[arg(long)]
    pub plan: bool,
}

const CSV_HELP: &str = "\
Examples:
  etl publish csv --plan
  etl publish csv sentry-rates --project fenix -o exports
  etl publish csv sentry-rates --upload exports      writes exports/sentry/PROJECT/sentry_rates.csv
  etl publish csv sentry-rates --upload gs://b/daily writes gs://b/daily/sentry/PROJECT/sentry_rates.csv

A bucket takes the credentials that a lake there would take. A file is replaced as a whole, and only
if nobody has written it since it was looked at; equal ones are left alone.";

const BIGQUERY_HELP: &str = "\
Examples:
  etl publish bigquery --project p --dataset testops_staging --connection us.cloud-sql --out views.sql
  etl publish bigquery --project p --dataset testops_staging --connection us.cloud-sql --plan

The views are made from the contracts of all tables. The kind of database behind the connection is
that of --database (mysql: or postgres:). Speaks to BigQuery as the service account whose key
GCLOUD_AUTH or GOOGLE_APPLICATION_CREDENTIALS holds: a path, the JSON, or its base64.";
