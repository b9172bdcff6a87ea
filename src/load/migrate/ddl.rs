//! Changes as the text of a migration, for each engine.

use super::{
    change::{ActiveColumn, Change, Step},
    rebuild,
    schema::Table,
};
use crate::{
    catalog::{Column, ColumnType},
    load::{flavour::Flavour, statement::ROW_HASH},
};

/// The text of the migration `name`.
pub(super) fn text(flavour: Flavour, name: &str, changes: &[Change<'_>]) -> String {
    let mut text = format!("-- {}\n-- Written by `etl migrate new`; read it before it is run, and never change it after.\n", name.replace('_', " "));
    for change in changes {
        text.push('\n');
        match change {
            Change::Create(table) => text.push_str(&create(flavour, table)),
            Change::Alter { table, steps, before, active } => alter(flavour, table, steps, &before.key, active, &mut text),
            Change::Retire(table) => {
                text.push_str(&format!("-- No contract wants `{table}` any more. Its rows are history: drop it when nobody reads it,\n-- and take it out of migrations/schema.json then.\n-- DROP TABLE {};\n", flavour.quoted(table)));
            }
        }
    }
    text
}

/// The statement that makes a table.
pub(in crate::load) fn create(flavour: Flavour, table: &Table) -> String {
    let mut text = String::new();
    if flavour == Flavour::Sqlite {
        text.push_str(&format!("-- {}\n", table.description));
    }
    text.push_str(&format!("CREATE TABLE {} (\n", flavour.quoted(&table.name)));
    let mut lines: Vec<(String, String)> = Vec::new();
    if let Some(identity) = &table.identity {
        lines.push((format!("{} {}", flavour.quoted(identity), flavour.identity_type()), "filled by the database".to_owned()));
    }
    for column in &table.columns {
        lines.push((definition(flavour, table, column), column.meaning.clone()));
    }
    if table.owned {
        lines.push((format!("{} BIGINT NULL", flavour.quoted(ROW_HASH)), "hash of the row; NULL: not written by etl".to_owned()));
    }
    if flavour == Flavour::Mysql && !table.key.is_empty() {
        lines.push((format!("UNIQUE KEY {} ({})", flavour.quoted(&index_name(&table.name)), list(flavour, &table.key)), String::new()));
    }
    let last = lines.len().saturating_sub(1);
    for (index, (line, meaning)) in lines.iter().enumerate() {
        let comma = if index < last { "," } else { "" };
        let line = match (flavour, meaning.as_str()) {
            (Flavour::Mysql, meaning) if !meaning.is_empty() => format!("  {line} COMMENT {}{comma}\n", literal(flavour, meaning, 1_024)),
            (Flavour::Sqlite, meaning) if !meaning.is_empty() => format!("  {line}{comma} -- {meaning}\n"),
            _ => format!("  {line}{comma}\n"),
        };
        text.push_str(&line);
    }
    match flavour {
        Flavour::Mysql => {
            text.push_str(&format!(") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT={};\n", literal(flavour, &table.description, 2_048)))
        }
        Flavour::Sqlite | Flavour::Postgres => text.push_str(");\n"),
    }
    if flavour != Flavour::Mysql {
        text.push_str(&unique_index(flavour, &table.name, &table.key));
    }
    if flavour == Flavour::Postgres {
        text.push_str(&format!("COMMENT ON TABLE {} IS {};\n", flavour.quoted(&table.name), literal(flavour, &table.description, usize::MAX)));
        for column in &table.columns {
            text.push_str(&comment_on(&table.name, column));
        }
    }
    text
}

fn alter(flavour: Flavour, table: &Table, steps: &[Step<'_>], old_key: &[String], active: &[ActiveColumn], text: &mut String) {
    let name = flavour.quoted(&table.name);
    let rebuilds = flavour == Flavour::Sqlite && steps.iter().any(|step| matches!(step, Step::Widen { .. } | Step::Relax { .. }));
    if rebuilds {
        text.push_str(&rebuild::rebuild(table, steps, active));
    }
    for step in steps {
        match (step, flavour) {
            // The rebuilt table has them already.
            (Step::Add(_) | Step::Widen { .. } | Step::Relax { .. } | Step::Rekey, Flavour::Sqlite) if rebuilds => {}
            (Step::Add(column), _) => {
                let mut line = definition(flavour, table, column);
                if column.not_null {
                    line.push_str(&format!(" DEFAULT {}", zero(flavour, column.kind)));
                    let filled = if column.insert_only { "they keep it: set it by hand where that matters" } else { "the next load fills them" };
                    text.push_str(&format!("-- Rows that are there get the default; {filled}.\n"));
                }
                if flavour == Flavour::Mysql {
                    line.push_str(&format!(" COMMENT {}", literal(flavour, &column.meaning, 1_024)));
                }
                if flavour == Flavour::Sqlite {
                    text.push_str(&format!("-- {}: {}\n", column.name, column.meaning));
                }
                text.push_str(&format!("ALTER TABLE {name} ADD COLUMN {line};\n"));
                if flavour == Flavour::Postgres {
                    text.push_str(&comment_on(&table.name, column));
                }
            }
            (Step::Widen { column, .. }, Flavour::Postgres) => {
                text.push_str(&format!(
                    "ALTER TABLE {name} ALTER COLUMN {} TYPE {};\n",
                    flavour.quoted(&column.name),
                    type_of(flavour, table, &column.name, column.kind)
                ));
            }
            (Step::Relax { name: column, .. }, Flavour::Postgres) => {
                text.push_str(&format!("ALTER TABLE {name} ALTER COLUMN {} DROP NOT NULL;\n", flavour.quoted(column)))
            }
            (Step::Widen { column, .. }, Flavour::Mysql) => text.push_str(&modify(table, column, active)),
            (Step::Relax { name: column, kind }, Flavour::Mysql) => match table.columns.iter().find(|wanted| wanted.name == *column) {
                Some(wanted) => text.push_str(&modify(table, wanted, active)),
                None => text.push_str(&format!(
                    "ALTER TABLE {name} MODIFY COLUMN {} {} NULL;\n",
                    flavour.quoted(column),
                    type_of(flavour, table, column, *kind)
                )),
            },
            (Step::Narrow { column, from }, _) => {
                text.push_str(&format!("-- `{}` is to become {} and is {from}: rows may hold more. Look at them, then\n", column.name, column.kind));
                text.push_str(&decided(flavour, table, column));
            }
            (Step::Tighten { column }, _) => {
                text.push_str(&format!("-- `{}` is to refuse NULL: rows may hold it. Look at them, then\n", column.name));
                text.push_str(&decided(flavour, table, column));
            }
            (Step::Drop { name: column }, _) => {
                text.push_str(&format!(
                    "-- No contract wants `{column}` any more. It stays, and allows NULL; drop it when nobody reads it,\n-- and take it out of migrations/schema.json then.\n-- ALTER TABLE {name} DROP COLUMN {};\n",
                    flavour.quoted(column)
                ));
            }
            (Step::Rekey, _) => {
                if !old_key.is_empty() {
                    text.push_str(&match flavour {
                        Flavour::Mysql => format!("ALTER TABLE {name} DROP INDEX {};\n", flavour.quoted(&index_name(&table.name))),
                        Flavour::Sqlite | Flavour::Postgres => format!("DROP INDEX {};\n", flavour.quoted(&index_name(&table.name))),
                    });
                }
                text.push_str(&unique_index(flavour, &table.name, &table.key));
            }
            (Step::Identity { before }, _) => {
                let (before, after) = (before.as_deref().unwrap_or("none"), table.identity.as_deref().unwrap_or("none"));
                text.push_str(&format!(
                    "-- The identity column is to change from `{before}` to `{after}`: no statement does that safely; write it by hand.\n"
                ));
            }
            // Both rebuild the table.
            (Step::Widen { .. } | Step::Relax { .. }, Flavour::Sqlite) => {}
        }
    }
}

/// The commented-out statement for a step that may lose something.
fn decided(flavour: Flavour, table: &Table, column: &Column) -> String {
    let name = flavour.quoted(&table.name);
    let quoted = flavour.quoted(&column.name);
    match flavour {
        Flavour::Sqlite => format!("-- rebuild {name} with: {}\n", definition(flavour, table, column)),
        Flavour::Mysql => format!(
            "-- ALTER TABLE {name} MODIFY COLUMN {} COMMENT {};\n",
            definition(flavour, table, column),
            literal(flavour, &column.meaning, 1_024)
        ),
        Flavour::Postgres => {
            let mut text = format!("-- ALTER TABLE {name} ALTER COLUMN {quoted} TYPE {};\n", type_of(flavour, table, &column.name, column.kind));
            if column.not_null {
                text.push_str(&format!("-- ALTER TABLE {name} ALTER COLUMN {quoted} SET NOT NULL;\n"));
            }
            text
        }
    }
}

/// MySQL repeats the whole definition of a column.
fn modify(table: &Table, column: &Column, active: &[ActiveColumn]) -> String {
    let flavour = Flavour::Mysql;
    let not_null = active.iter().find(|active| active.name == column.name).is_some_and(|active| active.not_null);
    let null = if not_null { "NOT NULL" } else { "NULL" };
    let kind = type_of(flavour, table, &column.name, column.kind);
    format!(
        "ALTER TABLE {} MODIFY COLUMN {} {kind} {null} COMMENT {};\n",
        flavour.quoted(&table.name),
        flavour.quoted(&column.name),
        literal(flavour, &column.meaning, 1_024)
    )
}

fn definition(flavour: Flavour, table: &Table, column: &Column) -> String {
    let null = if column.not_null { "NOT NULL" } else { "NULL" };
    format!("{} {} {null}", flavour.quoted(&column.name), type_of(flavour, table, &column.name, column.kind))
}

fn type_of(flavour: Flavour, table: &Table, column: &str, kind: ColumnType) -> String {
    flavour.column_type(kind, table.key.iter().any(|key| key == column))
}

/// The unique index on the key; nothing without a key.
pub(super) fn unique_index(flavour: Flavour, table: &str, key: &[String]) -> String {
    if key.is_empty() {
        return String::new();
    }
    format!("CREATE UNIQUE INDEX {} ON {} ({});\n", flavour.quoted(&index_name(table)), flavour.quoted(table), list(flavour, key))
}

/// At most 63 letters, as PostgreSQL wants it.
pub(in crate::load) fn index_name(table: &str) -> String {
    let cut = table.get(..58).unwrap_or(table);
    format!("{cut}__key")
}

fn list(flavour: Flavour, names: &[String]) -> String {
    names.iter().map(|name| flavour.quoted(name)).collect::<Vec<_>>().join(", ")
}

fn comment_on(table: &str, column: &Column) -> String {
    let flavour = Flavour::Postgres;
    format!("COMMENT ON COLUMN {}.{} IS {};\n", flavour.quoted(table), flavour.quoted(&column.name), literal(flavour, &column.meaning, usize::MAX))
}

/// A text literal of at most `limit` code points.
fn literal(flavour: Flavour, text: &str, limit: usize) -> String {
    let cut: String = text.chars().take(limit).collect();
    let escaped = cut.replace('\'', "''");
    match flavour {
        Flavour::Mysql => format!("'{}'", escaped.replace('\\', "\\\\")),
        Flavour::Sqlite | Flavour::Postgres => format!("'{escaped}'"),
    }
}

/// What rows that are there get in a new column that refuses NULL.
pub(super) fn zero(flavour: Flavour, kind: ColumnType) -> &'static str {
    match (kind, flavour) {
        (ColumnType::Text, Flavour::Mysql) => "('')",
        (ColumnType::Varchar(_) | ColumnType::Text, _) => "''",
        (ColumnType::SmallInt | ColumnType::Integer | ColumnType::BigInt | ColumnType::Double, _) => "0",
        (ColumnType::Date, _) => "'1970-01-01'",
        (ColumnType::Timestamp, _) => "'1970-01-01 00:00:00'",
    }
}
