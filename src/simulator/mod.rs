//! The APIs in miniature, over real HTTP on loopback: for `etl demo` and the tests.
//!
//! A [`Simulator`] serves a [`World`]. A seeded world is a pure function of (seed, scale, day): nothing is stored, so it may
//! hold a million cases, and moving it to another day is one store. A recorded world passes recorded bytes through. Both
//! answer as the services are documented to, with their paging, limits and error bodies; [`Fault`]s are scripted on top.
//!
//! Limits: only the methods that the sources of this project call; filters of `get_cases` other than times and
//! creators are ignored, as TestRail ignores what it does not know; a Bugzilla search refuses parameters and operators it
//! does not know. Every event of a simulated day happens before 04:00 UTC of it.

mod answer;
mod apis;
mod bigquery;
mod bitrise;
mod bugzilla;
mod calendar;
mod confluence;
mod connection;
mod desk;
mod fault;
mod github;
mod jira;
mod json;
mod looker;
mod oddity;
mod query;
mod random;
mod rate;
mod recorded;
mod sentry;
mod server;
mod slack;
mod taskcluster;
mod testrail;
mod trains;
mod world;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use chrono::NaiveDate;
use tokio::runtime::{Builder, Runtime};

pub use bigquery::BIGQUERY_DATASET;
pub use desk::Rendering;
pub use fault::{Fault, FaultKind, RetryAfter};
pub use rate::RateLimit;
pub use recorded::RecordedFiles;
pub use slack::{SLACK_CHANNELS, SLACK_TOKEN, SLACK_WEBHOOK_SECRET, SlackMessage, refusal as slack_refusal};
pub use world::{Scale, World};

use connection::Acceptor;
use server::{Shared, lock};

/// The user name that TestRail accepts.
pub const TESTRAIL_USER: &str = "etl@example.test";
/// The password that TestRail accepts.
pub const TESTRAIL_PASSWORD: &str = "simulated-testrail-password";
/// The value of `X-BUGZILLA-API-KEY` that Bugzilla accepts. Without the header a caller is anonymous and sees public bugs.
pub const BUGZILLA_KEY: &str = "simulated-key";

/// The user name that Jira and Confluence accept.
pub const ATLASSIAN_USER: &str = "etl@example.test";
/// The API token that Jira and Confluence accept.
pub const ATLASSIAN_TOKEN: &str = "simulated-atlassian-token";
/// The token that GitHub accepts.
pub const GITHUB_TOKEN: &str = "simulated-github-token";
/// The organization that Sentry knows.
pub const SENTRY_ORGANIZATION: &str = "mozilla";
/// The token that Sentry accepts.
pub const SENTRY_TOKEN: &str = "simulated-sentry-token";
/// The slug of the app that Bitrise builds.
pub const BITRISE_APP: &str = "6c06d3a40422d10f";
/// The token that Bitrise accepts.
pub const BITRISE_TOKEN: &str = "simulated-bitrise-token";
/// The client id that Looker accepts.
pub const LOOKER_CLIENT: &str = "simulated-client";
/// The secret that Looker accepts.
pub const LOOKER_SECRET: &str = "simulated-secret";

/// How the server behaves when no fault is due.
#[derive(Clone, Debug)]
pub struct Options {
    /// The day at the start; the world's first day where it is not given.
    pub day: Option<NaiveDate>,
    /// Time before every answer.
    pub latency: Duration,
    /// Whether about half of TestRail's longer lists shift while they are read, so that a record comes on two pages.
    pub duplicates: bool,
    /// The rate limit of TestRail, if it has one.
    pub testrail_rate_limit: Option<RateLimit>,
    /// The rate limit of Bugzilla, if it has one.
    pub bugzilla_rate_limit: Option<RateLimit>,
    /// Whether requests are kept for [`Simulator::requests`]: those of a simulated year would take more room than all else.
    pub keep_requests: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { day: None, latency: Duration::ZERO, duplicates: true, testrail_rate_limit: None, bugzilla_rate_limit: None, keep_requests: true }
    }
}

/// A request that the simulator received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The HTTP method.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// The status answered; none when the connection was reset before the answer, or while the answer is being made.
    pub status: Option<u16>,
    /// Names of the headers sent, in lower case. Values are not kept.
    pub header_names: Vec<String>,
    /// Whether a scripted fault hit it.
    pub faulty: bool,
}

impl Received {
    /// Whether this header was sent; `name` in lower case.
    pub fn has_header(&self, name: &str) -> bool {
        self.header_names.iter().any(|own| own == name)
    }
}

/// A running server. Dropping it closes the port and every connection.
#[derive(Debug)]
pub struct Simulator {
    shared: Arc<Shared>,
    first_day: NaiveDate,
    address: SocketAddr,
    /// Its own thread: a caller that blocks, or pauses time, does not hold the server up; and stopping it is certain.
    runtime: Option<Runtime>,
}

impl Simulator {
    /// Starts serving `world` on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be opened or no thread started.
    // Nothing waits here today; callers are async, and a start that waits must not change them.
    #[expect(clippy::unused_async, reason = "part of the interface")]
    pub async fn start(world: World, options: Options) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("simulator").enable_all().build()?;
        let first_day = world.first_day();
        let day = (options.day.unwrap_or(first_day) - first_day).num_days();
        let shared = Arc::new(Shared::new(world, options, day));
        let acceptor = {
            let _inside = runtime.enter();
            Acceptor(tokio::net::TcpListener::from_std(listener)?)
        };
        runtime.spawn(server::serve(acceptor, Arc::clone(&shared)));
        Ok(Self { shared, first_day, address, runtime: Some(runtime) })
    }

    /// The base of TestRail, without a slash at the end; a client adds `/index.php?/api/v2/`.
    pub fn testrail_url(&self) -> String {
        format!("http://{}/testrail", self.address)
    }

    /// The base of Bugzilla's REST API, without a slash at the end.
    pub fn bugzilla_url(&self) -> String {
        format!("http://{}/bugzilla/rest", self.address)
    }

    /// The variables with which `etl` reads every source from here.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let here = format!("http://{}", self.address);
        vec![
            ("ETL_TESTRAIL_BASE_URL", format!("{here}/testrail/index.php?/api/v2/")),
            ("TESTRAIL_USERNAME", TESTRAIL_USER.to_owned()),
            ("TESTRAIL_PASSWORD", TESTRAIL_PASSWORD.to_owned()),
            ("ETL_BUGZILLA_BASE_URL", format!("{here}/bugzilla/rest")),
            ("BUGZILLA_API_KEY", BUGZILLA_KEY.to_owned()),
            ("ETL_JIRA_BASE_URL", format!("{here}/jira/rest/api/3/")),
            ("ETL_GITHUB_BASE_URL", format!("{here}/github/")),
            ("GITHUB_TOKEN", GITHUB_TOKEN.to_owned()),
            ("ETL_CONFLUENCE_BASE_URL", format!("{here}/confluence/wiki/rest/api/")),
            ("ATLASSIAN_USERNAME", ATLASSIAN_USER.to_owned()),
            ("ATLASSIAN_API_TOKEN", ATLASSIAN_TOKEN.to_owned()),
            ("ETL_SENTRY_BASE_URL", format!("{here}/sentry/api/0/organizations/{SENTRY_ORGANIZATION}/")),
            ("SENTRY_API_TOKEN", SENTRY_TOKEN.to_owned()),
            ("ETL_WHATTRAINISITNOW_BASE_URL", format!("{here}/trains/api/")),
            ("ETL_BITRISE_BASE_URL", format!("{here}/bitrise/v0.1/apps/{BITRISE_APP}/")),
            ("BITRISE_TOKEN", BITRISE_TOKEN.to_owned()),
            ("ETL_TASKCLUSTER_BASE_URL", format!("{here}/taskcluster/api/")),
            ("ETL_LOOKER_BASE_URL", format!("{here}/looker/api/4.0/")),
            ("LOOKER_CLIENT_ID", LOOKER_CLIENT.to_owned()),
            ("LOOKER_SECRET", LOOKER_SECRET.to_owned()),
        ]
    }

    /// Moves the world to `day`, forth or back. Requests that are being answered keep their day. A recorded world stays.
    pub fn set_day(&self, day: NaiveDate) {
        self.shared.day.store((day - self.first_day).num_days(), Ordering::Release);
    }

    /// Renders a look in this way from now on.
    pub fn script_rendering(&self, look: &str, rendering: Rendering) {
        lock(&self.shared.desk).renderings.insert(look.to_owned(), rendering);
    }

    /// The text of a page of Confluence.
    pub fn page(&self, id: &str) -> Option<String> {
        confluence::saved(&lock(&self.shared.desk), self.shared.today()?, id).map(|saved| saved.body)
    }

    /// The version of a page of Confluence.
    pub fn page_version(&self, id: &str) -> Option<u64> {
        confluence::saved(&lock(&self.shared.desk), self.shared.today()?, id).map(|saved| saved.number)
    }

    /// Somebody saves a page.
    pub fn edit_page(&self, id: &str, body: &str) {
        if let Some(today) = self.shared.today() {
            confluence::save(&mut lock(&self.shared.desk), today, id, body, "Ana Example");
        }
    }

    /// Somebody saves a page just before it is written next; several wait for one write each.
    pub fn edit_before_write(&self, id: &str, body: &str) {
        lock(&self.shared.desk).interruptions.entry(id.to_owned()).or_default().push(body.to_owned());
    }

    /// Nobody saves before the next writes of a page any more.
    pub fn drop_edits(&self, id: &str) {
        lock(&self.shared.desk).interruptions.remove(id);
    }

    /// Somebody attaches a file to a page.
    pub fn attach(&self, page: &str, title: &str, comment: &str, content: &str) {
        let mut desk = lock(&self.shared.desk);
        let id = format!("att{}", desk.number());
        let file = desk::File { id, title: title.to_owned(), comment: comment.to_owned(), version: 1, content: content.into() };
        desk.files.entry(page.to_owned()).or_default().push(file);
    }

    /// The files of a page: names, comments and sizes.
    pub fn attachments(&self, page: &str) -> Vec<(String, String, usize)> {
        let desk = lock(&self.shared.desk);
        let files = desk.files.get(page).into_iter().flatten();
        files.map(|file| (file.title.clone(), file.comment.clone(), file.content.len())).collect()
    }

    /// Adds a fault to the script.
    pub fn script(&self, fault: Fault) {
        lock(&self.shared.script).add(fault);
    }

    /// The variables with which `etl` makes views in BigQuery here. Each call gives the account a new key, and the former one
    /// counts no more.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn bigquery_variables(&self) -> io::Result<Vec<(&'static str, String)>> {
        let here = format!("http://{}/bigquery", self.address);
        let (file, public) = bigquery::new_key(&format!("{here}/token"))?;
        lock(&self.shared.bigquery).key = public;
        Ok(vec![
            ("ETL_BIGQUERY_BASE_URL", format!("{here}/v2/")),
            ("BIGQUERY_PROJECT", "simulated".to_owned()),
            ("BIGQUERY_DATASET", BIGQUERY_DATASET.to_owned()),
            ("BIGQUERY_CONNECTION", "us.cloud-sql".to_owned()),
            ("GCLOUD_AUTH", file),
        ])
    }

    /// The statements that BigQuery ran.
    pub fn bigquery_statements(&self) -> Vec<String> {
        lock(&self.shared.bigquery).statements.clone()
    }

    /// Changes what BigQuery has under a name, as somebody by hand; `None` takes it away.
    pub fn set_bigquery_table(&self, name: &str, table: Option<serde_json::Value>) {
        let mut held = lock(&self.shared.bigquery);
        match table {
            Some(table) => drop(held.tables.insert(name.to_owned(), table)),
            None => drop(held.tables.remove(name)),
        }
    }

    /// The messages that Slack took, in the order of their arrival.
    pub fn slack_messages(&self) -> Vec<SlackMessage> {
        lock(&self.shared.slack).clone()
    }

    /// The variables with which `etl` posts to Slack here, with a bot token; without one, through webhooks.
    pub fn slack_variables(&self, bot: bool) -> Vec<(&'static str, String)> {
        const NAMES: [(&str, &str); 3] = [
            ("SLACK_CHANNEL_ID_IOS", "SLACK_WEBHOOK_IOS"),
            ("SLACK_CHANNEL_ID_HEALTH", "SLACK_WEBHOOK_HEALTH"),
            ("SLACK_CHANNEL_ID_SANDBOX", "SLACK_WEBHOOK_SANDBOX"),
        ];
        let here = format!("http://{}/slack", self.address);
        let mut variables = vec![("ETL_SLACK_BASE_URL", format!("{here}/api/"))];
        for ((id, webhook), channel) in NAMES.into_iter().zip(SLACK_CHANNELS) {
            if bot {
                variables.push((id, channel.to_owned()));
            } else {
                variables.push((webhook, format!("{here}/services/T0/{channel}/{SLACK_WEBHOOK_SECRET}")));
            }
        }
        if bot {
            variables.push(("SLACK_BOT_TOKEN", SLACK_TOKEN.to_owned()));
        }
        variables
    }

    /// All requests so far, in the order of their arrival; none where they are not kept.
    pub fn requests(&self) -> Vec<Received> {
        lock(&self.shared.received).clone()
    }

    /// Stops the server: the port is closed and connections break. Dropping does the same.
    pub fn shutdown(self) {
        drop(self);
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for the threads is not allowed where the caller itself is async.
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests;
