//! Every paging kind, every way in which its list may end, and whether that proves the end.

use serde_json::json;

use super::*;
use crate::extract::samples::endpoint;

/// A page: its first key, its number of records, and what surrounds them.
#[derive(Clone, Debug)]
struct Given {
    first: u64,
    count: u64,
    envelope: Value,
    bare: bool,
    link: Option<&'static str>,
}

fn page(first: u64, count: u64, envelope: Value) -> Given {
    Given { first, count, envelope, bare: false, link: None }
}

fn bare(first: u64, count: u64) -> Given {
    Given { bare: true, ..page(first, count, Value::Null) }
}

fn linked(first: u64, count: u64, link: Option<&'static str>) -> Given {
    Given { link, ..page(first, count, Value::Null) }
}

fn next(next: Option<&str>) -> Value {
    json!({ "_links": { "next": next } })
}

/// The last step, and the requests without the page size.
fn walk(keys: &str, pages: &[Given]) -> (String, Vec<String>) {
    let endpoint = endpoint(keys);
    let mut pager = Pager::new(&endpoint);
    let mut asked = Vec::new();
    for given in pages {
        asked.push(match pager.ask() {
            Ask::Url(url) => url,
            Ask::Params(params) => {
                params.iter().filter(|(name, _)| name != "limit").map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
            }
        });
        let numbers = given.first..given.first + given.count;
        let keys: Vec<String> = numbers.clone().map(|key| format!("[{key}]")).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let ordered = numbers.map(Value::from).collect();
        let facts = Facts { keys: &keys, ordered, envelope: &given.envelope, bare: given.bare, link: given.link };
        match pager.after(&facts) {
            Step::More => {}
            Step::Done(stop) => return (stop.name().to_owned(), asked),
            Step::Confirmed(stop) => {
                let short = pager.shortfall().map(|came| format!(" with {came} of {}", pager.expected().unwrap())).unwrap_or_default();
                return (format!("{} again{short}", stop.name()), asked);
            }
            Step::Failed(stop, error) => return (format!("{}: {error}", stop.name()), asked),
        }
    }
    ("more".to_owned(), asked)
}

const OFFSET: &str = r#"page = { kind = "offset", limit = 3, limit_param = "limit", offset_param = "offset", next = "/_links/next", size = "/size", stated_limit = "/limit" }"#;
const PLAIN: &str = r#"page = { kind = "offset", limit = 3, limit_param = "limit", offset_param = "offset" }"#;
const KEYS: &str = r#"page = { kind = "key_set", limit = 3, limit_param = "limit", key = "/id", params = { v1 = "{last}" } }"#;
const NUMBER: &str = r#"page = { kind = "page_number", limit = 3, limit_param = "limit", page_param = "page", stated_limit = "/per_page" }"#;
const LINK: &str = r#"page = { kind = "link_header", limit = 3, limit_param = "limit" }"#;
const GITHUB: &str = r#"page = { kind = "link_header", limit = 3, limit_param = "limit", page_param = "page" }"#;
const SENTRY: &str = r#"page = { kind = "link_header", limit = 3, limit_param = "limit", only = { results = "true" } }"#;
const URL: &str = r#"page = { kind = "next_url", limit = 3, limit_param = "limit", next = "/_links/next" }"#;
const TOKEN: &str = r#"page = { kind = "token", limit = 3, limit_param = "limit", token = "/next", param = "t" }"#;
const FLAG: &str = r#"page = { kind = "token", limit = 3, limit_param = "limit", token = "/next", param = "t", last = "/last" }"#;
const OMITTED: &str = r#"page = { kind = "token", limit = 3, limit_param = "limit", token = "/paging/next", param = "t", omitted_at_end = true }"#;

fn with_total(page: &str) -> String {
    format!("{page}\ntotal = \"/total\"")
}

#[test]
fn every_end_is_proved_or_not() {
    let (total, numbered, linked_total) = (with_total(PLAIN), with_total(NUMBER), with_total(URL));
    let of = |total: u64| json!({ "total": total });
    let none = || json!({});
    let more = Some("</a?p=2>; rel=\"next\"");
    let first = Some("</a?p=1>; rel=\"first\"");
    let last = Some("</a?p=9>; rel=\"next\"; results=\"false\"");
    let cases: Vec<(&str, Vec<Given>, &str)> = vec![
        ("page = { kind = \"none\" }", vec![page(1, 9, Value::Null)], "single"),
        // offset: an explicit null, a page below the stated size, an empty page, a total.
        (OFFSET, vec![page(1, 3, next(Some("a"))), page(4, 2, next(Some("b"))), page(6, 3, next(None))], "no_next"),
        (OFFSET, vec![page(1, 3, next(Some("a"))), page(4, 0, next(None))], "no_next"),
        (OFFSET, vec![page(1, 2, json!({"limit": 3}))], "short_page"),
        (OFFSET, vec![page(1, 2, json!({"limit": 2}))], "more"),
        (OFFSET, vec![page(1, 2, none())], "more"),
        (OFFSET, vec![page(1, 2, none()), page(3, 0, none())], "empty_page"),
        (PLAIN, vec![page(1, 3, none())], "more"),
        (PLAIN, vec![page(1, 1, none())], "more"),
        (PLAIN, vec![page(1, 1, none()), page(2, 0, none())], "empty_page"),
        (&total, vec![page(1, 3, of(4)), page(4, 1, of(4))], "total"),
        (&total, vec![page(1, 2, of(5)), page(3, 2, of(5)), page(5, 1, of(5))], "total"),
        (&total, vec![page(1, 2, of(3)), page(3, 0, of(3))], "more"),
        (&total, vec![page(1, 2, of(3)), page(3, 0, of(3)), page(3, 0, of(3))], "empty_page again with 2 of 3"),
        (&total, vec![page(1, 2, of(3)), page(3, 0, of(3)), page(3, 1, of(3))], "total"),
        // A bare array: everything at once, or pages without a word.
        (OFFSET, vec![bare(1, 9)], "single"),
        (OFFSET, vec![bare(1, 0)], "empty_page"),
        (OFFSET, vec![bare(1, 2)], "more"),
        (OFFSET, vec![bare(1, 2), bare(1, 2)], "single again"),
        (OFFSET, vec![bare(1, 2), bare(3, 2), bare(5, 0)], "empty_page"),
        (OFFSET, vec![bare(1, 3), bare(4, 0)], "empty_page"),
        // key_set: only an empty page.
        (KEYS, vec![page(5, 3, none())], "more"),
        (KEYS, vec![page(5, 3, none()), page(10, 1, none())], "more"),
        (KEYS, vec![page(5, 3, none()), page(10, 1, none()), page(20, 0, none())], "empty_page"),
        // page_number: as offset.
        (NUMBER, vec![page(1, 2, none())], "more"),
        (NUMBER, vec![page(1, 3, none()), page(4, 1, json!({"per_page": 3}))], "short_page"),
        (NUMBER, vec![page(1, 2, json!({"per_page": 2})), page(3, 0, none())], "empty_page"),
        (&numbered, vec![page(1, 3, of(5)), page(4, 2, of(5))], "total"),
        // link_header: a header without a next link; where the header is absent, the next page or the same page once more.
        (LINK, vec![linked(1, 3, more), linked(4, 3, first)], "no_next"),
        (LINK, vec![linked(1, 3, None)], "error: page 1 is full and has no header `Link`"),
        (LINK, vec![linked(1, 2, None)], "more"),
        (LINK, vec![linked(1, 2, None), linked(1, 2, None)], "no_next again"),
        (LINK, vec![linked(1, 0, None)], "empty_page"),
        (GITHUB, vec![linked(1, 3, None)], "more"),
        (GITHUB, vec![linked(1, 2, None)], "more"),
        (GITHUB, vec![linked(1, 3, None), linked(4, 0, None)], "empty_page"),
        (GITHUB, vec![linked(1, 3, None), linked(4, 2, first)], "no_next"),
        (GITHUB, vec![linked(1, 3, more), linked(4, 0, more)], "error: page 2 names a next page that was named before"),
        (GITHUB, vec![linked(1, 3, more), linked(4, 2, None)], "more"),
        (GITHUB, vec![linked(1, 3, more), linked(4, 2, None), linked(4, 2, None)], "no_next again"),
        (GITHUB, vec![linked(1, 3, more), linked(4, 2, None), linked(4, 1, None)], "error: page 2 changed between two reads"),
        (SENTRY, vec![linked(1, 3, last)], "last_flag"),
        (SENTRY, vec![linked(1, 3, None)], "error: page 1 has no header `Link`"),
        (SENTRY, vec![linked(1, 0, None)], "error: page 1 has no header `Link`"),
        // next_url and token: null, a flag, an empty page without a word; absent only where the API is known to leave it out.
        (URL, vec![page(1, 3, next(Some("b"))), page(4, 3, next(None))], "no_next"),
        (URL, vec![page(1, 2, none())], "error: page 1 has no field `/_links/next`"),
        (&linked_total, vec![page(1, 2, json!({"total": 3, "_links": {"next": null}}))], "more"),
        (TOKEN, vec![page(1, 3, json!({"next": "b"})), page(4, 3, json!({"next": null}))], "no_next"),
        (TOKEN, vec![page(1, 3, json!({"next": ""}))], "no_next"),
        (TOKEN, vec![page(1, 2, none())], "error: page 1 has no field `/next`"),
        (TOKEN, vec![page(1, 0, none())], "empty_page"),
        (TOKEN, vec![page(1, 0, json!({"next": "b"}))], "more"),
        (FLAG, vec![page(1, 3, json!({"last": true}))], "last_flag"),
        (FLAG, vec![page(1, 3, none())], "error: page 1 has no field `/next`"),
        (FLAG, vec![page(1, 3, json!({"last": false}))], "error: the page says that it is not the last one"),
        (OMITTED, vec![page(1, 3, json!({"paging": {}}))], "no_next"),
        (OMITTED, vec![page(1, 3, none())], "error: page 1 has no field `/paging/next`"),
    ];
    for (keys, pages, expected) in cases {
        let (end, _) = walk(keys, &pages);
        let same = if expected.contains(": ") { end.starts_with(expected) } else { end == expected };
        assert!(same, "{end} instead of {expected}: {keys} {pages:?}");
    }
}

#[test]
fn requests_lead_from_page_to_page() {
    let none = || json!({});
    let total = with_total(PLAIN);
    let of = |total: u64| json!({ "total": total });
    let more = Some("</a?p=2>; rel=\"next\"");
    let cases: Vec<(&str, Vec<Given>, Vec<&str>)> = vec![
        (OFFSET, vec![page(1, 3, next(Some("a"))), page(4, 2, next(Some("b"))), page(6, 3, next(None))], vec!["", "offset=3", "offset=5"]),
        (&total, vec![page(1, 2, of(3)), page(3, 0, of(3)), page(3, 0, of(3))], vec!["", "offset=2", "offset=2"]),
        (KEYS, vec![page(5, 3, none()), page(10, 3, none()), page(20, 0, none())], vec!["", "v1=7", "v1=12"]),
        (NUMBER, vec![page(1, 3, none()), page(4, 0, none())], vec!["page=1", "page=2"]),
        (GITHUB, vec![linked(1, 3, None), linked(4, 3, None), linked(7, 0, None)], vec!["", "page=2", "page=3"]),
        (GITHUB, vec![linked(1, 3, more), linked(4, 2, None), linked(4, 2, None)], vec!["", "/a?p=2", "/a?p=2"]),
        (TOKEN, vec![page(1, 3, json!({"next": "b"})), page(4, 3, json!({"next": null}))], vec!["", "t=b"]),
    ];
    for (keys, pages, expected) in cases {
        assert_eq!(walk(keys, &pages).1, expected, "{keys}");
    }
}

#[test]
fn lists_that_cannot_be_trusted_fail() {
    let capped = format!("{PLAIN}\nmax_pages = 2");
    let (total, numbered) = (with_total(PLAIN), with_total(NUMBER));
    let none = || json!({});
    let cases = [
        (OFFSET, vec![page(1, 3, next(Some("a"))), page(4, 3, next(Some("a")))], "error: two pages name the same next"),
        (OFFSET, vec![page(1, 3, next(Some("a"))), page(1, 3, next(Some("b")))], "error: page 2 holds the same records"),
        (OFFSET, vec![page(1, 0, next(Some("a")))], "error: the page is empty"),
        (OFFSET, vec![page(1, 4, next(None))], "error: 4 records came where at most 3"),
        (OFFSET, vec![page(1, 2, json!({"size": 3, "_links": {"next": null}}))], "error: the page says that it holds 3"),
        (OFFSET, vec![bare(1, 3), bare(1, 3)], "error: page 2 holds the same"),
        (OFFSET, vec![bare(1, 2), bare(3, 2), bare(3, 2)], "error: page 3 holds the same"),
        (&capped, vec![page(1, 3, none()), page(4, 3, none())], "cap: the list goes on after 2 pages"),
        (&total, vec![page(1, 3, json!({"total": 2}))], "error: the API says that there are 2 records, and 3 came"),
        (&total, vec![page(1, 2, none())], "error: there is no number at `/total`"),
        (NUMBER, vec![page(1, 4, none())], "error: 4 records came where at most 3"),
        (NUMBER, vec![page(1, 3, none()), page(1, 3, none())], "error: page 2 holds the same records"),
        (
            &numbered,
            vec![page(1, 3, json!({"total": 9})), page(4, 2, json!({"total": 9})), page(7, 3, json!({"total": 9}))],
            "error: page 2 holds fewer records than the first page, and page 3 is not empty",
        ),
        (KEYS, vec![page(5, 3, none()), page(6, 3, none())], "error: the keys do not rise: `6` comes after `7`"),
        (KEYS, vec![page(5, 4, none())], "error: 4 records came"),
    ];
    for (keys, pages, expected) in cases {
        let (end, _) = walk(keys, &pages);
        assert!(end.starts_with(expected), "{end} instead of {expected}");
    }
}
