//! What differs between two results, by key and column.

use std::path::Path;

use super::{
    base::Engine,
    query,
    row::Value,
    session::{parquet, quoted},
};
use crate::error::Result;

/// What differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Rows before and after.
    pub before: u64,
    pub after: u64,
    /// Keys that only the later one has.
    pub added: u64,
    /// Keys that only the earlier one has.
    pub removed: u64,
    /// Keys that both have, with other values.
    pub changed: u64,
    /// Columns with the rows in which they changed; those that did not change are left out.
    pub columns: Vec<(String, u64)>,
    /// Some of the rows, in the order of their keys.
    pub samples: Vec<Differing>,
}

/// A row that differs; of a changed one a line for each column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    /// `added`, `removed` or `changed`.
    pub change: String,
    /// `a=1, b=x`.
    pub key: String,
    /// The column that changed.
    pub column: Option<String>,
    /// Its values; `None` is NULL.
    pub before: Option<String>,
    pub after: Option<String>,
}

impl Engine {
    /// Compares two Parquet files with the same columns; `limit` bounds the samples.
    ///
    /// # Errors
    /// [`crate::error::Kind::Sql`].
    pub fn difference(&self, before: &Path, after: &Path, key: &[String], columns: &[String], limit: usize) -> Result<Difference> {
        let session = self.session()?;
        let side = |path: &Path| format!("(select *, true as _has from {})", parquet(&[path.to_owned()], ""));
        let on: Vec<String> = key.iter().map(|key| format!("b.{0} is not distinct from a.{0}", quoted(key))).collect();
        let joined = format!("{} as b full join {} as a on {}", side(before), side(after), on.join(" and "));
        let differs = |column: &String| format!("b.{0} is distinct from a.{0}", quoted(column));
        let any = if columns.is_empty() { "false".to_owned() } else { columns.iter().map(differs).collect::<Vec<_>>().join(" or ") };
        let both = "b._has and a._has";
        let mut counts = vec![
            "count(b._has)".to_owned(),
            "count(a._has)".to_owned(),
            "count(*) filter (b._has is null)".to_owned(),
            "count(*) filter (a._has is null)".to_owned(),
            format!("count(*) filter ({both} and ({any}))"),
        ];
        counts.extend(columns.iter().map(|column| format!("count(*) filter ({both} and {})", differs(column))));
        let row = query::rows(&session, &format!("select {} from {joined}", counts.join(", ")))?.pop().unwrap_or_default();
        let mut numbers = row.iter().map(|(_, value)| if let Value::Int(number) = value { number.cast_unsigned() } else { 0 });
        let mut next = || numbers.next().unwrap_or_default();
        let (before, after, added, removed, changed) = (next(), next(), next(), next(), next());
        let columns: Vec<(String, u64)> = columns.iter().cloned().zip(numbers).filter(|(_, rows)| *rows > 0).collect();
        let mut difference = Difference { before, after, added, removed, changed, columns, samples: Vec::new() };
        if added + removed + changed > 0 && limit > 0 {
            difference.samples = samples(&session, &joined, key, &difference.columns, limit)?;
        }
        Ok(difference)
    }
}

fn samples(session: &duckdb::Connection, joined: &str, key: &[String], columns: &[(String, u64)], limit: usize) -> Result<Vec<Differing>> {
    let named: Vec<String> =
        key.iter().map(|key| format!("'{}=' || coalesce(coalesce(a.{1}, b.{1})::varchar, 'NULL')", key.replace('\'', "''"), quoted(key))).collect();
    let key_text = format!("concat_ws(', ', {})", named.join(", "));
    let order: Vec<String> = (0..key.len()).map(|number| format!("k{number}")).collect();
    let keys: Vec<String> = key.iter().enumerate().map(|(number, key)| format!("coalesce(a.{0}, b.{0}) as k{number}", quoted(key))).collect();
    let keys = keys.join(", ");
    let mut parts = vec![format!(
        "select {keys}, if(b._has is null, 'added', 'removed') as change, {key_text} as key, 0 as place, null::varchar as name, null::varchar as before, \
         null::varchar as after from {joined} where b._has is null or a._has is null"
    )];
    for (number, (column, _)) in columns.iter().enumerate() {
        let name = quoted(column);
        parts.push(format!(
            "select {keys}, 'changed', {key_text}, {}, '{}', b.{name}::varchar, a.{name}::varchar from {joined} \
             where b._has and a._has and b.{name} is distinct from a.{name}",
            number + 1,
            column.replace('\'', "''")
        ));
    }
    let sql =
        format!("select change, key, name, before, after from ({}) order by {}, place limit {limit}", parts.join(" union all "), order.join(", "));
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::Text(text) => Some(text.clone()),
        other => Some(other.to_json().to_string()),
    };
    let mut found = Vec::new();
    for row in query::rows(session, &sql)? {
        if let [(_, change), (_, key), (_, column), (_, before), (_, after)] = row.as_slice() {
            found.push(Differing {
                change: text(change).unwrap_or_default(),
                key: text(key).unwrap_or_default(),
                column: text(column),
                before: text(before),
                after: text(after),
            });
        }
    }
    Ok(found)
}
