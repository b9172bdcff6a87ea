//! Where an API says that the next page is: in the header `Link`, or in the body as a URL or a token. Pure.

use serde_json::Value;

use crate::{http::next_link, lake::Stop};

/// What a page says about the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A URL or a token.
    Next(String),
    /// There is none, and the response says so.
    End(Stop),
    /// The response says nothing: the name of what is absent.
    Silent(String),
}

/// The link with `rel="next"`, if its attributes are those of `only`: some APIs name a next page on the last one too.
///
/// A response without the header says nothing: some APIs leave it out of lists of one page.
///
/// # Errors
/// What is wrong with the header.
pub fn at_link(header: Option<&str>, only: &[(String, String)]) -> Result<Mark, String> {
    let Some(header) = header else { return Ok(Mark::Silent("header `Link`".to_owned())) };
    let Some(link) = next_link(header)? else { return Ok(Mark::End(Stop::NoNext)) };
    for (name, wanted) in only {
        match link.attribute(name) {
            Some(value) if value == wanted => {}
            Some(_) => return Ok(Mark::End(Stop::LastFlag)),
            None => return Err(format!("the next link has no attribute `{name}`, by which the last page is known")),
        }
    }
    Ok(Mark::Next(link.target))
}

/// The URL at `next`, after the text at `base`.
///
/// # Errors
/// What stands there instead of a URL.
pub fn at_url(envelope: &Value, next: &str, base: Option<&str>, last: Option<&str>, omitted_at_end: bool) -> Result<Mark, String> {
    let mark = at_token(envelope, next, last, omitted_at_end)?;
    match (mark, base) {
        (Mark::Next(url), Some(pointer)) if !url.contains("://") => match envelope.pointer(pointer).and_then(Value::as_str) {
            Some(base) => Ok(Mark::Next(format!("{}/{}", base.trim_end_matches('/'), url.trim_start_matches('/')))),
            None => Err(format!("there is no text at `{pointer}`, where the base of the next URL should be")),
        },
        (mark, _) => Ok(mark),
    }
}

/// The text or number at `token`, unless the flag at `last` says that this page is the last. An absent token says nothing, unless
/// the API is known to leave it out at the end and the object that would hold it is there.
///
/// # Errors
/// What stands there instead; a flag that says "more" where nothing leads on.
pub fn at_token(envelope: &Value, token: &str, last: Option<&str>, omitted_at_end: bool) -> Result<Mark, String> {
    let flag = last.and_then(|pointer| envelope.pointer(pointer));
    match flag {
        Some(Value::Bool(true)) => return Ok(Mark::End(Stop::LastFlag)),
        None | Some(Value::Bool(false) | Value::Null) => {}
        Some(other) => return Err(format!("`{other}` stands at `{}`, where true or false should be", last.unwrap_or_default())),
    }
    match envelope.pointer(token) {
        Some(Value::String(text)) if !text.is_empty() => Ok(Mark::Next(text.clone())),
        Some(Value::Number(number)) => Ok(Mark::Next(number.to_string())),
        None | Some(Value::Null | Value::String(_)) if flag == Some(&Value::Bool(false)) => {
            Err(format!("the page says that it is not the last one, and there is nothing at `{token}` that leads on"))
        }
        Some(Value::Null | Value::String(_)) => Ok(Mark::End(Stop::NoNext)),
        None => {
            let holder = token.rsplit_once('/').and_then(|(parent, _)| envelope.pointer(parent));
            let is_end = omitted_at_end && holder.is_some_and(Value::is_object);
            Ok(if is_end { Mark::End(Stop::NoNext) } else { Mark::Silent(format!("field `{token}`")) })
        }
        Some(other) => Err(format!("`{other}` stands at `{token}`, where a text or a number should lead to the next page")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn links() {
        let results = [("results".to_owned(), "true".to_owned())];
        let sentry = |more: bool| {
            format!(r#"<https://s/?c=0:0:1>; rel="previous"; results="false"; cursor="0:0:1", <https://s/?c=0:100:0>; rel="next"; results="{more}""#)
        };
        type Case<'a> = (Option<String>, &'a [(String, String)], Result<Mark, &'a str>);
        let cases: [Case<'_>; 6] = [
            (None, &[], Ok(Mark::Silent("header `Link`".to_owned()))),
            (Some("<https://s/?p=1>; rel=\"prev\"".to_owned()), &[], Ok(Mark::End(Stop::NoNext))),
            (Some("<https://s/?p=3>; rel=\"next\"".to_owned()), &[], Ok(Mark::Next("https://s/?p=3".to_owned()))),
            (Some(sentry(true)), &results, Ok(Mark::Next("https://s/?c=0:100:0".to_owned()))),
            (Some(sentry(false)), &results, Ok(Mark::End(Stop::LastFlag))),
            (Some("<https://s/?p=3>; rel=\"next\"".to_owned()), &results, Err("the next link has no attribute `results`")),
        ];
        for (header, only, expected) in cases {
            let found = at_link(header.as_deref(), only);
            match expected {
                Ok(mark) => assert_eq!(found, Ok(mark), "{header:?}"),
                Err(part) => assert!(found.clone().unwrap_err().starts_with(part), "{found:?}"),
            }
        }
    }

    #[test]
    fn tokens() {
        let silent = || Ok(Mark::Silent("field `/p/t`".to_owned()));
        let end = || Ok(Mark::End(Stop::NoNext));
        let cases = [
            (json!({"p": {"t": "a"}}), None, false, Ok(Mark::Next("a".to_owned()))),
            (json!({"p": {"t": 17}}), None, false, Ok(Mark::Next("17".to_owned()))),
            (json!({"p": {"t": ""}}), None, false, end()),
            (json!({"p": {"t": null}}), None, false, end()),
            (json!({"p": {}}), None, false, silent()),
            (json!({"p": {}}), None, true, end()),
            (json!({}), None, true, silent()),
            (json!({"p": null}), None, true, silent()),
            (Value::Null, None, true, silent()),
            (json!({"p": {"t": "a"}, "last": true}), Some("/last"), false, Ok(Mark::End(Stop::LastFlag))),
            (json!({"p": {"t": "a"}, "last": false}), Some("/last"), false, Ok(Mark::Next("a".to_owned()))),
            (json!({"p": {"t": "a"}}), Some("/last"), false, Ok(Mark::Next("a".to_owned()))),
            (json!({"last": true}), Some("/last"), false, Ok(Mark::End(Stop::LastFlag))),
            (json!({}), Some("/last"), false, silent()),
            (json!({"last": false}), Some("/last"), false, Err("the page says that it is not the last one")),
            (json!({"p": {"t": "a"}, "last": "no"}), Some("/last"), false, Err("`\"no\"` stands at `/last`")),
            (json!({"p": {"t": {"x": 1}}}), None, false, Err("`{\"x\":1}` stands at `/p/t`")),
        ];
        for (envelope, last, omitted_at_end, expected) in cases {
            let found = at_token(&envelope, "/p/t", last, omitted_at_end);
            match expected {
                Ok(mark) => assert_eq!(found, Ok(mark), "{envelope}"),
                Err(part) => assert!(found.clone().unwrap_err().starts_with(part), "{found:?}"),
            }
        }
        assert_eq!(at_token(&json!({}), "/t", None, true), end().map_err(str::to_owned), "the body itself would hold it");
    }

    #[test]
    fn urls_may_need_a_base() {
        let body = json!({"_links": {"base": "https://c/wiki/", "next": "/rest?start=25"}});
        let url = |base| at_url(&body, "/_links/next", base, None, false).unwrap();
        assert_eq!(url(Some("/_links/base")), Mark::Next("https://c/wiki/rest?start=25".to_owned()));
        assert_eq!(url(None), Mark::Next("/rest?start=25".to_owned()));
        let absolute = json!({"next": "https://c/x", "base": "https://d"});
        assert_eq!(at_url(&absolute, "/next", Some("/base"), None, false).unwrap(), Mark::Next("https://c/x".to_owned()));
        assert!(at_url(&json!({"next": "/x"}), "/next", Some("/base"), None, false).unwrap_err().contains("no text at `/base`"));
        assert_eq!(at_url(&json!({}), "/next", Some("/base"), None, true).unwrap(), Mark::End(Stop::NoNext));
    }
}
