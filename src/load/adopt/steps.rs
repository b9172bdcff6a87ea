//! The steps from a table as it is to one that its contract fits. Pure: the same table gives the same steps, in their order.

use super::{
    found::{Found, FoundColumn},
    rows::{self, quoted},
};
use crate::{
    catalog::{Column, ColumnType},
    load::{
        flavour::Flavour,
        migrate::{Table, create, index_name},
        statement::ROW_HASH,
        target::holds,
    },
};

/// One statement, or several in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Why, in a few words.
    pub(super) why: String,
    pub(super) work: Work,
    /// It changes the type or the character set of a column that is there.
    pub(super) widens: bool,
    /// Rows that it changes or removes, where that is what it does.
    pub(super) rows: Option<u64>,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// DDL: whole or not at all, by itself.
    Ddl(String),
    /// Changes of rows, in one transaction.
    Rows(Vec<String>),
    /// Finds the rows of older runs of the same day; they and all other surplus rows go in one transaction.
    Sets { order: String, copies: Vec<String> },
}

impl Work {
    /// As a plan shows it.
    pub(super) fn text(&self, table: &str) -> String {
        match self {
            Self::Ddl(statement) => statement.clone(),
            Self::Rows(statements) => statements.join("; "),
            Self::Sets { order, copies } => format!("delete from {} where {} in (…); {}", quoted(table), quoted(order), copies.join("; ")),
        }
    }
}

/// The steps that are left, and what a person has to decide first. `there`: whether another table has a column.
pub(super) fn steps(table: &Table, found: Option<&Found>, there: impl Fn(&str, &str) -> bool) -> (Vec<Step>, Vec<String>) {
    let Some(found) = found else {
        let statement = create(Flavour::Mysql, table).trim_end().trim_end_matches(';').to_owned();
        return (vec![ddl("the table is new", statement)], Vec::new());
    };
    let mut plan = Plan { table, found, steps: Vec::new(), problems: Vec::new() };
    plan.foreign_keys();
    plan.exact_decimals();
    plan.widen();
    if table.owned {
        plan.free_the_id();
    }
    plan.add();
    if table.owned && !table.key.is_empty() {
        plan.order_rows(there);
        plan.index();
    }
    (plan.steps, plan.problems)
}

fn ddl(why: impl Into<String>, statement: String) -> Step {
    Step { why: why.into(), work: Work::Ddl(statement), widens: false, rows: None }
}

struct Plan<'a> {
    table: &'a Table,
    found: &'a Found,
    steps: Vec<Step>,
    problems: Vec<String>,
}

impl Plan<'_> {
    fn alter(&self, parts: &[String]) -> String {
        format!("alter table {} {}", quoted(&self.table.name), parts.join(", "))
    }

    /// Tables are loaded one by one, and a run stays when its plan has gone.
    fn foreign_keys(&mut self) {
        for (child, name) in &self.found.foreign {
            self.steps.push(ddl(
                "tables are loaded one by one, so a foreign key would refuse rows",
                format!("alter table {} drop foreign key {}", quoted(child), quoted(name)),
            ));
        }
    }

    /// A FLOAT holds 12.3 as the nearest binary fraction, and a DOUBLE would show all digits of that. `float(5,2)` is
    /// converted through DECIMAL, a plain `float` through the text that MySQL shows.
    fn exact_decimals(&mut self) {
        let mut parts = Vec::new();
        for column in &self.table.columns {
            let Some(real) = self.found.column(&column.name).filter(|_| column.kind == ColumnType::Double) else { continue };
            if let Some((digits, scale)) = decimals(&real.declared) {
                let digits = (digits + 2).min(60);
                parts.push(format!("modify column {} decimal({digits},{scale}){}", quoted(&column.name), null(real.not_null)));
            } else if real.declared.split(' ').next() == Some("float") {
                parts.push(format!("modify column {} {FLOAT_TEXT}{}", quoted(&column.name), null(real.not_null)));
            }
        }
        if !parts.is_empty() {
            self.steps.push(Step { widens: true, ..ddl("so that the digits that are seen stay the same", self.alter(&parts)) });
        }
    }

    /// One statement, so that the table is copied once.
    fn widen(&mut self) {
        let (mut parts, mut why) = (Vec::new(), Vec::new());
        if self.found.engine != "InnoDB" {
            parts.push("engine = InnoDB".to_owned());
            why.push(format!("{} cannot roll back", self.found.engine));
        }
        let narrow = |column: &FoundColumn| column.charset.as_deref().is_some_and(|charset| charset != "utf8mb4");
        if self.found.charset != "utf8mb4" || self.found.columns.iter().any(narrow) {
            parts.push("convert to character set utf8mb4".to_owned());
            why.push("texts with four-byte characters".to_owned());
        }
        for column in &self.table.columns {
            let Some(real) = self.found.column(&column.name) else { continue };
            let fits = real.kind.is_some_and(|kind| holds(kind, column.kind));
            let is_key = self.table.key.contains(&column.name);
            if !fits && !widens(&real.declared, column.kind) {
                self.problems.push(format!(
                    "column `{}` of `{}` is {} and is to be {}, which may hold less: look at its values and change it by hand",
                    column.name, self.table.name, real.declared, column.kind
                ));
                continue;
            }
            if fits && (!real.not_null || column.not_null) && !(is_key && folds(real)) {
                continue;
            }
            let kind = if fits { real.kind.unwrap_or(column.kind) } else { column.kind };
            let kind = Flavour::Mysql.column_type(kind, is_key);
            // A NULL that is there stays.
            let not_null = real.not_null && column.not_null;
            let counts = if real.counts_up { " auto_increment" } else { "" };
            parts.push(format!("modify column {} {kind}{}{counts}", quoted(&column.name), null(not_null)));
            why.push(format!("`{}` is {}", column.name, described(real, column)));
        }
        for real in &self.found.columns {
            let wanted = self.table.columns.iter().any(|column| column.name == real.name) || self.table.identity.as_deref() == Some(&real.name);
            if real.not_null && !real.filled && !wanted {
                let collation = real.collation.as_deref().filter(|_| !narrow(real)).map_or_else(String::new, |name| format!(" collate {name}"));
                parts.push(format!("modify column {} {}{collation} null", quoted(&real.name), real.declared));
                why.push(format!("nobody fills `{}` any more", real.name));
            }
        }
        if !parts.is_empty() {
            self.steps.push(Step { widens: true, ..ddl(why.join("; "), self.alter(&parts)) });
        }
    }

    /// Where the id is to become the key, the database must stop giving it.
    fn free_the_id(&mut self) {
        let Some(id) = rows::numbered_by(self.table).and_then(|_| self.found.column("id")) else { return };
        let primary = self.found.primary().is_some_and(|index| index.columns == ["id"]);
        if !primary && !id.counts_up {
            return;
        }
        let mut parts = vec![format!("modify column `id` {} not null", Flavour::Mysql.column_type(ColumnType::Integer, false))];
        if primary {
            parts.push("drop primary key".to_owned());
            let name = format!("{}__id", self.table.name);
            if !self.found.indexes.iter().any(|index| index.name == name) {
                parts.push(format!("add index {} (`id`)", quoted(&name)));
            }
            // The rows are told apart by it until there is a unique index on the key.
            parts.push("add column `_adopted` bigint not null auto_increment primary key".to_owned());
        }
        self.steps.push(ddl("`id` becomes the id that TestRail gave", self.alter(&parts)));
    }

    fn add(&mut self) {
        let mut parts = Vec::new();
        for column in self.table.columns.iter().filter(|column| !self.found.has(&column.name)) {
            let is_key = self.table.key.contains(&column.name);
            // NULL in old rows: nobody knows what would stand there.
            parts.push(format!("add column {} {} null", quoted(&column.name), Flavour::Mysql.column_type(column.kind, is_key)));
        }
        if self.table.owned && !self.found.has(ROW_HASH) {
            parts.push(format!("add column {} bigint null", quoted(ROW_HASH)));
        }
        if let Some(identity) = self.table.identity.as_deref().filter(|identity| !self.found.has(identity)) {
            if self.found.primary().is_some() {
                self.problems.push(format!(
                    "table `{}` has a primary key, and no column `{identity}`: make `{identity}` its primary key by hand",
                    self.table.name
                ));
            } else {
                parts.push(format!("add column {} {}", quoted(identity), Flavour::Mysql.identity_type()));
            }
        }
        if !parts.is_empty() {
            self.steps.push(ddl("new columns", self.alter(&parts)));
        }
    }

    fn order_rows(&mut self, there: impl Fn(&str, &str) -> bool) {
        if let Some(date) = self.table.snapshot_date.as_deref().filter(|_| self.found.undated > 0) {
            let work = Work::Rows(vec![rows::fill_date(self.table, date)]);
            self.steps.push(Step { work, rows: Some(self.found.undated), ..ddl("the UTC day that a row was written", String::new()) });
        }
        if let Some(key) = rows::numbered_by(self.table).filter(|_| self.found.misnumbered > 0) {
            let work = Work::Rows(rows::renumber(self.table, self.found, key, there));
            self.steps.push(Step {
                work,
                rows: Some(self.found.misnumbered),
                ..ddl("ids become TestRail's, in rows that point here too", String::new())
            });
            return;
        }
        if self.found.surplus == 0 {
            return;
        }
        let Some(order) = self.found.order().or(self.table.identity.as_deref()) else {
            self.problems.push(format!(
                "{} rows of `{}` have the key of another one, and no column tells them apart: give the table an auto-increment column",
                self.found.surplus, self.table.name
            ));
            return;
        };
        let (work, why) = match self.table.snapshot_date {
            Some(_) => {
                (Work::Sets { order: order.to_owned(), copies: rows::drop_surplus(self.table, self.found, order) }, "the newest set of a day stays")
            }
            None => (Work::Rows(rows::drop_surplus(self.table, self.found, order)), "of rows with one key the newest stays"),
        };
        self.steps.push(Step { work, rows: Some(self.found.surplus), ..ddl(why, String::new()) });
    }

    fn index(&mut self) {
        let key = &self.table.key;
        let mut parts = Vec::new();
        for index in self.found.indexes.iter().filter(|index| index.unique && index.name != "PRIMARY") {
            // A unique index on fewer columns than the key would refuse rows; what it is fast for, it stays fast for.
            let is_key = index.columns.len() == key.len() && key.iter().all(|name| index.columns.contains(name));
            let wider = key.iter().all(|name| index.columns.contains(name));
            if !is_key && !wider {
                parts.push(format!("drop index {}", quoted(&index.name)));
                if index.columns.iter().all(|name| !name.is_empty()) {
                    let columns: Vec<String> = index.columns.iter().map(|name| quoted(name)).collect();
                    parts.push(format!("add index {} ({})", quoted(&index.name), columns.join(", ")));
                }
            }
        }
        if let Some(primary) = self.found.primary() {
            let own = primary.columns.iter().all(|name| self.found.column(name).is_some_and(|column| column.counts_up) || name == "id");
            let wider = key.iter().all(|name| primary.columns.contains(name));
            if !own && !wider {
                self.problems.push(format!(
                    "the primary key of `{}` ({}) would refuse rows that differ in ({}): change it by hand",
                    self.table.name,
                    primary.columns.join(", "),
                    key.join(", ")
                ));
            }
        }
        if !self.found.is_unique(key) {
            let columns: Vec<String> = key.iter().map(|name| quoted(name)).collect();
            parts.push(format!("add unique index {} ({})", quoted(&index_name(&self.table.name)), columns.join(", ")));
        }
        if !parts.is_empty() {
            self.steps.push(ddl("one row for each key", self.alter(&parts)));
        }
        if self.found.has("_adopted") && self.found.is_unique(key) {
            self.steps.push(ddl("the key tells the rows apart now", self.alter(&["drop column `_adopted`".to_owned()])));
        }
    }
}

/// The type of a FLOAT column between the two statements that make it a DOUBLE.
const FLOAT_TEXT: &str = "varchar(32)";

fn null(not_null: bool) -> &'static str {
    if not_null { " not null" } else { " null" }
}

fn described(real: &FoundColumn, column: &Column) -> String {
    if real.kind.is_some_and(|kind| holds(kind, column.kind)) {
        if real.not_null && !column.not_null { "never NULL, and may be".to_owned() } else { "compared without case".to_owned() }
    } else {
        format!("{}, and is to hold {}", real.declared, column.kind)
    }
}

/// Whether texts that differ count as equal.
fn folds(real: &FoundColumn) -> bool {
    real.collation.as_deref().is_some_and(|collation| !matches!(collation, "utf8mb4_0900_bin" | "utf8mb4_nopad_bin"))
}

/// Digits and scale of `float(5,2)`, `double(10,3)`.
fn decimals(declared: &str) -> Option<(u32, u32)> {
    let inside = ["float(", "double("].iter().find_map(|head| declared.strip_prefix(head))?.split(')').next()?;
    let (digits, scale) = inside.split_once(',')?;
    Some((digits.trim().parse().ok()?, scale.trim().parse().ok()?))
}

/// Whether every value of the declared type can be kept in a column of the portable type.
fn widens(declared: &str, want: ColumnType) -> bool {
    let name = declared.split(['(', ' ']).next().unwrap_or_default();
    let unsigned = declared.contains("unsigned");
    match want {
        ColumnType::SmallInt => name == "tinyint",
        ColumnType::Integer => matches!(name, "tinyint" | "smallint" | "mediumint") && !(unsigned && name == "int"),
        ColumnType::BigInt => matches!(name, "tinyint" | "smallint" | "mediumint" | "int"),
        // A column of other texts is refused by the server, in its strict mode, and stays as it is.
        ColumnType::Double if declared == FLOAT_TEXT => true,
        ColumnType::Double => matches!(name, "tinyint" | "smallint" | "mediumint" | "int" | "float" | "double" | "decimal"),
        ColumnType::Timestamp => matches!(name, "date" | "timestamp" | "datetime"),
        ColumnType::Varchar(want) => match name {
            "tinyint" | "smallint" | "mediumint" | "int" => want >= 11,
            "bigint" => want >= 20,
            "char" | "varchar" => length(declared).is_some_and(|length| length <= want),
            _ => false,
        },
        ColumnType::Text => matches!(name, "char" | "varchar" | "tinytext" | "text" | "mediumtext"),
        ColumnType::Date => false,
    }
}

fn length(declared: &str) -> Option<u32> {
    declared.split_once('(')?.1.split(')').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_loses_nothing_is_widening() {
        let cases = [
            ("tinyint(1)", ColumnType::SmallInt, true),
            ("int(11)", ColumnType::Double, true),
            ("int(11)", ColumnType::BigInt, true),
            ("int(10) unsigned", ColumnType::Integer, false),
            ("bigint(20)", ColumnType::Integer, false),
            ("bigint(20)", ColumnType::Double, false),
            ("float(5,2)", ColumnType::Double, true),
            ("varchar(32)", ColumnType::Double, true),
            ("varchar(75)", ColumnType::Double, false),
            ("varchar(75)", ColumnType::Varchar(250), true),
            ("varchar(75)", ColumnType::Varchar(50), false),
            ("text", ColumnType::Varchar(50), false),
            ("text", ColumnType::Text, true),
            ("datetime", ColumnType::Date, false),
            ("date", ColumnType::Timestamp, true),
            ("int(11)", ColumnType::Varchar(25), true),
            ("varchar(25)", ColumnType::Integer, false),
        ];
        for (declared, want, answer) in cases {
            assert_eq!(widens(declared, want), answer, "{declared} to {want}");
        }
        assert_eq!(decimals("float(5,2)"), Some((5, 2)));
        assert_eq!(decimals("float"), None);
    }
}
