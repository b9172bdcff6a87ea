//! Connecting to a server: a limit of time for each attempt, and a few attempts while nobody listens (a proxy that starts
//! beside us, a server that restarts).

use std::{io, time::Duration};

use sqlx::{ConnectOptions, Connection};

use super::relay::{ByTcp, relayed};

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(10);

/// Pauses before the next attempts.
const PAUSES: [Duration; 4] = [Duration::from_millis(200), Duration::from_millis(400), Duration::from_millis(800), Duration::from_millis(1_600)];

/// Connects. What the server itself refuses (account, database, TLS) is told at once.
pub(super) async fn connect<C: Connection<Options: ByTcp>>(options: &C::Options) -> sqlx::Result<C> {
    for pause in PAUSES {
        match attempt::<C>(options).await {
            Err(sqlx::Error::Io(error)) if is_passing(&error) => tokio::time::sleep(pause).await,
            done => return done,
        }
    }
    attempt(options).await
}

async fn attempt<C: Connection<Options: ByTcp>>(options: &C::Options) -> sqlx::Result<C> {
    let late = || io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", ATTEMPT.as_secs()));
    let connecting = async { relayed(options, ATTEMPT).await?.connect().await };
    tokio::time::timeout(ATTEMPT, connecting).await.unwrap_or_else(|_| Err(sqlx::Error::Io(late())))
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof)
}
