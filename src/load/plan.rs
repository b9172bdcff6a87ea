//! The plan of a load as data: what would happen to a table, with sample rows.

use super::{
    diff::Diff,
    mart::{Mart, key_text, shortened},
    picked::rows_at,
    session::Session,
    statement::Statements,
    target::Target,
    value::Value,
};
use crate::{
    catalog::{ColumnType, Contract},
    error::Result,
};

/// What would happen to one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// A few rows of each kind, inserts first.
    pub samples: Vec<Sample>,
}

/// One row of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// What would happen to it.
    pub action: Action,
    /// `a=1, b=x`.
    pub key: String,
    /// The columns that an update changes.
    pub changes: Vec<Change>,
}

/// What would happen to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is new.
    Insert,
    /// Its values change.
    Update,
    /// The mart does not have it any more.
    Delete,
    /// A row that `etl` did not write has its key.
    Blocked,
}

impl Action {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Blocked => "blocked",
        }
    }
}

/// A column whose value differs. Long texts are shortened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The column.
    pub column: String,
    /// What the table has.
    pub table: String,
    /// What the mart has.
    pub mart: String,
}

/// Sample rows of each kind.
const SAMPLES: usize = 5;

impl Plan {
    /// Takes samples of a difference; reads the rows that would be updated.
    pub(super) async fn of(
        session: &mut dyn Session,
        contract: &Contract,
        target: &Target,
        mart: &Mart,
        diff: &Diff<Vec<Value<'static>>>,
    ) -> Result<Self> {
        let mut samples = Vec::new();
        for (action, positions) in [(Action::Insert, &diff.insert), (Action::Update, &diff.update), (Action::Blocked, &diff.blocked)] {
            let some = &positions[..positions.len().min(SAMPLES)];
            for row in rows_at(contract, mart, some)? {
                let key: Vec<Value<'_>> = target.key.iter().map(|key| row[key.position].borrowed()).collect();
                let changes = if action == Action::Update {
                    changes(contract, target, &one_row(session, contract, target, &key).await?, &row)
                } else {
                    Vec::new()
                };
                samples.push(Sample { action, key: key_text(contract, &key), changes });
            }
        }
        for key in diff.delete.iter().take(SAMPLES) {
            samples.push(Sample { action: Action::Delete, key: key_text(contract, key), changes: Vec::new() });
        }
        Ok(Self { samples })
    }
}

async fn one_row(session: &mut dyn Session, contract: &Contract, target: &Target, key: &[Value<'_>]) -> Result<Vec<Value<'static>>> {
    let kinds: Vec<ColumnType> = contract.columns.iter().map(|column| column.kind).collect();
    let sql = Statements::new(session.flavour(), target).one_row();
    let mut found = Vec::new();
    session
        .fetch(&sql, key, &kinds, &mut |row| {
            found = row.iter().map(|value| value.clone().into_owned()).collect();
            Ok(())
        })
        .await?;
    Ok(found)
}

/// The hashed columns in which two rows differ.
pub(super) fn changes(contract: &Contract, target: &Target, table: &[Value<'_>], mart: &[Value<'_>]) -> Vec<Change> {
    target
        .hashed
        .iter()
        .filter_map(|position| {
            let (before, after) = (table.get(*position)?, mart.get(*position)?);
            (before != after).then(|| Change { column: contract.columns[*position].name.clone(), table: written(before), mart: written(after) })
        })
        .collect()
}

/// A value as a plan shows it: texts in quotes, so that NULL and blanks can be told.
fn written(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => format!("'{}'", shortened(text)),
        other => other.to_string(),
    }
}
