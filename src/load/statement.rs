//! The one gate for dynamic SQL. A statement is built here, from a fixed text, quoted identifiers and placeholders, or
//! it does not reach a database: `Sql` has no other constructor, and values are always bound.

use sqlx::AssertSqlSafe;

use super::{flavour::Flavour, target::Target};

/// The column that says who wrote a row.
pub(super) const ROW_HASH: &str = "_row_hash";

/// Statement text that holds no foreign text but quoted identifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sql(String);

impl Sql {
    /// The text for the driver.
    pub(super) fn safe(&self) -> AssertSqlSafe<String> {
        AssertSqlSafe(self.0.clone())
    }

    /// The text, for tests and messages.
    #[cfg(test)]
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

/// Writes the statements for one table of one engine.
pub(super) struct Statements<'a> {
    flavour: Flavour,
    target: &'a Target,
}

impl<'a> Statements<'a> {
    /// For this table.
    pub(super) fn new(flavour: Flavour, target: &'a Target) -> Self {
        Self { flavour, target }
    }

    fn list<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> String {
        names.into_iter().map(|name| self.flavour.quoted(name)).collect::<Vec<_>>().join(", ")
    }

    fn table(&self) -> String {
        self.flavour.quoted(&self.target.table)
    }

    /// Restricts to the days of a snapshot; the days are the parameters.
    fn owned_days(&self, days: usize, word: &str) -> String {
        match &self.target.date {
            None => String::new(),
            // No day computed, so no row is owned.
            Some(_) if days == 0 => format!(" {word} 1 = 0"),
            Some(date) => format!(" {word} {} in ({})", self.flavour.quoted(date), self.placeholders(days)),
        }
    }

    fn placeholders(&self, count: usize) -> String {
        (1..=count).map(|number| self.flavour.placeholder(number)).collect::<Vec<_>>().join(", ")
    }

    fn where_key(&self, first: usize) -> String {
        let terms: Vec<String> = self
            .target
            .key
            .iter()
            .enumerate()
            .map(|(index, key)| format!("{} = {}", self.flavour.quoted(&key.name), self.flavour.placeholder(first + index)))
            .collect();
        terms.join(" and ")
    }

    /// The digest of the owned rows.
    pub(super) fn digest(&self, days: usize) -> Sql {
        Sql(format!("select {} from {}{}", self.flavour.digest_columns(), self.table(), self.owned_days(days, "where")))
    }

    /// Key columns and hash of every row that may be owned or in the way.
    pub(super) fn keys(&self, days: usize) -> Sql {
        let columns = self.list(self.target.key.iter().map(|key| key.name.as_str()).chain([ROW_HASH]));
        Sql(format!("select {columns} from {}{}", self.table(), self.owned_days(days, "where")))
    }

    /// All columns of the contract of the owned rows, and the hash.
    pub(super) fn owned_rows(&self, days: usize) -> Sql {
        let columns = self.list(self.target.columns.iter().map(String::as_str).chain([ROW_HASH]));
        let hash = self.flavour.quoted(ROW_HASH);
        Sql(format!("select {columns} from {} where {hash} is not null{}", self.table(), self.owned_days(days, "and")))
    }

    /// All columns of the contract of one row.
    pub(super) fn one_row(&self) -> Sql {
        let columns = self.list(self.target.columns.iter().map(String::as_str));
        Sql(format!("select {columns} from {} where {}", self.table(), self.where_key(1)))
    }

    /// All columns of the contract of the whole table, in key order.
    pub(super) fn all_rows(&self) -> Sql {
        let columns = self.list(self.target.columns.iter().map(String::as_str));
        let order = self.list(self.target.key.iter().map(|key| key.name.as_str()));
        Sql(format!("select {columns} from {} order by {order}", self.table()))
    }

    /// Sets the updatable columns and the hash of the row with a key: parameters in that order.
    pub(super) fn update(&self) -> Sql {
        let set: Vec<&str> = self.target.updatable.iter().map(|index| self.target.columns[*index].as_str()).chain([ROW_HASH]).collect();
        let terms: Vec<String> =
            set.iter().enumerate().map(|(index, name)| format!("{} = {}", self.flavour.quoted(name), self.flavour.placeholder(index + 1))).collect();
        let hash = self.flavour.quoted(ROW_HASH);
        Sql(format!("update {} set {} where {} and {hash} is not null", self.table(), terms.join(", "), self.where_key(set.len() + 1)))
    }

    /// Deletes the row with a key.
    pub(super) fn delete(&self) -> Sql {
        Sql(format!("delete from {} where {} and {} is not null", self.table(), self.where_key(1), self.flavour.quoted(ROW_HASH)))
    }
}

/// Inserts so many rows of these columns.
pub(super) fn insert<'n>(flavour: Flavour, table: &str, columns: impl IntoIterator<Item = &'n str>, rows: usize) -> Sql {
    let names: Vec<String> = columns.into_iter().map(|name| flavour.quoted(name)).collect();
    let mut text = format!("insert into {} ({}) values ", flavour.quoted(table), names.join(", "));
    let mut number = 0;
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..names.len() {
            number += 1;
            if column > 0 {
                text.push_str(", ");
            }
            text.push_str(&flavour.placeholder(number));
        }
        text.push(')');
    }
    Sql(text)
}

/// The newest ledger row of a table; its name is the parameter.
pub(super) fn last_load(flavour: Flavour, table: &str, columns: &[&str]) -> Sql {
    let names: Vec<String> = columns.iter().map(|name| flavour.quoted(name)).collect();
    let (name, id) = (flavour.quoted("table_name"), flavour.quoted("id"));
    Sql(format!("select {} from {} where {name} = {} order by {id} desc limit 1", names.join(", "), flavour.quoted(table), flavour.placeholder(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::target::{Collation, KeyColumn};

    #[test]
    fn statements_quote_and_bind() {
        let target = Target {
            table: "plans".to_owned(),
            columns: vec!["id".to_owned(), "name".to_owned(), "created_at".to_owned()],
            key: vec![KeyColumn { name: "id".to_owned(), position: 0, collation: Collation::Binary }],
            hashed: vec![0, 1],
            updatable: vec![1],
            date: None,
        };
        let sqlite = Statements::new(Flavour::Sqlite, &target);
        assert_eq!(insert(Flavour::Sqlite, "plans", ["id", "name"], 2).text(), r#"insert into "plans" ("id", "name") values (?, ?), (?, ?)"#);
        assert_eq!(insert(Flavour::Postgres, "plans", ["id", "name"], 2).text(), r#"insert into "plans" ("id", "name") values ($1, $2), ($3, $4)"#);
        assert_eq!(sqlite.update().text(), r#"update "plans" set "name" = ?, "_row_hash" = ? where "id" = ? and "_row_hash" is not null"#);
        let postgres = Statements::new(Flavour::Postgres, &target);
        assert_eq!(postgres.update().text(), r#"update "plans" set "name" = $1, "_row_hash" = $2 where "id" = $3 and "_row_hash" is not null"#);
        assert_eq!(Statements::new(Flavour::Mysql, &target).delete().text(), "delete from `plans` where `id` = ? and `_row_hash` is not null");
    }

    #[test]
    fn a_snapshot_owns_its_days_only() {
        let target = Target {
            table: "t".to_owned(),
            columns: vec!["d".to_owned()],
            key: vec![],
            hashed: vec![0],
            updatable: vec![],
            date: Some("d".to_owned()),
        };
        let sqlite = Statements::new(Flavour::Sqlite, &target);
        assert!(sqlite.digest(2).text().ends_with(r#" where "d" in (?, ?)"#));
        assert!(sqlite.digest(0).text().ends_with(" where 1 = 0"));
    }
}
