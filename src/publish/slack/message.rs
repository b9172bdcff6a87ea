//! A message and its division into messages that Slack takes.

use serde_json::{Value, json};

use super::{
    block::Block,
    text::{clean, length},
};

/// Blocks of a message.
pub(super) const BLOCKS: usize = 50;
/// Text of all blocks of a message. Slack names no figure and refuses with `msg_blocks_too_long` somewhat above 13,000.
pub(super) const TEXT: usize = 12_000;
/// Text of a notification.
const NOTIFICATION: usize = 300;

/// What is shown, and the plain text of the notification about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Plain text for notifications and screen readers, escaped.
    text: String,
    blocks: Vec<Block>,
    /// The colour of the bar beside it.
    color: Option<&'static str>,
}

impl Message {
    /// `text` is escaped already.
    pub(super) fn new(text: impl Into<String>, blocks: Vec<Block>) -> Self {
        Self { text: text.into(), blocks, color: None }
    }

    /// With a bar of this colour beside it.
    pub(super) fn colored(mut self, color: &'static str) -> Self {
        self.color = Some(color);
        self
    }

    /// Adds blocks at its end.
    pub(super) fn push(&mut self, blocks: impl IntoIterator<Item = Block>) {
        self.blocks.extend(blocks);
    }

    /// The same as messages that each keep all limits: 50 blocks, one table (a second one is refused), so much text.
    pub(super) fn parts(self) -> Vec<Self> {
        let mut parts: Vec<Vec<Block>> = vec![Vec::new()];
        let (mut tables, mut size) = (0, 0);
        for block in self.blocks.into_iter().flat_map(Block::within_limits) {
            let table = usize::from(matches!(block, Block::Table(_)));
            let own = block.length();
            let full = parts.last().is_some_and(|open| open.len() == BLOCKS || tables + table > 1 || (!open.is_empty() && size + own > TEXT));
            if full {
                parts.push(Vec::new());
                (tables, size) = (0, 0);
            }
            tables += table;
            size += own;
            if let Some(open) = parts.last_mut() {
                open.push(block);
            }
        }
        parts.into_iter().map(|blocks| Self { text: self.text.clone(), blocks, color: self.color }).collect()
    }

    /// The message as Slack takes it, without channel and thread.
    pub fn payload(&self) -> Value {
        let text = notification(&self.text);
        let blocks: Vec<Value> = self.blocks.iter().map(Block::to_json).collect();
        match self.color {
            // A text beside attachments would be shown above them.
            Some(color) => json!({"attachments": [{"color": color, "fallback": text, "blocks": blocks}]}),
            None if blocks.is_empty() => json!({"text": text}),
            None => json!({"text": text, "blocks": blocks}),
        }
    }
}

/// A notification is one line of text.
fn notification(text: &str) -> String {
    let mut text = clean(text);
    if text.is_empty() {
        return super::text::NONE.to_owned();
    }
    if length(&text) > NOTIFICATION {
        // Not inside of an escaped character.
        let mut end = text.char_indices().nth(NOTIFICATION / 2).map_or(text.len(), |(at, _)| at);
        if let Some(open) = text[..end].rfind('&').filter(|open| !text[*open..end].contains(';')) {
            end = open;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::{
            block::{Button, Cell, TABLE_CELLS, TABLE_ROWS, TABLE_TEXT, Table},
            text::{SECTION, escape},
        },
        *,
    };
    use crate::simulator::slack_refusal;

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            Just(String::new()),
            Just("<!channel> <@U1> | & 😀".to_owned()),
            "(\\PC|[<>&|\n\t😀]){0,12}",
            ("[a😀&|]{1,3}", 900usize..1_700).prop_map(|(text, times)| text.repeat(times)),
        ]
    }

    fn cell() -> impl Strategy<Value = Cell> {
        (text(), prop_oneof![Just(None), Just(Some("https://h/?a=b&c=|>".to_owned())), text().prop_map(Some)]).prop_map(|(label, url)| match url {
            Some(url) => Cell::Link { url, label },
            None => Cell::Text(label),
        })
    }

    fn block() -> impl Strategy<Value = Block> {
        prop_oneof![
            4 => text().prop_map(|text| Block::Section(escape(&text))),
            1 => text().prop_map(Block::Header),
            1 => text().prop_map(|text| Block::note(escape(&text))),
            1 => Just(Block::Divider),
            1 => (text(), text()).prop_map(|(label, url)| Block::Buttons(vec![Button { id: "a", label, url }, Button { id: "b", label: "b".into(), url: "https://h/".into() }])),
            2 => (1usize..26, 0usize..130).prop_flat_map(|(columns, rows)| {
                (proptest::collection::vec(text(), columns), proptest::collection::vec(proptest::collection::vec(cell(), 0..columns + 2), rows.min(3)), Just(rows))
                    .prop_map(|(columns, few, rows)| {
                        let rows = if few.is_empty() { Vec::new() } else { few.iter().cycle().take(rows).cloned().collect() };
                        Block::Table(Table { columns, rows })
                    })
            }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 10, max_shrink_iters: 100, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn whatever_comes_is_sent_in_messages_that_slack_takes(blocks in proptest::collection::vec(block(), 0..24), text in text()) {
            let rows: usize = blocks.iter().map(|block| if let Block::Table(table) = block { table.rows.len() } else { 0 }).sum();
            let wide: bool = blocks.iter().any(|block| matches!(block, Block::Table(table) if table.columns.len() > TABLE_CELLS));
            let parts = Message::new(escape(&text), blocks).parts();
            let mut sent = 0;
            for part in &parts {
                let payload = part.payload();
                prop_assert_eq!(slack_refusal(&payload), None);
                prop_assert!(part.blocks.len() <= BLOCKS && part.blocks.iter().map(Block::length).sum::<usize>() <= TEXT.max(TABLE_TEXT));
                for block in &part.blocks {
                    match block {
                        Block::Table(table) => {
                            prop_assert!(table.rows.len() < TABLE_ROWS && table.columns.len() <= TABLE_CELLS);
                            sent += table.rows.len();
                        }
                        Block::Section(text) => prop_assert!(length(text) <= SECTION),
                        _ => {}
                    }
                }
            }
            prop_assert!(if wide { sent >= rows } else { sent == rows }, "{} of {} rows", sent, rows);
        }
    }

    #[test]
    fn one_table_in_each_message() {
        let table = || Block::Table(Table { columns: vec!["a".into()], rows: vec![vec![Cell::Text("1".into())]] });
        let parts = Message::new("t", vec![table(), Block::Divider, table()]).parts();
        assert_eq!(parts.iter().map(|part| part.blocks.len()).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn a_long_table_goes_on_under_its_header() {
        let rows = (0..250).map(|number| vec![Cell::Text(number.to_string())]).collect();
        let parts = Message::new("t", vec![Block::Table(Table { columns: vec!["no".into()], rows })]).parts();
        let tables: Vec<Value> = parts.iter().map(|part| part.payload()["blocks"][0]["rows"].clone()).collect();
        assert_eq!(tables.iter().map(|rows| rows.as_array().unwrap().len()).collect::<Vec<_>>(), [100, 100, 53]);
        assert!(tables.iter().all(|rows| rows[0][0]["elements"][0]["elements"][0]["text"] == "no"));
    }
}
