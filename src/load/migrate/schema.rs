//! What the tables should be (from the contracts), and what they are by the migrations so far (`migrations/schema.json`).

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    catalog::{Column, ColumnType, Contract, Project},
    error::{Error, Kind, OrFail, Result},
    load::ledger,
};

/// Version of the file.
const VERSION: u32 = 1;

/// A table as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::load) struct Table {
    pub(in crate::load) name: String,
    pub(super) description: String,
    pub(in crate::load) columns: Vec<Column>,
    /// Empty for the ledger.
    pub(in crate::load) key: Vec<String>,
    pub(in crate::load) identity: Option<String>,
    /// The day column of a snapshot.
    pub(in crate::load) snapshot_date: Option<String>,
    /// It is a mart's: `_row_hash` says who wrote a row.
    pub(in crate::load) owned: bool,
}

/// The tables by the migrations so far: `migrations/schema.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Schema {
    pub(super) version: u32,
    pub(super) tables: BTreeMap<String, StoredTable>,
}

/// A table by the migrations so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredTable {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) identity: Option<String>,
    pub(super) key: Vec<String>,
    pub(super) columns: Vec<StoredColumn>,
    /// No contract wants it any more; a person decides when it goes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) retired: bool,
}

/// A column by the migrations so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredColumn {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) not_null: bool,
    /// No contract wants it any more; a person decides when it goes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) retired: bool,
}

impl StoredColumn {
    /// The portable type.
    pub(super) fn parsed(&self) -> Result<ColumnType> {
        match ColumnType::parse(&self.kind) {
            Some((kind, "")) => Ok(kind),
            _ => Err(Error::new(Kind::Config, format!("migrations/schema.json: column `{}` has the unknown type `{}`", self.name, self.kind))),
        }
    }
}

/// All tables that the project wants, the ledger among them.
pub(super) fn wanted(project: &Project) -> Result<Vec<Table>> {
    tables(project.tables().filter_map(|model| model.contract.as_ref()))
}

/// The tables that these contracts want, and the ledger.
pub(in crate::load) fn tables<'a>(contracts: impl IntoIterator<Item = &'a Contract>) -> Result<Vec<Table>> {
    let mut tables = vec![Table {
        name: ledger::LEDGER.to_owned(),
        description: "What was loaded when; written by etl load, one row per load that changed something.".to_owned(),
        columns: ledger::columns(),
        key: Vec::new(),
        identity: Some(ledger::LEDGER_IDENTITY.to_owned()),
        snapshot_date: None,
        owned: false,
    }];
    for contract in contracts {
        let wrong = |what: String| Err(Error::new(Kind::Config, format!("the contract of `{}`: {what}", contract.table)));
        if contract.table == ledger::LEDGER {
            return wrong("the name belongs to etl's own table of loads".to_owned());
        }
        if let Some(column) = contract.columns.iter().find(|column| contract.key.contains(&column.name) && column.kind == ColumnType::Text) {
            return wrong(format!("the key column `{}` is `text`, which MySQL cannot index; give it a length: varchar(n)", column.name));
        }
        tables.push(Table {
            name: contract.table.clone(),
            description: contract.description.clone(),
            columns: contract.columns.clone(),
            key: contract.key.clone(),
            identity: contract.identity.clone(),
            snapshot_date: contract.snapshot_date().map(str::to_owned),
            owned: true,
        });
    }
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tables)
}

impl Table {
    /// As `schema.json` keeps it.
    pub(super) fn stored(&self) -> StoredTable {
        let columns = self
            .columns
            .iter()
            .map(|column| StoredColumn { name: column.name.clone(), kind: column.kind.to_string(), not_null: column.not_null, retired: false })
            .collect();
        StoredTable { identity: self.identity.clone(), key: self.key.clone(), columns, retired: false }
    }
}

impl Schema {
    /// Of a project without migrations.
    pub(super) fn empty() -> Self {
        Self { version: VERSION, tables: BTreeMap::new() }
    }

    fn file(migrations: &Path) -> PathBuf {
        migrations.join("schema.json")
    }

    /// Reads the file; a missing one is an empty schema.
    pub(super) fn read(migrations: &Path) -> Result<Self> {
        let file = Self::file(migrations);
        if !file.exists() {
            return Ok(Self::empty());
        }
        let schema: Self =
            serde_json::from_str(&fs_err::read_to_string(&file)?).or_fail(Kind::Config, || format!("cannot understand `{}`", file.display()))?;
        if schema.version != VERSION {
            return Err(Error::new(Kind::Config, format!("`{}` has version {}; this etl knows version {VERSION}", file.display(), schema.version)));
        }
        Ok(schema)
    }

    /// Replaces the file.
    pub(super) fn write(&self, migrations: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self).or_fail(Kind::Internal, || "cannot write the schema as JSON")?;
        text.push('\n');
        let part = migrations.join("schema.json.part");
        fs_err::write(&part, text)?;
        fs_err::rename(&part, Self::file(migrations))?;
        Ok(())
    }
}
