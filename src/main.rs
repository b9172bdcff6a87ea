//! The binary: arguments in, exit code out.

use std::process::ExitCode;

use clap::{Parser, error::ErrorKind};
use etl::{cli::Cli, commands, settings::Env};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // clap knows the number only.
        Err(error) if error.kind() == ErrorKind::DisplayVersion => return ExitCode::from(commands::version(&Env::of_process())),
        Err(error) => error.exit(),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            commands::cannot_start(&error);
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(commands::main(cli, Env::of_process()));
    // Work that an interruption left behind must not hold the process.
    runtime.shutdown_background();
    ExitCode::from(code)
}
