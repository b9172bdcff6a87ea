//! One API: where it is, how to log in, how fast to ask, and its endpoints.

use std::{path::PathBuf, time::Duration};

use super::Endpoint;
use crate::error::{Error, Kind, Result};

/// An API as `sources/<name>.toml` describes it.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file's stem: `testrail`.
    pub name: String,
    /// One sentence.
    pub description: String,
    /// The file, relative to the project.
    pub file: PathBuf,
    /// Connection and manners; none where `etl` itself writes what lands here.
    pub client: Option<Client>,
    /// In the order of the file.
    pub endpoints: Vec<Endpoint>,
}

impl Source {
    /// How to talk to it.
    ///
    /// # Errors
    /// [`Kind::Config`] for a source without an API.
    pub fn api(&self) -> Result<&Client> {
        self.client.as_ref().ok_or_else(|| Error::new(Kind::Config, format!("{}: the source has no API", self.file.display())))
    }
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
    /// A path that must be answered with 200 before a run asks for anything else: where bad rights look like fewer records.
    pub ping: Option<String>,
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
    /// A request that gives a token for a while.
    Login(Login),
}

/// How to get a token and where to put it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Path under the base URL, asked with POST.
    pub path: String,
    /// The form that is posted.
    pub form: Vec<(String, String)>,
    /// Pointer to the token in the answer.
    pub token: String,
    /// Pointer to the seconds that it is good for; without one it is used until it is refused.
    pub expires_in: Option<String>,
    /// The header that carries it.
    pub header: String,
    /// The word before it.
    pub scheme: String,
    /// Path under the base URL, asked with DELETE at the end.
    pub logout: Option<String>,
}

impl Client {
    /// Every text that may hold a `${VARIABLE}`, the base URL aside.
    pub fn credential_texts(&self) -> Vec<&str> {
        let mut texts: Vec<&str> = match &self.auth {
            Auth::None => Vec::new(),
            Auth::Basic { user, password } => vec![user, password],
            Auth::Header { value, .. } => vec![value],
            Auth::Login(login) => login.form.iter().map(|(_, value)| value.as_str()).collect(),
        };
        texts.extend(self.headers.iter().map(|(_, value)| value.as_str()));
        texts
    }

    /// The texts among them whose variables are secrets: a user's name is not.
    pub fn secret_texts(&self) -> Vec<&str> {
        let is_user = |text: &&str| matches!(&self.auth, Auth::Basic { user, .. } if user == text);
        self.credential_texts().into_iter().filter(|text| !is_user(text)).collect()
    }
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
    /// Attempts in all, the first included; `None` leaves `max_elapsed` as the only limit.
    pub attempts: Option<u32>,
    /// Time in all, waits included: no attempt starts after it.
    pub max_elapsed: Duration,
    /// Statuses that may pass, besides 408, 425, 429, 500, 502, 503, 504.
    pub statuses: Vec<u16>,
    /// The wait after a rate limit was hit, where the API does not state one.
    pub limited_wait: Duration,
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
