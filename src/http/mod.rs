//! Asking an API over HTTP: one client per source with its base URL, credentials, rate limit, retries and checks.
//!
//! An answer leaves this room only when it can be trusted: right status, right type, right shape, whole. The only place
//! that knows reqwest. [`HttpClient::ask`] reads, [`HttpClient::send`] is for what changes something over there.

mod answer;
mod attempts;
mod auth;
mod base_url;
mod check;
mod client;
mod link;
mod quota;
mod rate_limit;
mod retry;
mod send;
mod session;

pub use answer::{Answer, Failure, Fetched, Got};
pub use auth::missing_variables;
pub use base_url::{BaseUrl, encode};
pub use client::{HttpClient, Request};
pub use link::{Link, next_link};
pub use quota::Quota;
pub use send::{Body, Outgoing, Part, Repeat, SendFailure, Sent, Verb};

#[cfg(test)]
mod tests;
