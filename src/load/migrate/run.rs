//! `etl migrate run` and `etl migrate status`.

use std::{fmt, path::Path};

use super::{
    baseline::in_the_way,
    files::{self, MigrationFile},
};
use crate::{
    error::{Error, Kind, Result},
    load::{
        destination::Destination,
        flavour::Flavour,
        session::{Applied, Session},
        sqlite::SqliteSession,
    },
    secret::Secret,
};

/// A migration and what the database knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationStatus {
    /// 14 digits: when it was written.
    pub version: i64,
    /// Its name; empty where the file is missing.
    pub name: String,
    /// What the database knows of it.
    pub state: State,
}

/// What a database knows of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It was run.
    Applied,
    /// It was not run yet.
    Pending,
    /// It was run, and its file has been changed since.
    Changed,
    /// It was run, and its file is missing.
    Missing,
    /// It was interrupted in an engine that cannot roll back DDL; the next run continues it.
    Interrupted,
    /// It was interrupted, and its file has been changed since.
    HalfApplied,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Applied => "applied",
            Self::Pending => "pending",
            Self::Changed => "applied, and changed since",
            Self::Missing => "applied, and its file is missing",
            Self::Interrupted => "interrupted; `etl migrate run` continues it",
            Self::HalfApplied => "half applied, and changed since",
        })
    }
}

/// The migrations below the folder `migrations`, and those that the database has beyond them, in order.
///
/// # Errors
/// [`Kind::Config`] for misnamed files, [`Kind::Database`] if the database does not answer or is not there.
pub async fn status(database: &Secret, migrations: &Path) -> Result<Vec<MigrationStatus>> {
    let destination = Destination::of(database)?;
    let files = files::list(migrations, destination.flavour())?;
    let mut session = destination.open(false).await?;
    let status = look(session.as_mut(), &files).await;
    session.close().await;
    status
}

/// Applies what is pending, making an SQLite file that is not there. Gives the ids of the migrations that were applied.
///
/// # Errors
/// As [`status`]; [`Kind::Database`] where the database and the files disagree, or a statement fails.
pub async fn run(database: &Secret, migrations: &Path) -> Result<Vec<String>> {
    bring(&Destination::of(database)?, migrations).await
}

/// A copy of an SQLite database below `folder` to which the pending migrations were applied, and their ids; `None` if none is pending.
///
/// # Errors
/// As [`run`].
pub async fn trial(database: &Secret, migrations: &Path, folder: &Path) -> Result<Option<(Secret, Vec<String>)>> {
    let copy = folder.join("plan.sqlite");
    let address = Secret::new(format!("sqlite:{}", copy.display()));
    let wait = std::time::Duration::from_secs(30);
    let file = database.expose().strip_prefix("sqlite:").unwrap_or_default();
    if Path::new(file).exists() {
        let mut session = SqliteSession::open(database.expose(), false, wait).await?;
        let status = look(&mut session, &files::list(migrations, Flavour::Sqlite)?).await?;
        if status.iter().all(|migration| migration.state != State::Pending) {
            return Ok(None);
        }
        session.copy_to(&copy).await?;
    }
    let applied = run(&address, migrations).await?;
    Ok(Some((address, applied)))
}

/// Applies what is pending to a destination.
pub(in crate::load) async fn bring(destination: &Destination, migrations: &Path) -> Result<Vec<String>> {
    let files = files::list(migrations, destination.flavour())?;
    let mut session = destination.open(true).await?;
    let applied = bring_up(session.as_mut(), &files, migrations).await;
    session.close().await;
    applied
}

async fn bring_up(session: &mut dyn Session, files: &[MigrationFile], migrations: &Path) -> Result<Vec<String>> {
    let status = look(session, files).await?;
    if status.iter().all(|migration| migration.state == State::Pending)
        && let Some(table) = in_the_way(session, migrations).await?
    {
        return Err(Error::new(Kind::Database, format!("the database has a table `{table}`, which no migration has made")).hint(
            "a MySQL database that the old scripts have filled is taken over by `etl load --adopt`; look first: `etl load --adopt --plan`. Else name an empty database",
        ));
    }
    for migration in &status {
        sound(migration)?;
    }
    let pending: Vec<String> = status
        .into_iter()
        .filter(|migration| matches!(migration.state, State::Pending | State::Interrupted))
        .map(|migration| format!("{}_{}", migration.version, migration.name))
        .collect();
    if !pending.is_empty() {
        session.migrate(&files::migrator(files)).await?;
    }
    Ok(pending)
}

fn sound(migration: &MigrationStatus) -> Result<()> {
    let id = migration.version;
    let refused = |what: String, hint: &str| Err(Error::new(Kind::Database, what).hint(hint.to_owned()));
    match migration.state {
        State::Applied | State::Pending | State::Interrupted => Ok(()),
        State::Changed => refused(
            format!("migration `{id}` was applied, and its file has been changed since"),
            "put the file back as it was (git), and write what is new into another migration: `etl migrate new NAME`",
        ),
        State::Missing => refused(
            format!("migration `{id}` was applied, and its file is missing"),
            "get the file back, or use the version of the project that this database belongs to",
        ),
        State::HalfApplied => refused(
            format!("migration `{id}` is half applied, and its file has been changed since"),
            "put the file back as it was (git), and run again; or undo by hand what was done, delete its row from `_sqlx_migrations`, and run again",
        ),
    }
}

pub(super) async fn look(session: &mut dyn Session, files: &[MigrationFile]) -> Result<Vec<MigrationStatus>> {
    let (applied, half) = session.applied().await?;
    Ok(compare(files, &applied, half))
}

fn compare(files: &[MigrationFile], applied: &[Applied], half: Option<i64>) -> Vec<MigrationStatus> {
    let mut all: Vec<MigrationStatus> = Vec::new();
    for file in files {
        let state = match applied.iter().find(|applied| applied.version == file.version) {
            None => State::Pending,
            Some(applied) if half == Some(file.version) => {
                if applied.checksum == file.checksum() {
                    State::Interrupted
                } else {
                    State::HalfApplied
                }
            }
            Some(applied) if applied.checksum != file.checksum() => State::Changed,
            Some(_) => State::Applied,
        };
        all.push(MigrationStatus { version: file.version, name: file.name.clone(), state });
    }
    for lost in applied.iter().filter(|applied| !files.iter().any(|file| file.version == applied.version)) {
        all.push(MigrationStatus { version: lost.version, name: String::new(), state: State::Missing });
    }
    all.sort_by_key(|migration| migration.version);
    all
}
