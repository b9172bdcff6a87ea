//! Confluence's REST API v1: pages by their id.

use super::{
    ATLASSIAN_TOKEN, ATLASSIAN_USER,
    answer::Answer,
    apis::Call,
    calendar::iso,
    json::{Object, Style, Value},
    random::Dice,
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
    let id = call.path.strip_prefix("content/").unwrap_or_default();
    match PAGES.iter().position(|(own, _)| *own == id) {
        Some(place) => page(call, place),
        None => Answer::json(
            404,
            format!(
                r#"{{"statusCode":404,"data":{{"authorized":false,"valid":true,"errors":[],"successful":false}},"message":"No content found with id: ContentId{{id={id}}}"}}"#
            ),
        ),
    }
}

fn page(call: &Call<'_>, place: usize) -> Answer {
    let (id, space) = PAGES[place];
    let today = call.today;
    let dice: Dice = today.world.dice("page", place as u64);
    // Somebody edits a page every few days; the version says how often.
    let edits: Vec<i64> = (-120..=today.day).filter(|day| dice.part("day", day.cast_unsigned()).one_in("edited", 4)).collect();
    let last = edits.last().copied().unwrap_or(-120);
    let expand = call.query.words("expand");
    let wanted = |name: &str| expand.iter().any(|word| word == name);
    let links = |name: &str| Value::Object(vec![("self".into(), format!("https://wiki.example.test/wiki/rest/api/{name}").into())]);
    let mut record: Object = vec![
        ("id".into(), id.into()),
        ("type".into(), "page".into()),
        ("status".into(), "current".into()),
        ("title".into(), format!("{space} health {}", place + 1).into()),
    ];
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
        let editor = dice.part("day", last.cast_unsigned()).pick("editor", &EDITORS);
        let by = vec![
            ("type".into(), "known".into()),
            ("accountId".into(), "557058:7".into()),
            ("displayName".into(), editor.into()),
            ("publicName".into(), editor.into()),
            ("_expandable".into(), Value::Object(vec![])),
            ("_links".into(), links("user")),
        ];
        let value = vec![
            ("by".into(), Value::Object(by)),
            ("when".into(), iso(today.world.calendar().seconds(last, dice, "edited")).replace('Z', ".123Z").into()),
            ("friendlyWhen".into(), "recently".into()),
            ("message".into(), "".into()),
            ("number".into(), (edits.len() as u64 + 1).into()),
            ("minorEdit".into(), false.into()),
            ("_expandable".into(), Value::Object(vec![])),
            ("_links".into(), links("version")),
        ];
        record.push(("version".into(), Value::Object(value)));
    }
    if wanted("body.storage") {
        let storage = vec![
            ("value".into(), text(dice).into()),
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
