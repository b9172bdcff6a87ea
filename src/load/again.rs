//! When a load of a table is tried again: where it gave way to somebody else, and where its connection was lost.

use std::{error::Error as StdError, io, time::Duration};

use sqlx::error::DatabaseError;

use crate::error::Error;

/// How often a table is tried at most.
pub(super) const ATTEMPTS: usize = PAUSES.len() + 1;

/// Pauses before the next attempts.
pub(super) const PAUSES: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(200), Duration::from_millis(800)];

/// Whether the server has rolled the transaction back so that another one could go on: a deadlock, or a failed
/// serialization. Nothing is wrong with the load; MySQL and PostgreSQL have the same codes for it.
pub(super) fn gave_way(error: &Error) -> bool {
    any_cause(error, |error| code(error).is_some_and(|code| matches!(code.as_ref(), "40001" | "40P01")))
}

/// Whether the connection is gone: cut by the network, or by a server that stops or that an administrator told to. Whatever
/// had not been committed is undone; a rerun finds out what had.
pub(super) fn was_lost(error: &Error) -> bool {
    any_cause(error, |error| match error {
        sqlx::Error::Io(error) => {
            use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, TimedOut, UnexpectedEof};
            matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | TimedOut | UnexpectedEof)
        }
        error => code(error).is_some_and(|code| matches!(code.as_ref(), "57P01" | "57P02" | "70100") || code.starts_with("08")),
    })
}

fn code(error: &sqlx::Error) -> Option<std::borrow::Cow<'_, str>> {
    error.as_database_error().and_then(DatabaseError::code)
}

fn any_cause(error: &Error, is: impl Fn(&sqlx::Error) -> bool) -> bool {
    let mut cause = StdError::source(error);
    while let Some(error) = cause {
        if error.downcast_ref::<sqlx::Error>().is_some_and(&is) {
            return true;
        }
        cause = error.source();
    }
    false
}
