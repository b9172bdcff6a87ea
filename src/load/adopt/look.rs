//! Reads what a table is from MySQL.

use sqlx::AssertSqlSafe;

use super::{
    found::{Found, FoundColumn, FoundIndex},
    rows,
};
use crate::{
    error::{Kind, OrFail, Result},
    load::{migrate::Table, mysql::MysqlSession, mysql_values::portable},
};

/// Name, declared type, nullable, character set, collation, filled, counting up.
type ColumnRow = (String, String, String, Option<String>, Option<String>, i64, i64);

/// The table, or `None`.
pub(super) async fn look(session: &mut MysqlSession, table: &Table) -> Result<Option<Found>> {
    let name = &table.name;
    let describing = || format!("cannot describe the table `{name}`");
    let connection = session.connection();
    // The casts give the columns of both servers one type.
    let head: Option<(String, String)> = sqlx::query_as(
        // A collation's name begins with its character set, which no name holds a `_` of.
        "select cast(ifnull(engine, '') as char), cast(substring_index(ifnull(table_collation, ''), '_', 1) as char) from information_schema.tables
         where table_schema = database() and table_name = ? and table_type = 'BASE TABLE'",
    )
    .bind(name)
    .fetch_optional(&mut *connection)
    .await
    .or_fail(Kind::Database, describing)?;
    let Some((engine, charset)) = head else { return Ok(None) };
    let mut found = Found { engine, charset, ..Found::default() };
    let columns: Vec<ColumnRow> = sqlx::query_as(
        "select cast(column_name as char), cast(column_type as char), cast(is_nullable as char), cast(character_set_name as char),
                cast(collation_name as char), cast(column_default is not null or extra like '%GENERATED%' as signed),
                cast(extra like '%auto_increment%' as signed)
         from information_schema.columns where table_schema = database() and table_name = ? order by ordinal_position",
    )
    .bind(name)
    .fetch_all(&mut *connection)
    .await
    .or_fail(Kind::Database, describing)?;
    for (name, declared, nullable, charset, collation, filled, counts_up) in columns {
        found.columns.push(FoundColumn {
            kind: portable(&declared),
            not_null: nullable != "YES",
            filled: filled != 0 || counts_up != 0,
            counts_up: counts_up != 0,
            name,
            declared,
            charset,
            collation,
        });
    }
    let indexes: Vec<(String, i64, Option<String>)> = sqlx::query_as(
        "select cast(index_name as char), cast(non_unique as signed), cast(if(sub_part is null, column_name, null) as char)
         from information_schema.statistics where table_schema = database() and table_name = ? order by index_name, seq_in_index",
    )
    .bind(name)
    .fetch_all(&mut *connection)
    .await
    .or_fail(Kind::Database, describing)?;
    for (index, non_unique, column) in indexes {
        if found.indexes.last().is_none_or(|last| last.name != index) {
            found.indexes.push(FoundIndex { name: index, unique: non_unique == 0, columns: Vec::new() });
        }
        if let Some(last) = found.indexes.last_mut() {
            last.columns.push(column.unwrap_or_default());
        }
    }
    found.foreign = sqlx::query_as(
        "select distinct cast(table_name as char), cast(constraint_name as char) from information_schema.key_column_usage
         where table_schema = database() and referenced_table_schema = database() and (table_name = ? or referenced_table_name = ?) order by 1, 2",
    )
    .bind(name)
    .bind(name)
    .fetch_all(&mut *connection)
    .await
    .or_fail(Kind::Database, describing)?;
    found.rows = counted(session, name, &rows::all(name)).await?;
    for key in table.key.iter().filter(|key| table.snapshot_date.as_ref() != Some(key)) {
        let blank = match (found.has(key), rows::filled(table, &found, key)) {
            (false, _) => true,
            (true, Some(sql)) => counted(session, name, &sql).await? == 0,
            (true, None) => false,
        };
        if blank {
            found.blank.push(key.clone());
        }
    }
    if let Some(sql) = rows::undated(table, &found) {
        found.undated = counted(session, name, &sql).await?;
    }
    if let Some(sql) = rows::surplus(table, &found) {
        found.surplus = counted(session, name, &sql).await?;
    }
    if let Some(sql) = rows::misnumbered(table, &found) {
        found.misnumbered = counted(session, name, &sql).await?;
    }
    Ok(Some(found))
}

async fn counted(session: &mut MysqlSession, table: &str, sql: &str) -> Result<u64> {
    // Made of quoted identifiers and fixed text by `rows.rs`.
    let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
        .fetch_one(session.connection())
        .await
        .or_fail(Kind::Database, || format!("cannot count the rows of `{table}`"))?;
    Ok(count.unsigned_abs())
}
