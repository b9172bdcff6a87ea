//! One view: its columns, its query, and the statement that makes it.

use super::place::{Place, literal};
use crate::digest;

/// The label that says which definition a view has.
pub(super) const LABEL: &str = "etl_definition";
/// Characters of a description that BigQuery takes: of a column, of a view.
const COLUMN_TEXT: usize = 1_024;
const VIEW_TEXT: usize = 16_384;

/// A view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) columns: Vec<ViewColumn>,
    /// What stands behind the selected columns, from `FROM` on.
    pub(crate) source: String,
}

/// A column of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ViewColumn {
    pub(crate) name: String,
    /// What is selected.
    pub(crate) expression: String,
    pub(crate) description: String,
}

impl View {
    /// The query, columns named one by one.
    pub fn query(&self) -> String {
        let columns: Vec<String> = self.columns.iter().map(|column| format!("  {} AS `{}`", column.expression, column.name)).collect();
        format!("SELECT\n{}\n{}", columns.join(",\n"), self.source)
    }

    /// The statement that makes the view what it should be, without a semicolon.
    pub fn statement(&self, place: &Place) -> String {
        let label = self.definition(place);
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|column| match cut(&column.description, COLUMN_TEXT) {
                "" => format!("  `{}`", column.name),
                text => format!("  `{}` OPTIONS (description = {})", column.name, literal(text)),
            })
            .collect();
        format!(
            "CREATE OR REPLACE VIEW {}\n(\n{}\n)\nOPTIONS (\n  description = {},\n  labels = [('{LABEL}', '{label}')]\n)\nAS\n{}",
            place.name(&self.name),
            columns.join(",\n"),
            literal(cut(&self.description, VIEW_TEXT)),
            self.query()
        )
    }

    /// A name for all that the view says: the same view has the same one, whoever made it.
    pub(super) fn definition(&self, place: &Place) -> String {
        let mut all = vec![place.name(&self.name), self.description.clone(), self.query()];
        all.extend(self.columns.iter().flat_map(|column| [column.name.clone(), column.description.clone()]));
        digest::short(&all.join("\u{1f}"), 16)
    }
}

fn cut(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).map_or(text, |(end, _)| &text[..end])
}

/// All statements as one script.
pub fn script(views: &[View], place: &Place) -> String {
    let mut out = String::from("-- Views over Cloud SQL, written by `etl publish bigquery` from the contracts in sql/.\n");
    for view in views {
        out.push('\n');
        out.push_str(&view.statement(place));
        out.push_str(";\n");
    }
    out
}
