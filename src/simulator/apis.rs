//! The APIs that need nothing but a path, a query and a login, and where they are found.

use std::sync::Mutex;

use axum::http::Method;

use super::{
    answer::Answer,
    bitrise, confluence,
    desk::Desk,
    github, jira, looker,
    query::Query,
    sentry, taskcluster, trains,
    world::{Kind, Today},
};

/// One request to an API of this table.
#[derive(Clone, Debug)]
pub(super) struct Call<'a> {
    pub(super) today: Today<'a>,
    pub(super) method: &'a Method,
    /// The path below the API's own.
    pub(super) path: &'a str,
    pub(super) query: Query,
    pub(super) authorization: Option<&'a str>,
    /// What was posted.
    pub(super) body: &'a [u8],
    pub(super) content_type: Option<&'a str>,
    /// Whether the header that Confluence wants with files was sent.
    pub(super) nocheck: bool,
    /// What clients have written.
    pub(super) desk: &'a Mutex<Desk>,
    /// The URL of this request without its query, for links.
    pub(super) url: String,
}

/// What of a request the table needs.
#[derive(Clone, Debug)]
pub(super) struct Asked<'a> {
    pub(super) kind: &'a Kind,
    /// The day of a seeded world.
    pub(super) day: i64,
    pub(super) method: &'a Method,
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) authorization: Option<&'a str>,
    pub(super) body: &'a [u8],
    pub(super) content_type: Option<&'a str>,
    pub(super) nocheck: bool,
    pub(super) desk: &'a Mutex<Desk>,
}

type Api = fn(&Call<'_>) -> Answer;

const APIS: [(&str, Api); 8] = [
    ("/bitrise/v0.1/", bitrise::answer),
    ("/confluence/wiki/rest/api/", confluence::answer),
    ("/github/", github::answer),
    ("/jira/rest/api/3/", jira::answer),
    ("/looker/api/4.0/", looker::answer),
    ("/sentry/api/0/", sentry::answer),
    ("/taskcluster/api/", taskcluster::answer),
    ("/trains/api/", trains::answer),
];

/// The answer, if the path belongs to one of these APIs.
pub(super) fn answer(asked: &Asked<'_>) -> Option<Answer> {
    let (path, api) = APIS.iter().find_map(|(prefix, api)| Some((asked.path.strip_prefix(prefix)?, api)))?;
    Some(match asked.kind {
        Kind::Seeded(world) => api(&Call {
            today: Today { world, day: asked.day },
            method: asked.method,
            path,
            query: Query::parse(asked.query),
            authorization: asked.authorization,
            body: asked.body,
            content_type: asked.content_type,
            nocheck: asked.nocheck,
            desk: asked.desk,
            url: format!("http://{}{}", asked.host, asked.path),
        }),
        Kind::Recorded(recorded) => recorded.answer(asked.path, asked.query).unwrap_or_else(|| Answer::json(404, r#"{"message":"not recorded"}"#)),
    })
}
