//! Files of a page: listed in pages, uploaded as parts of a form, deleted.

use crate::simulator::{
    answer::Answer,
    apis::Call,
    desk::File,
    json::{Object, Style, Value},
    server::lock,
};

use super::{links, refused};

/// Files on one page of a list at most, whatever was asked for.
const MOST: usize = 3;

/// `GET content/{page}/child/attachment`
pub(super) fn list(call: &Call<'_>, page: &str) -> Answer {
    let desk = lock(call.desk);
    let files = desk.files.get(page).cloned().unwrap_or_default();
    let number = |name: &str| call.query.number(name).and_then(|number| usize::try_from(number).ok());
    let (start, limit) = (number("start").unwrap_or(0), number("limit").unwrap_or(25).clamp(1, MOST));
    let results: Vec<Value> = files.iter().skip(start).take(limit).map(record).collect();
    let size = results.len();
    let mut links: Object =
        vec![("base".into(), "https://wiki.example.test/wiki".into()), ("context".into(), "/wiki".into()), ("self".into(), "x".into())];
    if start + size < files.len() {
        links.push(("next".into(), format!("/rest/api/content/{page}/child/attachment?limit={limit}&start={}", start + size).into()));
    }
    let body: Object = vec![
        ("results".into(), Value::List(results)),
        ("start".into(), (start as u64).into()),
        ("limit".into(), (limit as u64).into()),
        ("size".into(), (size as u64).into()),
        ("_links".into(), Value::Object(links)),
    ];
    Answer::value(&Value::Object(body), Style::Compact)
}

/// `POST content/{page}/child/attachment`, with `id` a new version of that file.
pub(super) fn upload(call: &Call<'_>, page: &str, id: Option<&str>) -> Answer {
    if !call.nocheck {
        return refused(403, "XSRF check failed");
    }
    let form = parts(call.content_type.unwrap_or_default(), call.body);
    let text = |wanted: &str| form.iter().find(|part| part.name == wanted).map(|part| String::from_utf8_lossy(&part.content).into_owned());
    let Some(file) = form.iter().find(|part| part.name == "file" && !part.file_name.is_empty()) else {
        return refused(400, "there is no file");
    };
    let comment = text("comment").unwrap_or_default();
    let mut desk = lock(call.desk);
    let number = desk.number();
    let files = desk.files.entry(page.to_owned()).or_default();
    let there = files.iter().position(|known| id.map_or(known.title == file.file_name, |id| known.id == id));
    let stored = match (there, id) {
        (Some(_), None) => return refused(400, "Cannot add a new attachment with same file name as an existing attachment"),
        (None, Some(_)) => return refused(404, "No attachment found"),
        (Some(place), Some(_)) => {
            let known = &mut files[place];
            known.version += 1;
            (known.comment, known.content) = (comment, file.content.clone());
            known.clone()
        }
        (None, None) => {
            let new = File { id: format!("att{number}"), title: file.file_name.clone(), comment, version: 1, content: file.content.clone() };
            files.push(new.clone());
            new
        }
    };
    let one = record(&stored);
    if id.is_some() {
        return Answer::value(&one, Style::Compact);
    }
    let body: Object = vec![
        ("results".into(), Value::List(vec![one])),
        ("size".into(), 1_u64.into()),
        ("start".into(), 0_u64.into()),
        ("limit".into(), 25_u64.into()),
    ];
    Answer::value(&Value::Object(body), Style::Compact)
}

/// `DELETE content/{file}`
pub(super) fn delete(call: &Call<'_>, id: &str) -> Answer {
    let mut desk = lock(call.desk);
    let before: usize = desk.files.values().map(Vec::len).sum();
    desk.files.values_mut().for_each(|files| files.retain(|file| file.id != id));
    let after: usize = desk.files.values().map(Vec::len).sum();
    if before == after { refused(404, "No content found") } else { Answer::json(204, "") }
}

fn record(file: &File) -> Value {
    let version: Object = vec![
        ("number".into(), file.version.into()),
        ("when".into(), "2025-09-08T02:00:00.000Z".into()),
        ("message".into(), file.comment.clone().into()),
        ("minorEdit".into(), false.into()),
        ("_expandable".into(), Value::Object(vec![])),
    ];
    let about: Object = vec![("mediaType".into(), "image/png".into()), ("comment".into(), file.comment.clone().into())];
    let mut extensions = about.clone();
    extensions.push(("fileSize".into(), (file.content.len() as u64).into()));
    let record: Object = vec![
        ("id".into(), file.id.clone().into()),
        ("type".into(), "attachment".into()),
        ("status".into(), "current".into()),
        ("title".into(), file.title.clone().into()),
        ("version".into(), Value::Object(version)),
        ("metadata".into(), Value::Object(about)),
        ("extensions".into(), Value::Object(extensions)),
        ("_expandable".into(), Value::Object(vec![])),
        ("_links".into(), links(&format!("content/{}", file.id))),
    ];
    Value::Object(record)
}

/// A part of a form.
struct Part {
    name: String,
    file_name: String,
    content: Vec<u8>,
}

/// Reads `multipart/form-data`.
fn parts(content_type: &str, body: &[u8]) -> Vec<Part> {
    let Some(boundary) = content_type.split("boundary=").nth(1) else { return Vec::new() };
    let boundary = format!("--{}", boundary.trim_matches('"'));
    let mut found = Vec::new();
    let mut rest = body;
    while let Some(at) = memchr::memmem::find(rest, boundary.as_bytes()) {
        let part = &rest[..at];
        rest = &rest[at + boundary.len()..];
        let Some(end) = memchr::memmem::find(part, b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&part[..end]).into_owned();
        let value = |name: &str| head.split(&format!(" {name}=\"")).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned();
        let content = &part[end + 4..];
        let content = content.strip_suffix(b"\r\n").unwrap_or(content).to_vec();
        found.push(Part { name: value("name"), file_name: value("filename"), content });
    }
    found
}
