//! The one error type: what kind of failure, what happened where, what to do, and the cause.
//!
//! The message never repeats its source's text; the renderer in `term` prints the chain. Exit code, retry class and
//! remedy of every kind stand in three exhaustive tables, so a new kind cannot forget one.

use std::{error::Error as StdError, fmt};

use crate::secret::scrub;

/// What every fallible function of the crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kinds of failure that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The command line asks for something that does not exist or does not fit together.
    Usage,
    /// `etl.toml`, a source file, a model or a seed is wrong.
    Config,
    /// An environment variable that the work needs is missing or empty.
    MissingVariable,
    /// The selection holds nothing to do.
    NothingSelected,
    /// Some scopes or partitions failed; what was complete is committed.
    Partial,
    /// The API refused the credentials (401, or 403 on everything).
    Unauthorized,
    /// The API answered a definite "no such thing" where that is not a fact about one partition.
    NotFound,
    /// The API refused the request for good (other 4xx).
    Refused,
    /// Too many requests, still so after all attempts.
    RateLimited,
    /// 5xx or another passing answer, still so after all attempts.
    Unavailable,
    /// Connection refused, reset, cut, DNS, TLS.
    Network,
    /// No answer in time.
    TimedOut,
    /// A response that cannot be trusted: HTML, cut JSON, an error body with status 200.
    BadResponse,
    /// A whole JSON response without the records where the source file says that they are.
    WrongShape,
    /// Paging did not end as it should: a cap, a loop, a total that does not match.
    Incomplete,
    /// The lake cannot be read or written, or holds something unexpected.
    Lake,
    /// DuckDB refused a statement.
    Sql,
    /// A result breaks its contract.
    Contract,
    /// An audit found bad rows.
    Audit,
    /// The destination database failed or refused.
    Database,
    /// Rows do not fit into the destination's columns.
    Preflight,
    /// A guard stopped a load that would remove too much, go back in time, or touch rows of others.
    Guard,
    /// Another process holds a lock.
    Locked,
    /// The user interrupted (Ctrl-C, SIGINT).
    Interrupted,
    /// The process was asked to end (SIGTERM): a cancelled job.
    Terminated,
    /// A local file cannot be read or written.
    Io,
    /// A defect of this program.
    Internal,
}

impl Kind {
    /// Process exit code: 1 failed, 2 usage or configuration, 3 some scopes failed, 4 nothing selected; 130 and 143 by signal.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage | Self::Config | Self::MissingVariable => 2,
            Self::Partial => 3,
            Self::NothingSelected => 4,
            // 128 and the number of the signal, as shells report it.
            Self::Interrupted => 130,
            Self::Terminated => 143,
            Self::Unauthorized
            | Self::NotFound
            | Self::Refused
            | Self::RateLimited
            | Self::Unavailable
            | Self::Network
            | Self::TimedOut
            | Self::BadResponse
            | Self::WrongShape
            | Self::Incomplete
            | Self::Lake
            | Self::Sql
            | Self::Contract
            | Self::Audit
            | Self::Database
            | Self::Preflight
            | Self::Guard
            | Self::Locked
            | Self::Io
            | Self::Internal => 1,
        }
    }

    /// Whether trying the same request again may help.
    pub fn retryable(self) -> bool {
        match self {
            Self::RateLimited | Self::Unavailable | Self::Network | Self::TimedOut | Self::BadResponse => true,
            Self::Usage
            | Self::Config
            | Self::MissingVariable
            | Self::NothingSelected
            | Self::Partial
            | Self::Unauthorized
            | Self::NotFound
            | Self::Refused
            | Self::WrongShape
            | Self::Incomplete
            | Self::Lake
            | Self::Sql
            | Self::Contract
            | Self::Audit
            | Self::Database
            | Self::Preflight
            | Self::Guard
            | Self::Locked
            | Self::Interrupted
            | Self::Terminated
            | Self::Io
            | Self::Internal => false,
        }
    }

    /// What the person in front of it can do, where the error itself carries no better hint.
    pub fn remedy(self) -> Option<&'static str> {
        match self {
            Self::Usage => Some("see `etl --help`"),
            Self::Config => Some("correct the file and run `etl doctor --offline`"),
            Self::MissingVariable => Some("set the variable; `etl doctor` lists all that are needed"),
            Self::NothingSelected => Some("`etl lineage` lists what can be selected"),
            Self::Partial => Some("run the same command again; what succeeded is kept"),
            Self::Unauthorized => Some("check the credentials and their rights; `etl doctor` tries each source"),
            Self::NotFound | Self::Refused => {
                Some("check the credentials, the source's base URL, and the endpoint's path and parameters; `etl doctor` tries each")
            }
            Self::RateLimited => Some("run again later, or lower `rate_limit` for the source in etl.toml"),
            Self::Unavailable | Self::Network | Self::TimedOut => Some("run the same command again; add `--resume` to keep what was pulled"),
            Self::WrongShape => Some("compare the response with `records` of the endpoint in the source file; the API may have changed"),
            Self::BadResponse => Some("look at the answer in the pull's requests file; `etl status` names it"),
            Self::Incomplete => Some("nothing was changed; run again, and raise the cap if the list really is that long"),
            Self::Lake => Some("check the lake's location and free space; nothing half-written is visible"),
            Self::Sql | Self::Contract | Self::Audit => Some("the last good result stays in place; correct the model and run `etl transform`"),
            Self::Database => Some("the load was rolled back; check the database and run `etl load` again"),
            Self::Preflight => Some("the table was not touched; correct the model, or widen the column by a migration"),
            Self::Guard => Some("the table was not touched; look at `etl load --plan` before you overrule it"),
            Self::Locked => Some("wait for the other process, then run again"),
            Self::Interrupted | Self::Terminated => Some("run again with `--resume` to continue"),
            Self::Io => None,
            Self::Internal => Some("this is a defect of etl; please report it with the command and the output"),
        }
    }
}

/// A failure: kind, message, optional hint, optional cause.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// `message` says what failed and where, as a lowercase fragment without a full stop.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), hint: None, source: None }))
    }

    /// Attaches the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Attaches what to do; it replaces the kind's remedy.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Wraps this error into one with more context, keeping kind and hint.
    #[must_use]
    pub fn within(self, message: impl Into<String>) -> Self {
        let (kind, hint) = (self.0.kind, self.0.hint.clone());
        Self(Box::new(Inner { kind, message: message.into(), hint, source: Some(Box::new(self)) }))
    }

    /// The kind of failure.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The message and those of its causes, without the ones that the line above already holds: some libraries repeat their
    /// source in their message.
    pub fn chain(&self) -> Vec<String> {
        let mut messages = vec![self.to_string()];
        let mut cause = StdError::source(self);
        while let Some(error) = cause {
            let message = scrub(&error.to_string()).into_owned();
            if !message.trim().is_empty() && !messages.last().is_some_and(|above| above.contains(message.trim())) {
                messages.push(message);
            }
            cause = error.source();
        }
        messages
    }

    /// The same as one text, for tables and logs.
    pub fn told(&self) -> String {
        self.chain().join(": ")
    }

    /// What to do about it, if anything is known.
    pub fn remedy(&self) -> Option<&str> {
        self.0.hint.as_deref().or_else(|| self.0.kind.remedy())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&scrub(&self.0.message))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.0.kind, scrub(&self.0.message))?;
        let mut cause = StdError::source(self);
        while let Some(error) = cause {
            write!(f, ": {}", scrub(&error.to_string()))?;
            cause = error.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// Gives a foreign error a kind and a message of ours.
pub trait OrFail<T> {
    /// Turns the error into ours, with the foreign one as its cause.
    fn or_fail<M: Into<String>>(self, kind: Kind, message: impl FnOnce() -> M) -> Result<T>;
}

impl<T, E: Into<Box<dyn StdError + Send + Sync>>> OrFail<T> for std::result::Result<T, E> {
    fn or_fail<M: Into<String>>(self, kind: Kind, message: impl FnOnce() -> M) -> Result<T> {
        self.map_err(|source| Error::new(kind, message()).because(source))
    }
}

impl From<std::io::Error> for Error {
    fn from(source: std::io::Error) -> Self {
        // fs_err puts the path into the message, so nothing is added here.
        Self::new(Kind::Io, source.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn within_keeps_kind_hint_and_cause() {
        let error = Error::new(Kind::Guard, "too many deletes").hint("look first").within("table `a`");
        assert_eq!(error.kind(), Kind::Guard);
        assert_eq!(error.remedy(), Some("look first"));
        assert_eq!(StdError::source(&error).map(ToString::to_string).as_deref(), Some("too many deletes"));
    }
}
