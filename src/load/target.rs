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
    /// The texts that it can hold.
    pub(super) charset: Charset,
}

/// The texts that a column can hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Charset {
    /// All of Unicode.
    #[default]
    Unicode,
    /// Code points up to U+FFFF: MySQL's utf8mb3.
    ThreeBytes,
    /// Another character set, of which only ASCII is sure.
    Ascii,
}

impl Charset {
    /// Whether the value can be stored.
    pub(super) fn holds(self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::ThreeBytes, Value::Text(text)) => !text.bytes().any(|byte| byte >= 0xf0),
            (Self::Ascii, Value::Text(text)) => text.is_ascii(),
            _ => true,
        }
    }
}

/// The columns of a unique index with the collation that each compares by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UniqueIndex {
    pub(super) columns: Vec<(String, Collation)>,
}

/// When two texts count as equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Collation {
    /// Byte by byte.
    Binary,
    /// As the server decides by its collation of this name; it is asked, see `folds.rs`.
    Named(String),
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
    /// The texts that each column can hold.
    pub(super) charsets: Vec<Charset>,
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
                    .map_or(Collation::Binary, |(_, collation)| collation.clone());
                KeyColumn { name: name.clone(), position, collation }
            })
            .collect::<Vec<_>>();
        let hashed: Vec<usize> = (0..contract.columns.len()).filter(|position| !contract.columns[*position].insert_only).collect();
        // A key that is equal under its collation only must be written too, or the table would keep the old spelling.
        let fixed = |position: &usize| key.iter().any(|key| key.position == *position && key.collation == Collation::Binary);
        let charset = |name: &str| facts.columns.iter().find(|real| real.name == name).map(|real| real.charset).unwrap_or_default();
        Ok(Self {
            table: table.clone(),
            charsets: contract.columns.iter().map(|column| charset(&column.name)).collect(),
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
                let real = found.kind.map_or_else(|| found.declared.clone(), |kind| kind.to_string());
                faults.push(format!("column `{name}` is {real}, which cannot hold {}", column.kind));
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
    fn character_sets() {
        let text = |text: &str| Value::Text(text.to_owned().into());
        for (charset, want) in [(Charset::Unicode, [true; 3]), (Charset::ThreeBytes, [true, true, false]), (Charset::Ascii, [true, false, false])] {
            assert_eq!([text("a"), text("ש"), text("😀")].map(|value| charset.holds(&value)), want, "{charset:?}");
        }
    }
}
