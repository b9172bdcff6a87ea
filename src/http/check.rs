//! What an answer means: pure, from its status, its content type, its body and the rules of the source.

use crate::{
    catalog::{Client, Means, ResponseRule},
    error::Kind,
    scan,
    secret::scrub,
};

/// One answer as far as it matters here.
pub(super) struct Seen<'a> {
    pub(super) status: u16,
    pub(super) content_type: Option<&'a str>,
    pub(super) body: &'a [u8],
    /// The API says that its limit is used up, or how long to wait.
    pub(super) limited: bool,
    /// Statuses that mean "gone" and "forbidden" for this request.
    pub(super) gone: &'a [u16],
    pub(super) forbidden: &'a [u16],
}

/// The meaning of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The body may be read.
    Usable,
    /// A fact about the thing that was asked for.
    Gone,
    /// A fact about the thing that was asked for.
    Forbidden,
    /// A failed attempt; another one may help.
    Retry(Kind, String),
    /// A failure for good.
    Fail(Kind, String),
}

/// Judges an answer. The source's own rules come first, then the rules by status.
pub(super) fn judge(seen: &Seen<'_>, client: &Client) -> Verdict {
    let json = looks_like_json(seen.body);
    if json && let Some(rule) = client.responses.iter().find(|rule| applies(rule, seen)) {
        return match rule.means {
            Means::Gone => Verdict::Gone,
            Means::Forbidden => Verdict::Forbidden,
            Means::Retry => {
                let kind = if rule.contains.as_deref().is_some_and(|text| text.to_ascii_lowercase().contains("limit")) {
                    Kind::RateLimited
                } else {
                    Kind::Unavailable
                };
                Verdict::Retry(kind, format!("answered {}", seen.status))
            }
            Means::Fail => Verdict::Fail(Kind::Refused, format!("answered {}", seen.status)),
        };
    }
    let answered = || format!("answered {}", seen.status);
    match seen.status {
        200..=299 => usable(seen, client, json),
        // "Gone" is believed only from the API itself: the page of a proxy or of a wrong host must not remove anything.
        status if seen.gone.contains(&status) && json => Verdict::Gone,
        403 if seen.limited => Verdict::Retry(Kind::RateLimited, answered()),
        status if seen.forbidden.contains(&status) && json => Verdict::Forbidden,
        401 | 403 => Verdict::Fail(Kind::Unauthorized, answered()),
        408 => Verdict::Retry(Kind::TimedOut, answered()),
        429 => Verdict::Retry(Kind::RateLimited, answered()),
        425 | 500 | 502..=504 | 520..=530 => Verdict::Retry(Kind::Unavailable, answered()),
        status if client.retry.statuses.contains(&status) => Verdict::Retry(Kind::Unavailable, answered()),
        300..=399 => Verdict::Fail(Kind::Refused, format!("answered {} and points to another host, which is not followed", seen.status)),
        404 | 410 => Verdict::Fail(Kind::NotFound, answered()),
        500..=599 => Verdict::Fail(Kind::Unavailable, answered()),
        _ => Verdict::Fail(Kind::Refused, answered()),
    }
}

fn usable(seen: &Seen<'_>, client: &Client, json: bool) -> Verdict {
    let bad = |what: &str| Verdict::Retry(Kind::BadResponse, format!("answered {} with {what}", seen.status));
    let media = seen.content_type.map(|value| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    if seen.body.iter().all(u8::is_ascii_whitespace) {
        return bad("an empty body");
    }
    if media.as_deref() == Some("text/html") || seen.body.trim_ascii_start().starts_with(b"<") {
        return bad("a web page where JSON is due (a login page, or the wrong base URL)");
    }
    if !json {
        return bad("a body that is no JSON");
    }
    if let Some(media) = media
        && !(media.ends_with("json")
            || matches!(media.as_str(), "" | "text/plain" | "application/octet-stream" | "text/javascript" | "application/javascript"))
    {
        return bad(&format!("the content type `{media}` where JSON is due"));
    }
    match client.error.as_deref().and_then(|pointer| scan::find(seen.body, pointer)) {
        Some(range) if truthy(&seen.body[range.clone()]) => bad("an error in its body"),
        _ => Verdict::Usable,
    }
}

fn looks_like_json(body: &[u8]) -> bool {
    matches!(without_mark(body).trim_ascii_start().first(), Some(b'{' | b'['))
}

/// The body without a byte order mark.
pub(super) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)
}

fn truthy(value: &[u8]) -> bool {
    !matches!(value, b"null" | b"false" | b"0" | b"\"\"" | b"[]" | b"{}")
}

fn applies(rule: &ResponseRule, seen: &Seen<'_>) -> bool {
    if rule.status.is_some_and(|status| status != seen.status) {
        return false;
    }
    let Some(range) = scan::find(without_mark(seen.body), &rule.pointer) else { return false };
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(&without_mark(seen.body)[range]) else { return false };
    if !rule.equals.is_empty() && !rule.equals.contains(&value) {
        return false;
    }
    rule.contains.as_ref().is_none_or(|part| value.as_str().is_some_and(|text| text.to_lowercase().contains(&part.to_lowercase())))
}

/// Bytes of a body in which its words are looked for.
const MOST_WORDS: usize = 1 << 16;

/// What the API itself says went wrong, at most 300 characters.
pub(super) fn own_words(body: &[u8]) -> Option<String> {
    // Secrets go first, so that no cut can leave half of one.
    let body = String::from_utf8_lossy(without_mark(&body[..body.len().min(MOST_WORDS)]));
    let body = scrub(&body);
    let body = body.as_bytes();
    let text = if looks_like_json(body) {
        // TestRail, Bugzilla, GitHub, Jira, Sentry: a text at one of these places.
        ["/error/message", "/message", "/error", "/errorMessages/0", "/errors/0/message", "/detail", "/error_msg"]
            .iter()
            .filter_map(|pointer| scan::find(body, pointer))
            .find_map(|range| serde_json::from_slice::<String>(&body[range]).ok())
            .unwrap_or_else(|| String::from_utf8_lossy(&body[..body.len().min(1_200)]).into_owned())
    } else {
        let start = String::from_utf8_lossy(&body[..body.len().min(4_096)]).into_owned();
        match (start.find("<title>"), start.find("</title>")) {
            (Some(open), Some(close)) if open + 7 <= close => start[open + 7..close].to_owned(),
            _ => start,
        }
    };
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = words.chars().filter(|c| !c.is_control()).take(300).collect();
    (!cut.is_empty()).then_some(cut)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::catalog::{Auth, RateLimit, Retry};

    fn client() -> Client {
        Client {
            base_url: String::new(),
            auth: Auth::None,
            headers: Vec::new(),
            rate_limit: RateLimit { requests: 0, per: Duration::from_secs(1), concurrency: 1 },
            retry: Retry { attempts: Some(1), max_elapsed: Duration::ZERO, statuses: vec![409], limited_wait: Duration::ZERO },
            timeout: Duration::from_secs(1),
            max_body: 1,
            probe: None,
            ping: None,
            error: Some("/error".to_owned()),
            responses: vec![
                ResponseRule { status: Some(400), pointer: "/code".to_owned(), equals: vec![101.into()], contains: None, means: Means::Gone },
                ResponseRule {
                    status: Some(400),
                    pointer: "/message".to_owned(),
                    equals: vec![],
                    contains: Some("rate limit".to_owned()),
                    means: Means::Retry,
                },
            ],
        }
    }

    #[test]
    fn verdicts() {
        #[derive(Debug, PartialEq)]
        enum Is {
            Usable,
            Gone,
            Forbidden,
            Retry(Kind),
            Fail(Kind),
        }
        let json = Some("application/json; charset=utf-8");
        let html = Some("text/html");
        let cases = [
            (200, json, "[]", Is::Usable),
            (200, None, "{\"a\":1}", Is::Usable),
            (200, Some("text/plain"), " {}", Is::Usable),
            (200, json, "{\"error\":null}", Is::Usable),
            (200, json, "{\"error\":false}", Is::Usable),
            (200, json, "{\"error\":true,\"message\":\"x\"}", Is::Retry(Kind::BadResponse)),
            (200, json, "", Is::Retry(Kind::BadResponse)),
            (204, None, "", Is::Retry(Kind::BadResponse)),
            (200, json, "\"text\"", Is::Retry(Kind::BadResponse)),
            (200, html, "<html>", Is::Retry(Kind::BadResponse)),
            (200, html, "{}", Is::Retry(Kind::BadResponse)),
            (200, json, "<!DOCTYPE html>", Is::Retry(Kind::BadResponse)),
            (200, Some("image/png"), "{}", Is::Retry(Kind::BadResponse)),
            (302, html, "", Is::Fail(Kind::Refused)),
            (400, json, "{\"code\":101}", Is::Gone),
            (400, json, "{\"code\":102}", Is::Fail(Kind::Refused)),
            (400, json, "{\"message\":\"Rate Limit exceeded\"}", Is::Retry(Kind::RateLimited)),
            (401, json, "{}", Is::Fail(Kind::Unauthorized)),
            (403, json, "{}", Is::Forbidden),
            (403, html, "<html>", Is::Fail(Kind::Unauthorized)),
            (404, json, "{}", Is::Gone),
            (404, html, "<html>", Is::Fail(Kind::NotFound)),
            (410, json, "{}", Is::Fail(Kind::NotFound)),
            (408, None, "", Is::Retry(Kind::TimedOut)),
            (409, json, "{}", Is::Retry(Kind::Unavailable)),
            (429, html, "<html>", Is::Retry(Kind::RateLimited)),
            (500, None, "", Is::Retry(Kind::Unavailable)),
            (501, None, "", Is::Fail(Kind::Unavailable)),
            (503, None, "", Is::Retry(Kind::Unavailable)),
        ];
        for (status, content_type, body, expected) in cases {
            let seen = Seen { status, content_type, body: body.as_bytes(), limited: false, gone: &[404], forbidden: &[403] };
            let is = match judge(&seen, &client()) {
                Verdict::Usable => Is::Usable,
                Verdict::Gone => Is::Gone,
                Verdict::Forbidden => Is::Forbidden,
                Verdict::Retry(kind, _) => Is::Retry(kind),
                Verdict::Fail(kind, _) => Is::Fail(kind),
            };
            assert_eq!(is, expected, "{status} {body}");
        }
        let limited = Seen { status: 403, content_type: json, body: b"{}", limited: true, gone: &[], forbidden: &[403] };
        assert!(matches!(judge(&limited, &client()), Verdict::Retry(Kind::RateLimited, _)));
        let alone = Seen { status: 403, content_type: json, body: b"{}", limited: false, gone: &[], forbidden: &[] };
        assert!(matches!(judge(&alone, &client()), Verdict::Fail(Kind::Unauthorized, _)));
    }

    #[test]
    fn a_deleted_test_run_is_gone() {
        let project = crate::catalog::Project::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        let testrail = project.source("testrail").unwrap().api().unwrap();
        for (field, gone) in [
            (":run_id is not a valid test run", true),
            (":plan_id is not a valid test plan", true),
            (":project_id is not a valid or accessible project", false),
        ] {
            let body = format!(r#"{{"error":"Field {field}."}}"#);
            let seen = Seen { status: 400, content_type: None, body: body.as_bytes(), limited: false, gone: &[], forbidden: &[] };
            assert_eq!(judge(&seen, testrail) == Verdict::Gone, gone, "{field}");
        }
    }

    #[test]
    fn the_apis_own_words() {
        let cases = [
            (r#"{"error":"Field :a is\nwrong"}"#, Some("Field :a is wrong")),
            (r#"{"error":true,"message":"no such bug","code":101}"#, Some("no such bug")),
            (r#"{"errorMessages":["bad jql"]}"#, Some("bad jql")),
            (r#"{"x":1}"#, Some(r#"{"x":1}"#)),
            ("<html><title>Log in</title>", Some("Log in")),
            ("  ", None),
        ];
        for (body, expected) in cases {
            assert_eq!(own_words(body.as_bytes()).as_deref(), expected, "{body}");
        }
        assert_eq!(own_words("x".repeat(5_000).as_bytes()).unwrap().len(), 300);
    }
}
