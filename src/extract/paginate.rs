//! Paging: one small state machine per page kind, with its stop rule and its guards against lists that never end or skip.
//! Pure.

use std::{
    cmp::Ordering,
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use serde_json::Value;

use super::mark::{Mark, at_link, at_token, at_url};
use crate::{
    catalog::{Endpoint, Page},
    error::{Error, Kind},
    lake::Stop,
};

/// What matters of a page.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// Its records' keys, canonical.
    pub keys: &'a [&'a str],
    /// The values of the key-set pointer, one per record (empty for other page kinds).
    pub ordered: Vec<Value>,
    /// The body without its records.
    pub envelope: &'a Value,
    /// The body was the array itself, where an envelope is usual.
    pub bare: bool,
    /// The header `Link`.
    pub link: Option<&'a str>,
}

/// How to ask for the page which is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// With these parameters, which replace the endpoint's of the same name.
    Params(Vec<(String, String)>),
    /// At this URL, absolute or relative, which holds everything.
    Url(String),
}

/// What comes after a page.
#[derive(Debug)]
pub enum Step {
    /// Ask for the next page.
    More,
    /// The list is whole.
    Done(Stop),
    /// The list cannot be trusted.
    Failed(Stop, Error),
}

/// Paging of one call.
#[derive(Debug)]
pub struct Pager<'e> {
    endpoint: &'e Endpoint,
    pages: u32,
    records: u64,
    total: Option<u64>,
    last_next: Option<Value>,
    last_key: Option<Value>,
    last_digest: Option<u64>,
    /// Where the API says that the next page is: a URL or a token.
    mark: Option<String>,
    marks: HashSet<u64>,
}

impl<'e> Pager<'e> {
    /// Before the first page.
    pub fn new(endpoint: &'e Endpoint) -> Self {
        Self { endpoint, pages: 0, records: 0, total: None, last_next: None, last_key: None, last_digest: None, mark: None, marks: HashSet::new() }
    }

    /// How to ask for the page which is due.
    pub fn ask(&self) -> Ask {
        let sized = |size: &Option<(String, u32)>| size.iter().map(|(param, limit)| (param.clone(), limit.to_string())).collect::<Vec<_>>();
        Ask::Params(match &self.endpoint.page {
            Page::None => Vec::new(),
            Page::PageNumber { limit, limit_param, page_param, first } => {
                vec![(limit_param.clone(), limit.to_string()), (page_param.clone(), (first + self.pages).to_string())]
            }
            Page::LinkHeader { size, .. } | Page::NextUrl { size, .. } => match &self.mark {
                Some(url) => return Ask::Url(url.clone()),
                None => sized(size),
            },
            Page::Token { size, param, .. } => {
                let mut params = sized(size);
                params.extend(self.mark.iter().map(|token| (param.clone(), token.clone())));
                params
            }
            Page::Offset { limit, limit_param, offset_param, .. } => {
                let mut params = vec![(limit_param.clone(), limit.to_string())];
                // The first page is asked for without an offset: some APIs treat 0 in a way of their own.
                if self.records > 0 {
                    params.push((offset_param.clone(), self.records.to_string()));
                }
                params
            }
            Page::KeySet { limit, limit_param, params, .. } => {
                let mut all = vec![(limit_param.clone(), limit.to_string())];
                if let Some(last) = &self.last_key {
                    let last = last.as_str().map_or_else(|| last.to_string(), str::to_owned);
                    all.extend(params.iter().map(|(name, value)| (name.clone(), value.replace("{last}", &last))));
                }
                all
            }
        })
    }

    /// What the API said that there are, if it says so.
    pub fn expected(&self) -> Option<u64> {
        self.total
    }

    /// Takes note of a page and decides what comes next.
    pub fn after(&mut self, page: &Facts<'_>) -> Step {
        self.pages += 1;
        self.records += page.keys.len() as u64;
        if let Some(pointer) = &self.endpoint.total {
            match page.envelope.pointer(pointer).and_then(Value::as_u64) {
                Some(total) => self.total = Some(total),
                None => return failed(format!("there is no number at `{pointer}`, where the total should be")),
            }
        }
        if let Some(step) = self.same_page_again(page.keys) {
            return step;
        }
        let step = match &self.endpoint.page {
            Page::None => Step::Done(Stop::Single),
            Page::Offset { limit, next, size, .. } => self.after_offset(page, *limit as usize, next.as_deref(), size.as_deref()),
            Page::KeySet { limit, .. } => self.after_key_set(page, *limit as usize),
            Page::PageNumber { limit, .. } => self.after_page_number(page.keys.len(), *limit as usize),
            Page::LinkHeader { size, only } => self.after_mark(page, size.as_ref(), at_link(page.link, only)),
            Page::NextUrl { size, next, base, last } => {
                self.after_mark(page, size.as_ref(), at_url(page.envelope, next, base.as_deref(), last.as_deref()))
            }
            Page::Token { size, token, last, .. } => self.after_mark(page, size.as_ref(), at_token(page.envelope, token, last.as_deref())),
        };
        match step {
            Step::More if self.pages >= self.endpoint.max_pages => {
                let what = format!("the list goes on after {} pages, the most that `max_pages` allows", self.pages);
                Step::Failed(Stop::Cap, Error::new(Kind::Incomplete, what))
            }
            Step::Done(stop) => match self.total {
                Some(total) if total != self.records => {
                    failed(format!("the API says that there are {total} records, and {} came (paging ended by {stop:?})", self.records))
                }
                _ => Step::Done(stop),
            },
            other => other,
        }
    }

    fn same_page_again(&mut self, keys: &[&str]) -> Option<Step> {
        let mut hasher = DefaultHasher::new();
        keys.hash(&mut hasher);
        let digest = Some(hasher.finish());
        let same = !keys.is_empty() && digest == self.last_digest;
        self.last_digest = digest;
        same.then(|| failed(format!("page {} holds the same records as the page before", self.pages)))
    }

    fn after_offset(&mut self, page: &Facts<'_>, limit: usize, next: Option<&str>, size: Option<&str>) -> Step {
        let count = page.keys.len();
        if page.bare {
            // An old server. It either answers everything at once, or it pages without saying so.
            return match count.cmp(&limit) {
                Ordering::Equal => Step::More,
                Ordering::Less | Ordering::Greater if self.pages == 1 => Step::Done(Stop::Single),
                Ordering::Less if count == 0 => Step::Done(Stop::EmptyPage),
                Ordering::Less => Step::Done(Stop::ShortPage),
                Ordering::Greater => too_long(count, limit),
            };
        }
        if count > limit {
            return too_long(count, limit);
        }
        if let Some(said) = size.and_then(|pointer| page.envelope.pointer(pointer)).and_then(Value::as_u64)
            && said != count as u64
        {
            return failed(format!("the page says that it holds {said} records, and it holds {count}"));
        }
        match next.and_then(|pointer| page.envelope.pointer(pointer)) {
            Some(Value::Null) => Step::Done(Stop::NoNext),
            Some(_) if count == 0 => failed("the page is empty, and says that there is a next one".to_owned()),
            Some(next) if self.last_next.as_ref() == Some(next) => failed(format!("two pages name the same next page `{next}`")),
            Some(next) => {
                self.last_next = Some(next.clone());
                Step::More
            }
            None => self.after_count(count, limit),
        }
    }

    /// Where only counts tell: by the API's total if it gives one, else by a short page. A page may be shorter than asked for
    /// where the server lowers the limit, so with a total a short page alone ends nothing.
    fn after_count(&self, count: usize, limit: usize) -> Step {
        match self.total {
            Some(total) if self.records >= total => Step::Done(Stop::Total),
            Some(_) if count > 0 => Step::More,
            _ if count == 0 => Step::Done(Stop::EmptyPage),
            _ if count < limit => Step::Done(Stop::ShortPage),
            _ => Step::More,
        }
    }

    fn after_page_number(&self, count: usize, limit: usize) -> Step {
        match self.total {
            _ if count > limit => too_long(count, limit),
            // Page numbers count pages of the size asked for: a shorter one in the middle means that records are skipped.
            Some(total) if count < limit && self.records < total => {
                failed(format!("page {} holds {count} records of {limit}, and {} of {total} are still missing", self.pages, total - self.records))
            }
            _ => self.after_count(count, limit),
        }
    }

    /// Where the API itself names the next page. A page may be empty and name one all the same.
    fn after_mark(&mut self, page: &Facts<'_>, size: Option<&(String, u32)>, mark: Result<Mark, String>) -> Step {
        let count = page.keys.len();
        if let Some((_, limit)) = size
            && count > *limit as usize
        {
            return too_long(count, *limit as usize);
        }
        match mark {
            Err(what) => failed(what),
            Ok(Mark::End(stop)) => Step::Done(stop),
            Ok(Mark::Next(next)) => {
                let mut hasher = DefaultHasher::new();
                next.hash(&mut hasher);
                if !self.marks.insert(hasher.finish()) {
                    return failed(format!("page {} names a next page that was named before: `{next}`", self.pages));
                }
                self.mark = Some(next);
                Step::More
            }
        }
    }

    fn after_key_set(&mut self, page: &Facts<'_>, limit: usize) -> Step {
        if page.ordered.len() > limit {
            return too_long(page.ordered.len(), limit);
        }
        for key in &page.ordered {
            let rising = match &self.last_key {
                None => !key.is_null(),
                Some(last) => order(last, key) == Some(Ordering::Less),
            };
            if !rising {
                let last = self.last_key.as_ref().unwrap_or(&Value::Null);
                return failed(format!("the keys do not rise: `{key}` comes after `{last}`; ask the API to sort by the key"));
            }
            self.last_key = Some(key.clone());
        }
        match page.ordered.len() {
            0 => Step::Done(Stop::EmptyPage),
            count if count < limit => Step::Done(Stop::ShortPage),
            _ => Step::More,
        }
    }
}

fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
        },
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

fn failed(what: String) -> Step {
    Step::Failed(Stop::Error, Error::new(Kind::Incomplete, what))
}

fn too_long(count: usize, limit: usize) -> Step {
    failed(format!("{count} records came where at most {limit} were asked for: the API does not page as described"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::extract::samples::endpoint;

    /// Pages as (first key, count, envelope, bare); the result is the last step and the offsets asked for.
    fn walk(keys: &str, pages: &[(u64, u64, Value, bool)]) -> (String, Vec<String>) {
        let endpoint = endpoint(keys);
        let mut pager = Pager::new(&endpoint);
        let mut asked = Vec::new();
        for (first, count, envelope, bare) in pages {
            let Ask::Params(params) = pager.ask() else { panic!("parameters expected") };
            asked.push(params.iter().skip(1).map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&"));
            let keys: Vec<String> = (*first..first + count).map(|key| format!("[{key}]")).collect();
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let facts = Facts { keys: &keys, ordered: (*first..first + count).map(Value::from).collect(), envelope, bare: *bare, link: None };
            match pager.after(&facts) {
                Step::More => {}
                Step::Done(stop) => return (format!("{stop:?}"), asked),
                Step::Failed(stop, error) => return (format!("{stop:?}: {error}"), asked),
            }
        }
        ("More".to_owned(), asked)
    }

    const OFFSET: &str =
        r#"page = { kind = "offset", limit = 3, limit_param = "limit", offset_param = "offset", next = "/_links/next", size = "/size" }"#;
    const PLAIN: &str = r#"page = { kind = "offset", limit = 3, limit_param = "limit", offset_param = "offset" }"#;
    const KEYS: &str = r#"page = { kind = "key_set", limit = 3, limit_param = "limit", key = "/id", params = { f1 = "bug_id", v1 = "{last}" } }"#;

    const NUMBER: &str = r#"page = { kind = "page_number", limit = 3, limit_param = "limit", page_param = "page" }"#;

    fn next(next: Option<&str>) -> Value {
        json!({ "_links": { "next": next } })
    }

    #[test]
    fn lists_end_where_the_api_says() {
        let cases = [
            ("page = { kind = \"none\" }", vec![(1, 9, json!(null), false)], "Single", vec![""]),
            (
                OFFSET,
                vec![(1, 3, next(Some("a")), false), (4, 2, next(Some("b")), false), (6, 3, next(None), false)],
                "NoNext",
                vec!["", "offset=3", "offset=5"],
            ),
            (OFFSET, vec![(1, 3, next(Some("a")), false), (4, 0, next(None), false)], "NoNext", vec!["", "offset=3"]),
            (OFFSET, vec![(1, 2, json!({}), false)], "ShortPage", vec![""]),
            (OFFSET, vec![(1, 2, json!(null), true)], "Single", vec![""]),
            (OFFSET, vec![(1, 9, json!(null), true)], "Single", vec![""]),
            (OFFSET, vec![(1, 3, json!(null), true), (4, 0, json!(null), true)], "EmptyPage", vec!["", "offset=3"]),
            (PLAIN, vec![(1, 3, json!({}), false), (4, 0, json!({}), false)], "EmptyPage", vec!["", "offset=3"]),
            (PLAIN, vec![(1, 3, json!({}), false), (4, 1, json!({}), false)], "ShortPage", vec!["", "offset=3"]),
            (
                KEYS,
                vec![(5, 3, json!({}), false), (10, 3, json!({}), false), (20, 1, json!({}), false)],
                "ShortPage",
                vec!["", "f1=bug_id&v1=7", "f1=bug_id&v1=12"],
            ),
            (KEYS, vec![(5, 3, json!({}), false), (10, 0, json!({}), false)], "EmptyPage", vec!["", "f1=bug_id&v1=7"]),
            (KEYS, vec![(5, 0, json!({}), false)], "EmptyPage", vec![""]),
            (NUMBER, vec![(1, 3, json!({}), false), (4, 1, json!({}), false)], "ShortPage", vec!["page=1", "page=2"]),
            (NUMBER, vec![(1, 3, json!({}), false), (4, 0, json!({}), false)], "EmptyPage", vec!["page=1", "page=2"]),
        ];
        for (keys, pages, expected, asked) in cases {
            let (result, offsets) = walk(keys, &pages);
            assert_eq!((result.as_str(), offsets), (expected, asked.into_iter().map(str::to_owned).collect()), "{keys} {pages:?}");
        }
    }

    #[test]
    fn lists_that_cannot_be_trusted_fail() {
        let capped = format!("{PLAIN}\nmax_pages = 2");
        let total = format!("{PLAIN}\ntotal = \"/total\"");
        let numbered = format!("{NUMBER}\ntotal = \"/total\"");
        let cases = [
            (OFFSET, vec![(1, 3, next(Some("a")), false), (4, 3, next(Some("a")), false)], "Error: two pages name the same next"),
            (OFFSET, vec![(1, 3, next(Some("a")), false), (1, 3, next(Some("b")), false)], "Error: page 2 holds the same records"),
            (OFFSET, vec![(1, 0, next(Some("a")), false)], "Error: the page is empty"),
            (OFFSET, vec![(1, 4, next(None), false)], "Error: 4 records came where at most 3"),
            (OFFSET, vec![(1, 2, json!({"size": 3, "_links": {"next": null}}), false)], "Error: the page says that it holds 3"),
            (OFFSET, vec![(1, 3, json!(null), true), (1, 3, json!(null), true)], "Error: page 2 holds the same"),
            (&capped, vec![(1, 3, json!({}), false), (4, 3, json!({}), false)], "Cap: the list goes on after 2 pages"),
            (
                &total,
                vec![(1, 2, json!({"total": 5}), false), (3, 0, json!({"total": 5}), false)],
                "Error: the API says that there are 5 records, and 2 came",
            ),
            (&total, vec![(1, 3, json!({"total": 2}), false)], "Error: the API says that there are 2 records, and 3 came"),
            (NUMBER, vec![(1, 4, json!({}), false)], "Error: 4 records came where at most 3"),
            (NUMBER, vec![(1, 3, json!({}), false), (1, 3, json!({}), false)], "Error: page 2 holds the same records"),
            (&numbered, vec![(1, 2, json!({"total": 5}), false)], "Error: page 1 holds 2 records of 3, and 3 of 5 are still missing"),
            (&total, vec![(1, 2, json!({}), false)], "Error: there is no number at `/total`"),
            (KEYS, vec![(5, 3, json!({}), false), (6, 3, json!({}), false)], "Error: the keys do not rise: `6` comes after `7`"),
            (KEYS, vec![(5, 4, json!({}), false)], "Error: 4 records came"),
        ];
        for (keys, pages, expected) in cases {
            let (result, _) = walk(keys, &pages);
            assert!(result.starts_with(expected), "{result} instead of {expected}");
        }
        assert_eq!(walk(&total, &[(1, 3, json!({"total": 4}), false), (4, 1, json!({"total": 4}), false)]).0, "Total");
        // The server lowers the limit: only the total knows the end.
        let lowered = [(1, 2, json!({"total": 5}), false), (3, 2, json!({"total": 5}), false), (5, 1, json!({"total": 5}), false)];
        let asked = ["", "offset=2", "offset=4"].map(str::to_owned).to_vec();
        assert_eq!(walk(&total, &lowered), ("Total".to_owned(), asked));
    }
}
