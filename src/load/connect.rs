//! Connecting to a server: a limit of time for each attempt, and a few attempts while nobody listens (a proxy that starts
//! beside us, a server that restarts).

use std::{io, time::Duration};

use sqlx::{ConnectOptions, Connection, error::DatabaseError};

use super::relay::{ByTcp, relayed};
use crate::error::Error;

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(10);

/// Pauses before the next attempts.
const PAUSES: [Duration; 4] = [Duration::from_millis(200), Duration::from_millis(400), Duration::from_millis(800), Duration::from_millis(1_600)];

/// What helps when a server, or the disk of a SQLite file, has no room left.
pub(super) const DISK_FULL: &str = "the database's disk is full: free some space and run the load again; this table is as it was";

/// Connects. What the server itself refuses (account, database, TLS) is told at once.
pub(super) async fn connect<C: Connection<Options: ByTcp>>(options: &C::Options) -> sqlx::Result<C> {
    for pause in PAUSES {
        match attempt::<C>(options).await {
            Err(error) if is_passing(&error) => tokio::time::sleep(pause).await,
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

/// Why there is no connection, and where it was to lead. `failed` makes an error of what the server answers.
pub(super) fn unconnected<O: ByTcp>(options: &O, error: sqlx::Error, failed: impl FnOnce(sqlx::Error, String) -> Error) -> Error {
    let is_silent = matches!(error, sqlx::Error::Io(_));
    let place = options.server().map(|(host, port)| format!(" at {host}:{port}")).unwrap_or_default();
    let told = failed(error, format!("cannot connect to the database{place}"));
    if is_silent { told.hint("see that the server runs, and the proxy before it (`db/run-proxy`), and that this is its address") } else { told }
}

/// Whether the server, or a proxy before it, is not there yet: nobody listens, or PostgreSQL says that it is starting up.
fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => {
            matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof)
        }
        error => error.as_database_error().and_then(DatabaseError::code).is_some_and(|code| code == "57P03"),
    }
}

#[cfg(test)]
mod tests {
    use sqlx::mysql::MySqlConnectOptions;

    use super::*;
    use crate::error::Kind;

    #[test]
    fn who_is_not_heard_is_named() {
        let options = MySqlConnectOptions::new().host("127.0.0.1").port(3307).password("geheim");
        let failed = |error, message| Error::new(Kind::Database, message).because(error);
        let told = unconnected(&options, sqlx::Error::Io(io::ErrorKind::ConnectionRefused.into()), failed);
        assert_eq!(told.to_string(), "cannot connect to the database at 127.0.0.1:3307");
        assert!(told.remedy().is_some_and(|hint| hint.contains("db/run-proxy")));
        let answered = unconnected(&options, sqlx::Error::PoolClosed, failed);
        assert!(!answered.remedy().is_some_and(|hint| hint.contains("db/run-proxy")));
    }
}
