//! What a table of the old scripts is.

use crate::catalog::ColumnType;

/// A table as it stands, with all that adopting it depends on.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) engine: String,
    /// Of columns that are added.
    pub(super) charset: String,
    pub(super) columns: Vec<FoundColumn>,
    pub(super) indexes: Vec<FoundIndex>,
    /// Foreign keys from this table and to it: the table that has it, and its name.
    pub(super) foreign: Vec<(String, String)>,
    pub(super) rows: u64,
    /// Key columns, not the day, in which no row of the old scripts has a value: they have just been added, or will be.
    pub(super) blank: Vec<String>,
    /// Rows whose day is not filled in, though the moment they were written is known.
    pub(super) undated: u64,
    /// Rows of the old scripts that have the key of a newer one.
    pub(super) surplus: u64,
    /// Rows of the old scripts whose `id` is not yet the one that the contract wants.
    pub(super) misnumbered: u64,
}

/// A column as it stands.
#[derive(Clone, Debug)]
pub(super) struct FoundColumn {
    pub(super) name: String,
    /// As declared: `float(5,2)`.
    pub(super) declared: String,
    /// The portable type, if it is one.
    pub(super) kind: Option<ColumnType>,
    pub(super) not_null: bool,
    /// It has a default, or the database fills it.
    pub(super) filled: bool,
    pub(super) counts_up: bool,
    pub(super) charset: Option<String>,
    pub(super) collation: Option<String>,
}

/// An index as it stands.
#[derive(Clone, Debug)]
pub(super) struct FoundIndex {
    pub(super) name: String,
    pub(super) unique: bool,
    /// Empty names stand for parts of columns and expressions.
    pub(super) columns: Vec<String>,
}

impl Found {
    pub(super) fn column(&self, name: &str) -> Option<&FoundColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.column(name).is_some()
    }

    /// Whether a unique index has exactly these columns.
    pub(super) fn is_unique(&self, key: &[String]) -> bool {
        self.indexes.iter().any(|index| index.unique && index.columns.len() == key.len() && key.iter().all(|name| index.columns.contains(name)))
    }

    pub(super) fn primary(&self) -> Option<&FoundIndex> {
        self.indexes.iter().find(|index| index.name == "PRIMARY")
    }

    /// A column of numbers that tells all rows apart, growing in the order in which they were written.
    pub(super) fn order(&self) -> Option<&str> {
        let alone = |name: &str| self.indexes.iter().any(|index| index.unique && index.columns == [name]);
        self.columns.iter().find(|column| column.counts_up && alone(&column.name)).map(|column| column.name.as_str())
    }
}
