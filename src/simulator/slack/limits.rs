//! What Slack refuses in a payload. Written from its documentation, not from the code that makes the messages.

use serde_json::Value;

/// The error with which Slack refuses a payload, with the place after a colon; `None` = it is taken.
pub fn refusal(payload: &Value) -> Option<String> {
    let text = payload["text"].as_str().unwrap_or_default();
    if units(text) > 40_000 {
        return Some("msg_too_long".to_owned());
    }
    let empty = Vec::new();
    let attachments = payload["attachments"].as_array().unwrap_or(&empty);
    if text.is_empty() && payload["blocks"].is_null() && attachments.is_empty() {
        return Some("no_text".to_owned());
    }
    let mut lists = vec![&payload["blocks"]];
    lists.extend(attachments.iter().map(|attachment| &attachment["blocks"]));
    let mut tables = 0;
    let mut cells = 0;
    for list in lists.into_iter().filter(|list| !list.is_null()) {
        let Some(blocks) = list.as_array() else { return Some("invalid_blocks_format".to_owned()) };
        if blocks.len() > 50 {
            return Some("invalid_blocks: no more than 50 items allowed".to_owned());
        }
        for (number, block) in blocks.iter().enumerate() {
            if let Err(what) = sound(block) {
                return Some(format!("invalid_blocks: {what} [json-pointer:/blocks/{number}]"));
            }
            if block["type"] == "table" {
                tables += 1;
                cells += table_text(block);
            }
        }
    }
    if tables > 1 {
        return Some("only_one_table_allowed".to_owned());
    }
    (cells > 10_000).then(|| "invalid_blocks: more than 10000 characters in cells".to_owned())
}

/// The strictest way to count characters.
fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

fn sound(block: &Value) -> Result<(), String> {
    match block["type"].as_str().unwrap_or_default() {
        "section" => text_object(&block["text"], &["mrkdwn", "plain_text"], 3_000),
        "header" => text_object(&block["text"], &["plain_text"], 150),
        "divider" => Ok(()),
        "context" => {
            let elements = list(&block["elements"], 10)?;
            elements.iter().try_for_each(|element| match element["type"].as_str() {
                Some("image") if web(&element["image_url"]) && !element["alt_text"].as_str().unwrap_or_default().is_empty() => Ok(()),
                Some("image") => Err("an image needs an address and an alt_text".to_owned()),
                _ => text_object(element, &["mrkdwn", "plain_text"], 3_000),
            })
        }
        "actions" => {
            let elements = list(&block["elements"], 25)?;
            for (number, element) in elements.iter().enumerate() {
                if element["type"] != "button" || !web(&element["url"]) || units(element["url"].as_str().unwrap_or_default()) > 3_000 {
                    return Err("only buttons with an address".to_owned());
                }
                if elements[..number].iter().any(|other| other["action_id"] == element["action_id"]) {
                    return Err("action_id is there twice".to_owned());
                }
                text_object(&element["text"], &["plain_text"], 75)?;
            }
            Ok(())
        }
        "table" => table(block),
        other => Err(format!("unsupported type: {other}")),
    }
}

fn list(value: &Value, most: usize) -> Result<&Vec<Value>, String> {
    match value.as_array() {
        Some(items) if items.is_empty() => Err("no fewer than 1 item allowed".to_owned()),
        Some(items) if items.len() > most => Err(format!("no more than {most} items allowed")),
        Some(items) => Ok(items),
        None => Err("missing required field".to_owned()),
    }
}

fn text_object(value: &Value, kinds: &[&str], most: usize) -> Result<(), String> {
    if !kinds.iter().any(|kind| value["type"] == **kind) {
        return Err(format!("text must be {kinds:?}"));
    }
    let text = value["text"].as_str().ok_or("missing required field: text")?;
    if text.trim().is_empty() {
        return Err("must be more than 0 characters".to_owned());
    }
    if units(text) > most {
        return Err(format!("must be less than {} characters", most + 1));
    }
    // Not an error at Slack: it would be a mention, a broken link or a broken character.
    if value["type"] == "mrkdwn" { markup(text) } else { Ok(()) }
}

/// Mark-up that says something else than its author meant.
fn markup(text: &str) -> Result<(), String> {
    for part in text.split('&').skip(1) {
        if !["amp;", "lt;", "gt;"].iter().any(|escape| part.starts_with(escape)) {
            return Err(format!("a bare & in `{text}`"));
        }
    }
    let mut rest = text;
    while let Some(open) = rest.find(['<', '>']) {
        let inside = rest[open..].strip_prefix('<').and_then(|inside| inside.split_once('>'));
        let Some((link, after)) = inside else { return Err(format!("a bare < or > in `{text}`")) };
        let parts: Vec<&str> = link.split('|').collect();
        if !(parts[0].starts_with("https://") || parts[0].starts_with("http://")) || parts.len() != 2 || parts[1].is_empty() {
            return Err(format!("`<{link}>` is no link with a label"));
        }
        rest = after;
    }
    Ok(())
}

fn table(block: &Value) -> Result<(), String> {
    let rows = list(&block["rows"], 100)?;
    let width = rows[0].as_array().map_or(0, Vec::len);
    for row in rows {
        let cells = list(row, 20)?;
        if cells.len() != width {
            return Err("rows differ in their number of cells".to_owned());
        }
        for cell in cells {
            match cell["type"].as_str() {
                Some("raw_text") => filled(&cell["text"])?,
                Some("rich_text") => {
                    for section in list(&cell["elements"], 100)? {
                        for element in list(&section["elements"], 100)? {
                            filled(&element["text"])?;
                            if element["type"] == "link" && !web(&element["url"]) {
                                return Err("a link without an address".to_owned());
                            }
                        }
                    }
                }
                _ => return Err("a cell is raw_text or rich_text".to_owned()),
            }
        }
    }
    Ok(())
}

fn filled(value: &Value) -> Result<(), String> {
    if value.as_str().unwrap_or_default().is_empty() { Err("must be more than 0 characters".to_owned()) } else { Ok(()) }
}

fn web(value: &Value) -> bool {
    value.as_str().is_some_and(|url| url.starts_with("https://") || url.starts_with("http://"))
}

fn table_text(value: &Value) -> usize {
    match value {
        Value::Object(members) => {
            members.iter().map(|(name, member)| if name == "text" { units(member.as_str().unwrap_or_default()) } else { table_text(member) }).sum()
        }
        Value::Array(items) => items.iter().map(table_text).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn refusals() {
        let section = |text: &str| json!({"type": "section", "text": {"type": "mrkdwn", "text": text}});
        let cell = |text: &str| json!({"type": "raw_text", "text": text});
        let table = || json!({"type": "table", "rows": [[cell("a")], [cell("b")]]});
        for (payload, expected) in [
            (json!({}), "no_text"),
            (json!({"text": "a", "blocks": {}}), "invalid_blocks_format"),
            (json!({"text": "a", "blocks": vec![json!({"type": "divider"}); 51]}), "invalid_blocks: no more than 50"),
            (json!({"text": "a", "blocks": [section("")]}), "invalid_blocks: must be more than 0"),
            (json!({"text": "a", "blocks": [section(&"x".repeat(3_001))]}), "invalid_blocks: must be less than 3001"),
            (json!({"text": "a", "blocks": [section("<!channel>")]}), "invalid_blocks: `<!channel>`"),
            (json!({"text": "a", "blocks": [section("a & b")]}), "invalid_blocks: a bare &"),
            (json!({"text": "a", "blocks": [section("<https://h/|a|b>")]}), "invalid_blocks: `<https://h/|a|b>`"),
            (json!({"text": "a", "blocks": [table(), table()]}), "only_one_table_allowed"),
            (json!({"text": "a", "blocks": [{"type": "table", "rows": [[cell("")]]}]}), "invalid_blocks: must be more than 0"),
            (json!({"text": "a", "blocks": [{"type": "table", "rows": vec![vec![cell("a")]; 101]}]}), "invalid_blocks: no more than 100"),
            (json!({"text": "a", "blocks": [{"type": "table", "rows": [vec![cell("a"); 21]]}]}), "invalid_blocks: no more than 20"),
            (json!({"text": "a", "blocks": [{"type": "table", "rows": [[cell(&"x".repeat(10_001))]]}]}), "invalid_blocks: more than 10000"),
        ] {
            let refused = refusal(&payload).unwrap_or_default();
            assert!(refused.starts_with(expected), "{refused} is not {expected}");
        }
        assert_eq!(refusal(&json!({"text": "a", "blocks": [section("<https://h/?a&amp;b|a &lt;b&gt;>"), table()]})), None);
    }
}
