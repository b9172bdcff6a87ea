//! The one gate for dynamic SQL. A statement is built here, from a fixed text, quoted identifiers and placeholders, or
//! it does not reach a database: `Sql` has no other constructor. Values are bound, or written as literals by the engine's
//! one function for that, in [`Packet`].

use sqlx::AssertSqlSafe;

use super::{flavour::Flavour, target::Target, value::Value};

/// The column that says who wrote a row.
pub(super) const ROW_HASH: &str = "_row_hash";

/// Stands for a parameter until the statement is whole. No name holds it: names are made of letters, digits and `_`.
const PARAMETER: char = '\u{1}';

/// Statement text that holds no foreign text but quoted identifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sql {
    text: String,
    flavour: Flavour,
}

impl Sql {
    fn new(flavour: Flavour, text: String) -> Self {
        Self { text, flavour }
    }

    /// The text for the driver, with placeholders.
    pub(super) fn safe(&self) -> AssertSqlSafe<String> {
        AssertSqlSafe(self.with_placeholders())
    }

    fn with_placeholders(&self) -> String {
        let mut text = String::with_capacity(self.text.len() + 16);
        for (number, piece) in self.text.split(PARAMETER).enumerate() {
            if number > 0 {
                self.flavour.push_placeholder(&mut text, number);
            }
            text.push_str(piece);
        }
        text
    }

    /// The text, for tests and messages.
    #[cfg(test)]
    pub(super) fn text(&self) -> String {
        self.with_placeholders()
    }
}

/// Writes a value as a literal of one engine.
pub(super) type Literal = fn(&mut String, &Value<'_>);

/// Statements with literals in place of parameters, which travel to the server together.
pub(super) struct Packet {
    text: String,
    literal: Literal,
}

impl Packet {
    /// Nothing so far.
    pub(super) fn new(literal: Literal) -> Self {
        Self { text: String::new(), literal }
    }

    /// Begins an INSERT of these columns; rows follow.
    pub(super) fn insert(&mut self, flavour: Flavour, table: &str, columns: &[&str]) {
        self.text.push_str(&insert_head(flavour, table, columns.iter().copied()));
    }

    /// Adds a row to the INSERT that was begun.
    pub(super) fn row(&mut self, first: bool, values: &[Value<'_>]) {
        self.text.push_str(if first { "(" } else { ",(" });
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            (self.literal)(&mut self.text, value);
        }
        self.text.push(')');
    }

    /// Adds a whole statement.
    pub(super) fn statement(&mut self, sql: &Sql, values: &[Value<'_>]) {
        let mut pieces = sql.text.split(PARAMETER);
        self.text.push_str(pieces.next().unwrap_or_default());
        for (piece, value) in pieces.zip(values) {
            (self.literal)(&mut self.text, value);
            self.text.push_str(piece);
        }
        self.text.push(';');
    }

    /// Bytes so far.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// The text for the driver.
    pub(super) fn safe(self) -> AssertSqlSafe<String> {
        AssertSqlSafe(self.text)
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
            Some(date) => format!(" {word} {} in ({})", self.flavour.quoted(date), parameters(days)),
        }
    }

    fn where_key(&self) -> String {
        let terms: Vec<String> = self.target.key.iter().map(|key| self.equals(&key.name)).collect();
        terms.join(" and ")
    }

    fn equals(&self, name: &str) -> String {
        format!("{} = {PARAMETER}", self.flavour.quoted(name))
    }

    fn sql(&self, text: String) -> Sql {
        Sql::new(self.flavour, text)
    }

    /// The digest of the owned rows.
    pub(super) fn digest(&self, days: usize) -> Sql {
        self.sql(format!("select {} from {}{}", self.flavour.digest_columns(), self.table(), self.owned_days(days, "where")))
    }

    /// The digest of each bucket of the owned rows, behind the number of the bucket.
    pub(super) fn bucket_digests(&self, days: usize) -> Sql {
        let (bucket, hash) = (self.flavour.bucket(), self.flavour.quoted(ROW_HASH));
        let (digest, days) = (self.flavour.digest_columns(), self.owned_days(days, "and"));
        self.sql(format!("select {bucket}, {digest} from {} where {hash} is not null{days} group by {bucket}", self.table()))
    }

    /// Key columns and hash of every row that may be owned or in the way; where buckets are marked, only of their rows and
    /// of those that nobody owns.
    pub(super) fn keys(&self, days: usize, marked: Option<&[bool]>) -> Sql {
        let columns = self.list(self.target.key.iter().map(|key| key.name.as_str()).chain([ROW_HASH]));
        let condition = marked.map_or_else(String::new, |marked| {
            let marks: String = marked.iter().map(|marked| if *marked { "01" } else { "00" }).collect();
            let word = if self.target.date.is_some() { "and" } else { "where" };
            format!(" {word} ({} is null or {})", self.flavour.quoted(ROW_HASH), self.flavour.is_marked(&marks))
        });
        self.sql(format!("select {columns} from {}{}{condition}", self.table(), self.owned_days(days, "where")))
    }

    /// All columns of the contract of the owned rows, and the hash.
    pub(super) fn owned_rows(&self, days: usize) -> Sql {
        let columns = self.list(self.target.columns.iter().map(String::as_str).chain([ROW_HASH]));
        let hash = self.flavour.quoted(ROW_HASH);
        self.sql(format!("select {columns} from {} where {hash} is not null{}", self.table(), self.owned_days(days, "and")))
    }

    /// Makes a row that nobody owns one of `etl`, of a hash that no load has given it.
    pub(super) fn take(&self) -> Sql {
        let hash = self.flavour.quoted(ROW_HASH);
        self.sql(format!("update {} set {hash} = 0 where {} and {hash} is null", self.table(), self.where_key()))
    }

    /// Counts the rows that nobody owns without a value in a column.
    pub(super) fn keyless(&self, column: &str) -> Sql {
        let (column, hash) = (self.flavour.quoted(column), self.flavour.quoted(ROW_HASH));
        self.sql(format!("select cast(count(*) as {}) from {} where {column} is null and {hash} is null", self.flavour.bigint(), self.table()))
    }

    /// Gives the newest row that nobody owns, by the rest of its key, a value in a column that it has none in. MySQL only.
    pub(super) fn fill(&self, column: &str, rest: &[&str], order: Option<&str>) -> Sql {
        let rest = rest.iter().map(|name| self.equals(name)).collect::<Vec<_>>().join(" and ");
        let newest = order.map_or_else(String::new, |order| format!(" order by {} desc", self.flavour.quoted(order)));
        let (column, hash) = (self.flavour.quoted(column), self.flavour.quoted(ROW_HASH));
        self.sql(format!("update {} set {column} = {PARAMETER} where {rest} and {column} is null and {hash} is null{newest} limit 1", self.table()))
    }

    /// All columns of the contract of one row.
    pub(super) fn one_row(&self) -> Sql {
        let columns = self.list(self.target.columns.iter().map(String::as_str));
        self.sql(format!("select {columns} from {} where {}", self.table(), self.where_key()))
    }

    /// All columns of the contract of the whole table, in key order.
    pub(super) fn all_rows(&self) -> Sql {
        let columns = self.list(self.target.columns.iter().map(String::as_str));
        let order = self.list(self.target.key.iter().map(|key| key.name.as_str()));
        self.sql(format!("select {columns} from {} order by {order}", self.table()))
    }

    /// Rows of the table, and those of them that `etl` wrote.
    pub(super) fn holdings(&self) -> Sql {
        self.sql(format!("select count(*), count({}) from {}", self.flavour.quoted(ROW_HASH), self.table()))
    }

    /// Sets the updatable columns and the hash of the row with a key: parameters in that order.
    pub(super) fn update(&self) -> Sql {
        let set: Vec<&str> = self.target.updatable.iter().map(|index| self.target.columns[*index].as_str()).chain([ROW_HASH]).collect();
        let terms: Vec<String> = set.iter().map(|name| self.equals(name)).collect();
        let hash = self.flavour.quoted(ROW_HASH);
        self.sql(format!("update {} set {} where {} and {hash} is not null", self.table(), terms.join(", "), self.where_key()))
    }

    /// Deletes the row with a key.
    pub(super) fn delete(&self) -> Sql {
        self.sql(format!("delete from {} where {} and {} is not null", self.table(), self.where_key(), self.flavour.quoted(ROW_HASH)))
    }
}

fn parameters(count: usize) -> String {
    vec![PARAMETER.to_string(); count].join(", ")
}

fn insert_head<'n>(flavour: Flavour, table: &str, columns: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<String> = columns.into_iter().map(|name| flavour.quoted(name)).collect();
    format!("insert into {} ({}) values ", flavour.quoted(table), names.join(", "))
}

/// Inserts so many rows of these columns.
pub(super) fn insert(flavour: Flavour, table: &str, columns: &[&str], rows: usize) -> Sql {
    let row = format!("({})", parameters(columns.len()));
    Sql::new(flavour, insert_head(flavour, table, columns.iter().copied()) + &vec![row; rows].join(", "))
}

/// Copies rows from the client (PostgreSQL).
pub(super) fn copy_in(table: &str, columns: &[&str]) -> Sql {
    let flavour = Flavour::Postgres;
    let names: Vec<String> = columns.iter().map(|name| flavour.quoted(name)).collect();
    Sql::new(flavour, format!("copy {} ({}) from stdin", flavour.quoted(table), names.join(", ")))
}

/// For each text of a JSON array, in its order, the number of its class: texts of one class are equal under the collation.
pub(super) fn classes(flavour: Flavour, collation: &str) -> Sql {
    let quoted = flavour.quoted(collation);
    let (text, from, place) = match flavour {
        Flavour::Sqlite => ("value".to_owned(), format!("json_each({PARAMETER})"), "id"),
        Flavour::Mysql => {
            // A collation belongs to the character set that its name begins with.
            let charset = collation.split('_').next().unwrap_or("utf8mb4");
            let columns = "place for ordinality, value longtext character set utf8mb4 path '$'";
            (
                format!("convert(value using {})", flavour.quoted(charset)),
                format!("json_table({PARAMETER}, '$[*]' columns ({columns})) as texts"),
                "place",
            )
        }
        Flavour::Postgres => {
            ("value".to_owned(), format!("json_array_elements_text({PARAMETER}::text::json) with ordinality as texts (value, place)"), "place")
        }
    };
    Sql::new(
        flavour,
        format!("select cast(dense_rank() over (order by {text} collate {quoted}) as {}) from {from} order by {place}", flavour.bigint()),
    )
}

/// The newest ledger row of a table; its name is the parameter.
pub(super) fn last_load(flavour: Flavour, table: &str, columns: &[&str]) -> Sql {
    let names: Vec<String> = columns.iter().map(|name| flavour.quoted(name)).collect();
    let (name, id) = (flavour.quoted("table_name"), flavour.quoted("id"));
    let text = format!("select {} from {} where {name} = {PARAMETER} order by {id} desc limit 1", names.join(", "), flavour.quoted(table));
    Sql::new(flavour, text)
}

/// How many ledger rows of a table have another lake; the table's name and the lake are the parameters.
pub(super) fn loads_from_other_lakes(flavour: Flavour, table: &str) -> Sql {
    let (name, lake) = (flavour.quoted("table_name"), flavour.quoted("lake_id"));
    Sql::new(flavour, format!("select count(*) from {} where {name} = {PARAMETER} and {lake} <> {PARAMETER}", flavour.quoted(table)))
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
            charsets: vec![],
        };
        let sqlite = Statements::new(Flavour::Sqlite, &target);
        assert_eq!(insert(Flavour::Sqlite, "plans", &["id", "name"], 2).text(), r#"insert into "plans" ("id", "name") values (?, ?), (?, ?)"#);
        assert_eq!(insert(Flavour::Postgres, "plans", &["id", "name"], 2).text(), r#"insert into "plans" ("id", "name") values ($1, $2), ($3, $4)"#);
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
            charsets: vec![],
        };
        let sqlite = Statements::new(Flavour::Sqlite, &target);
        assert!(sqlite.digest(2).text().ends_with(r#" where "d" in (?, ?)"#));
        assert!(sqlite.digest(0).text().ends_with(" where 1 = 0"));
    }
}
