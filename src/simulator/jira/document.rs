//! Documents in Atlassian's format, as timelines and comments are written.

use super::super::{
    json::{Object, Value},
    random::Dice,
};

fn node(kind: &'static str, content: Vec<Value>) -> Value {
    Value::Object(vec![("type".into(), kind.into()), ("content".into(), Value::List(content))])
}

fn text(words: Value) -> Value {
    Value::Object(vec![("type".into(), "text".into()), ("text".into(), words)])
}

fn leaf(kind: &'static str, attrs: Object) -> Value {
    Value::Object(vec![("type".into(), kind.into()), ("attrs".into(), Value::Object(attrs))])
}

fn document(content: Vec<Value>) -> Value {
    Value::Object(vec![("type".into(), "doc".into()), ("version".into(), 1_u64.into()), ("content".into(), Value::List(content))])
}

/// What a tester writes under the time booked: `words` and, now and then, a list, a break or a mention.
pub(super) fn comment(dice: Dice, words: Value) -> Value {
    let mut blocks = vec![node("paragraph", vec![text(words)])];
    match dice.below("shape of the comment", 4) {
        0 => blocks.push(node("paragraph", vec![text("Retested on beta.".into()), leaf("hardBreak", vec![]), text("No crash.".into())])),
        1 => {
            let items = ["Android 15", "Android 16"].map(|item| node("listItem", vec![node("paragraph", vec![text(item.into())])]));
            blocks.push(node("bulletList", items.to_vec()));
        }
        2 => blocks.push(node("paragraph", vec![leaf("mention", vec![("id".into(), "5b10".into()), ("text".into(), "@Ana".into())])])),
        _ => {}
    }
    document(blocks)
}

/// The timeline of a request: from one train to another, with a date.
pub(super) fn timeline(dice: Dice, moment: i64) -> Value {
    let train = dice.between("train of the timeline", 140, 146);
    let stamp = leaf("date", vec![("timestamp".into(), format!("{}", moment * 1000).into())]);
    let mut parts = vec![text(format!("prev. Fx{train} ").into()), stamp];
    if dice.one_in("timeline status", 3) {
        parts.push(leaf("status", vec![("text".into(), "AT RISK".into()), ("color".into(), "red".into())]));
    }
    document(vec![node("paragraph", parts), node("paragraph", vec![])])
}
