//! One list (or document) of an API: how to ask for it, how it pages, what a pull of it replaces.

use super::{Body, Template};
use crate::digest;

/// An endpoint as `[[endpoint]]` describes it, defaults filled in.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Source and endpoint: `testrail_cases`. The staging model and the relations have this name.
    pub id: String,
    /// The source's name.
    pub source: String,
    /// The name inside the source.
    pub name: String,
    /// One sentence.
    pub description: String,
    /// Line of its table in the file, from 1.
    pub line: usize,
    /// How it is asked.
    pub method: Method,
    /// Path under the base URL.
    pub path: Template,
    /// The JSON that a POST carries.
    pub body: Option<Body>,
    /// JSON pointer to the records; empty = the body is the array or the one record.
    pub records: String,
    /// A body that is the array itself is accepted as one page.
    pub bare_array: bool,
    /// Pointers into the record, or `@column`.
    pub key: Vec<String>,
    /// Columns of `for_each` that split it into pulls.
    pub scope: Vec<String>,
    /// Columns of `for_each` that identify a partition.
    pub partition: Vec<String>,
    /// What a pull replaces.
    pub replaces: Replaces,
    /// Incremental reading.
    pub cursor: Option<Cursor>,
    /// A list asked for a time window.
    pub window: Option<Window>,
    /// Query parameters, in the order of the file.
    pub params: Vec<(String, Template)>,
    /// Paging.
    pub page: Page,
    /// Pointer to the API's own total.
    pub total: Option<String>,
    /// Packs partitions into one call.
    pub batch: Option<Batch>,
    /// Pointers that are blanked before landing.
    pub redact: Vec<String>,
    /// Statuses that say a partition is gone.
    pub gone: Vec<u16>,
    /// Statuses that say a partition may not be read.
    pub forbidden: Vec<u16>,
    /// Pages of one partition after which the pull fails.
    pub max_pages: u32,
    /// The query that says what to ask for; none = one request without parameters.
    pub for_each: Option<String>,
    /// Line where the `for_each` text begins in the file, from 1.
    pub for_each_line: usize,
}

/// How an endpoint is asked. Both only read: a request may be repeated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// Everything is in the URL.
    #[default]
    Get,
    /// The question is too long for a URL and goes into the body.
    Post,
}

impl Method {
    /// As HTTP writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// What a complete pull replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaces {
    /// The whole scope (inside the window, if one is given): what is missing is gone.
    Scope,
    /// Each answered partition's records.
    Partition,
    /// The records with the same keys; a full list replaces the scope.
    Keys,
}

/// Incremental reading by a column of `for_each`; NULL in it asks for the full list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The column.
    pub column: String,
    /// UTC calendar days after which a pull is full again.
    pub full_every_days: Option<u32>,
}

/// The time window that a list was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Pointer to the record's time (epoch seconds or ISO 8601).
    pub field: String,
    /// Column with the first instant, NULL = from the beginning.
    pub from: String,
    /// Column with the instant after the last, NULL = to the end.
    pub to: String,
}

/// How a list is cut into pages. Each kind has its own proof of the end and its own loop guard. An empty page, and a `total` that is
/// reached, prove the end of those that count; a page that is merely short proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// One answer holds everything.
    None,
    /// `limit` and `offset`. The end: null at `next`; a page shorter than the size at `stated_limit`. `size` is the number of
    /// records that the page says it holds.
    Offset { limit: u32, limit_param: String, offset_param: String, next: Option<String>, size: Option<String>, stated_limit: Option<String> },
    /// Ascending by key: `params` (with `{last}`) are added from the second page on; an empty page ends it.
    KeySet { limit: u32, limit_param: String, key: String, params: Vec<(String, String)> },
    /// `page=1`, `page=2` and so on. The end: a page shorter than the size at `stated_limit`.
    PageNumber { limit: u32, limit_param: String, page_param: String, first: u32, stated_limit: Option<String> },
    /// The header `Link` with `rel="next"` (RFC 8288), if it has the attributes `only`; a header without one ends the list. Where the
    /// header is absent, `page_param` names the next page by its number.
    LinkHeader { size: Option<(String, u32)>, page_param: Option<String>, only: Vec<(String, String)> },
    /// The URL at `next`, after the text at `base`. The end: null or empty, or a true `last`; absent only with `omitted_at_end`.
    NextUrl { size: Option<(String, u32)>, next: String, base: Option<String>, last: Option<String>, omitted_at_end: bool },
    /// The value at `token` is sent back as `param`. The end: null or empty, or a true `last`; absent only with `omitted_at_end`.
    Token { size: Option<(String, u32)>, token: String, param: String, last: Option<String>, omitted_at_end: bool },
}

/// Several partitions in one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The `for_each` column whose values are joined.
    pub column: String,
    /// Values in one call.
    pub size: u32,
    /// Between the values.
    pub join: String,
    /// Pointer into the record that answers the column.
    pub match_pointer: String,
}

impl Endpoint {
    /// Everything that a request is written from.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        let body = self.body.iter().flat_map(Body::templates);
        std::iter::once(&self.path).chain(self.params.iter().map(|(_, template)| template)).chain(body)
    }

    /// The columns that its `for_each` must deliver.
    pub fn needed_columns(&self) -> Vec<&str> {
        let mut columns: Vec<&str> = Vec::new();
        columns.extend(self.templates().flat_map(Template::columns));
        columns.extend(self.scope.iter().map(String::as_str));
        columns.extend(self.partition.iter().map(String::as_str));
        columns.extend(self.key.iter().filter_map(|key| key.strip_prefix('@')));
        columns.extend(self.cursor.iter().map(|cursor| cursor.column.as_str()));
        columns.extend(self.window.iter().flat_map(|window| [window.from.as_str(), window.to.as_str()]));
        columns.extend(self.batch.iter().map(|batch| batch.column.as_str()));
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// A hash of all that decides what is asked and how it is read; it is written into receipts.
    pub fn definition_hash(&self) -> String {
        // `Debug` of plain data is a canonical text here; lines are left out because moving an endpoint changes nothing.
        let mut plain = self.clone();
        (plain.line, plain.for_each_line) = (0, 0);
        plain.description.clear();
        digest::short(&format!("{plain:?}"), 8)
    }
}
