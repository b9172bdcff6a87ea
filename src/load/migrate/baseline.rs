//! Migrations whose outcome is there already: `etl load --adopt` makes the tables otherwise and records them.

use std::path::Path;

use sqlx::migrate::Migrate;

use super::{
    files,
    run::{State, look},
    schema::Schema,
};
use crate::{
    error::{Error, Kind, OrFail, Result},
    load::{flavour::Flavour, mysql::MysqlSession, session::Session},
};

const LIST: &str = "_sqlx_migrations";

/// The migrations that the database does not have, or has in part, as the ids that `etl migrate run` prints.
///
/// # Errors
/// [`Kind::Database`] where an applied file was changed or is missing.
pub(in crate::load) async fn unrecorded(session: &mut MysqlSession, migrations: &Path) -> Result<Vec<String>> {
    let files = files::list(migrations, Flavour::Mysql)?;
    let mut ids = Vec::new();
    for migration in look(session, &files).await? {
        match migration.state {
            State::Applied => {}
            State::Pending | State::Interrupted | State::HalfApplied => ids.push(format!("{}_{}", migration.version, migration.name)),
            State::Changed | State::Missing => {
                return Err(Error::new(Kind::Database, format!("migration {} is {}", migration.version, migration.state))
                    .hint("run `etl migrate run` for what to do"));
            }
        }
    }
    Ok(ids)
}

/// Records one of them as applied.
pub(in crate::load) async fn record(session: &mut MysqlSession, migrations: &Path, id: &str) -> Result<()> {
    let files = files::list(migrations, Flavour::Mysql)?;
    let recording = || format!("cannot record migration {id}");
    let file = files.iter().find(|file| format!("{}_{}", file.version, file.name) == id).ok_or_else(|| Error::new(Kind::Internal, recording()))?;
    let connection = session.connection();
    connection.ensure_migrations_table(LIST).await.or_fail(Kind::Database, recording)?;
    sqlx::query(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (?, ?, true, ?, 0)
         on duplicate key update success = true, checksum = values(checksum)",
    )
    .bind(file.version)
    .bind(file.name.replace('_', " "))
    .bind(file.checksum())
    .execute(connection)
    .await
    .or_fail(Kind::Database, recording)?;
    Ok(())
}

/// A table that the migrations make and that is there before any of them was run.
pub(super) async fn in_the_way(session: &mut dyn Session, migrations: &Path) -> Result<Option<String>> {
    for name in Schema::read(migrations)?.tables.into_keys() {
        if session.facts(&name).await?.is_some() {
            return Ok(Some(name));
        }
    }
    Ok(None)
}
