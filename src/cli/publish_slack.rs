//! `etl publish slack`: which message, about what, to whom.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};

use super::{PublishOptions, as_of};

/// `etl publish slack`.
#[derive(Args, Clone, Debug)]
#[command(after_help = SLACK_HELP)]
pub struct SlackArgs {
    /// Which message.
    #[command(subcommand)]
    pub verb: SlackVerb,
}

/// Which message.
#[derive(Clone, Debug, Subcommand)]
pub enum SlackVerb {
    /// Crash-free rates and adoption of each project's live versions
    Rates(MessageArgs),
    /// Top new issues of Sentry in the two newest live versions
    NewIssues(MessageArgs),
    /// New issues of GitHub that nobody has taken up
    GithubIssues(MessageArgs),
    /// The weekly thread: dashboard, rates, new issues, issues of GitHub
    DeepDive(MessageArgs),
    /// How a workflow ended, with the reports that failed or are incomplete
    Status(StatusMessageArgs),
}

/// What to take a message for that may or may not have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum UnsureArg {
    /// It is in the channel
    Sent,
    /// It is not
    Lost,
}

/// What every message takes.
#[derive(Args, Clone, Debug, Default)]
pub struct PostArgs {
    /// How to publish.
    #[command(flatten)]
    pub options: PublishOptions,
    /// A channel of etl.toml instead of the one that etl.toml names for this message
    #[arg(long, value_name = "NAME")]
    pub channel: Option<String>,
    /// What to take a message for whose arrival is unclear
    #[arg(long, value_enum, value_name = "WHAT")]
    pub unsure: Option<UnsureArg>,
}

/// A message about projects.
#[derive(Args, Clone, Debug, Default)]
pub struct MessageArgs {
    /// How to post.
    #[command(flatten)]
    pub post: PostArgs,
    /// A project by its short name, or ALL; may be repeated [default: those that etl.toml names a channel for]
    #[arg(long, value_name = "PROJECT")]
    pub project: Vec<String>,
    /// The long form of the message
    #[arg(long)]
    pub longform: bool,
    /// The short form of the message
    #[arg(long, conflicts_with = "longform")]
    pub shortform: bool,
}

/// `etl publish slack status`.
#[derive(Args, Clone, Debug)]
pub struct StatusMessageArgs {
    /// How to post.
    #[command(flatten)]
    pub post: PostArgs,
    /// Name of the workflow [default: GITHUB_WORKFLOW]
    #[arg(long, value_name = "NAME")]
    pub workflow: Option<String>,
    /// Branch [default: GITHUB_REF_NAME]
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
    /// Page with the log [default: that of GITHUB_RUN_ID]
    #[arg(long, value_name = "URL")]
    pub log_url: Option<String>,
    /// How the workflow's own steps ended
    #[arg(long, value_enum, default_value = "success", ignore_case = true)]
    pub conclusion: ConclusionArg,
    /// Look at what was read since then [default: 00:00 UTC of today]
    #[arg(long, value_name = "TIME", value_parser = as_of)]
    pub since: Option<DateTime<Utc>>,
}

/// How a workflow's steps ended, in GitHub's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ConclusionArg {
    /// All steps were done
    Success,
    /// A step failed
    Failure,
    /// Somebody stopped it
    #[value(alias = "skipped")]
    Cancelled,
}

const SLACK_HELP: &str = "\
Examples:
  etl publish slack rates --plan                     the payloads as JSON; sends nothing
  etl publish slack rates --project fenix --shortform
  etl publish slack new-issues --longform
  etl publish slack deep-dive
  etl publish slack status --conclusion failure

Who receives what stands in etl.toml ([publish.slack]). With SLACK_BOT_TOKEN a bot posts, and
threads are threads; without it the channel's webhook is used. A message is posted once a day:
a retry posts only what is missing, and --force posts all of it again. A message about a report
that is incomplete says so, and an alert goes to the channel for alerts.";
