//! The pictures of a page: uploaded before the page is written, deleted only where `etl` brought them and nothing names them.

use bytes::Bytes;
use serde_json::Value;

use super::render::escape;
use crate::{
    error::{Error, Kind, Result},
    http::{Body, HttpClient, Outgoing, Part, Repeat, Verb},
    publish::{images::Image, looker::segment},
};

/// Begins the comment of every file that `etl` uploaded.
const OWN: &str = "etl sha256:";
/// Ends the comment of a file whose first version was somebody else's.
const TAKEN_OVER: &str = " over a file that was there";
/// Pages of the list; no page of a wiki has as many files.
const MOST_PAGES: usize = 200;

/// A file of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its id.
    pub id: String,
    /// Its name.
    pub title: String,
    /// Its size, where Confluence says so.
    pub bytes: Option<u64>,
    /// What was said when it was uploaded.
    pub comment: String,
}

/// What has to be done for a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is there already.
    Keep,
    /// The page has no such file.
    Create,
    /// A new version of this one; whether the former was `etl`'s.
    Update { id: String, own: bool },
}

impl Attachment {
    /// Whether `etl` uploaded all versions of it.
    pub fn is_own(&self) -> bool {
        self.comment.starts_with(OWN) && !self.comment.ends_with(TAKEN_OVER)
    }

    fn holds(&self, image: &Image) -> bool {
        let hash = self.comment.strip_prefix(OWN).map(|rest| rest.trim_end_matches(TAKEN_OVER));
        hash == Some(image.sha256.as_str()) && self.bytes.is_none_or(|bytes| bytes == image.content.len() as u64)
    }

    fn of(value: &Value) -> Option<Self> {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        let comment = ["/extensions/comment", "/metadata/comment", "/version/message"].into_iter().find_map(text);
        Some(Self {
            id: text("/id")?.to_owned(),
            title: text("/title")?.to_owned(),
            bytes: value.pointer("/extensions/fileSize").and_then(Value::as_u64),
            comment: comment.unwrap_or_default().to_owned(),
        })
    }
}

/// What has to be done for a picture of this name.
pub fn step(there: &[Attachment], name: &str, image: &Image) -> Step {
    match there.iter().find(|attachment| attachment.title == name) {
        None => Step::Create,
        Some(attachment) if attachment.holds(image) => Step::Keep,
        Some(attachment) => Step::Update { id: attachment.id.clone(), own: attachment.is_own() },
    }
}

/// Files that only `etl` ever uploaded and whose names stand nowhere on the page.
pub fn surplus<'a>(there: &'a [Attachment], page: &str) -> Vec<&'a Attachment> {
    let is_named = |name: &str| page.contains(name) || page.contains(&escape(name)) || page.contains(&name.replace('&', "&amp;"));
    there.iter().filter(|attachment| attachment.is_own() && !is_named(&attachment.title)).collect()
}

/// All files of a page.
///
/// # Errors
/// As [`HttpClient::send`]; [`Kind::BadResponse`] for a list that is none.
pub async fn list(client: &HttpClient, page_id: &str) -> Result<Vec<Attachment>> {
    let what = format!("the files of page {page_id}");
    let path = format!("content/{}/child/attachment", segment(page_id));
    let mut found: Vec<Attachment> = Vec::new();
    for _ in 0..MOST_PAGES {
        let query = [("start", found.len().to_string()), ("limit", "100".to_owned()), ("expand", "version".to_owned())];
        let query = query.map(|(name, value)| (name.to_owned(), value));
        let outgoing = Outgoing::get(&what, &path, &query);
        let body = client.send(&outgoing).await?.json()?;
        let results = body["results"].as_array().ok_or_else(|| Error::new(Kind::BadResponse, format!("{what}: the answer holds no list")))?;
        let read: Option<Vec<Attachment>> = results.iter().map(Attachment::of).collect();
        found.extend(read.ok_or_else(|| Error::new(Kind::BadResponse, format!("{what}: a file has no id or no name")))?);
        match body.pointer("/_links/next") {
            None | Some(Value::Null) => return Ok(found),
            Some(_) if results.is_empty() => return Err(Error::new(Kind::Incomplete, format!("{what}: an empty page says that there are more"))),
            Some(_) => {}
        }
    }
    Err(Error::new(Kind::Incomplete, format!("{what}: the list does not end")))
}

/// Uploads a picture as `step` says.
///
/// # Errors
/// As [`HttpClient::send`].
pub async fn upload(client: &HttpClient, page_id: &str, name: &str, image: &Image, step: &Step) -> Result<()> {
    let list = format!("content/{}/child/attachment", segment(page_id));
    let (path, suffix, repeat) = match step {
        Step::Keep => return Ok(()),
        // A second try of what arrived would be refused as a second file of that name.
        Step::Create => (list, "", Repeat::OnlyUnseen),
        Step::Update { id, own } => (format!("{list}/{}/data", segment(id)), if *own { "" } else { TAKEN_OVER }, Repeat::Always),
    };
    let comment = Bytes::from(format!("{OWN}{}{suffix}", image.sha256));
    let parts = [
        Part { name: "comment", file: None, content: comment },
        Part { name: "minorEdit", file: None, content: Bytes::from_static(b"true") },
        Part { name: "file", file: Some((name, "image/png")), content: image.content.clone() },
    ];
    let what = format!("file `{name}` of page {page_id}");
    let headers = [("X-Atlassian-Token", "nocheck")];
    let outgoing =
        Outgoing { what: &what, verb: Verb::Post, path: &path, query: &[], headers: &headers, body: Body::Parts(&parts), repeat, accept: &[] };
    client.send(&outgoing).await?.json().map(|_| ())
}

/// Deletes a file; one that is gone already is fine.
///
/// # Errors
/// As [`HttpClient::send`].
pub async fn delete(client: &HttpClient, attachment: &Attachment) -> Result<()> {
    let what = format!("file `{}`", attachment.title);
    let path = format!("content/{}", segment(&attachment.id));
    let outgoing = Outgoing {
        what: &what,
        verb: Verb::Delete,
        path: &path,
        query: &[],
        headers: &[],
        body: Body::Nothing,
        repeat: Repeat::Always,
        accept: &[404],
    };
    client.send(&outgoing).await.map(|_| ()).map_err(Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attachment(title: &str, comment: &str, bytes: Option<u64>) -> Attachment {
        Attachment { id: format!("att-{title}"), title: title.to_owned(), bytes, comment: comment.to_owned() }
    }

    #[test]
    fn only_what_differs_is_uploaded() {
        let image = Image { content: Bytes::from_static(b"12345"), sha256: "aa".to_owned(), rendered_at: None };
        for (comment, bytes, expected) in [
            ("etl sha256:aa", Some(5), Step::Keep),
            ("etl sha256:aa over a file that was there", Some(5), Step::Keep),
            ("etl sha256:aa", None, Step::Keep),
            ("etl sha256:aa", Some(4), Step::Update { id: "att-a.png".to_owned(), own: true }),
            ("etl sha256:bb", Some(5), Step::Update { id: "att-a.png".to_owned(), own: true }),
            ("etl sha256:bb over a file that was there", Some(5), Step::Update { id: "att-a.png".to_owned(), own: false }),
            ("", Some(5), Step::Update { id: "att-a.png".to_owned(), own: false }),
        ] {
            assert_eq!(step(&[attachment("a.png", comment, bytes)], "a.png", &image), expected, "{comment} {bytes:?}");
        }
        assert_eq!(step(&[attachment("b.png", "etl sha256:aa", None)], "a.png", &image), Step::Create);
    }

    #[test]
    fn only_own_files_that_nothing_names_are_deleted() {
        let there = [
            attachment("old.png", "etl sha256:aa", None),
            attachment("named.png", "etl sha256:aa", None),
            attachment("a&b.png", "etl sha256:aa", None),
            attachment("theirs.png", "", None),
            attachment("taken.png", "etl sha256:aa over a file that was there", None),
        ];
        let page = "<ri:attachment ri:filename=\"named.png\" /><ri:attachment ri:filename=\"a&amp;b.png\" />";
        let titles: Vec<&str> = surplus(&there, page).into_iter().map(|attachment| attachment.title.as_str()).collect();
        assert_eq!(titles, ["old.png"]);
    }
}
