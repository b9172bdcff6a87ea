//! One API: where it is, how to log in, how fast to ask, and its endpoints.

use std::{path::PathBuf, time::Duration};

use super::Endpoint;

/// An API as `sources/<name>.toml` describes it.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file's stem: `testrail`.
    pub name: String,
    /// One sentence.
    pub description: String,
    /// The file, relative to the project.
    pub file: PathBuf,
    /// Connection and manners.
    pub client: Client,
    /// In the order of the file.
    pub endpoints: Vec<Endpoint>,
}

/// How to talk to an API. Texts may hold `${VARIABLE}`, resolved when the source is used.
#[derive(Clone, Debug)]
pub struct Client {
    /// Full URL or bare host, may already hold a `?`.
    pub base_url: String,
    /// How requests prove who asks.
    pub auth: Auth,
    /// Further headers of every request.
    pub headers: Vec<(String, String)>,
    /// How fast to ask.
    pub rate_limit: RateLimit,
    /// How long to try.
    pub retry: Retry,
    /// Limit of one attempt.
    pub timeout: Duration,
    /// Largest body that is accepted, in bytes.
    pub max_body: u64,
    /// JSON pointer whose presence with a truthy value marks an error body, whatever the status.
    pub error: Option<String>,
    /// A cheap path that needs the credentials, for `etl doctor`.
    pub probe: Option<String>,
    /// What particular answers mean, the first match wins, before the rules by status.
    pub responses: Vec<ResponseRule>,
}

/// How requests prove who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Public.
    None,
    /// HTTP Basic.
    Basic { user: String, password: String },
    /// A header with a key.
    Header { name: String, value: String },
}

/// Requests per time, and how many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests allowed in `per`; 0 = no limit.
    pub requests: u32,
    /// The window.
    pub per: Duration,
    /// Requests under way at once.
    pub concurrency: u32,
}

/// Limits of trying again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// Time in all, waiting included.
    pub max_elapsed: Duration,
    /// Statuses that may pass, besides 408, 425, 429, 500, 502, 503, 504.
    pub statuses: Vec<u16>,
}

/// A rule for one kind of answer.
#[derive(Clone, Debug, PartialEq)]
pub struct ResponseRule {
    /// Only answers with this status.
    pub status: Option<u16>,
    /// Pointer into the JSON body.
    pub pointer: String,
    /// One of these values (numbers or texts), if not empty.
    pub equals: Vec<serde_json::Value>,
    /// A text that the value contains, ignoring case.
    pub contains: Option<String>,
    /// What it means.
    pub means: Means,
}

/// What an answer means for the partition that asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// The thing does not exist (any more).
    Gone,
    /// It exists, and we may not read it.
    Forbidden,
    /// It may pass.
    Retry,
    /// A failure.
    Fail,
}
