//! GitHub's REST API: the issues of a repository, pull requests among them.
//!
//! As the service does it: `Link` names pages by the repository's id from the first page on, the last page has no next one, and every
//! answer says how much of the limit is left.

mod issue;

use super::{
    GITHUB_TOKEN,
    answer::{Answer, Records},
    apis::Call,
    json::{Object, Style, Value},
};
use issue::Issue;

/// A repository.
#[derive(Debug)]
pub(super) struct Repository {
    pub(super) owner: &'static str,
    pub(super) name: &'static str,
    pub(super) id: u64,
    pub(super) weight: u64,
}

pub(super) const REPOSITORIES: [Repository; 3] = [
    Repository { owner: "mozilla-mobile", name: "firefox-ios", id: 90_330_000, weight: 5 },
    Repository { owner: "mozilla-mobile", name: "fenix", id: 169_682_000, weight: 3 },
    Repository { owner: "mozilla-mobile", name: "focus-ios", id: 45_340_000, weight: 1 },
];

const DOCUMENTATION: &str = "https://docs.github.com/rest/issues/issues#list-repository-issues";

/// Answers below `/github/`.
pub(super) fn answer(call: &Call<'_>) -> Answer {
    let mut answer = unlimited(call);
    let reset = call.today.now() + 3600;
    answer.headers.extend([
        ("x-ratelimit-limit", "5000".to_owned()),
        ("x-ratelimit-remaining", "4987".to_owned()),
        ("x-ratelimit-reset", reset.to_string()),
        ("x-ratelimit-used", "13".to_owned()),
        ("x-ratelimit-resource", "core".to_owned()),
    ]);
    answer
}

fn unlimited(call: &Call<'_>) -> Answer {
    if call.authorization != Some(format!("Bearer {GITHUB_TOKEN}").as_str()) {
        return message(401, "Bad credentials");
    }
    let parts: Vec<&str> = call.path.split('/').collect();
    let found = match parts.as_slice() {
        ["rate_limit"] => return Answer::json(200, r#"{"resources":{"core":{"limit":5000,"used":13,"remaining":4987}}}"#),
        ["repos", owner, name, "issues"] => REPOSITORIES.iter().find(|one| one.owner == *owner && one.name == *name),
        ["repositories", id, "issues"] => REPOSITORIES.iter().find(|one| one.id.to_string() == *id),
        _ => None,
    };
    found.map_or_else(|| message(404, "Not Found"), |repository| issues(call, repository))
}

fn issues(call: &Call<'_>, repository: &'static Repository) -> Answer {
    let query = &call.query;
    let mut found: Vec<Issue<'_>> = Issue::of_repository(call.today, repository).collect();
    match query.get("state").unwrap_or("open") {
        "all" => {}
        state => found.retain(|issue| issue.state() == state),
    }
    if let Some(since) = query.get("since") {
        let Ok(since) = chrono::DateTime::parse_from_rfc3339(since) else { return message(422, "Validation Failed") };
        found.retain(|issue| issue.updated_on() >= since.timestamp());
    }
    let by_update = query.get("sort") == Some("updated");
    found.sort_by_key(|issue| (if by_update { issue.updated_on() } else { issue.created_on() }, issue.number));
    if query.get("direction") != Some("asc") {
        found.reverse();
    }
    let size = query.number("per_page").and_then(|size| usize::try_from(size).ok()).unwrap_or(30).clamp(1, 100);
    let page = query.number("page").and_then(|page| usize::try_from(page).ok()).unwrap_or(1).max(1);
    let last = found.len().div_ceil(size).max(1);
    let mut body = Vec::from(*b"[");
    for issue in found.iter().skip((page - 1) * size).take(size) {
        if body.len() > 1 {
            body.push(b',');
        }
        issue.write(&mut body);
    }
    body.push(b']');
    let records = Some(Records { member: 0..body.len(), array: 0..body.len() });
    let mut answer = Answer { records, ..Answer::json(200, body) };
    let base = call.url.split("/github/").next().unwrap_or_default();
    let link = |page: usize, rel: &str| {
        format!("<{base}/github/repositories/{}/issues?{}>; rel=\"{rel}\"", repository.id, query.with("page", &page.to_string()))
    };
    let mut links = Vec::new();
    if page > 1 {
        links.extend([link(page - 1, "prev"), link(1, "first")]);
    }
    if page < last {
        links.extend([link(page + 1, "next"), link(last, "last")]);
    }
    if !links.is_empty() {
        answer.headers.push(("link", links.join(", ")));
    }
    answer
}

/// An error as GitHub words it.
fn message(status: u16, text: &str) -> Answer {
    let members: Object = vec![
        ("message".into(), text.to_owned().into()),
        ("documentation_url".into(), DOCUMENTATION.into()),
        ("status".into(), status.to_string().into()),
    ];
    Answer { status, ..Answer::value(&Value::Object(members), Style::Compact) }
}
