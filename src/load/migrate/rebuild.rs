//! SQLite cannot change a column: the table is made anew beside the old one, filled from it, and takes its name.

use super::{
    change::{ActiveColumn, Step},
    ddl::unique_index,
    schema::Table,
};
use crate::load::{flavour::Flavour, statement::ROW_HASH};

/// The statements. Safe because a migration is one transaction and every column that the old table has is copied.
pub(super) fn rebuild(table: &Table, steps: &[Step<'_>], active: &[ActiveColumn]) -> String {
    let flavour = Flavour::Sqlite;
    let (old, new) = (flavour.quoted(&table.name), flavour.quoted(&format!("{}__new", table.name)));
    let added = |name: &str| steps.iter().find_map(|step| if let Step::Add(column) = step { (column.name == name).then_some(*column) } else { None });
    let mut lines = Vec::new();
    let mut copied = Vec::new();
    if let Some(identity) = &table.identity {
        lines.push(format!("  {} {}", flavour.quoted(identity), flavour.identity_type()));
        copied.push(flavour.quoted(identity));
    }
    for column in active {
        let kind = flavour.column_type(column.kind, table.key.contains(&column.name));
        let null = if column.not_null { "NOT NULL" } else { "NULL" };
        let default = match added(&column.name) {
            Some(_) if column.not_null => format!(" DEFAULT {}", super::ddl::zero(flavour, column.kind)),
            _ => String::new(),
        };
        lines.push(format!("  {} {kind} {null}{default}", flavour.quoted(&column.name)));
        if added(&column.name).is_none() {
            copied.push(flavour.quoted(&column.name));
        }
    }
    if table.owned {
        lines.push(format!("  {} BIGINT NULL", flavour.quoted(ROW_HASH)));
        copied.push(flavour.quoted(ROW_HASH));
    }
    let copied = copied.join(", ");
    format!(
        "-- SQLite cannot change a column: the table is made anew, in one transaction, with every row.\nCREATE TABLE {new} (\n{}\n);\nINSERT INTO {new} ({copied}) SELECT {copied} FROM {old};\nDROP TABLE {old};\nALTER TABLE {new} RENAME TO {old};\n{}",
        lines.join(",\n"),
        unique_index(flavour, &table.name, &table.key),
    )
}
