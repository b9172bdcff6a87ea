//! The real table in the destination: what its columns hold, and whether the contract fits into it.

use crate::{
    catalog::{ColumnType, Contract},
    error::{Error, Kind, Result},
};

use super::{mart::key_positions, statement::ROW_HASH, value::Value};

/// A table as the database describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TableFacts {
    pub(super) columns: Vec<RealColumn>,
    /// The unique indexes (whole ones, the primary key too).
    pub(super) unique: Vec<UniqueIndex>,
}

/// A column as the database describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RealColumn {
    pub(super) name: String,
    /// As declared, for messages.
    pub(super) declared: String,
    /// The portable type, if it is one.
    pub(super) kind: Option<ColumnType>,
    pub(super) not_null: bool,
    /// It has a default, or the database fills it.
    pub(super) filled: bool,
}

/// The columns of a unique index with the collation that each compares by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UniqueIndex {
    pub(super) columns: Vec<(String, Collation)>,
}

/// When two texts count as equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Collation {
    /// Byte by byte.
    Binary,
    /// ASCII letters regardless of case.
    NoCase,
    /// Trailing blanks do not count.
    TrailingBlanks,
}

impl Collation {
    /// The form in which equal values are the same.
    pub(super) fn fold<'a>(self, value: &'a Value<'a>) -> Value<'a> {
        match (self, value) {
            (Self::NoCase, Value::Text(text)) => Value::Text(text.to_ascii_lowercase().into()),
            (Self::TrailingBlanks, Value::Text(text)) => Value::Text(text.trim_end_matches(' ').into()),
            _ => value.borrowed(),
        }
    }
}

/// A contract that fits its real table: all that the statements need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) table: String,
    /// The contract's columns in order.
    pub(super) columns: Vec<String>,
    pub(super) key: Vec<KeyColumn>,
    /// Positions of the columns that are hashed: all that are not `insert_only`.
    pub(super) hashed: Vec<usize>,
    /// Positions of the columns that an update sets.
    pub(super) updatable: Vec<usize>,
    /// The day column of a snapshot.
    pub(super) date: Option<String>,
}

/// A column of the natural key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyColumn {
    pub(super) name: String,
    pub(super) position: usize,
    pub(super) collation: Collation,
}

impl Target {
    /// Checks the contract against the real table.
    ///
    /// # Errors
    /// [`Kind::Database`] that lists everything that is missing or too narrow and names `etl migrate run`.
    pub(super) fn check(contract: &Contract, facts: Option<&TableFacts>) -> Result<Self> {
        let table = &contract.table;
        let migrate = "run `etl migrate run`; if the contract is newer than the migrations, `etl migrate new NAME` first";
        let Some(facts) = facts else {
            return Err(Error::new(Kind::Database, format!("the destination has no table `{table}`")).hint("run `etl migrate run`"));
        };
        let index = unique_index(contract, facts);
        let mut faults = differences(contract, facts);
        if index.is_none() {
            faults.push(format!("there is no unique index on the key ({})", contract.key.join(", ")));
        }
        if !faults.is_empty() {
            return Err(
                Error::new(Kind::Database, format!("the table `{table}` is not as its contract wants it: {}", faults.join("; "))).hint(migrate)
            );
        }
        let key = key_positions(contract)
            .into_iter()
            .zip(&contract.key)
            .map(|(position, name)| {
                let collation = index
                    .and_then(|index| index.columns.iter().find(|(column, _)| column == name))
                    .map_or(Collation::Binary, |(_, collation)| *collation);
                KeyColumn { name: name.clone(), position, collation }
            })
            .collect::<Vec<_>>();
        let hashed: Vec<usize> = (0..contract.columns.len()).filter(|position| !contract.columns[*position].insert_only).collect();
        // A key that is equal under its collation only must be written too, or the table would keep the old spelling.
        let fixed = |position: &usize| key.iter().any(|key| key.position == *position && key.collation == Collation::Binary);
        Ok(Self {
            table: table.clone(),
            columns: contract.columns.iter().map(|column| column.name.clone()).collect(),
            updatable: hashed.iter().copied().filter(|position| !fixed(position)).collect(),
            hashed,
            date: contract.snapshot_date().map(str::to_owned),
            key,
        })
    }
}

fn unique_index<'f>(contract: &Contract, facts: &'f TableFacts) -> Option<&'f UniqueIndex> {
    facts
        .unique
        .iter()
        .find(|index| index.columns.len() == contract.key.len() && contract.key.iter().all(|key| index.columns.iter().any(|(name, _)| name == key)))
}

fn differences(contract: &Contract, facts: &TableFacts) -> Vec<String> {
    let real = |name: &str| facts.columns.iter().find(|column| column.name == name);
    let mut faults = Vec::new();
    for column in &contract.columns {
        let name = &column.name;
        match real(name) {
            None => faults.push(format!("column `{name}` is missing")),
            Some(found) if !found.kind.is_some_and(|kind| holds(kind, column.kind)) => {
                faults.push(format!("column `{name}` is {}, which cannot hold {}", found.declared, column.kind));
            }
            Some(found) if found.not_null && !column.not_null => faults.push(format!("column `{name}` refuses NULL, which the contract allows")),
            Some(_) => {}
        }
    }
    match real(ROW_HASH) {
        Some(found) if found.kind == Some(ColumnType::BigInt) && !found.not_null => {}
        _ => faults.push(format!("the column `{ROW_HASH}` (BIGINT NULL) is missing")),
    }
    if let Some(identity) = contract.identity.as_deref().filter(|identity| real(identity).is_none()) {
        faults.push(format!("the identity column `{identity}` is missing"));
    }
    for found in &facts.columns {
        if found.not_null && !found.filled && contract.column(&found.name).is_none() && contract.identity.as_deref() != Some(found.name.as_str()) {
            faults.push(format!("column `{}` refuses NULL, and the contract does not fill it", found.name));
        }
    }
    faults
}

/// Whether every value of `want` fits into `real`.
pub(super) fn holds(real: ColumnType, want: ColumnType) -> bool {
    match (real, want) {
        (ColumnType::Varchar(real), ColumnType::Varchar(want)) => real >= want,
        (ColumnType::Text, ColumnType::Varchar(_)) => true,
        (ColumnType::BigInt, ColumnType::Integer | ColumnType::SmallInt) | (ColumnType::Integer, ColumnType::SmallInt) => true,
        (real, want) => real == want,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wider_holds_narrower() {
        assert!(holds(ColumnType::Varchar(10), ColumnType::Varchar(10)));
        assert!(!holds(ColumnType::Varchar(9), ColumnType::Varchar(10)));
        assert!(holds(ColumnType::Text, ColumnType::Varchar(10)));
        assert!(!holds(ColumnType::Varchar(10), ColumnType::Text));
        assert!(holds(ColumnType::BigInt, ColumnType::SmallInt));
        assert!(!holds(ColumnType::Integer, ColumnType::BigInt));
        assert!(!holds(ColumnType::Timestamp, ColumnType::Date));
    }

    #[test]
    fn keys_fold_by_collation() {
        assert_eq!(Collation::NoCase.fold(&Value::Text("AÉ".into())), Value::Text("aÉ".into()));
        assert_eq!(Collation::TrailingBlanks.fold(&Value::Text("a \t ".into())), Value::Text("a \t".into()));
        assert_eq!(Collation::Binary.fold(&Value::Int(1)), Value::Int(1));
    }
}
