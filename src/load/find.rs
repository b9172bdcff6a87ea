//! One row of a table, looked up by its key for people.

use super::{
    civil::{parse_date, parse_timestamp},
    destination::Destination,
    ledger::{self, LEDGER},
    run::LoadedMart,
    statement::Statements,
    target::Target,
    value::Value,
};
use crate::{
    catalog::{ColumnType, Contract},
    error::{Error, Kind, Result},
    settings::Settings,
};

/// What the database has of a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Its columns as texts, in the contract's order; `None` = there is no such row.
    pub row: Option<Vec<(String, String)>>,
    /// The mart that the table shows.
    pub last: Option<LoadedMart>,
}

/// Looks up the row with this key, whose values are in the order of the contract's key.
///
/// # Errors
/// [`Kind::Usage`] for a text that is no value of its column, and those of connecting and of a table that is not as its contract says.
pub async fn find_row(settings: &Settings, contract: &Contract, key: &[String]) -> Result<Found> {
    let mut values = Vec::with_capacity(key.len());
    for (name, text) in contract.key.iter().zip(key) {
        let kind = contract.columns.iter().find(|column| column.name == *name).map(|column| column.kind);
        let value = kind.and_then(|kind| value(kind, text));
        values.push(value.ok_or_else(|| Error::new(Kind::Usage, format!("`{text}` is no value of `{name}`")))?);
    }
    let mut session = Destination::of(&settings.database)?.open(false).await?;
    let facts = session.facts(&contract.table).await?;
    let target = Target::check(contract, facts.as_ref())?;
    let kinds: Vec<ColumnType> = contract.columns.iter().map(|column| column.kind).collect();
    let sql = Statements::new(session.flavour(), &target).one_row();
    let mut found = Found::default();
    session
        .fetch(&sql, &values, &kinds, &mut |row| {
            found.row = Some(contract.columns.iter().zip(row).map(|(column, value)| (column.name.clone(), value.to_string())).collect());
            Ok(())
        })
        .await?;
    if session.facts(LEDGER).await?.is_some() {
        ledger::check(session.as_mut()).await?;
        let last = ledger::last(session.as_mut(), &contract.table).await?;
        found.last = last.map(|last| LoadedMart { transform_id: last.transform_id, as_of: last.as_of });
    }
    session.close().await;
    Ok(found)
}

fn value(kind: ColumnType, text: &str) -> Option<Value<'_>> {
    Some(match kind {
        ColumnType::Varchar(_) | ColumnType::Text => Value::Text(text.into()),
        ColumnType::SmallInt | ColumnType::Integer | ColumnType::BigInt => Value::Int(text.parse().ok()?),
        ColumnType::Double => Value::Double(text.parse().ok()?),
        ColumnType::Date => Value::Date(parse_date(text)?),
        ColumnType::Timestamp => Value::Timestamp(parse_timestamp(text)?),
    })
}
