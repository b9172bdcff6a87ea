//! Being asked to stop: Ctrl-C, a job that is cancelled.

use tokio::signal::unix::{SignalKind, signal};

use crate::{
    cli::Command,
    error::{Error, Kind, OrFail, Result},
};

/// Waits for SIGINT or SIGTERM and returns the error to report: exit code 130 or 143. SIGHUP is not handled: after the terminal
/// goes away no reader is left, and a handler would undo `nohup`.
pub(super) async fn received(hint: &'static str) -> Error {
    match signals().await {
        Ok(error) => error.hint(hint),
        Err(error) => error,
    }
}

/// Waits for SIGINT or SIGTERM.
///
/// # Errors
/// [`Kind::Internal`] if signals cannot be received.
pub(super) async fn signals() -> Result<Error> {
    let hear = |kind| signal(kind).or_fail(Kind::Internal, || "cannot wait for a signal");
    let (mut interrupt, mut terminate) = (hear(SignalKind::interrupt())?, hear(SignalKind::terminate())?);
    Ok(tokio::select! {
        _ = interrupt.recv() => Error::new(Kind::Interrupted, "interrupted"),
        _ = terminate.recv() => Error::new(Kind::Terminated, "terminated (SIGTERM)"),
    })
}

/// How to resume the command.
pub(super) fn hint(command: &Command) -> &'static str {
    match command {
        Command::Extract(_) | Command::Run(_) => "run the same command again with `--resume`: what was committed is kept",
        Command::Transform(_) | Command::Load(_) | Command::Replay(_) | Command::Migrate(_) | Command::Publish(_) | Command::Gc(_) => {
            "run the same command again; nothing half-done counts"
        }
        Command::Demo(_) => "`etl demo --keep` continues with the next day",
        Command::Diff(_)
        | Command::Why(_)
        | Command::Shell(_)
        | Command::Query(_)
        | Command::Status(_)
        | Command::Doctor(_)
        | Command::Lineage(_)
        | Command::Simulate(_)
        | Command::Test(_)
        | Command::Completions(_)
        | Command::Man(_) => "run the same command again",
    }
}
