//! Paging: one small state machine per page kind, with its proof of the end and its guards against lists that never end or skip.
//! Pure.
//!
//! The end of a list is proved by an empty page, by an explicit "no more" in the response, by a total that is reached, or by a page
//! shorter than the size that the response itself states. Everything else leads to one more request, or to a failure.

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
    /// The list is whole: this page is an earlier one again, and its records are known.
    Confirmed(Stop),
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
    /// Pages requested by number where a header `Link` is absent.
    unlinked: u32,
    /// Records of the first page, and whether a later page was shorter.
    first_count: Option<usize>,
    is_shorter: bool,
    /// The latest request, and the page that is read once more by it.
    asked: Option<Ask>,
    again: Option<Again>,
    shortfall: Option<u64>,
}

/// A page that is read once more before the end is believed.
#[derive(Debug)]
struct Again {
    stop: Stop,
    digest: u64,
    count: usize,
    total: Option<u64>,
}

impl<'e> Pager<'e> {
    /// Before the first page.
    pub fn new(endpoint: &'e Endpoint) -> Self {
        Self {
            endpoint,
            pages: 0,
            records: 0,
            total: None,
            last_next: None,
            last_key: None,
            last_digest: None,
            mark: None,
            marks: HashSet::new(),
            unlinked: 0,
            first_count: None,
            is_shorter: false,
            asked: None,
            again: None,
            shortfall: None,
        }
    }

    /// How to ask for the page which is due.
    pub fn ask(&mut self) -> Ask {
        match (&self.again, &self.asked) {
            (Some(_), Some(asked)) => asked.clone(),
            _ => self.asked.insert(self.next_request()).clone(),
        }
    }

    fn next_request(&self) -> Ask {
        let sized = |size: &Option<(String, u32)>| size.iter().map(|(param, limit)| (param.clone(), limit.to_string())).collect::<Vec<_>>();
        Ask::Params(match &self.endpoint.page {
            Page::None => Vec::new(),
            Page::PageNumber { limit, limit_param, page_param, first, .. } => {
                vec![(limit_param.clone(), limit.to_string()), (page_param.clone(), (first + self.pages).to_string())]
            }
            Page::LinkHeader { size, page_param, .. } => {
                if let Some(url) = &self.mark {
                    return Ask::Url(url.clone());
                }
                let mut params = sized(size);
                let number = page_param.iter().filter(|_| self.unlinked > 0).map(|param| (param.clone(), (self.unlinked + 1).to_string()));
                params.extend(number);
                params
            }
            Page::NextUrl { size, .. } => match &self.mark {
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

    /// The records that came, where the API counts more of them on two reads of a list whose end is proved.
    pub fn shortfall(&self) -> Option<u64> {
        self.shortfall
    }

    /// Takes note of a page and decides what comes next.
    pub fn after(&mut self, page: &Facts<'_>) -> Step {
        if let Some(pointer) = &self.endpoint.total {
            match page.envelope.pointer(pointer).and_then(Value::as_u64) {
                Some(total) => self.total = Some(total),
                None => return failed(format!("there is no number at `{pointer}`, where the total should be")),
            }
        }
        let (digest, count) = (digest(page.keys), page.keys.len());
        if let Some(again) = self.again.take() {
            if again.digest == digest && again.total == self.total {
                self.shortfall = self.total.filter(|total| *total > self.records).map(|_| self.records);
                return Step::Confirmed(again.stop);
            }
            if again.count > 0 {
                return failed(format!("page {} changed between two reads", self.pages));
            }
        }
        self.pages += 1;
        let repeated = count > 0 && self.last_digest.replace(digest) == Some(digest);
        if repeated && page.bare && self.pages == 2 && count < self.limit() {
            // An old server that answers everything at once, whatever the offset.
            return Step::Confirmed(Stop::Single);
        }
        if repeated {
            return failed(format!("page {} holds the same records as the page before", self.pages));
        }
        self.records += count as u64;
        let step = match &self.endpoint.page {
            Page::None => Step::Done(Stop::Single),
            Page::Offset { limit, next, size, stated_limit, .. } => {
                self.after_offset(page, *limit as usize, next.as_deref(), size.as_deref(), stated_limit.as_deref())
            }
            Page::KeySet { limit, .. } => self.after_key_set(page, *limit as usize),
            Page::PageNumber { limit, stated_limit, .. } => self.after_page_number(page, *limit as usize, stated_limit.as_deref()),
            Page::LinkHeader { only, .. } => self.after_mark(page, at_link(page.link, only)),
            Page::NextUrl { next, base, last, omitted_at_end, .. } => {
                self.after_mark(page, at_url(page.envelope, next, base.as_deref(), last.as_deref(), *omitted_at_end))
            }
            Page::Token { token, last, omitted_at_end, .. } => {
                self.after_mark(page, at_token(page.envelope, token, last.as_deref(), *omitted_at_end))
            }
        };
        match step {
            Step::More if self.pages >= self.endpoint.max_pages => {
                let what = format!("the list goes on after {} pages, the most that `max_pages` allows", self.pages);
                Step::Failed(Stop::Cap, Error::new(Kind::Incomplete, what))
            }
            Step::Done(stop) => match self.total {
                // Some APIs count records that they never show: one more look at the last page decides.
                Some(total) if total > self.records => self.read_again(stop, digest, count),
                Some(total) if total < self.records => {
                    failed(format!("the API says that there are {total} records, and {} came (paging ended by {stop:?})", self.records))
                }
                _ => Step::Done(stop),
            },
            other => other,
        }
    }

    fn read_again(&mut self, stop: Stop, digest: u64, count: usize) -> Step {
        self.again = Some(Again { stop, digest, count, total: self.total });
        Step::More
    }

    /// The page size that is requested; the largest number where none is.
    fn limit(&self) -> usize {
        match &self.endpoint.page {
            Page::Offset { limit, .. } | Page::KeySet { limit, .. } | Page::PageNumber { limit, .. } => *limit as usize,
            Page::LinkHeader { size, .. } | Page::NextUrl { size, .. } | Page::Token { size, .. } => {
                size.as_ref().map_or(usize::MAX, |(_, limit)| *limit as usize)
            }
            Page::None => usize::MAX,
        }
    }

    fn after_offset(&mut self, page: &Facts<'_>, limit: usize, next: Option<&str>, size: Option<&str>, stated: Option<&str>) -> Step {
        let count = page.keys.len();
        if page.bare {
            // An old server. It either answers everything at once, or it pages without saying so.
            return match count.cmp(&limit) {
                _ if count == 0 => Step::Done(Stop::EmptyPage),
                Ordering::Greater if self.pages == 1 => Step::Done(Stop::Single),
                Ordering::Greater => too_long(count, limit),
                Ordering::Equal | Ordering::Less => Step::More,
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
            None => self.after_count(count, stated_size(page, stated)),
        }
    }

    /// Where only counts tell: by the API's total, by an empty page, or by a page shorter than the size that the response states. A
    /// page may be shorter than requested where the server lowers the limit, so that alone ends nothing.
    fn after_count(&self, count: usize, stated: Option<usize>) -> Step {
        match self.total {
            Some(total) if self.records >= total => Step::Done(Stop::Total),
            _ if count == 0 => Step::Done(Stop::EmptyPage),
            None if stated.is_some_and(|size| count < size) => Step::Done(Stop::ShortPage),
            _ => Step::More,
        }
    }

    fn after_page_number(&mut self, page: &Facts<'_>, limit: usize, stated: Option<&str>) -> Step {
        let count = page.keys.len();
        if count > limit {
            return too_long(count, limit);
        }
        // Page numbers count pages of one size: a shorter one in the middle means that records are skipped.
        if self.is_shorter && count > 0 {
            return failed(format!("page {} holds fewer records than the first page, and page {} is not empty", self.pages - 1, self.pages));
        }
        self.is_shorter |= count < *self.first_count.get_or_insert(count);
        self.after_count(count, stated_size(page, stated))
    }

    /// Where the API itself names the next page. A page may be empty and name one all the same.
    fn after_mark(&mut self, page: &Facts<'_>, mark: Result<Mark, String>) -> Step {
        let (count, limit) = (page.keys.len(), self.limit());
        if count > limit {
            return too_long(count, limit);
        }
        match mark {
            Err(what) => failed(what),
            Ok(Mark::End(stop)) => Step::Done(stop),
            Ok(Mark::Silent(what)) => self.after_silence(page, limit, &what),
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

    /// Where the response neither names a next page nor says that there is none.
    fn after_silence(&mut self, page: &Facts<'_>, limit: usize, what: &str) -> Step {
        let count = page.keys.len();
        match &self.endpoint.page {
            Page::LinkHeader { only, .. } if !only.is_empty() => {
                failed(format!("page {} has no {what}, which this API sends with every page", self.pages))
            }
            _ if count == 0 => Step::Done(Stop::EmptyPage),
            Page::LinkHeader { page_param: Some(_), .. } if self.mark.is_none() => {
                self.unlinked += 1;
                Step::More
            }
            Page::LinkHeader { .. } if count < limit => self.read_again(Stop::NoNext, digest(page.keys), count),
            Page::LinkHeader { .. } => failed(format!("page {} is full and has no {what}, so the end of the list is not proved", self.pages)),
            _ => failed(format!(
                "page {} has no {what}, so the end of the list is not proved; if the API leaves it out on the last page, set `omitted_at_end`",
                self.pages
            )),
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
        if page.ordered.is_empty() { Step::Done(Stop::EmptyPage) } else { Step::More }
    }
}

fn digest(keys: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    keys.hash(&mut hasher);
    hasher.finish()
}

/// The page size that the response states.
fn stated_size(page: &Facts<'_>, pointer: Option<&str>) -> Option<usize> {
    pointer.and_then(|pointer| page.envelope.pointer(pointer)).and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok())
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
mod tests;
