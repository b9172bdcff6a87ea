//! `etl completions`: a script for the user's shell.

use clap::CommandFactory;

use super::Outcome;
use crate::{
    cli::{Cli, CompletionsArgs},
    error::Result,
    term::Printer,
};

pub(super) fn run(printer: &Printer, args: &CompletionsArgs) -> Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "etl", &mut script);
    printer.data(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::default())
}
