//! Jira Cloud's REST API v3: search by JQL, single issues, worklogs.
//!
//! As the service does it: pages end where no token is given, the server lowers the size of a page without a word, times have an
//! offset without a colon, and a search result embeds the first 20 worklogs only.

mod document;
mod issue;
mod search;
mod worklog;

use axum::http::Method;
use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{
    ATLASSIAN_TOKEN, ATLASSIAN_USER,
    answer::Answer,
    apis::Call,
    json::{Object, Style, Value},
};
use issue::Issue;
use worklog::Worklog;

/// Ids that `worklog/list` takes at once, and rows of a page of `worklog/updated`.
const MANY: usize = 1000;

/// Answers below `/jira/rest/api/3/`.
pub(super) fn answer(call: &Call<'_>) -> Answer {
    let expected = BASE64_STANDARD.encode(format!("{ATLASSIAN_USER}:{ATLASSIAN_TOKEN}"));
    let known = call.authorization.and_then(|text| text.strip_prefix("Basic ")) == Some(expected.as_str());
    let parts: Vec<&str> = call.path.trim_end_matches('/').split('/').collect();
    if parts == ["worklog", "list"] && call.method == Method::POST {
        return if known { listed(call) } else { object(vec![]) };
    }
    if call.method != Method::GET {
        return error(405, "Method not allowed");
    }
    match parts.as_slice() {
        ["myself"] if known => object(vec![
            ("accountId".into(), "5b10a2844c20165700ede21g".into()),
            ("emailAddress".into(), ATLASSIAN_USER.into()),
            ("displayName".into(), "Data Pump".into()),
            ("timeZone".into(), "America/Los_Angeles".into()),
        ]),
        ["myself"] => error(401, "Client must be authenticated to access this resource."),
        // Without rights a search is answered all the same, with what anybody may see: nothing.
        ["search", "jql"] => search::answer(call, known),
        _ if !known => error(404, "Issue does not exist or you do not have permission to see it."),
        ["issue", key] => match Issue::find(call.today, key) {
            Some(issue) => Answer::value(&Value::Object(issue.record(&call.query.words("fields"))), Style::Compact),
            None => error(404, "Issue does not exist or you do not have permission to see it."),
        },
        ["issue", key, "worklog"] => match Issue::find(call.today, key) {
            Some(issue) => of_issue(call, &issue),
            None => error(404, "Issue does not exist or you do not have permission to see it."),
        },
        ["worklog", "updated"] => changes(call, |line| line.updated_on(), |line| !line.is_deleted()),
        ["worklog", "deleted"] => changes(call, |line| line.deleted_on(), Worklog::is_deleted),
        _ => error(404, "The resource was not found."),
    }
}

/// The worklogs of one issue, the oldest first.
fn of_issue(call: &Call<'_>, issue: &Issue<'_>) -> Answer {
    let lines: Vec<Worklog> = issue.worklogs().into_iter().filter(|line| !line.is_deleted()).collect();
    let number = |name: &str, default: usize| call.query.number(name).and_then(|number| usize::try_from(number).ok()).unwrap_or(default);
    let (start, most) = (number("startAt", 0), number("maxResults", 5000).min(5000));
    let head = format!("{{\"startAt\":{start},\"maxResults\":{most},\"total\":{}", lines.len());
    Answer::envelope(&head, "worklogs", lines.iter().skip(start).take(most).map(Worklog::written))
}

/// Ids of the lines that changed at or after `since`, but for those of the last minute.
fn changes<'a>(call: &Call<'a>, at: impl Fn(&Worklog<'a>) -> i64, wanted: impl Fn(&Worklog<'a>) -> bool) -> Answer {
    let since = call.query.number("since").unwrap_or(0);
    let until_now = (call.today.now() - 60) * 1000;
    let mut found: Vec<(i64, u64)> = Issue::of_testers(call.today)
        .flat_map(|issue| issue.worklogs())
        .filter(|line| wanted(line))
        .map(|line| (at(&line) * 1000, line.id))
        .filter(|(at, _)| (since..=until_now).contains(at))
        .collect();
    found.sort_unstable();
    let is_last = found.len() <= MANY;
    found.truncate(MANY);
    let until = if is_last { until_now.max(since) } else { found.last().map_or(since, |(at, _)| *at) };
    let (own, here) = (&call.url, call.path);
    let next = if is_last { String::new() } else { format!(",\"nextPage\":\"{own}?since={until}\"") };
    let head = format!("{{\"since\":{since},\"until\":{until},\"self\":\"{own}?since={since}\"{next},\"lastPage\":{is_last}");
    debug_assert!(own.ends_with(here.trim_end_matches('/')) || own.ends_with(here));
    let rows = found.iter().map(|(at, id)| format!("{{\"worklogId\":{id},\"updatedTime\":{at},\"properties\":[]}}").into_bytes());
    Answer::envelope(&head, "values", rows)
}

/// The worklogs whose ids were posted; those that are gone are left out.
fn listed(call: &Call<'_>) -> Answer {
    let ids = serde_json::from_slice::<serde_json::Value>(call.body).ok().and_then(|body| {
        let ids = body.get("ids")?.as_array()?.iter().map(serde_json::Value::as_u64);
        ids.collect::<Option<Vec<u64>>>()
    });
    let Some(ids) = ids.filter(|ids| ids.len() <= MANY) else { return error(400, "The list of worklog IDs must hold 1 to 1000 numbers.") };
    let mut body = Vec::from(*b"[");
    for line in ids.iter().filter_map(|id| Worklog::find(call.today, *id)) {
        if body.len() > 1 {
            body.push(b',');
        }
        body.extend_from_slice(&line.written());
    }
    body.push(b']');
    Answer::json(200, body)
}

fn object(members: Object) -> Answer {
    Answer::value(&Value::Object(members), Style::Compact)
}

/// An error as Jira words it.
pub(super) fn error(status: u16, message: &str) -> Answer {
    let members: Object = vec![("errorMessages".into(), Value::list([message.to_owned()])), ("errors".into(), Value::Object(vec![]))];
    Answer { status, ..object(members) }
}

/// Unix seconds as Jira writes them for a user in California: with milliseconds, and an offset without a colon.
fn jira_time(seconds: i64) -> String {
    const BEHIND: i64 = 7 * 3600;
    let time = chrono::DateTime::<chrono::Utc>::from_timestamp(seconds - BEHIND, 0).unwrap_or_default();
    format!("{}.{:03}-0700", time.format("%Y-%m-%dT%H:%M:%S"), seconds.rem_euclid(1000))
}
