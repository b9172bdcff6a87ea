//! Options that every command takes.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use crate::{
    secret,
    term::{Color, ProgressMode, Verbosity},
};

/// Options that every command takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Folder that holds etl.toml, sources/ and sql/
    #[arg(long, global = true, value_name = "DIR", default_value = ".", env = "ETL_PROJECT_DIR", hide_env_values = true)]
    pub project_dir: PathBuf,
    /// Folder or URL of the lake [default: data/lake, or what etl.toml says]
    #[arg(long, global = true, value_name = "FOLDER|URL")]
    pub lake: Option<String>,
    /// URL of the destination, like sqlite:data/etl.sqlite [default: that file, or what etl.toml says]
    #[arg(long, global = true, value_name = "URL")]
    pub database: Option<String>,
    /// File that holds this URL, so that no password appears in the process list
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "database")]
    pub database_file: Option<PathBuf>,
    /// Read what is mirrored of a bucket and do not ask it; for commands that write nothing
    #[arg(long, global = true)]
    pub offline: bool,
    /// Say more: every pull, model and table as it is done
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Say nothing but errors and the data that was asked for
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// How to show progress
    #[arg(long, global = true, value_name = "HOW", value_enum, default_value_t, env = "ETL_PROGRESS", hide_env_values = true)]
    pub progress: ProgressMode,
    /// When to colour
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub color: Color,
    /// Print help
    #[arg(short, long, global = true, action = ArgAction::HelpShort)]
    pub help: Option<bool>,
}

impl Global {
    /// Whether the command line holds a password, which every user of the machine can read.
    pub fn shows_password(&self) -> bool {
        let text = self.database.as_deref().unwrap_or_default();
        url::Url::parse(text).is_ok_and(|url| url.password().is_some() || url.query_pairs().any(|(name, _)| secret::is_secret_name(&name)))
    }

    /// How much to say.
    pub fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, _) => Verbosity::Verbose,
        }
    }
}
