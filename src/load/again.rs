//! When a load gives way to somebody else, and is tried again.

use std::{error::Error as StdError, time::Duration};

use sqlx::error::DatabaseError;

use crate::error::Error;

/// Pauses before the next attempts.
pub(super) const PAUSES: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(200), Duration::from_millis(800)];

/// Whether the server has rolled the transaction back so that another one could go on: a deadlock, or a failed
/// serialization. Nothing is wrong with the load; MySQL and PostgreSQL have the same codes for it.
pub(super) fn gave_way(error: &Error) -> bool {
    let mut cause = StdError::source(error);
    while let Some(error) = cause {
        let code = error.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error).and_then(DatabaseError::code);
        if code.is_some_and(|code| matches!(code.as_ref(), "40001" | "40P01")) {
            return true;
        }
        cause = error.source();
    }
    false
}
