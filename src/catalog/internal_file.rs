//! Reads a source file with `kind = "internal"`: no API stands behind it, `etl` itself records there what it did.

use serde::Deserialize;
use toml::Spanned;

use super::{Endpoint, Method, Page, Replaces, Source, Template, source_file::Place};
use crate::{error::Result, names};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[expect(dead_code, reason = "it led here")]
    kind: String,
    description: String,
    #[serde(default)]
    endpoint: Vec<Spanned<EndpointFile>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointFile {
    name: Spanned<String>,
    #[serde(default)]
    description: String,
    key: Vec<String>,
    partition: Vec<String>,
}

/// Whether a source file is one of these. A text that is no TOML is none; whoever reads it next says so.
pub(super) fn is_internal(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Head {
        kind: Option<String>,
    }
    toml::from_str::<Head>(text).is_ok_and(|head| head.kind.as_deref() == Some("internal"))
}

/// Parses it. A record stands in a partition of its own, whose columns are fields of the record: the newest one counts.
pub(super) fn parse(at: &Place<'_>, source: String) -> Result<Source> {
    let raw: File = at.read()?;
    if raw.version != 1 {
        return Err(at.wrong(0, format!("version {} is not known; this etl reads version 1", raw.version)));
    }
    let mut endpoints: Vec<Endpoint> = Vec::new();
    for entry in raw.endpoint {
        let start = entry.span().start;
        let endpoint = endpoint(at, &source, start, entry.into_inner())?;
        if endpoints.iter().any(|other| other.name == endpoint.name) {
            return Err(at.wrong(start, format!("endpoint `{}` is there twice", endpoint.name)));
        }
        endpoints.push(endpoint);
    }
    if endpoints.is_empty() {
        return Err(at.wrong(0, "there is no [[endpoint]]".to_owned()));
    }
    Ok(Source { name: source, description: raw.description, file: at.file.to_owned(), client: None, endpoints })
}

fn endpoint(at: &Place<'_>, source: &str, start: usize, raw: EndpointFile) -> Result<Endpoint> {
    let name = raw.name.get_ref().clone();
    let here = |what: &str| at.wrong(start, format!("endpoint `{name}`: {what}"));
    if !names::is_identifier(&name) {
        return Err(at.wrong(raw.name.span().start, format!("`{name}` is no valid endpoint name (a-z, 0-9 and _)")));
    }
    if raw.key.is_empty() || raw.partition.is_empty() {
        return Err(here("`key` and `partition` say what identifies a record; neither may be empty"));
    }
    if let Some(pointer) = raw.key.iter().find(|key| !key.starts_with('/')) {
        return Err(here(&format!("`{pointer}` is no JSON pointer; it starts with `/`, for example `/id`")));
    }
    let path = Template::parse("").map_err(|what| here(&what))?;
    Ok(Endpoint {
        id: format!("{source}_{name}"),
        source: source.to_owned(),
        name,
        description: raw.description,
        line: at.line(start),
        method: Method::Get,
        path,
        body: None,
        records: String::new(),
        bare_array: false,
        key: raw.key,
        scope: Vec::new(),
        partition: raw.partition,
        replaces: Replaces::Partition,
        cursor: None,
        window: None,
        params: Vec::new(),
        page: Page::None,
        total: None,
        batch: None,
        redact: Vec::new(),
        gone: Vec::new(),
        forbidden: Vec::new(),
        max_pages: 1,
        for_each: None,
        for_each_line: 0,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::catalog::source_file::parse;

    fn message(text: &str) -> String {
        match parse(Path::new("sources/own.toml"), text) {
            Ok(source) => format!("{} {:?} {}", source.name, source.client.is_some(), source.endpoints[0].id),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_an_internal_source_may_say() {
        let head = "version = 1\nkind = \"internal\"\ndescription = \"x\"\n";
        let good = "[[endpoint]]\nname = \"a\"\nkey = [\"/id\"]\npartition = [\"id\"]\n";
        assert_eq!(message(&format!("{head}{good}")), "own false own_a");
        for (text, expected) in [
            (head.to_owned(), "sources/own.toml:1: there is no [[endpoint]]"),
            (format!("{head}{good}{good}"), "sources/own.toml:8: endpoint `a` is there twice"),
            (format!("{head}{good}path = \"x\"\n"), "sources/own.toml:8: unknown field `path`"),
            (format!("{head}[client]\n{good}"), "sources/own.toml:4: unknown field `client`"),
            (format!("{head}{}", good.replace("\"/id\"", "\"id\"")), "sources/own.toml:4: endpoint `a`: `id` is no JSON pointer"),
            (format!("{head}{}", good.replace("[\"id\"]", "[]")), "sources/own.toml:4: endpoint `a`: `key` and `partition`"),
            (head.replace('1', "2"), "sources/own.toml:1: version 2 is not known"),
        ] {
            assert!(message(&text).starts_with(expected), "{}\ninstead of\n{expected}", message(&text));
        }
    }
}
