//! One value of a row, and its text for people, CSV and JSON.

use std::borrow::Cow;

use crate::names;

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// No value.
    Null,
    /// Text, also dates and times.
    Text(String),
    /// The text of a number that JSON takes as it is.
    Number(String),
    /// A count; people see it with thousands separators.
    Count(u64),
    /// True or false.
    Bool(bool),
    /// JSON text: lists, structs, documents.
    Json(String),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Cell {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl Cell {
    /// The value as CSV holds it, before quoting; none for NULL.
    pub(super) fn plain(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Null => None,
            Self::Text(text) | Self::Number(text) | Self::Json(text) => Some(text.into()),
            Self::Count(count) => Some(count.to_string().into()),
            Self::Bool(value) => Some(if *value { "true" } else { "false" }.into()),
        }
    }

    /// The value as JSON text.
    pub(super) fn json(&self) -> Cow<'_, str> {
        match self {
            Self::Null => "null".into(),
            Self::Text(text) => quoted_json(text).into(),
            Self::Number(text) | Self::Json(text) => text.into(),
            Self::Count(_) | Self::Bool(_) => self.plain().unwrap_or_default(),
        }
    }

    /// The value as a person sees it: control characters escaped, long text cut.
    pub(super) fn shown(&self) -> String {
        const LONGEST: usize = 200;
        let text = match self {
            Self::Null => return "NULL".to_owned(),
            Self::Count(count) => return names::grouped(*count),
            _ => self.plain().unwrap_or_default(),
        };
        let mut shown = String::with_capacity(text.len().min(LONGEST + 4));
        for (position, c) in text.chars().enumerate() {
            if position == LONGEST {
                shown.push('…');
                break;
            }
            if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
        }
        shown
    }

    /// Whether it is aligned to the right.
    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::Number(_) | Self::Count(_))
    }
}

/// A JSON string.
pub(super) fn quoted_json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
