//! Statements about the rows of the old scripts: which they are, and how they are put in order. Pure.

use super::found::Found;
use crate::{
    catalog::ColumnType,
    load::{flavour::Flavour, migrate::Table, statement::ROW_HASH},
};

/// Columns that hold the `id` of another table, which becomes the id that TestRail gave (reports.md 0.2): table, column, the
/// other table.
const LINKS: [(&str, &str, &str); 2] =
    [("report_testrail_test_runs", "plan_id", "report_testrail_test_plans"), ("report_testrail_test_results", "run_id", "report_testrail_test_runs")];

/// The column of old rows that says when they were written.
const WRITTEN: &str = "created_at";

pub(super) fn quoted(name: &str) -> String {
    Flavour::Mysql.quoted(name)
}

/// The number of rows.
pub(super) fn all(table: &str) -> String {
    format!("select count(*) from {}", quoted(table))
}

/// `_row_hash` is NULL: also where the column is not there yet.
fn old(alias: &str, found: &Found) -> String {
    if found.has(ROW_HASH) { format!("{alias}.{} is null", quoted(ROW_HASH)) } else { "1 = 1".to_owned() }
}

/// Counts the old rows that have a value in a column that may be NULL.
pub(super) fn filled(table: &Table, found: &Found, name: &str) -> Option<String> {
    let nullable = found.column(name).is_some_and(|column| !column.not_null);
    nullable.then(|| format!("select count(*) from {} as t where t.{} is not null and {}", quoted(&table.name), quoted(name), old("t", found)))
}

/// The key columns by which old rows are told apart: without those that are new. None: nothing is left, or the key is not there.
fn telling<'t>(table: &'t Table, found: &Found) -> Option<Vec<&'t String>> {
    let left: Vec<&String> = table.key.iter().filter(|key| !found.blank.contains(key)).collect();
    let more_than_a_day = left.iter().any(|key| table.snapshot_date.as_ref() != Some(*key)) || table.key.len() == 1;
    (!left.is_empty() && more_than_a_day).then_some(left)
}

/// The key column of an old row, also before it is added; `None` where it has no value yet.
fn key_part(table: &Table, found: &Found, alias: &str, name: &str) -> Option<String> {
    let is_date = table.snapshot_date.as_deref() == Some(name);
    match (found.has(name), is_date && found.has(WRITTEN)) {
        (true, true) => Some(format!("coalesce({alias}.{}, date({alias}.{}))", quoted(name), quoted(WRITTEN))),
        (true, false) => Some(format!("{alias}.{}", quoted(name))),
        (false, true) => Some(format!("date({alias}.{})", quoted(WRITTEN))),
        (false, false) => None,
    }
}

fn key_parts(table: &Table, found: &Found, alias: &str) -> Option<Vec<String>> {
    telling(table, found)?.into_iter().map(|name| key_part(table, found, alias, name)).collect()
}

/// Counts the rows without a day that can have one.
pub(super) fn undated(table: &Table, found: &Found) -> Option<String> {
    let date = table.snapshot_date.as_deref()?;
    if !found.has(WRITTEN) {
        return None;
    }
    let missing = if found.has(date) { format!("{} is null and ", quoted(date)) } else { String::new() };
    Some(format!("select count(*) from {} as t where {missing}{} is not null and {}", quoted(&table.name), quoted(WRITTEN), old("t", found)))
}

/// Fills the day in: the UTC date of the moment, by a session whose time zone is UTC.
pub(super) fn fill_date(table: &Table, date: &str) -> String {
    let (name, date, written) = (quoted(&table.name), quoted(date), quoted(WRITTEN));
    format!("update {name} set {date} = date({written}) where {date} is null and {written} is not null and {} is null", quoted(ROW_HASH))
}

/// Counts the rows whose key a newer row has too.
pub(super) fn surplus(table: &Table, found: &Found) -> Option<String> {
    // With the unique index there are none.
    if found.is_unique(&table.key) {
        return None;
    }
    let parts = key_parts(table, found, "t")?;
    let whole = parts.iter().map(|part| format!("{part} is not null")).collect::<Vec<_>>().join(" and ");
    Some(format!(
        "select cast(coalesce(sum(copies - 1), 0) as signed) from (select count(*) as copies from {} as t where {whole} and {} group by {}) as keyed",
        quoted(&table.name),
        old("t", found),
        parts.join(", ")
    ))
}

/// One transaction: of rows with one key the newest stays, with the earliest first-seen times of all.
pub(super) fn drop_surplus(table: &Table, found: &Found, order: &str) -> Vec<String> {
    let name = quoted(&table.name);
    let (order, hash) = (quoted(order), quoted(ROW_HASH));
    let keys: Vec<String> = telling(table, found).unwrap_or_default().into_iter().map(|key| quoted(key)).collect();
    let whole = keys.iter().map(|key| format!("{key} is not null")).collect::<Vec<_>>().join(" and ");
    let same = keys.iter().map(|key| format!("t.{key} = d.{key}")).collect::<Vec<_>>().join(" and ");
    let firsts: Vec<String> = table.columns.iter().filter(|column| column.insert_only).map(|column| quoted(&column.name)).collect();
    let mut statements = Vec::new();
    if !firsts.is_empty() {
        let earliest = firsts.iter().map(|first| format!("min({first}) as {first}")).collect::<Vec<_>>().join(", ");
        let set = firsts.iter().map(|first| format!("t.{first} = d.{first}")).collect::<Vec<_>>().join(", ");
        statements.push(format!(
            "update {name} as t join (select {}, {earliest} from {name} where {whole} and {hash} is null group by {} having count(*) > 1) as d on {same} set {set} where t.{hash} is null",
            keys.join(", "),
            keys.join(", ")
        ));
    }
    statements.push(format!(
        "delete t from {name} as t join (select {}, max({order}) as kept from {name} where {whole} and {hash} is null group by {} having count(*) > 1) as d on {same} \
         where t.{order} < d.kept and t.{hash} is null",
        keys.join(", "),
        keys.join(", ")
    ));
    statements
}

/// Whether the rows' ids become those of TestRail.
pub(super) fn renumbered(table: &str) -> bool {
    LINKS.iter().any(|link| link.2 == table)
}

/// The key column whose value becomes the `id`: where the contract has an ordinary column `id` and a key of one number.
pub(super) fn numbered_by(table: &Table) -> Option<&str> {
    let [key] = table.key.as_slice() else { return None };
    let has_id = table.identity.is_none() && table.columns.iter().any(|column| column.name == "id");
    let number = table
        .columns
        .iter()
        .any(|column| column.name == *key && matches!(column.kind, ColumnType::SmallInt | ColumnType::Integer | ColumnType::BigInt));
    (has_id && key != "id" && number && renumbered(&table.name)).then_some(key)
}

/// Counts the rows whose `id` the database once gave.
pub(super) fn misnumbered(table: &Table, found: &Found) -> Option<String> {
    let key = numbered_by(table)?;
    (found.has("id") && found.has(key))
        .then(|| format!("select count(*) from {} as t where t.`id` <> t.{} and {}", quoted(&table.name), quoted(key), old("t", found)))
}

/// One transaction: what points at the old ids points at the new ones, surplus rows go, and the ids are the new ones.
pub(super) fn renumber(table: &Table, found: &Found, key: &str, there: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let (name, key, hash) = (quoted(&table.name), quoted(key), quoted(ROW_HASH));
    let mut statements = Vec::new();
    for (child, column, _) in LINKS.iter().filter(|link| link.2 == table.name && there(link.0, link.1)) {
        let column = quoted(column);
        statements.push(format!(
            "update {} as c join {name} as p on c.{column} = p.`id` set c.{column} = p.{key} where p.`id` <> p.{key} and p.{hash} is null",
            quoted(child)
        ));
    }
    statements.extend(drop_surplus(table, found, "id"));
    statements.push(format!("update {name} set `id` = {key} where `id` <> {key} and {hash} is null"));
    statements
}

/// The children whose columns `renumber` changes.
pub(super) fn children(table: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    LINKS.iter().filter(move |link| link.2 == table).map(|link| (link.0, link.1))
}

/// The rows of days that have a key twice: order, seconds, day, scope and key.
pub(super) fn doubled_days(table: &Table, order: &str) -> Option<String> {
    let date = quoted(table.snapshot_date.as_deref()?);
    let keys: Vec<String> = table.key.iter().map(|key| quoted(key)).collect();
    let scope: Vec<String> = table.key.iter().filter(|key| key.contains("project")).map(|key| format!("ifnull({}, '')", quoted(key))).collect();
    let scope = if scope.is_empty() { "''".to_owned() } else { format!("concat_ws(char(0), {})", scope.join(", ")) };
    let hash = quoted(ROW_HASH);
    Some(format!(
        "select cast({order} as signed), cast(timestampdiff(second, '1970-01-01', {written}) as signed), cast(concat({date}, ' ', hex({scope})) as char), \
         cast(sha2(concat_ws(char(0), {all}), 224) as char) from {name} where {hash} is null and {written} is not null and {date} in \
         (select {date} from (select {date} from {name} where {hash} is null and {date} is not null group by {list} having count(*) > 1) as doubled) order by {order}",
        order = quoted(order),
        written = quoted(WRITTEN),
        all = keys.join(", "),
        list = keys.join(", "),
        name = quoted(&table.name),
    ))
}

/// Deletes rows by their order.
pub(super) fn delete_rows(table: &str, order: &str, rows: &[i64]) -> String {
    let list = rows.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
    format!("delete from {} where {} in ({list}) and {} is null", quoted(table), quoted(order), quoted(ROW_HASH))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{
        migrate::tables,
        sample::{column, state},
    };

    #[test]
    fn only_plans_and_runs_get_their_key_as_id() {
        let contract = |name: &str| {
            let columns = vec![column("id", ColumnType::Integer, "not null"), column("k", ColumnType::Integer, "not null key")];
            let mut contract = state(name, columns);
            contract.key = vec!["k".to_owned()];
            contract.identity = None;
            contract
        };
        let (plans, projects) = (contract("report_testrail_test_plans"), contract("projects"));
        let made = tables([&plans, &projects]).unwrap();
        let found = |name: &str| numbered_by(made.iter().find(|table| table.name == name).unwrap()).map(str::to_owned);
        assert_eq!(found("report_testrail_test_plans").as_deref(), Some("k"));
        assert_eq!(found("projects"), None);
    }
}
