//! Placeholders in paths, parameters and bodies: `{column}`, `{column:epoch}`, `{column:epoch_ms}`, `{column:iso}`, `{column:date}`.

/// How a value is written into a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As it is.
    Plain,
    /// A timestamp as whole Unix seconds.
    Epoch,
    /// A timestamp as Unix milliseconds.
    EpochMs,
    /// A timestamp as `2025-01-02T03:04:05Z`.
    Iso,
    /// A timestamp or date as `2025-01-02`.
    Date,
}

/// One part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text that is copied.
    Text(String),
    /// The value of a `for_each` column.
    Column(String, Format),
}

/// A text with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

impl Template {
    /// Parses a template; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            if open > 0 {
                pieces.push(Piece::Text(rest[..open].to_owned()));
            }
            let Some(close) = rest[open..].find('}') else {
                return Err(format!("`{text}` has a `{{` without a `}}`"));
            };
            pieces.push(placeholder(text, &rest[open + 1..open + close])?);
            rest = &rest[open + close + 1..];
        }
        if rest.contains('}') {
            return Err(format!("`{text}` has a `}}` without a `{{`"));
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self { pieces })
    }

    /// The parts in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The columns that it needs, in order of appearance.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Column(name, _) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }
}

fn placeholder(text: &str, inside: &str) -> Result<Piece, String> {
    let (name, format) = match inside.split_once(':') {
        None => (inside, Format::Plain),
        Some((name, "epoch")) => (name, Format::Epoch),
        Some((name, "epoch_ms")) => (name, Format::EpochMs),
        Some((name, "iso")) => (name, Format::Iso),
        Some((name, "date")) => (name, Format::Date),
        Some((_, other)) => return Err(format!("`{text}` has the unknown format `{other}`; known are epoch, epoch_ms, iso, date")),
    };
    if crate::names::is_identifier(name) {
        Ok(Piece::Column(name.to_owned(), format))
    } else {
        Err(format!("`{text}` has the placeholder `{inside}`, which is no column name"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_placeholders_and_formats() {
        let template = Template::parse("get_cases/{project_id}&after={since:epoch}").unwrap();
        assert_eq!(template.columns().collect::<Vec<_>>(), ["project_id", "since"]);
        assert_eq!(template.pieces().len(), 4);
        assert_eq!(template.pieces()[3], Piece::Column("since".into(), Format::Epoch));
    }

    #[test]
    fn says_what_is_wrong() {
        for (bad, part) in [("a{b", "without a `}`"), ("a}b", "without a `{`"), ("{B}", "no column name"), ("{a:x}", "unknown format")] {
            let message = Template::parse(bad).unwrap_err();
            assert!(message.contains(part), "{bad}: {message}");
        }
    }
}
