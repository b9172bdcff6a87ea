//! The rules that an endpoint must keep, beyond the grammar.

use super::{Endpoint, Method, Page, Replaces};

/// The rules that one endpoint must keep, beyond the grammar.
pub(super) fn check(endpoint: &Endpoint) -> Result<(), String> {
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
        .chain(endpoint.batch.iter().map(|batch| &batch.match_pointer))
        .chain(page_pointers(&endpoint.page))
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
        Page::Offset { limit: 0, .. }
        | Page::KeySet { limit: 0, .. }
        | Page::PageNumber { limit: 0, .. }
        | Page::LinkHeader { size: Some((_, 0)), .. }
        | Page::NextUrl { size: Some((_, 0)), .. }
        | Page::Token { size: Some((_, 0)), .. } => return Err("`page.limit` must be at least 1".to_owned()),
        Page::KeySet { params, .. } if !params.iter().any(|(_, value)| value.contains("{last}")) => {
            return Err("`page.params` of a key set must use `{last}`".to_owned());
        }
        _ => {}
    }
    if endpoint.body.is_some() && endpoint.method == Method::Get {
        return Err("`body` goes with `method = \"POST\"`".to_owned());
    }
    if let Some(batch) = &endpoint.batch
        && !endpoint.templates().any(|template| template.columns().any(|column| column == batch.column))
    {
        return Err(format!("`batch.column` is `{}`, and neither path, params nor body ask for it", batch.column));
    }
    if endpoint.batch.as_ref().is_some_and(|batch| batch.size == 0) {
        return Err("`batch.size` must be at least 1".to_owned());
    }
    Ok(())
}

/// Pointers into the envelope of a page.
fn page_pointers(page: &Page) -> impl Iterator<Item = &String> {
    let [one, two, three] = match page {
        Page::None | Page::LinkHeader { .. } => [None, None, None],
        Page::PageNumber { stated_limit, .. } => [stated_limit.as_ref(), None, None],
        Page::Offset { next, size, stated_limit, .. } => [next.as_ref(), size.as_ref(), stated_limit.as_ref()],
        Page::KeySet { key, .. } => [Some(key), None, None],
        Page::NextUrl { next, base, last, .. } => [Some(next), base.as_ref(), last.as_ref()],
        Page::Token { token, last, .. } => [Some(token), last.as_ref(), None],
    };
    [one, two, three].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::catalog::source_file;

    const HEAD: &str = "version = 1\ndescription = \"x\"\n[client]\nbase_url = \"https://h\"\nrate_limit = { requests = 1, per = \"1s\" }\n";

    fn message(client: &str, keys: &str) -> String {
        let text =
            format!("{HEAD}{client}\n[[endpoint]]\nname = \"a\"\npath = \"a\"\nrecords = \"/r\"\nkey = [\"/id\"]\nreplaces = \"scope\"\n{keys}\n");
        source_file::parse(Path::new("sources/demo.toml"), &text).map_or_else(|error| error.to_string(), |_| "fine".to_owned())
    }

    #[test]
    fn every_page_kind_is_read() {
        for page in [
            r#"{ kind = "page_number", limit = 50, limit_param = "per_page", page_param = "page" }"#,
            r#"{ kind = "link_header", limit = 100, limit_param = "per_page", only = { results = "true" } }"#,
            r#"{ kind = "link_header" }"#,
            r#"{ kind = "link_header", page_param = "page" }"#,
            r#"{ kind = "offset", limit = 5, limit_param = "l", offset_param = "o", stated_limit = "/limit" }"#,
            r#"{ kind = "token", token = "/paging/next", param = "next", omitted_at_end = true }"#,
            r#"{ kind = "next_url", next = "/_links/next", base = "/_links/base" }"#,
            r#"{ kind = "token", token = "/nextPageToken", param = "nextPageToken", last = "/isLast" }"#,
        ] {
            assert_eq!(message("", &format!("page = {page}")), "fine", "{page}");
        }
        let login = r#"auth = { kind = "login", path = "login", form = { id = "${ID}" }, token = "/access_token" }"#;
        assert_eq!(message(login, "method = \"POST\"\nbody = { a = 1 }"), "fine");
    }

    #[test]
    fn mistakes_are_named_with_file_and_line() {
        for (client, keys, expected) in [
            (
                "",
                r#"page = { kind = "token", token = "/t", param = "t", limit = 5 }"#,
                "sources/demo.toml:7: endpoint `a`: `page.limit` and `page.limit_param` go together",
            ),
            ("", r#"page = { kind = "token", token = "t", param = "t" }"#, "sources/demo.toml:7: endpoint `a`: `t` is no JSON pointer"),
            ("", r#"page = { kind = "next_url", next = "/n", last = "done" }"#, "sources/demo.toml:7: endpoint `a`: `done` is no JSON pointer"),
            (
                "",
                r#"page = { kind = "page_number", limit = 0, limit_param = "l", page_param = "p" }"#,
                "sources/demo.toml:7: endpoint `a`: `page.limit` must be at least 1",
            ),
            ("", r#"page = { kind = "tokens" }"#, "sources/demo.toml:13: unknown variant `tokens`"),
            ("", "body = { a = 1 }", "sources/demo.toml:7: endpoint `a`: `body` goes with `method = \"POST\"`"),
            ("", "method = \"POST\"\nbody = { a = [\"{x\"] }", "sources/demo.toml:14: body.a[0]: `{x` has a `{` without a `}`"),
            ("", "method = \"PUT\"", "sources/demo.toml:13: unknown variant `PUT`"),
            (
                "",
                "for_each = \"x\"\nbatch = { column = \"id\", size = 5, match = \"/id\" }",
                "sources/demo.toml:7: endpoint `a`: `batch.column` is `id`, and neither path",
            ),
            ("", "method = \"POST\"\nbody = { a = \"{id}\" }", "sources/demo.toml:7: endpoint `a`: `{id}` is used, and there is no `for_each`"),
            ("auth = { kind = \"bearer\" }", "", "sources/demo.toml:6: missing field `token`"),
            ("retry = { limited_wait = \"soon\" }", "", "sources/demo.toml:6: "),
        ] {
            let message = message(client, keys);
            assert!(message.starts_with(expected), "{message}\ninstead of\n{expected}");
        }
    }
}
