//! Which keys are equal under the collation of the table's index. Only the server knows: it is asked, nothing is emulated.
//!
//! For key columns that compare byte by byte (all that the migrations make) there is nothing to ask. Otherwise all texts of
//! the column, of the mart and of the table, travel to the server in one query, which numbers them by class.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
};

use super::{
    canonical::Canonical,
    mart::{Mart, Rows},
    session::Session,
    statement::{Statements, classes},
    target::{Collation, Target},
    value::Value,
};
use crate::{
    catalog::{ColumnType, Contract},
    error::{Error, Kind, OrFail, Result},
};

/// The classes of the texts of each key column; `None` where every text is its own class.
#[derive(Debug, Default)]
pub(super) struct Folds {
    columns: Vec<Option<HashMap<String, i64>>>,
}

impl Folds {
    /// Asks for all keys of the mart and of the table.
    pub(super) async fn ask(session: &mut dyn Session, contract: &Contract, target: &Target, mart: &Mart, days: &[Value<'_>]) -> Result<Self> {
        if !is_needed(target) {
            return Ok(Self::default());
        }
        let mut texts = vec![BTreeSet::new(); target.key.len()];
        of_mart(contract, target, mart, &mut texts)?;
        let mut kinds: Vec<ColumnType> = target.key.iter().map(|key| contract.columns[key.position].kind).collect();
        kinds.push(ColumnType::BigInt);
        let sql = Statements::new(session.flavour(), target).keys(days.len(), None);
        session
            .fetch(&sql, days, &kinds, &mut |row| {
                row.iter().zip(&mut texts).for_each(|(value, texts)| keep(texts, value));
                Ok(())
            })
            .await?;
        let mut columns = Vec::with_capacity(texts.len());
        for (key, texts) in target.key.iter().zip(texts) {
            columns.push(match &key.collation {
                Collation::Binary => None,
                Collation::Named(collation) => Some(numbered(session, collation, texts).await?),
            });
        }
        Ok(Self { columns })
    }

    /// What stands for a key: keys that the table's index takes for equal have the same one.
    pub(super) fn fingerprint(&self, canonical: &mut Canonical, key: &[Value<'_>]) -> u128 {
        canonical.start();
        for (column, value) in key.iter().enumerate() {
            match (self.columns.get(column), value) {
                (Some(Some(classes)), Value::Text(text)) => {
                    canonical.push(&classes.get(text.as_ref()).map_or(Value::Null, |class| Value::Int(*class)))
                }
                _ => canonical.push(value),
            }
        }
        canonical.fingerprint()
    }
}

/// Whether any key column compares otherwise than byte by byte.
pub(super) fn is_needed(target: &Target) -> bool {
    target.key.iter().any(|key| key.collation != Collation::Binary)
}

fn keep(texts: &mut BTreeSet<String>, value: &Value<'_>) {
    if let Value::Text(text) = value
        && !texts.contains(text.as_ref())
    {
        texts.insert(text.clone().into_owned());
    }
}

fn of_mart(contract: &Contract, target: &Target, mart: &Mart, texts: &mut [BTreeSet<String>]) -> Result<()> {
    for batch in mart.batches()? {
        let batch = batch?;
        let rows = Rows::of(&batch, contract, mart)?;
        for row in 0..rows.len() {
            for (key, texts) in target.key.iter().zip(&mut *texts) {
                keep(texts, &rows.sound(key.position, row)?);
            }
        }
    }
    Ok(())
}

async fn numbered(session: &mut dyn Session, collation: &str, texts: BTreeSet<String>) -> Result<HashMap<String, i64>> {
    let json = serde_json::to_string(&texts).or_fail(Kind::Internal, || "cannot write keys as JSON")?;
    let sql = classes(session.flavour(), collation);
    let mut numbers = Vec::with_capacity(texts.len());
    session
        .fetch(&sql, &[Value::Text(Cow::Owned(json))], &[ColumnType::BigInt], &mut |row| {
            if let Some(Value::Int(number)) = row.first() {
                numbers.push(*number);
            }
            Ok(())
        })
        .await?;
    if numbers.len() != texts.len() {
        return Err(Error::new(
            Kind::Internal,
            format!("asked for {} keys under `{collation}`, the server answered for {}", texts.len(), numbers.len()),
        ));
    }
    Ok(texts.into_iter().zip(numbers).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::load::{
        sample::{Place, column, load_one, manner, mart, numbers, state, text},
        scratch::Server,
        table::Mode,
    };

    /// `twins` are different texts that the table's index takes for equal.
    async fn the_server_decides(place: Place, create: &str, twins: [&str; 2]) {
        let mut contract = state("names", vec![column("name", ColumnType::Varchar(10), "not null"), column("n", ColumnType::Integer, "")]);
        contract.identity = None;
        place.migrated(&[]).await;
        place.run(create).await;
        if let Some(scratch) = &place.scratch {
            scratch.grant("names").await;
        }
        let load = async |rows: &[(&str, i64)], as_of: u32, mode: Mode| {
            let rows: Vec<_> = rows.iter().map(|(name, n)| vec![text(name), Value::Int(*n)]).collect();
            load_one(&place.destination, &contract, &Arc::new(mart(&contract, &rows, as_of)), &manner(mode)).await
        };
        let both = [(twins[0], 1), (twins[1], 2), ("other", 3)];
        let refused = load(&both, 1, Mode::Load).await.error.unwrap();
        assert_eq!(refused.kind(), Kind::Preflight);
        assert!(format!("{refused:?}").contains("equal under the collation of `name`"), "{refused:?}");
        let first = load(&[(twins[0], 1), ("other", 3)], 1, Mode::Load).await;
        assert_eq!(numbers(&first), (2, 0, 0, 0, 0), "{:?}", first.error);
        let respelt = [(twins[1], 1), ("other", 3)];
        assert_eq!(numbers(&load(&respelt, 2, Mode::Load).await), (0, 1, 0, 1, 0));
        assert!(load(&respelt, 2, Mode::Verify).await.error.is_none());
        let changed = [(twins[0], 9), ("other", 3), ("third", 4)];
        assert_eq!(numbers(&load(&changed, 3, Mode::Load).await), (1, 1, 0, 1, 0));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sqlite_decides_which_keys_are_equal() {
        let create =
            "create table names (name varchar(10) not null collate nocase, n integer, _row_hash bigint); create unique index k on names (name)";
        the_server_decides(Place::sqlite(), create, ["a", "A"]).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn mysql_decides_which_keys_are_equal() {
        let table = |collation: &str| {
            let charset = collation.split('_').next().unwrap();
            format!(
                "create table names (name varchar(10) character set {charset} collate {collation} not null, n int, _row_hash bigint, unique key k (name))"
            )
        };
        for (collation, twins) in [
            ("utf8mb4_general_ci", ["a", "Á"]),
            // PAD SPACE.
            ("utf8mb4_bin", ["a", "a "]),
            ("utf8mb4_unicode_ci", ["straße", "STRASSE"]),
            ("utf8mb3_general_ci", ["it's", "IT'S  "]),
        ] {
            the_server_decides(Place::on(Server::Mysql).await, &table(collation), twins).await;
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn postgres_decides_which_keys_are_equal() {
        let create = "create collation any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
            create table names (name varchar(10) collate any_case not null, n int, _row_hash bigint); create unique index k on names (name)";
        the_server_decides(Place::on(Server::Postgres).await, create, ["é'", "É'"]).await;
    }
}
