//! The stage's entry: which tables, which marts, which destination.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    again::ATTEMPTS,
    batch::{Pair, Summary, load},
    buckets::WORTH_IT,
    destination::Destination,
    ledger::{self, LEDGER},
    migrate::{self, State},
    published::newest,
    statement::Statements,
    table::{Manner, Mode},
    target::Target,
    value::Value,
};
use crate::{
    catalog::{Contract, Project},
    error::{Error, Kind, Result},
    events::Observer,
    lake::Lake,
    names::{count, did_you_mean},
    secret::Secret,
    settings::Settings,
};

/// What to load, and how.
pub struct Job<'a> {
    /// The project, for the contracts.
    pub project: &'a Project,
    /// Where the marts are.
    pub lake: &'a Lake,
    /// Destination, limits and clock.
    pub settings: &'a Settings,
    /// Hears of each table.
    pub observer: Arc<dyn Observer>,
    /// The tables; none named = all.
    pub tables: &'a [String],
    /// Change nothing, show what would change.
    pub plan_only: bool,
    /// Change nothing, compare all values.
    pub verify: bool,
    /// Take over rows that nobody owns and whose key the mart has.
    pub adopt: bool,
    /// Tables that may shrink beyond the limit, or be emptied.
    pub accept_shrink: &'a [String],
    /// Load although the last load of a table was from another lake.
    pub accept_lake: bool,
    /// The marts that show exactly this time, be they older than what is loaded.
    pub as_of: Option<DateTime<Utc>>,
}

/// Loads the tables. A table that fails is told in its summary and does not stop the others.
///
/// # Errors
/// [`Kind::Usage`] for names that are no tables, [`Kind::Config`] for a destination that cannot be one.
pub async fn run(job: &Job<'_>) -> Result<Summary> {
    let destination = Destination::of(&job.settings.database)?;
    let contracts = contracts(job.project, job.tables)?;
    for name in job.accept_shrink {
        if job.project.model(name).is_none_or(|model| !model.is_table()) {
            return Err(no_table(job.project, name));
        }
    }
    let mode = match (job.verify, job.plan_only) {
        (true, _) => Mode::Verify,
        (false, true) => Mode::Plan,
        (false, false) => Mode::Load,
    };
    let manner = Manner {
        limits: job.settings.load,
        accept_shrink: job.accept_shrink.to_vec(),
        lake: identity(job, mode).await?,
        accept_lake: job.accept_lake,
        asked_for: job.as_of.is_some(),
        mode,
        adopt: job.adopt,
        bucketed_from: WORTH_IT,
        attempts: ATTEMPTS,
        clock: job.settings.clock.clone(),
    };
    let mut pairs = Vec::with_capacity(contracts.len());
    for contract in contracts {
        let mart = newest(job.lake, contract, job.as_of).await;
        pairs.push(Pair { contract: Arc::new(contract.clone()), mart });
    }
    // Here, so that a database that cannot be reached is told once and not for each table.
    let open = if pairs.iter().any(|pair| matches!(pair.mart, Ok(Some(_)))) { Some(destination.open(false).await?) } else { None };
    Ok(load(&destination, open, pairs, &manner, job.observer.as_ref()).await)
}

/// The lake's identity. A load gives one to a lake that an older `etl` made; where it may not write there, it goes without.
async fn identity(job: &Job<'_>, mode: Mode) -> Result<Option<Uuid>> {
    match job.lake.identity().await? {
        None if mode == Mode::Load => Ok(job.lake.ensure_identity().await.ok()),
        known => Ok(known),
    }
}

fn contracts<'p>(project: &'p Project, tables: &[String]) -> Result<Vec<&'p Contract>> {
    if tables.is_empty() {
        return Ok(project.tables().filter_map(|model| model.contract.as_ref()).collect());
    }
    let mut contracts: Vec<&Contract> = Vec::with_capacity(tables.len());
    for name in tables {
        let contract = project.model(name).filter(|model| model.is_table()).and_then(|model| model.contract.as_ref());
        contracts.push(contract.ok_or_else(|| no_table(project, name))?);
    }
    Ok(contracts)
}

fn no_table(project: &Project, name: &str) -> Error {
    Error::new(Kind::Usage, format!("there is no table `{name}`{}", did_you_mean(name, project.tables().map(|model| model.name.as_str()))))
}

/// Connects to the destination; says what it is and which migrations it waits for.
///
/// # Errors
/// Those of connecting, and of migrations that do not fit together.
pub async fn check(settings: &Settings) -> Result<String> {
    let destination = Destination::of(&settings.database)?;
    let mut session = destination.open(false).await?;
    let server = session.server().await;
    session.close().await;
    let server = server?;
    let status = migrate::status(&settings.database, &settings.root.join("migrations")).await?;
    if let Some(odd) = status.iter().find(|migration| !matches!(migration.state, State::Applied | State::Pending)) {
        return Err(Error::new(Kind::Database, format!("migration {} is {}", odd.version, odd.state)).hint("run `etl migrate run` for what to do"));
    }
    let pending = status.iter().filter(|migration| migration.state == State::Pending).count() as u64;
    if pending > 0 {
        return Err(
            Error::new(Kind::Database, format!("{server} at {destination} waits for {}", count(pending, "migration"))).hint("run `etl migrate run`")
        );
    }
    Ok(format!("{server} at {destination}, {} applied", count(status.len() as u64, "migration")))
}

/// Checks that the destination can be connected to and waits for no migration.
///
/// # Errors
/// Those of connecting; [`Kind::Database`] for a migration that is pending or half applied.
pub async fn check_ready(settings: &Settings) -> Result<()> {
    let destination = Destination::of(&settings.database)?;
    let status = migrate::status(&settings.database, &settings.root.join("migrations")).await?;
    let open = status.iter().filter(|migration| matches!(migration.state, State::Pending | State::Interrupted | State::HalfApplied)).count() as u64;
    if open == 0 {
        return Ok(());
    }
    Err(Error::new(Kind::Database, format!("the database {destination} waits for {}", count(open, "migration"))).hint("run `etl migrate run`"))
}

/// The mart that a table shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadedMart {
    /// The transform that published it.
    pub transform_id: Option<Uuid>,
    /// The time that it shows.
    pub as_of: Option<DateTime<Utc>>,
}

/// What the ledger says of each of these tables that was ever loaded; `None` where there is no ledger.
///
/// # Errors
/// Those of connecting.
pub async fn last_loads(settings: &Settings, tables: &[String]) -> Result<Option<BTreeMap<String, LoadedMart>>> {
    let mut session = Destination::of(&settings.database)?.open(false).await?;
    let mut found = BTreeMap::new();
    let kept = session.facts(LEDGER).await?.is_some();
    if kept {
        ledger::check(session.as_mut()).await?;
        for table in tables {
            if let Some(last) = ledger::last(session.as_mut(), table).await? {
                found.insert(table.clone(), LoadedMart { transform_id: last.transform_id, as_of: last.as_of });
            }
        }
    }
    session.close().await;
    Ok(kept.then_some(found))
}

/// All rows of a table, in key order, with the contract's columns.
///
/// # Errors
/// Those of connecting, and of a table that is not as its contract wants it.
pub async fn read_table(database: &Secret, contract: &Contract) -> Result<Vec<Vec<Value<'static>>>> {
    let mut session = Destination::of(database)?.open(false).await?;
    let facts = session.facts(&contract.table).await?;
    let target = Target::check(contract, facts.as_ref())?;
    let sql = Statements::new(session.flavour(), &target).all_rows();
    let kinds: Vec<_> = contract.columns.iter().map(|column| column.kind).collect();
    let mut rows = Vec::new();
    session
        .fetch(&sql, &[], &kinds, &mut |row| {
            rows.push(row.iter().map(|value| value.clone().into_owned()).collect());
            Ok(())
        })
        .await?;
    session.close().await;
    Ok(rows)
}
