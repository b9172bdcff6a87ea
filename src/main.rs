//! The binary: arguments in, exit code out.

use std::{panic::AssertUnwindSafe, process::ExitCode};

use clap::{Parser, error::ErrorKind};
use etl::{cli::Cli, commands, error::Kind, settings::Env};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // clap knows the number only.
        Err(error) if error.kind() == ErrorKind::DisplayVersion => return ExitCode::from(commands::version(&Env::of_process())),
        Err(error) => {
            if error.use_stderr() {
                let text = error.render().to_string();
                let message = text.lines().next().unwrap_or_default();
                commands::summarize(&Env::of_process(), Kind::Usage, message.trim_start_matches("error: "));
            }
            error.exit()
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            commands::cannot_start(&error);
            return ExitCode::FAILURE;
        }
    };
    let work = std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(commands::main(cli, Env::of_process()))));
    let code = work.unwrap_or_else(|_| {
        commands::summarize(&Env::of_process(), Kind::Internal, "panicked: this is a defect of etl; the log has the place");
        101
    });
    // Work that an interruption left behind must not hold the process.
    runtime.shutdown_background();
    ExitCode::from(code)
}
