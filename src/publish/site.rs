//! Sites that are posted to and have no source file: how to talk to them.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{
    catalog::{Auth, Client, RateLimit, Retry, Source},
    error::Result,
    events::Observer,
    http::HttpClient,
    settings::Settings,
};

/// A client for `base_url`, which `ETL_<NAME>_BASE_URL` overrides.
///
/// # Errors
/// As [`HttpClient::new`].
pub(super) fn client(name: &str, base_url: &str, auth: Auth, settings: &Settings, observer: Arc<dyn Observer>) -> Result<HttpClient> {
    let client = Client {
        base_url: base_url.to_owned(),
        auth,
        headers: Vec::new(),
        // Slack takes about one message a second in a channel, and says how long to wait where that was too fast.
        rate_limit: RateLimit { requests: 0, per: Duration::from_secs(1), concurrency: 1 },
        retry: Retry { attempts: None, max_elapsed: Duration::from_secs(180), statuses: Vec::new(), limited_wait: Duration::from_secs(60) },
        timeout: Duration::from_secs(60),
        max_body: 16_000_000,
        probe: None,
        ping: None,
        error: None,
        responses: Vec::new(),
    };
    let source =
        Source { name: name.to_owned(), description: String::new(), file: PathBuf::from("etl.toml"), client: Some(client), endpoints: Vec::new() };
    HttpClient::new(&source, settings, settings.clock.clone(), observer)
}
