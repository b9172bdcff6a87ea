//! Confluence's REST API v1: pages by their id, read and written, and their files.

mod files;

use axum::http::Method;

use super::{
    ATLASSIAN_TOKEN, ATLASSIAN_USER,
    answer::Answer,
    apis::Call,
    calendar::iso,
    desk::{Desk, Saved},
    json::{Object, Style, Value},
    random::Dice,
    server::lock,
    world::Today,
};

/// Pages with the key of their space; their titles are made from it.
const PAGES: [(&str, &str); 9] = [
    ("1471774758", "MTE"),
    ("1346961433", "MTE"),
    ("1436811681", "MTE"),
    ("1695154291", "MTE"),
    ("1631911951", "MTE"),
    ("2208628737", "MTE"),
    ("2006057695", "DTE"),
    ("2007433229", "DTE"),
    ("2858123281", "DTE"),
];
const EDITORS: [&str; 3] = ["Ana Example", "Zoë Example 🦊", "etl"];

/// Answers below `/confluence/wiki/rest/api/`.
pub(super) fn answer(call: &Call<'_>) -> Answer {
    use base64::Engine as _;
    let basic = base64::prelude::BASE64_STANDARD.encode(format!("{ATLASSIAN_USER}:{ATLASSIAN_TOKEN}"));
    if call.authorization.and_then(|text| text.strip_prefix("Basic ")) != Some(&basic) {
        return Answer::html(401, "<html><head><title>Unauthorized (401)</title></head></html>");
    }
    if call.path == "user/current" {
        return Answer::json(200, r#"{"type":"known","accountId":"7","displayName":"etl"}"#);
    }
    let parts: Vec<&str> = call.path.split('/').collect();
    let ["content", id, below @ ..] = parts.as_slice() else { return refused(404, "Not found") };
    let place = PAGES.iter().position(|(own, _)| own == id);
    match (call.method, place, below) {
        (&Method::DELETE, None, []) => files::delete(call, id),
        (_, None, _) => refused(404, &format!("No content found with id: ContentId{{id={id}}}")),
        (&Method::GET, Some(place), []) => page(call, place),
        (&Method::PUT, Some(place), []) => write(call, place),
        (&Method::GET, Some(_), ["child", "attachment"]) => files::list(call, id),
        (&Method::POST, Some(_), ["child", "attachment"]) => files::upload(call, id, None),
        (&Method::POST, Some(_), ["child", "attachment", file, "data"]) => files::upload(call, id, Some(file)),
        _ => refused(405, "Method not allowed"),
    }
}

fn refused(status: u16, message: &str) -> Answer {
    let message = message.replace('"', "'");
    Answer::json(
        status,
        format!(r#"{{"statusCode":{status},"data":{{"authorized":true,"valid":true,"errors":[],"successful":false}},"message":"{message}"}}"#),
    )
}

/// A page as it is: as it was last saved, or as the story has it.
pub(super) fn saved(desk: &Desk, today: Today<'_>, id: &str) -> Option<Saved> {
    if let Some(saved) = desk.pages.get(id) {
        return Some(saved.clone());
    }
    let place = PAGES.iter().position(|(own, _)| *own == id)?;
    let space = PAGES[place].1;
    let dice: Dice = today.world.dice("page", place as u64);
    // Somebody edits a page every few days; the version says how often.
    let edits: Vec<i64> = (-120..=today.day).filter(|day| dice.part("day", day.cast_unsigned()).one_in("edited", 4)).collect();
    let last = edits.last().copied().unwrap_or(-120);
    Some(Saved {
        title: format!("{space} health {}", place + 1),
        body: text(dice),
        number: edits.len() as u64 + 1,
        when: iso(today.world.calendar().seconds(last, dice, "edited")).replace('Z', ".123Z"),
        editor: dice.part("day", last.cast_unsigned()).pick("editor", &EDITORS).to_owned(),
        message: String::new(),
    })
}

/// Saves the next version of a page by somebody.
pub(super) fn save(desk: &mut Desk, today: Today<'_>, id: &str, body: &str, editor: &str) {
    if let Some(former) = saved(desk, today, id) {
        let when = today.world.calendar().now(today.day);
        let when = iso(when).replace('Z', ".456Z");
        let next = Saved { body: body.to_owned(), number: former.number + 1, editor: editor.to_owned(), when, message: String::new(), ..former };
        desk.pages.insert(id.to_owned(), next);
    }
}

/// `PUT content/{page}`: the version must be the next one, the body well-formed.
fn write(call: &Call<'_>, place: usize) -> Answer {
    let id = PAGES[place].0;
    let Ok(asked) = serde_json::from_slice::<serde_json::Value>(call.body) else { return refused(400, "no JSON") };
    let text = |pointer: &str| asked.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    let mut desk = lock(call.desk);
    if let Some(interruptions) = desk.interruptions.get_mut(id)
        && !interruptions.is_empty()
    {
        let body = interruptions.remove(0);
        save(&mut desk, call.today, id, &body, "Ana Example");
    }
    let Some(former) = saved(&desk, call.today, id) else { return refused(404, "No content found") };
    let number = asked.pointer("/version/number").and_then(serde_json::Value::as_u64);
    if number != Some(former.number + 1) {
        return refused(409, &format!("Version must be incremented on update. Current version is: {}", former.number));
    }
    let (title, body) = (text("/title"), text("/body/storage/value"));
    if title.is_empty() || text("/type") != "page" || text("/body/storage/representation") != "storage" {
        return refused(400, "title, type and body are required");
    }
    if let Err(error) = well_formed(&body) {
        return refused(400, &format!("Error parsing xhtml: {error}"));
    }
    save(&mut desk, call.today, id, &normalised(&body), "etl");
    if let Some(saved) = desk.pages.get_mut(id) {
        (saved.title, saved.message) = (title, text("/version/message"));
    }
    drop(desk);
    page(call, place)
}

fn well_formed(body: &str) -> Result<(), String> {
    let mut reader = quick_xml::Reader::from_str(body);
    let mut open = 0_i64;
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            quick_xml::events::Event::Eof if open == 0 => return Ok(()),
            quick_xml::events::Event::Eof => return Err("an element is not closed".to_owned()),
            quick_xml::events::Event::Start(_) => open += 1,
            quick_xml::events::Event::End(_) => open -= 1,
            _ => {}
        }
    }
}

/// Confluence gives macros an id and writes some tags in its own way.
fn normalised(body: &str) -> String {
    body.replace("ac:schema-version=\"1\">", "ac:schema-version=\"1\" ac:macro-id=\"0b1c-7\">").replace("<br />", "<br/>").replace("<p />", "<p></p>")
}

fn links(name: &str) -> Value {
    Value::Object(vec![("self".into(), format!("https://wiki.example.test/wiki/rest/api/{name}").into())])
}

fn page(call: &Call<'_>, place: usize) -> Answer {
    let (id, space) = PAGES[place];
    let Some(saved) = saved(&lock(call.desk), call.today, id) else { return refused(404, "No content found") };
    let expand = call.query.words("expand");
    // What was just written is answered with its version and its text.
    let wanted = |name: &str| call.method == Method::PUT || expand.iter().any(|word| word == name);
    let mut record: Object =
        vec![("id".into(), id.into()), ("type".into(), "page".into()), ("status".into(), "current".into()), ("title".into(), saved.title.into())];
    if wanted("space") {
        let value = vec![
            ("id".into(), (1000 + space.len() as u64).into()),
            ("key".into(), space.into()),
            ("name".into(), format!("{space} team").into()),
            ("type".into(), "global".into()),
            ("status".into(), "current".into()),
            ("_expandable".into(), Value::Object(vec![])),
            ("_links".into(), links("space")),
        ];
        record.push(("space".into(), Value::Object(value)));
    }
    if wanted("version") {
        let by = vec![
            ("type".into(), "known".into()),
            ("accountId".into(), "557058:7".into()),
            ("displayName".into(), saved.editor.clone().into()),
            ("publicName".into(), saved.editor.into()),
            ("_expandable".into(), Value::Object(vec![])),
            ("_links".into(), links("user")),
        ];
        let value = vec![
            ("by".into(), Value::Object(by)),
            ("when".into(), saved.when.into()),
            ("friendlyWhen".into(), "recently".into()),
            ("message".into(), saved.message.into()),
            ("number".into(), saved.number.into()),
            ("minorEdit".into(), false.into()),
            ("_expandable".into(), Value::Object(vec![])),
            ("_links".into(), links("version")),
        ];
        record.push(("version".into(), Value::Object(value)));
    }
    if wanted("body.storage") {
        let storage = vec![
            ("value".into(), saved.body.into()),
            ("representation".into(), "storage".into()),
            ("embeddedContent".into(), Value::List(vec![])),
            ("_expandable".into(), Value::Object(vec![])),
        ];
        record.push(("body".into(), Value::Object(vec![("storage".into(), Value::Object(storage)), ("_expandable".into(), Value::Object(vec![]))])));
    }
    record.push(("_expandable".into(), Value::Object(vec![])));
    record.push(("_links".into(), links(&format!("content/{id}"))));
    Answer::value(&Value::Object(record), Style::Compact)
}

/// Storage format: by hand above, and on most pages the managed region below.
fn text(dice: Dice) -> String {
    let anchor = |name: &str| {
        format!(
            "<p><ac:structured-macro ac:name=\"anchor\" ac:schema-version=\"1\"><ac:parameter ac:name=\"\">managed-region-{name}</ac:parameter></ac:structured-macro></p>"
        )
    };
    let by_hand = "<h1>Notes</h1><p>Ask Zoë &amp; Ana.</p><ac:structured-macro ac:name=\"code\"><ac:plain-text-body><![CDATA[<ac:parameter ac:name=\"\">managed-region-start</ac:parameter>]]></ac:plain-text-body></ac:structured-macro>";
    match dice.below("region", 6) {
        0 => by_hand.to_owned(),
        1 => format!("{by_hand}{}<hr/>", anchor("start")),
        _ => format!("{by_hand}{}<h1>Charts</h1><table><tbody></tbody></table>{}", anchor("start"), anchor("end")),
    }
}
