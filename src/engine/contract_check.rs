//! Does a mart's result keep its contract?

use super::{
    moment::Moment,
    row::Value,
    session::{bare, quoted},
};
use crate::{
    catalog::{ColumnType, Contract, Model},
    error::{Error, Kind, Result},
};

/// The SELECT that brings a mart's rows into the form of its contract: whole seconds, rounded doubles, ordered by key.
pub fn projection(model: &Model, contract: &Contract) -> String {
    let columns: Vec<String> = contract
        .columns
        .iter()
        .map(|column| {
            let name = quoted(&column.name);
            match (column.kind, column.round) {
                (ColumnType::Timestamp, _) => format!("date_trunc('second', {name}) as {name}"),
                // Rounding may leave a negative zero, which would not equal zero in the database.
                (ColumnType::Double, Some(places)) => format!("round({name}, {places}) + 0.0 as {name}"),
                (ColumnType::Double, None) => format!("{name} + 0.0 as {name}"),
                _ => name,
            }
        })
        .collect();
    let key: Vec<String> = contract.key.iter().map(|key| quoted(key)).collect();
    format!("select {} from (\n{}\n) order by {}", columns.join(", "), bare(&model.text), key.join(", "))
}

/// What differs between the columns of a query, by name and type, and a contract.
pub(super) fn differences(contract: &Contract, actual: &[(String, String)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for column in &contract.columns {
        match actual.iter().find(|(name, _)| *name == column.name) {
            None => wrong.push(format!("column `{}` is missing", column.name)),
            Some((_, kind)) if kind == column.kind.duckdb() || (kind == "JSON" && column.kind.duckdb() == "VARCHAR") => {}
            Some((_, kind)) => {
                wrong.push(format!("column `{}` is {kind}, the contract says {} ({})", column.name, column.kind, column.kind.duckdb()))
            }
        }
    }
    for (name, _) in actual {
        if contract.column(name).is_none() {
            wrong.push(format!("column `{name}` is not in the contract"));
        }
    }
    wrong
}

/// The first column of a query that is not where the contract has it.
pub(super) fn misplaced(contract: &Contract, actual: &[(String, String)]) -> Option<String> {
    let pairs = contract.columns.iter().zip(actual);
    let (wanted, (name, _)) = pairs.into_iter().find(|(wanted, (name, _))| wanted.name != *name)?;
    Some(format!("column `{name}` is where the contract has `{}`", wanted.name))
}

impl Moment<'_> {
    /// Compares the columns of the model's query with its contract.
    ///
    /// # Errors
    /// [`Kind::Contract`] that names the file and each column that differs.
    pub fn check_columns(&self, model: &Model, contract: &Contract, sql: &str) -> Result<()> {
        let wrong = differences(contract, &self.columns(sql)?);
        if wrong.is_empty() {
            return Ok(());
        }
        Err(Error::new(Kind::Contract, format!("{}: {}", model.file.display(), wrong.join("; ")))
            .hint("cast in the select list, or change the header"))
    }

    /// Checks the rows in the relation `relation`: NULLs, NaN and infinity, the key.
    ///
    /// # Errors
    /// [`Kind::Contract`] with counts and sample keys.
    pub fn check_rows(&self, model: &Model, contract: &Contract, relation: &str) -> Result<()> {
        let key: Vec<String> = contract.key.iter().map(|key| quoted(key)).collect();
        let key = key.join(", ");
        let relation = quoted(relation);
        let mut checks: Vec<(String, String)> = Vec::new();
        for column in &contract.columns {
            let name = quoted(&column.name);
            if column.not_null {
                checks.push((format!("`{}` is NULL", column.name), format!("{name} is null")));
            }
            if column.kind == ColumnType::Double {
                checks.push((format!("`{}` is NaN or infinite", column.name), format!("not isfinite({name})")));
            }
        }
        let counts: Vec<String> = checks.iter().map(|(_, condition)| format!("count(*) filter (where {condition})")).collect();
        let mut wrong = Vec::new();
        if let Some(row) = self.rows(&format!("select {} from {relation}", [counts, vec!["0".to_owned()]].concat().join(", ")))?.first() {
            for ((what, condition), (_, count)) in checks.iter().zip(row) {
                if !matches!(count, Value::Int(0)) {
                    wrong.push(format!(
                        "{what} in {}",
                        self.sample(&format!("select ({key})::varchar from {relation} where {condition} order by 1"), count)?
                    ));
                }
            }
        }
        let double = format!("select ({key})::varchar from {relation} group by {key} having count(*) > 1 order by 1");
        let doubles = self.rows(&format!("select count(*) from ({double})"))?;
        if let Some([(_, count @ Value::Int(1..))]) = doubles.first().map(Vec::as_slice) {
            wrong.push(format!("the key is not unique: {}", self.sample(&double, count)?));
        }
        if wrong.is_empty() {
            return Ok(());
        }
        Err(Error::new(Kind::Contract, format!("{}: {}", model.file.display(), wrong.join("; "))))
    }

    fn sample(&self, sql: &str, count: &Value) -> Result<String> {
        let mut keys = Vec::new();
        for row in self.rows(&format!("{sql} limit 5"))? {
            if let Some((_, Value::Text(key))) = row.first() {
                keys.push(key.clone());
            }
        }
        let count = if let Value::Int(count) = count { u64::try_from(*count).unwrap_or_default() } else { 0 };
        Ok(format!("{} (key {})", crate::names::count(count, "row"), keys.join(", ")))
    }
}
