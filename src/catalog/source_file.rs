//! Reads `sources/<name>.toml`: a closed grammar whose errors name file, line and key.

use std::{collections::BTreeMap, path::Path, time::Duration};

use serde::Deserialize;
use toml::Spanned;

use super::{
    Auth, Batch, Client, Cursor, Endpoint, Means, Page, RateLimit, Replaces, ResponseRule, Retry, Source, Template, Window,
    duration::{parse_duration, parse_size},
};
use crate::{
    error::{Error, Kind, Result},
    names,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    description: String,
    client: ClientFile,
    #[serde(default)]
    defaults: Defaults,
    #[serde(default)]
    endpoint: Vec<Spanned<EndpointFile>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientFile {
    base_url: String,
    #[serde(default)]
    auth: AuthFile,
    #[serde(default)]
    headers: toml::map::Map<String, toml::Value>,
    rate_limit: RateLimitFile,
    #[serde(default)]
    retry: RetryFile,
    timeout: Option<Spanned<String>>,
    max_body: Option<Spanned<String>>,
    error: Option<String>,
    probe: Option<String>,
    #[serde(default)]
    responses: Vec<RuleFile>,
}

#[derive(Default, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum AuthFile {
    #[default]
    None,
    Basic {
        user: String,
        password: String,
    },
    Header {
        name: String,
        value: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RateLimitFile {
    requests: u32,
    per: Spanned<String>,
    #[serde(default = "one")]
    concurrency: u32,
}

fn one() -> u32 {
    1
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RetryFile {
    attempts: Option<u32>,
    max_elapsed: Option<Spanned<String>>,
    #[serde(default)]
    statuses: Vec<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    status: Option<u16>,
    pointer: String,
    #[serde(default)]
    equals: Vec<serde_json::Value>,
    contains: Option<String>,
    means: MeansFile,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum MeansFile {
    Gone,
    Forbidden,
    Retry,
    Fail,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Defaults {
    page: Option<PageFile>,
    bare_array: Option<bool>,
    #[serde(default)]
    params: toml::map::Map<String, toml::Value>,
    #[serde(default)]
    redact: Vec<String>,
}

#[derive(Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum PageFile {
    None,
    Offset { limit: u32, limit_param: String, offset_param: String, next: Option<String>, size: Option<String> },
    KeySet { limit: u32, limit_param: String, key: String, params: toml::map::Map<String, toml::Value> },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointFile {
    name: Spanned<String>,
    #[serde(default)]
    description: String,
    path: Spanned<String>,
    records: String,
    bare_array: Option<bool>,
    key: Spanned<Vec<String>>,
    #[serde(default)]
    scope: Vec<String>,
    #[serde(default)]
    partition: Vec<String>,
    replaces: Spanned<ReplacesFile>,
    cursor: Option<Spanned<String>>,
    full_every: Option<Spanned<String>>,
    window: Option<WindowFile>,
    #[serde(default)]
    params: toml::map::Map<String, toml::Value>,
    page: Option<PageFile>,
    total: Option<String>,
    batch: Option<BatchFile>,
    #[serde(default)]
    redact: Vec<String>,
    gone: Option<Vec<u16>>,
    forbidden: Option<Vec<u16>>,
    max_pages: Option<u32>,
    for_each: Option<Spanned<String>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ReplacesFile {
    Scope,
    Partition,
    Keys,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowFile {
    field: String,
    from: String,
    to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchFile {
    column: String,
    size: u32,
    join: String,
    #[serde(rename = "match")]
    match_pointer: String,
}

/// Parses the text of one source file. `file` is used for the name and in errors.
pub(super) fn parse(file: &Path, text: &str) -> Result<Source> {
    let at = Place { file, text };
    let name = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
    if !names::is_identifier(&name) {
        return Err(at.wrong(0, format!("the file name `{name}` is no valid source name (a-z, 0-9 and _)")));
    }
    let raw: File = toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        at.wrong(offset, error.message().trim().replace('\n', " "))
    })?;
    if raw.version != 1 {
        return Err(at.wrong(0, format!("version {} is not known; this etl reads version 1", raw.version)));
    }
    let client = client(&at, raw.client)?;
    let mut endpoints: Vec<Endpoint> = Vec::new();
    for entry in raw.endpoint {
        let start = entry.span().start;
        let endpoint = endpoint(&at, &name, &raw.defaults, start, entry.into_inner())?;
        if endpoints.iter().any(|other| other.name == endpoint.name) {
            return Err(at.wrong(start, format!("endpoint `{}` is there twice", endpoint.name)));
        }
        endpoints.push(endpoint);
    }
    if endpoints.is_empty() {
        return Err(at.wrong(0, "there is no [[endpoint]]".to_owned()));
    }
    Ok(Source { name, description: raw.description, file: file.to_owned(), client, endpoints })
}

/// Turns byte offsets into messages with file and line.
struct Place<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Place<'_> {
    fn line(&self, offset: usize) -> usize {
        self.text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1)
    }

    fn wrong(&self, offset: usize, what: String) -> Error {
        Error::new(Kind::Config, format!("{}:{}: {what}", self.file.display(), self.line(offset)))
    }

    fn duration(&self, text: &Spanned<String>) -> Result<Duration> {
        parse_duration(text.get_ref()).map_err(|what| self.wrong(text.span().start, what))
    }
}

fn client(at: &Place<'_>, raw: ClientFile) -> Result<Client> {
    let per = at.duration(&raw.rate_limit.per)?;
    if raw.rate_limit.concurrency == 0 || per.is_zero() {
        return Err(at.wrong(raw.rate_limit.per.span().start, "`rate_limit` needs a concurrency of at least 1 and a time above 0".to_owned()));
    }
    let timeout = raw.timeout.as_ref().map_or(Ok(Duration::from_secs(60)), |text| at.duration(text))?;
    let max_body = match &raw.max_body {
        None => 64_000_000,
        Some(text) => parse_size(text.get_ref()).map_err(|what| at.wrong(text.span().start, what))?,
    };
    let max_elapsed = raw.retry.max_elapsed.as_ref().map_or(Ok(Duration::from_secs(300)), |text| at.duration(text))?;
    let attempts = raw.retry.attempts.unwrap_or(6).max(1);
    Ok(Client {
        base_url: raw.base_url,
        auth: match raw.auth {
            AuthFile::None => Auth::None,
            AuthFile::Basic { user, password } => Auth::Basic { user, password },
            AuthFile::Header { name, value } => Auth::Header { name, value },
        },
        headers: texts(raw.headers),
        rate_limit: RateLimit { requests: raw.rate_limit.requests, per, concurrency: raw.rate_limit.concurrency },
        retry: Retry { attempts, max_elapsed, statuses: raw.retry.statuses },
        timeout,
        max_body,
        error: raw.error,
        probe: raw.probe,
        responses: raw.responses.into_iter().map(rule).collect(),
    })
}

fn rule(raw: RuleFile) -> ResponseRule {
    let means = match raw.means {
        MeansFile::Gone => Means::Gone,
        MeansFile::Forbidden => Means::Forbidden,
        MeansFile::Retry => Means::Retry,
        MeansFile::Fail => Means::Fail,
    };
    ResponseRule { status: raw.status, pointer: raw.pointer, equals: raw.equals, contains: raw.contains, means }
}

/// Values of a table as texts; numbers and booleans may be written bare.
fn texts(table: toml::map::Map<String, toml::Value>) -> Vec<(String, String)> {
    table
        .into_iter()
        .map(|(name, value)| match value {
            toml::Value::String(text) => (name, text),
            other => (name, other.to_string()),
        })
        .collect()
}

fn endpoint(at: &Place<'_>, source: &str, defaults: &Defaults, start: usize, raw: EndpointFile) -> Result<Endpoint> {
    let name = raw.name.get_ref().clone();
    let here = |what: String| at.wrong(start, format!("endpoint `{name}`: {what}"));
    if !names::is_identifier(&name) {
        return Err(at.wrong(raw.name.span().start, format!("`{name}` is no valid endpoint name (a-z, 0-9 and _)")));
    }
    let path = Template::parse(raw.path.get_ref()).map_err(|what| at.wrong(raw.path.span().start, what))?;
    let mut params: BTreeMap<usize, (String, Template)> = BTreeMap::new();
    for (name, value) in texts(defaults.params.clone()).into_iter().chain(texts(raw.params)) {
        let template = Template::parse(&value).map_err(|what| here(format!("params.{name}: {what}")))?;
        let position = params.iter().find(|(_, (known, _))| *known == name).map_or(params.len(), |(position, _)| *position);
        params.insert(position, (name, template));
    }
    let replaces = match raw.replaces.get_ref() {
        ReplacesFile::Scope => Replaces::Scope,
        ReplacesFile::Partition => Replaces::Partition,
        ReplacesFile::Keys => Replaces::Keys,
    };
    let full_every_days = match &raw.full_every {
        None => None,
        Some(text) => {
            let days = at.duration(text)?.as_secs() / 86_400;
            if days == 0 {
                return Err(at.wrong(text.span().start, "`full_every` counts whole days, for example `7d`".to_owned()));
            }
            Some(u32::try_from(days).unwrap_or(u32::MAX))
        }
    };
    let page = raw.page.or_else(|| defaults.page.clone()).map_or(Page::None, page);
    let fan_out = !raw.partition.is_empty();
    let endpoint = Endpoint {
        id: format!("{source}_{name}"),
        source: source.to_owned(),
        description: raw.description,
        line: at.line(start),
        path,
        records: raw.records,
        bare_array: raw.bare_array.or(defaults.bare_array).unwrap_or(false),
        key: raw.key.get_ref().clone(),
        scope: raw.scope,
        partition: raw.partition,
        replaces,
        cursor: raw.cursor.as_ref().map(|column| Cursor { column: column.get_ref().clone(), full_every_days }),
        window: raw.window.map(|window| Window { field: window.field, from: window.from, to: window.to }),
        params: params.into_values().collect(),
        page,
        total: raw.total,
        batch: raw.batch.map(|batch| Batch { column: batch.column, size: batch.size, join: batch.join, match_pointer: batch.match_pointer }),
        redact: defaults.redact.iter().cloned().chain(raw.redact).collect(),
        gone: raw.gone.unwrap_or_else(|| if fan_out { vec![404, 410] } else { Vec::new() }),
        forbidden: raw.forbidden.unwrap_or_else(|| if fan_out { vec![403] } else { Vec::new() }),
        max_pages: raw.max_pages.unwrap_or(10_000),
        for_each_line: raw.for_each.as_ref().map_or(0, |text| at.line(text.span().start)),
        for_each: raw.for_each.map(Spanned::into_inner),
        name: name.clone(),
    };
    check(&endpoint).map_err(here)?;
    Ok(endpoint)
}

fn page(raw: PageFile) -> Page {
    match raw {
        PageFile::None => Page::None,
        PageFile::Offset { limit, limit_param, offset_param, next, size } => Page::Offset { limit, limit_param, offset_param, next, size },
        PageFile::KeySet { limit, limit_param, key, params } => Page::KeySet { limit, limit_param, key, params: texts(params) },
    }
}

/// The rules that one endpoint must keep, beyond the grammar.
fn check(endpoint: &Endpoint) -> Result<(), String> {
    if endpoint.key.is_empty() {
        return Err("`key` is empty; name the pointers that identify a record".to_owned());
    }
    let pointers = endpoint
        .key
        .iter()
        .filter(|key| !key.starts_with('@'))
        .chain(endpoint.redact.iter())
        .chain(endpoint.window.iter().map(|window| &window.field))
        .chain(endpoint.total.iter())
        .chain(std::iter::once(&endpoint.records));
    for pointer in pointers {
        if !pointer.is_empty() && !pointer.starts_with('/') {
            return Err(format!("`{pointer}` is no JSON pointer; it starts with `/`, for example `/id`"));
        }
    }
    if endpoint.replaces == Replaces::Partition && endpoint.partition.is_empty() {
        return Err("`replaces = \"partition\"` needs `partition`, the columns that identify one".to_owned());
    }
    if endpoint.cursor.is_some() && endpoint.replaces != Replaces::Keys {
        return Err("`cursor` goes with `replaces = \"keys\"` only".to_owned());
    }
    if endpoint.window.is_some() && endpoint.replaces != Replaces::Scope {
        return Err("`window` goes with `replaces = \"scope\"` only".to_owned());
    }
    if endpoint.for_each.is_none()
        && let Some(column) = endpoint.needed_columns().first()
    {
        return Err(format!("`{{{column}}}` is used, and there is no `for_each` that gives it"));
    }
    match &endpoint.page {
        Page::Offset { limit: 0, .. } | Page::KeySet { limit: 0, .. } => return Err("`page.limit` must be at least 1".to_owned()),
        Page::KeySet { params, .. } if !params.iter().any(|(_, value)| value.contains("{last}")) => {
            return Err("`page.params` of a key set must use `{last}`".to_owned());
        }
        _ => {}
    }
    if endpoint.batch.as_ref().is_some_and(|batch| batch.size == 0) {
        return Err("`batch.size` must be at least 1".to_owned());
    }
    Ok(())
}
