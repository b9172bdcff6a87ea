//! Rows and how they are written: a table for people, CSV and JSON for machines.

use std::io::{self, Write};

use clap::ValueEnum;
use comfy_table::{CellAlignment, ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle};

use super::cell::{Cell, quoted_json};

/// How rows are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for people
    #[default]
    Table,
    /// Comma-separated; NULL is an empty field, an empty text is ""
    Csv,
    /// An array of objects
    Json,
}

/// Named columns and their rows, all in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

impl Rows {
    /// No rows yet.
    pub fn new<T: Into<String>>(columns: impl IntoIterator<Item = T>) -> Self {
        Self { columns: columns.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row with one cell for each column.
    pub fn push(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let row: Vec<Cell> = cells.into_iter().collect();
        debug_assert_eq!(row.len(), self.columns.len(), "a row has one cell for each column");
        self.rows.push(row);
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The same rows without the columns in which every row says nothing (NULL, 0 or an empty text).
    #[must_use]
    pub fn without_empty_columns(mut self, droppable: &[&str]) -> Self {
        let empty = |index: usize| self.rows.iter().all(|row| matches!(&row[index], Cell::Null | Cell::Count(0)) || row[index] == Cell::from(""));
        let keep: Vec<bool> = (0..self.columns.len()).map(|index| !(droppable.contains(&self.columns[index].as_str()) && empty(index))).collect();
        let mut kept = keep.iter();
        self.columns.retain(|_| *kept.next().unwrap_or(&true));
        for row in &mut self.rows {
            let mut kept = keep.iter();
            row.retain(|_| *kept.next().unwrap_or(&true));
        }
        self
    }

    /// Writes all rows. `width` is the terminal's, where there is one: wide tables are then wrapped.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, format: Format, width: Option<u16>, out: &mut dyn Write) -> io::Result<()> {
        match format {
            Format::Table => out.write_all(self.to_table(width).as_bytes()),
            Format::Csv => {
                csv_head(&self.columns, out)?;
                self.rows.iter().try_for_each(|row| csv_row(row, out))
            }
            Format::Json => {
                let names = json_names(&self.columns);
                for (index, row) in self.rows.iter().enumerate() {
                    json_row(&names, row, index == 0, out)?;
                }
                json_end(self.rows.is_empty(), out)
            }
        }
    }

    /// A table for people; ends with a line break.
    pub fn to_table(&self, width: Option<u16>) -> String {
        const STYLE: TableStyle = TableStyle::new()
            .header_lines(ContentLineStyle::none().junction(' '))
            .header_separator(LineStyle::none().fill('─').junction(' '))
            .content_lines(ContentLineStyle::none().junction(' '));
        if self.columns.is_empty() {
            return String::new();
        }
        let mut table = Table::new();
        table.load_style(STYLE);
        table.set_header(self.columns.iter().map(|name| comfy_table::Cell::new(Cell::from(name.as_str()).shown())));
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| {
                let shown = comfy_table::Cell::new(cell.shown());
                if cell.is_number() { shown.set_alignment(CellAlignment::Right) } else { shown }
            }));
        }
        match width {
            Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
            None => table.set_content_arrangement(ContentArrangement::Disabled),
        };
        for column in table.column_iter_mut() {
            column.set_padding((0, 1));
        }
        table.trim_fmt() + "\n"
    }

    /// A table in Markdown; ends with a line break.
    pub fn to_markdown(&self) -> String {
        let safe = |text: &str| text.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;").replace('`', "\\`");
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let is_number = |index: usize| !self.rows.is_empty() && self.rows.iter().all(|row| row[index].is_number() || row[index] == Cell::Null);
        let mut out = line(self.columns.iter().map(|name| safe(name)).collect());
        out += &line((0..self.columns.len()).map(|index| if is_number(index) { "---:" } else { "---" }.to_owned()).collect());
        for row in &self.rows {
            out += &line(row.iter().map(|cell| if *cell == Cell::Null { String::new() } else { safe(&cell.shown()) }).collect());
        }
        out
    }
}

/// The header line of a CSV.
pub(super) fn csv_head(columns: &[String], out: &mut dyn Write) -> io::Result<()> {
    let names: Vec<Cell> = columns.iter().map(|name| Cell::from(name.as_str())).collect();
    csv_row(&names, out)
}

/// One line of a CSV. NULL is an empty field; an empty text is quoted.
pub(super) fn csv_row(row: &[Cell], out: &mut dyn Write) -> io::Result<()> {
    let mut line = String::new();
    for (index, cell) in row.iter().enumerate() {
        if index > 0 {
            line.push(',');
        }
        match cell.plain() {
            None => {}
            Some(text) if text.is_empty() || text.contains([',', '"', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ') => {
                line.push('"');
                line.push_str(&text.replace('"', "\"\""));
                line.push('"');
            }
            Some(text) => line.push_str(&text),
        }
    }
    line.push('\n');
    out.write_all(line.as_bytes())
}

/// Column names as JSON texts.
pub(super) fn json_names(columns: &[String]) -> Vec<String> {
    columns.iter().map(|name| quoted_json(name)).collect()
}

/// One object of the array; `first` opens the array.
pub(super) fn json_row(names: &[String], row: &[Cell], first: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut line = String::from(if first { "[\n{" } else { ",\n{" });
    for (index, (name, cell)) in names.iter().zip(row).enumerate() {
        if index > 0 {
            line.push(',');
        }
        line.push_str(name);
        line.push(':');
        line.push_str(&cell.json());
    }
    line.push('}');
    out.write_all(line.as_bytes())
}

/// The end of the array.
pub(super) fn json_end(empty: bool, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(if empty { b"[]\n" } else { b"\n]\n" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Rows {
        let mut rows = Rows::new(["name", "rows", "last", "ok"]);
        rows.push(["cases".into(), 12_345_u64.into(), Cell::Number("1.50".into()), true.into()]);
        rows.push(["a, \"b\"\n|".into(), 7_u64.into(), Cell::Null, false.into()]);
        rows.push(["".into(), 0_u64.into(), Cell::Json("[1]".into()), Cell::Null]);
        rows
    }

    fn written(format: Format) -> String {
        let mut out = Vec::new();
        rows().write(format, None, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn table() {
        insta::assert_snapshot!(written(Format::Table), @r#"
        name       rows    last  ok
        ────────── ─────── ───── ──────
        cases      12,345  1.50  true
        a, "b"\n|       7  NULL  false
                        0  [1]   NULL
        "#);
    }

    #[test]
    fn csv_tells_null_from_empty() {
        assert_eq!(written(Format::Csv), "name,rows,last,ok\ncases,12345,1.50,true\n\"a, \"\"b\"\"\n|\",7,,false\n\"\",0,[1],\n");
    }

    #[test]
    fn json_is_json() {
        let text = written(Format::Json);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value[1]["name"], "a, \"b\"\n|");
        assert_eq!(value[2]["last"][0], 1);
        assert!(text.contains("\"last\":1.50"));
        let mut none = Vec::new();
        Rows::new(["a"]).write(Format::Json, None, &mut none).unwrap();
        assert_eq!(none, b"[]\n");
    }

    #[test]
    fn markdown_escapes_what_would_break_it() {
        insta::assert_snapshot!(rows().to_markdown(), @r#"
        | name | rows | last | ok |
        | --- | ---: | --- | --- |
        | cases | 12,345 | 1.50 | true |
        | a, "b"\\n\| | 7 |  | false |
        |  | 0 | [1] |  |
        "#);
    }

    #[test]
    fn long_text_is_cut_for_people_only() {
        let mut rows = Rows::new(["a"]);
        rows.push(["x".repeat(300).into()]);
        assert!(rows.to_table(None).contains(&("x".repeat(200) + "…")));
        let mut out = Vec::new();
        rows.write(Format::Csv, None, &mut out).unwrap();
        assert_eq!(out.len(), 2 + 301);
    }

    #[test]
    fn narrow_terminals_wrap() {
        let mut rows = Rows::new(["a", "b"]);
        rows.push(["word ".repeat(20).into(), "x".into()]);
        assert!(rows.to_table(Some(40)).lines().all(|line| line.chars().count() <= 40));
    }
}
