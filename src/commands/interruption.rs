//! Being asked to stop: Ctrl-C, a job that is cancelled.

use tokio::signal::unix::{SignalKind, signal};

use crate::{
    cli::Command,
    error::{Error, Kind, OrFail, Result},
};

/// Waits until somebody asks for the end. A terminal that goes away (SIGHUP) is none of our business: nobody reads what we would
/// say, and who started us by `nohup` wants us to go on, which a handler would undo.
///
/// # Errors
/// [`Kind::Internal`] if signals cannot be heard.
pub(super) async fn asked() -> Result<()> {
    let hear = |kind| signal(kind).or_fail(Kind::Internal, || "cannot wait for a signal");
    let (mut interrupt, mut terminate) = (hear(SignalKind::interrupt())?, hear(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// What a command that was stopped says.
pub(super) fn error(hint: &'static str) -> Error {
    Error::new(Kind::Interrupted, "interrupted").hint(hint)
}

/// How a command is gone on with.
pub(super) fn hint(command: &Command) -> &'static str {
    match command {
        Command::Extract(_) | Command::Run(_) => "run again with `--resume` to go on",
        Command::Transform(_) | Command::Load(_) | Command::Replay(_) | Command::Migrate(_) | Command::Publish(_) | Command::Gc(_) => {
            "run the same command again; nothing half-done counts"
        }
        Command::Demo(_) => "`etl demo --keep` goes on with the next day",
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
