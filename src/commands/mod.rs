//! One short file per verb: resolve the options, call the stages, report.

mod completions;
mod conservation;
mod context;
mod demo;
mod demo_data;
mod diff;
mod doctor;
mod extract;
mod freshness;
mod gc;
mod inputs;
mod interruption;
mod last;
mod lineage;
mod load;
mod logged;
mod man;
mod migrate;
mod output_file;
mod publish;
mod publishers;
mod query;
mod quotas;
mod reach;
mod replay;
mod run;
mod shell;
mod simulate;
mod status;
mod test;
mod too_early;
mod transform;
mod version;
mod why;
mod workflow_variables;

use crate::{
    cli::{Cli, Command},
    error::{Error, Kind, Result},
    settings::Env,
    term::Printer,
};

pub use context::Outcome;

/// Runs the command and gives the process's exit code. Everything that people read has been printed by then.
pub async fn main(cli: Cli, env: Env) -> u8 {
    env.register_secrets();
    let printer = Printer::new(cli.global.verbosity(), cli.global.color, &env);
    if cli.global.shows_password() {
        printer.warn("the password in `--database` is visible in the process list: use the `CLOUD_SQL_*` variables, `ETL_DATABASE` or `--database-file` instead");
    }
    let hint = interruption::hint(&cli.command);
    let command = format!("etl {}", cli.command.name());
    // It runs until it is stopped, so that is its good end.
    let waits_for_it = matches!(cli.command, Command::Simulate(_));
    let result = tokio::select! {
        result = dispatch(cli, env, &printer) => result,
        // Dropping the work leaves nothing half-visible: whatever was not committed is garbage.
        stopped = interruption::received(hint), if !waits_for_it => Err(stopped),
    };
    let exit_code = match result {
        Ok(outcome) => outcome.exit_code(),
        Err(error) => {
            printer.error(&error);
            error.kind().exit_code()
        }
    };
    printer.summarize(&command, exit_code);
    exit_code
}

/// Writes a failure outside of any command (a mistyped command line, a panic) to the job's summary.
pub fn summarize(env: &Env, kind: Kind, message: &str) {
    let printer = Printer::new(crate::term::Verbosity::Quiet, crate::term::Color::default(), env);
    printer.note(&Error::new(kind, message));
    printer.summarize("etl", kind.exit_code());
}

/// Prints what exactly runs here, and gives the exit code.
pub fn version(env: &Env) -> u8 {
    let printer = Printer::new(crate::term::Verbosity::Normal, crate::term::Color::default(), env);
    match version::line().and_then(|line| printer.data(&line)) {
        Ok(()) => 0,
        Err(error) => {
            printer.error(&error);
            error.kind().exit_code()
        }
    }
}

/// Says that the process could not even begin.
pub fn cannot_start(error: &std::io::Error) {
    let printer = Printer::new(crate::term::Verbosity::Normal, crate::term::Color::default(), &Env::default());
    printer.error(&crate::error::Error::new(crate::error::Kind::Io, format!("cannot start: {error}")));
}

async fn dispatch(cli: Cli, env: Env, printer: &Printer) -> Result<Outcome> {
    let global = cli.global;
    match cli.command {
        Command::Extract(args) => extract::run(&global, env, printer, args).await,
        Command::Transform(args) => transform::run(&global, env, printer, args).await,
        Command::Load(args) => load::run(&global, env, printer, args).await,
        Command::Run(args) => run::run(&global, env, printer, args).await,
        Command::Replay(args) => replay::run(&global, env, printer, args).await,
        Command::Diff(args) => diff::run(&global, env, printer, args).await,
        Command::Why(args) => why::run(&global, env, printer, args).await,
        Command::Shell(args) => shell::run(&global, env, printer, args).await,
        Command::Publish(args) => publish::run(&global, env, printer, args).await,
        Command::Query(args) => query::run(&global, env, printer, args).await,
        Command::Status(args) => status::run(&global, env, printer, args).await,
        Command::Doctor(args) => doctor::run(&global, env, printer, args).await,
        Command::Lineage(args) => lineage::run(&global, env, printer, args).await,
        Command::Migrate(args) => migrate::run(&global, env, printer, args).await,
        Command::Gc(args) => gc::run(&global, env, printer, args).await,
        Command::Demo(args) => demo::run(&global, env, printer, args).await,
        Command::Simulate(args) => simulate::run(printer, &args).await,
        Command::Test(args) => test::run(&global, env, printer, args).await,
        Command::Completions(args) => completions::run(printer, &args),
        Command::Man(args) => man::run(printer, &args),
    }
}
