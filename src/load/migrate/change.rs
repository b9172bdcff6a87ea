//! The steps from the schema so far to what the contracts want. Pure.

use std::fmt;

use super::schema::{Schema, StoredColumn, StoredTable, Table};
use crate::{
    catalog::{Column, ColumnType},
    error::Result,
    load::target::holds,
};

/// A change of one table.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change<'a> {
    /// It is new.
    Create(&'a Table),
    /// Some of its columns change.
    Alter { table: &'a Table, steps: Vec<Step<'a>>, before: StoredTable, active: Vec<ActiveColumn> },
    /// No contract wants it any more: written as a commented-out statement.
    Retire(String),
}

/// A change of one column, or of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// A new column.
    Add(&'a Column),
    /// The column holds more than before.
    Widen { column: &'a Column, from: ColumnType },
    /// NULL is allowed from now on.
    Relax { name: String, kind: ColumnType },
    /// The column holds less than before, or something else: a person decides.
    Narrow { column: &'a Column, from: ColumnType },
    /// NULL is refused from now on: a person decides.
    Tighten { column: &'a Column },
    /// No contract wants the column any more: a person decides.
    Drop { name: String },
    /// Another natural key.
    Rekey,
    /// Another identity column: a person decides.
    Identity { before: Option<String> },
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add(column) => write!(f, "column `{}` is new", column.name),
            Self::Widen { column, from } | Self::Narrow { column, from } => write!(f, "column `{}` was {from}, now {}", column.name, column.kind),
            Self::Relax { name, .. } => write!(f, "column `{name}` allows NULL"),
            Self::Tighten { column } => write!(f, "column `{}` refuses NULL", column.name),
            Self::Drop { name } => write!(f, "column `{name}` is gone"),
            Self::Rekey => f.write_str("the key is another"),
            Self::Identity { .. } => f.write_str("the identity column is another"),
        }
    }
}

/// A column as it is after the statements that run without a person's decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ActiveColumn {
    pub(super) name: String,
    pub(super) kind: ColumnType,
    pub(super) not_null: bool,
}

/// The changes in the tables' order, and the schema after them.
pub(super) fn changes<'a>(wanted: &'a [Table], before: &Schema) -> Result<(Vec<Change<'a>>, Schema)> {
    let mut changes = Vec::new();
    let mut after = Schema::empty();
    for table in wanted {
        let mut stored = table.stored();
        match before.tables.get(&table.name) {
            None => changes.push(Change::Create(table)),
            Some(old) => {
                let steps = steps(table, old)?;
                for column in old.columns.iter().filter(|column| !wants(table, &column.name)) {
                    stored.columns.push(StoredColumn { not_null: false, retired: true, ..column.clone() });
                }
                if !steps.is_empty() {
                    let active = active(table, &stored, &steps)?;
                    changes.push(Change::Alter { table, steps, before: old.clone(), active });
                }
            }
        }
        after.tables.insert(table.name.clone(), stored);
    }
    for (name, old) in &before.tables {
        if !wanted.iter().any(|table| table.name == *name) {
            if !old.retired {
                changes.push(Change::Retire(name.clone()));
            }
            after.tables.insert(name.clone(), StoredTable { retired: true, ..old.clone() });
        }
    }
    Ok((changes, after))
}

fn wants(table: &Table, column: &str) -> bool {
    table.columns.iter().any(|wanted| wanted.name == column)
}

fn steps<'a>(table: &'a Table, old: &StoredTable) -> Result<Vec<Step<'a>>> {
    let mut steps = Vec::new();
    for column in &table.columns {
        let Some(known) = old.columns.iter().find(|known| known.name == column.name) else {
            steps.push(Step::Add(column));
            continue;
        };
        let from = known.parsed()?;
        if from != column.kind {
            steps.push(if holds(column.kind, from) { Step::Widen { column, from } } else { Step::Narrow { column, from } });
        }
        if known.not_null && !column.not_null {
            steps.push(Step::Relax { name: column.name.clone(), kind: column.kind });
        }
        if !known.not_null && column.not_null {
            steps.push(Step::Tighten { column });
        }
    }
    for known in old.columns.iter().filter(|known| !known.retired && !wants(table, &known.name)) {
        // A column that nobody fills any more must allow NULL, or inserts would fail.
        if known.not_null {
            steps.push(Step::Relax { name: known.name.clone(), kind: known.parsed()? });
        }
        steps.push(Step::Drop { name: known.name.clone() });
    }
    if old.key != table.key {
        steps.push(Step::Rekey);
    }
    if old.identity != table.identity {
        steps.push(Step::Identity { before: old.identity.clone() });
    }
    Ok(steps)
}

/// The columns once the active steps ran: those that a person has to decide are as before.
fn active(table: &Table, stored: &StoredTable, steps: &[Step<'_>]) -> Result<Vec<ActiveColumn>> {
    let mut columns = Vec::new();
    for column in &table.columns {
        let mut active = ActiveColumn { name: column.name.clone(), kind: column.kind, not_null: column.not_null };
        for step in steps {
            match step {
                Step::Narrow { column: narrowed, from } if narrowed.name == column.name => active.kind = *from,
                Step::Tighten { column: tightened } if tightened.name == column.name => active.not_null = false,
                _ => {}
            }
        }
        columns.push(active);
    }
    for column in stored.columns.iter().filter(|column| column.retired) {
        columns.push(ActiveColumn { name: column.name.clone(), kind: column.parsed()?, not_null: false });
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: ColumnType, not_null: bool) -> Column {
        Column { name: name.to_owned(), kind, not_null, round: None, insert_only: false, meaning: String::new() }
    }

    fn table(columns: Vec<Column>) -> Table {
        Table {
            name: "t".to_owned(),
            description: String::new(),
            columns,
            key: vec!["k".to_owned()],
            identity: None,
            snapshot_date: None,
            owned: true,
        }
    }

    fn step_words(before: Vec<Column>, after: Vec<Column>) -> Vec<String> {
        let (before, after) = ([table(before)], [table(after)]);
        let (_, schema) = changes(&before, &Schema::empty()).unwrap();
        let (found, _) = changes(&after, &schema).unwrap();
        match found.as_slice() {
            [] => Vec::new(),
            [Change::Alter { steps, .. }] => {
                steps.iter().map(|step| format!("{step:?}").split([' ', '(']).next().unwrap_or_default().to_owned()).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_difference_is_one_step() {
        let key = || column("k", ColumnType::Integer, true);
        let with = |kind, not_null| vec![key(), column("c", kind, not_null)];
        assert!(step_words(with(ColumnType::Text, false), with(ColumnType::Text, false)).is_empty());
        assert_eq!(step_words(vec![key()], with(ColumnType::Text, false)), ["Add"]);
        assert_eq!(step_words(with(ColumnType::Varchar(9), false), with(ColumnType::Varchar(10), false)), ["Widen"]);
        assert_eq!(step_words(with(ColumnType::Varchar(10), false), with(ColumnType::Varchar(9), false)), ["Narrow"]);
        assert_eq!(step_words(with(ColumnType::Date, false), with(ColumnType::Timestamp, false)), ["Narrow"]);
        assert_eq!(step_words(with(ColumnType::Text, true), with(ColumnType::Text, false)), ["Relax"]);
        assert_eq!(step_words(with(ColumnType::Text, false), with(ColumnType::Text, true)), ["Tighten"]);
        assert_eq!(step_words(with(ColumnType::Text, false), vec![key()]), ["Drop"]);
        assert_eq!(step_words(with(ColumnType::Text, true), vec![key()]), ["Relax", "Drop"]);
    }

    #[test]
    fn what_is_retired_is_remembered_and_told_once() {
        let (before, after) = (
            [table(vec![column("k", ColumnType::Integer, true), column("c", ColumnType::Text, true)])],
            [table(vec![column("k", ColumnType::Integer, true)])],
        );
        let (_, first) = changes(&before, &Schema::empty()).unwrap();
        let (_, second) = changes(&after, &first).unwrap();
        let kept = &second.tables["t"].columns[1];
        assert!(kept.retired && !kept.not_null);
        assert!(changes(&after, &second).unwrap().0.is_empty());
        let (gone, third) = changes(&[], &second).unwrap();
        assert_eq!(gone, [Change::Retire("t".to_owned())]);
        assert!(changes(&[], &third).unwrap().0.is_empty());
    }
}
