//! The blocks that messages are made of, as far as they are used here, with Slack's limits on each.

use serde_json::{Value, json};

use super::text::{NONE, address, clean, length};

/// Rows of a table, its header among them.
pub(super) const TABLE_ROWS: usize = 100;
/// Cells of a row.
pub(super) const TABLE_CELLS: usize = 20;
/// Text of all cells of a message.
pub(super) const TABLE_TEXT: usize = 10_000;
/// Text of a header.
const HEADER: usize = 150;
/// Text on a button.
const BUTTON: usize = 75;
/// Text of one cell: the widest header and one row below it fit into a table.
const CELL: usize = TABLE_TEXT / (2 * TABLE_CELLS);

/// One block.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Block {
    /// Text in Slack's mark-up, which is escaped already.
    Section(String),
    /// A headline without mark-up.
    Header(String),
    /// A small note in Slack's mark-up, after a picture where there is one.
    Note { image: Option<(String, String)>, text: String },
    /// A line.
    Divider,
    /// Buttons that open pages.
    Buttons(Vec<Button>),
    /// A table.
    Table(Table),
}

/// A button that opens a page.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Button {
    pub(super) id: &'static str,
    pub(super) label: String,
    pub(super) url: String,
}

/// Rows below a header.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<Cell>>,
}

/// One cell. Its text is no mark-up: Slack shows it as it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Text(String),
    Link { url: String, label: String },
}

impl Block {
    /// A note without a picture.
    pub(super) fn note(text: impl Into<String>) -> Self {
        Self::Note { image: None, text: text.into() }
    }

    /// This block as blocks that each keep Slack's limits; none for what has nothing to show.
    pub(super) fn within_limits(self) -> Vec<Self> {
        match self {
            Self::Section(text) => {
                let lines: Vec<String> = text.lines().map(str::to_owned).collect();
                super::text::sections(&lines).into_iter().map(Self::Section).collect()
            }
            Self::Buttons(buttons) => {
                let usable: Vec<Button> = buttons.into_iter().filter(|button| address(&button.url).is_some()).collect();
                if usable.is_empty() { Vec::new() } else { vec![Self::Buttons(usable)] }
            }
            Self::Table(table) => table.within_limits().into_iter().map(Self::Table).collect(),
            Self::Note { mut image, text } => {
                let lines: Vec<String> = text.lines().map(str::to_owned).collect();
                super::text::sections(&lines).into_iter().map(|text| Self::Note { image: image.take(), text }).collect()
            }
            whole @ (Self::Header(_) | Self::Divider) => vec![whole],
        }
    }

    /// How much text it shows, for the limit of a whole message.
    pub(super) fn length(&self) -> usize {
        match self {
            Self::Section(text) | Self::Header(text) | Self::Note { text, .. } => length(text),
            Self::Divider => 0,
            Self::Buttons(buttons) => buttons.iter().map(|button| length(&button.label) + length(&button.url)).sum(),
            Self::Table(table) => table.length(),
        }
    }

    /// The block as Slack takes it.
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Section(text) => json!({"type": "section", "text": {"type": "mrkdwn", "text": filled(text)}}),
            Self::Header(text) => json!({"type": "header", "text": plain(text, HEADER)}),
            Self::Note { image, text } => {
                let mut elements = Vec::new();
                if let Some((url, alt)) = image {
                    elements.push(json!({"type": "image", "image_url": url, "alt_text": filled(alt)}));
                }
                elements.push(json!({"type": "mrkdwn", "text": filled(text)}));
                json!({"type": "context", "elements": elements})
            }
            Self::Divider => json!({"type": "divider"}),
            Self::Buttons(buttons) => {
                let elements: Vec<Value> = buttons
                    .iter()
                    .map(
                        |button| json!({"type": "button", "action_id": button.id, "text": plain(&button.label, BUTTON), "url": address(&button.url)}),
                    )
                    .collect();
                json!({"type": "actions", "elements": elements})
            }
            Self::Table(table) => table.to_json(),
        }
    }
}

impl Table {
    /// Tables of at most so many rows, cells and characters as Slack takes, each with the header. What does not fit into the
    /// width of one goes on in the next, which repeats the first column.
    fn within_limits(self) -> Vec<Self> {
        let mut out = Vec::new();
        for table in self.by_width() {
            let header: usize = table.columns.iter().map(|name| shown(name)).sum();
            let (mut rows, mut size) = (Vec::new(), header);
            for row in table.rows {
                let own: usize = row.iter().map(Cell::length).sum();
                if !rows.is_empty() && (rows.len() + 2 > TABLE_ROWS || size + own > TABLE_TEXT) {
                    out.push(Self { columns: table.columns.clone(), rows: std::mem::take(&mut rows) });
                    size = header;
                }
                size += own;
                rows.push(row);
            }
            if !rows.is_empty() {
                out.push(Self { columns: table.columns, rows });
            }
        }
        out
    }

    fn by_width(self) -> Vec<Self> {
        let width = self.columns.len();
        if width <= TABLE_CELLS {
            // Every row has as many cells as the header.
            let rows = self.rows.into_iter().map(|mut row| {
                row.resize_with(width, || Cell::Text(String::new()));
                row
            });
            return vec![Self { columns: self.columns, rows: rows.collect() }];
        }
        let picked = |cells: &[Cell], columns: &[usize]| -> Vec<Cell> {
            columns.iter().map(|column| cells.get(*column).cloned().unwrap_or_else(|| Cell::Text(String::new()))).collect()
        };
        let others: Vec<usize> = (1..self.columns.len()).collect();
        others
            .chunks(TABLE_CELLS - 1)
            .map(|chunk| {
                let columns: Vec<usize> = std::iter::once(0).chain(chunk.iter().copied()).collect();
                Self {
                    columns: columns.iter().map(|column| self.columns[*column].clone()).collect(),
                    rows: self.rows.iter().map(|row| picked(row, &columns)).collect(),
                }
            })
            .collect()
    }

    fn length(&self) -> usize {
        self.columns.iter().map(|name| shown(name)).sum::<usize>() + self.rows.iter().flatten().map(Cell::length).sum::<usize>()
    }

    fn to_json(&self) -> Value {
        let rich = |element: Value| json!({"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [element]}]});
        let header: Vec<Value> =
            self.columns.iter().map(|name| rich(json!({"type": "text", "text": cell_text(name), "style": {"bold": true}}))).collect();
        let mut rows = vec![header];
        for row in &self.rows {
            let cells = row.iter().map(|cell| match cell {
                Cell::Link { url, label } => match address(url) {
                    Some(url) => rich(json!({"type": "link", "url": url, "text": cell_text(label)})),
                    None => json!({"type": "raw_text", "text": cell_text(label)}),
                },
                Cell::Text(text) => json!({"type": "raw_text", "text": cell_text(text)}),
            });
            rows.push(cells.collect());
        }
        json!({"type": "table", "rows": rows})
    }
}

impl Cell {
    fn length(&self) -> usize {
        match self {
            Self::Text(text) | Self::Link { label: text, .. } => shown(text),
        }
    }
}

fn shown(text: &str) -> usize {
    length(&cell_text(text))
}

/// The text of a cell, which must not be empty.
fn cell_text(text: &str) -> String {
    filled(&shortened(&clean(text), CELL))
}

fn filled(text: &str) -> String {
    if text.trim().is_empty() { NONE.to_owned() } else { text.to_owned() }
}

fn plain(text: &str, most: usize) -> Value {
    json!({"type": "plain_text", "text": filled(&shortened(&clean(text), most)), "emoji": true})
}

/// At most `most` units, with `…` where something was cut. Cuts inside of mark-up are for texts that have none.
fn shortened(text: &str, most: usize) -> String {
    if length(text) <= most {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut left = most - 1;
    for c in text.chars() {
        if c.len_utf16() > left {
            break;
        }
        left -= c.len_utf16();
        out.push(c);
    }
    out.push('…');
    out
}
