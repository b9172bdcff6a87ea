//! Reads `sources/<name>.toml`: a closed grammar whose errors name file, line and key.

use std::{path::Path, time::Duration};

use toml::Spanned;

use super::{
    Auth, Batch, Body, Client, Cursor, Endpoint, Login, Means, Method, Page, RateLimit, Replaces, ResponseRule, Retry, Source, Template, Window,
    duration::{parse_duration, parse_size},
    endpoint_rules::check,
    grammar::{AuthFile, ClientFile, Defaults, EndpointFile, File, MeansFile, MethodFile, PageFile, ReplacesFile, RuleFile},
    internal_file,
};
use crate::{
    error::{Error, Kind, Result},
    names,
};

/// Parses the text of one source file. `file` is used for the name and in errors.
pub(super) fn parse(file: &Path, text: &str) -> Result<Source> {
    let at = Place { file, text };
    let name = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
    if !names::is_identifier(&name) {
        return Err(at.wrong(0, format!("the file name `{name}` is no valid source name (a-z, 0-9 and _)")));
    }
    if internal_file::is_internal(text) {
        return internal_file::parse(&at, name);
    }
    let raw: File = at.read()?;
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
    Ok(Source { name, description: raw.description, file: file.to_owned(), client: Some(client), endpoints })
}

/// Turns byte offsets into messages with file and line.
pub(super) struct Place<'a> {
    pub(super) file: &'a Path,
    pub(super) text: &'a str,
}

impl Place<'_> {
    /// The text as a value of the grammar.
    pub(super) fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        toml::from_str(self.text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            self.wrong(offset, error.message().trim().replace('\n', " "))
        })
    }

    pub(super) fn line(&self, offset: usize) -> usize {
        self.text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1)
    }

    /// The line on which a text begins: a line break right after the opening quotes is not part of it.
    fn first_line(&self, span: std::ops::Range<usize>) -> usize {
        let opened = self.text.get(span.clone()).map(|text| text.trim_start_matches(['"', '\'']));
        self.line(span.start) + usize::from(opened.is_some_and(|text| text.starts_with(['\n', '\r'])))
    }

    pub(super) fn wrong(&self, offset: usize, what: String) -> Error {
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
    let limited_wait = raw.retry.limited_wait.as_ref().map_or(Ok(Duration::from_secs(60)), |text| at.duration(text))?;
    let attempts = raw.retry.attempts.map(|most| most.max(1));
    Ok(Client {
        base_url: raw.base_url,
        auth: auth(raw.auth),
        headers: texts(raw.headers),
        rate_limit: RateLimit { requests: raw.rate_limit.requests, per, concurrency: raw.rate_limit.concurrency },
        retry: Retry { attempts, max_elapsed, statuses: raw.retry.statuses, limited_wait },
        timeout,
        max_body,
        error: raw.error,
        probe: raw.probe,
        ping: raw.ping,
        responses: raw.responses.into_iter().map(rule).collect(),
    })
}

fn auth(raw: AuthFile) -> Auth {
    match raw {
        AuthFile::None => Auth::None,
        AuthFile::Basic { user, password } => Auth::Basic { user, password },
        AuthFile::Header { name, value } => Auth::Header { name, value },
        AuthFile::Bearer { token } => Auth::Header { name: "Authorization".to_owned(), value: format!("Bearer {token}") },
        AuthFile::Login { path, form, token, expires_in, header, scheme, logout } => {
            Auth::Login(Login { path, form: texts(form), token, expires_in, header, scheme, logout })
        }
    }
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

/// The values of a parameter: a list is one that is sent several times.
fn repeated(value: toml::Value) -> Vec<String> {
    match value {
        toml::Value::String(text) => vec![text],
        toml::Value::Array(items) => items.into_iter().flat_map(repeated).collect(),
        other => vec![other.to_string()],
    }
}

fn endpoint(at: &Place<'_>, source: &str, defaults: &Defaults, start: usize, raw: EndpointFile) -> Result<Endpoint> {
    let name = raw.name.get_ref().clone();
    let here = |what: String| at.wrong(start, format!("endpoint `{name}`: {what}"));
    if !names::is_identifier(&name) {
        return Err(at.wrong(raw.name.span().start, format!("`{name}` is no valid endpoint name (a-z, 0-9 and _)")));
    }
    let path = Template::parse(raw.path.get_ref()).map_err(|what| at.wrong(raw.path.span().start, what))?;
    let mut params: Vec<(String, Template)> = Vec::new();
    for (name, value) in defaults.params.clone().into_iter().chain(raw.params) {
        let templates: Result<Vec<Template>, String> = repeated(value).iter().map(|text| Template::parse(text)).collect();
        let templates = templates.map_err(|what| here(format!("params.{name}: {what}")))?;
        // The endpoint's own value stands where the inherited one stood.
        let position = params.iter().position(|(known, _)| *known == name).unwrap_or(params.len());
        params.retain(|(known, _)| *known != name);
        params.splice(position..position, templates.into_iter().map(|template| (name.clone(), template)));
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
    let page = raw.page.or_else(|| defaults.page.clone()).map_or(Ok(Page::None), page).map_err(here)?;
    let method = match raw.method {
        MethodFile::Get => Method::Get,
        MethodFile::Post => Method::Post,
    };
    let body = match &raw.body {
        None => None,
        Some(body) => Some(Body::parse(body.get_ref()).map_err(|what| at.wrong(body.span().start, what))?),
    };
    let fan_out = !raw.partition.is_empty();
    let endpoint = Endpoint {
        id: format!("{source}_{name}"),
        source: source.to_owned(),
        description: raw.description,
        line: at.line(start),
        method,
        path,
        body,
        records: raw.records,
        bare_array: raw.bare_array.or(defaults.bare_array).unwrap_or(false),
        key: raw.key.get_ref().clone(),
        scope: raw.scope,
        partition: raw.partition,
        replaces,
        cursor: raw.cursor.as_ref().map(|column| Cursor { column: column.get_ref().clone(), full_every_days }),
        window: raw.window.map(|window| Window { field: window.field, from: window.from, to: window.to }),
        params,
        page,
        total: raw.total,
        batch: raw.batch.map(|batch| Batch { column: batch.column, size: batch.size, join: batch.join, match_pointer: batch.match_pointer }),
        redact: defaults.redact.iter().cloned().chain(raw.redact).collect(),
        gone: raw.gone.unwrap_or_else(|| if fan_out { vec![404, 410] } else { Vec::new() }),
        forbidden: raw.forbidden.unwrap_or_else(|| if fan_out { vec![403] } else { Vec::new() }),
        max_pages: raw.max_pages.unwrap_or(10_000),
        for_each_line: raw.for_each.as_ref().map_or(0, |sql| at.first_line(sql.span())),
        for_each: raw.for_each.map(Spanned::into_inner),
        name: name.clone(),
    };
    check(&endpoint).map_err(here)?;
    Ok(endpoint)
}

fn page(raw: PageFile) -> Result<Page, String> {
    let size = |limit: Option<u32>, param: Option<String>| match (limit, param) {
        (Some(limit), Some(param)) => Ok(Some((param, limit))),
        (None, None) => Ok(None),
        _ => Err("`page.limit` and `page.limit_param` go together".to_owned()),
    };
    Ok(match raw {
        PageFile::None => Page::None,
        PageFile::Offset { limit, limit_param, offset_param, next, size, stated_limit } => {
            Page::Offset { limit, limit_param, offset_param, next, size, stated_limit }
        }
        PageFile::KeySet { limit, limit_param, key, params } => Page::KeySet { limit, limit_param, key, params: texts(params) },
        PageFile::PageNumber { limit, limit_param, page_param, first, stated_limit } => {
            Page::PageNumber { limit, limit_param, page_param, first, stated_limit }
        }
        PageFile::LinkHeader { limit, limit_param, page_param, only } => {
            Page::LinkHeader { size: size(limit, limit_param)?, page_param, only: texts(only) }
        }
        PageFile::NextUrl { limit, limit_param, next, base, last, omitted_at_end } => {
            Page::NextUrl { size: size(limit, limit_param)?, next, base, last, omitted_at_end }
        }
        PageFile::Token { limit, limit_param, token, param, last, omitted_at_end } => {
            Page::Token { size: size(limit, limit_param)?, token, param, last, omitted_at_end }
        }
    })
}
