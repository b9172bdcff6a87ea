//! MySQL commits each DDL statement by itself, so a migration runs statement by statement and `_sqlx_migrations` records how far it
//! came. A run that was killed continues where it stopped; sqlx's own tools still read the table.
//!
//! While `success` is false, `execution_time` holds the position: -2(n+1) = statement n was sent and its outcome is unknown,
//! -2(n+1)-1 = statement n failed and left nothing. Earlier versions of `etl`, and sqlx, write -1: any number of statements may have
//! been executed.

use sqlx::{
    AssertSqlSafe, MySqlConnection,
    migrate::{Migrate, Migration},
    mysql::MySqlDatabaseError,
};

/// A migration that failed at one of its statements.
pub(in crate::load) struct Failed {
    /// Its version.
    pub(in crate::load) version: i64,
    /// Which statement of how many; none: before the first.
    pub(in crate::load) statement: Option<(usize, usize)>,
    pub(in crate::load) source: sqlx::Error,
}

/// Errors that say that a DDL statement had been executed before: the table, column or index exists, or is gone.
const EXECUTED_BEFORE: [u16; 5] = [1050, 1051, 1060, 1061, 1091];

/// Where a migration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    next: usize,
    /// Statements up to this one may have been executed.
    unknown_until: usize,
}

impl Position {
    fn decode(execution_time: i64) -> Self {
        match usize::try_from(execution_time.unsigned_abs()) {
            Ok(number @ 2..) => {
                let next = number / 2 - 1;
                Self { next, unknown_until: if number % 2 == 0 { next + 1 } else { next } }
            }
            _ => Self { next: 0, unknown_until: usize::MAX },
        }
    }

    fn encode(next: usize, failed: bool) -> i64 {
        let number = 2 * (next + 1) + usize::from(failed);
        i64::try_from(number).map_or(i64::MIN, |number| -number)
    }
}

/// Applies what is pending, and continues what was interrupted.
pub(in crate::load) async fn run(connection: &mut MySqlConnection, migrations: &[Migration]) -> Result<(), Failed> {
    let before = |version: i64| move |source| Failed { version, statement: None, source };
    connection.ensure_migrations_table("_sqlx_migrations").await.map_err(|error| Failed {
        version: 0,
        statement: None,
        source: sqlx::Error::Protocol(error.to_string()),
    })?;
    for migration in migrations {
        let row: Option<(bool, i64)> = sqlx::query_as("select success, execution_time from _sqlx_migrations where version = ?")
            .bind(migration.version)
            .fetch_optional(&mut *connection)
            .await
            .map_err(before(migration.version))?;
        let position = match row {
            Some((true, _)) => continue,
            Some((false, position)) => Position::decode(position),
            None => {
                sqlx::query("insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (?, ?, false, ?, ?)")
                    .bind(migration.version)
                    .bind(&*migration.description)
                    .bind(&*migration.checksum)
                    .bind(Position::encode(0, true))
                    .execute(&mut *connection)
                    .await
                    .map_err(before(migration.version))?;
                Position { next: 0, unknown_until: 0 }
            }
        };
        apply(connection, migration, position).await?;
    }
    Ok(())
}

async fn apply(connection: &mut MySqlConnection, migration: &Migration, position: Position) -> Result<(), Failed> {
    let statements = statements(migration.sql.as_str());
    let failed = |number: usize| {
        let of = statements.len();
        move |source| Failed { version: migration.version, statement: Some((number + 1, of)), source }
    };
    for (number, statement) in statements.iter().enumerate().skip(position.next) {
        if changes_rows(statement) {
            with_rows(connection, migration.version, number, statement).await.map_err(failed(number))?;
            continue;
        }
        record(connection, migration.version, Position::encode(number, false)).await.map_err(failed(number))?;
        // The text is a reviewed file of the project.
        if let Err(error) = sqlx::raw_sql(AssertSqlSafe((*statement).to_owned())).execute(&mut *connection).await {
            let number_of =
                error.as_database_error().and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>()).map(MySqlDatabaseError::number);
            let executed_before = number < position.unknown_until && number_of.is_some_and(|error| EXECUTED_BEFORE.contains(&error));
            if !executed_before {
                if number_of.is_some() {
                    // The server refused it, so nothing of it is there. Where this cannot be recorded, the outcome stays unknown.
                    let _ = record(connection, migration.version, Position::encode(number, true)).await;
                }
                return Err(failed(number)(error));
            }
        }
    }
    sqlx::query("update _sqlx_migrations set success = true, execution_time = 0 where version = ?")
        .bind(migration.version)
        .execute(&mut *connection)
        .await
        .map_err(failed(statements.len().saturating_sub(1)))?;
    Ok(())
}

/// A statement that changes rows must not run twice: it and the new position are one transaction.
async fn with_rows(connection: &mut MySqlConnection, version: i64, number: usize, statement: &str) -> sqlx::Result<()> {
    record(connection, version, Position::encode(number, true)).await?;
    sqlx::raw_sql("start transaction").execute(&mut *connection).await?;
    let done = match sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut *connection).await {
        Ok(_) => record(connection, version, Position::encode(number + 1, true)).await,
        Err(error) => Err(error),
    };
    let end = if done.is_ok() { "commit" } else { "rollback" };
    let ended = sqlx::raw_sql(end).execute(&mut *connection).await;
    done.and(ended.map(drop))
}

/// Whether a statement is INSERT, UPDATE, DELETE or REPLACE: all others commit by themselves.
fn changes_rows(statement: &str) -> bool {
    let code = statement.lines().find(|line| !line.trim().is_empty() && !line.trim_start().starts_with("--") && !line.trim_start().starts_with('#'));
    let word = code.unwrap_or_default().split_whitespace().next().unwrap_or_default().to_lowercase();
    ["insert", "update", "delete", "replace"].contains(&word.as_str())
}

async fn record(connection: &mut MySqlConnection, version: i64, position: i64) -> sqlx::Result<()> {
    let recording = sqlx::query("update _sqlx_migrations set execution_time = ? where version = ?").bind(position).bind(version);
    recording.execute(connection).await.map(drop)
}

/// The statements of a MySQL script: split at semicolons outside of quotes and comments. Text without a statement is left out.
fn statements(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut start, mut holds_code) = (0, false);
    let mut rest = text.char_indices().peekable();
    while let Some((at, letter)) = rest.next() {
        let next = rest.peek().map(|(_, next)| *next);
        match letter {
            ';' => {
                if holds_code {
                    found.push(text[start..at].trim());
                }
                (start, holds_code) = (at + 1, false);
            }
            '\'' | '"' | '`' => {
                holds_code = true;
                while let Some((_, inner)) = rest.next() {
                    if inner == '\\' && letter != '`' {
                        rest.next();
                    } else if inner == letter {
                        // A doubled quote opens the next string at once.
                        break;
                    }
                }
            }
            '#' => while rest.next_if(|(_, inner)| *inner != '\n').is_some() {},
            '-' if text[at..].starts_with("-- ") || text[at..].starts_with("--\n") => while rest.next_if(|(_, inner)| *inner != '\n').is_some() {},
            '/' if next == Some('*') => {
                // `/*!80017 … */` is code for some servers.
                holds_code |= text[at..].starts_with("/*!") || text[at..].starts_with("/*M!");
                let end = text[at + 2..].find("*/").map_or(text.len(), |end| at + 2 + end + 2);
                while rest.next_if(|(inner, _)| *inner < end).is_some() {}
            }
            letter => holds_code |= !letter.is_whitespace(),
        }
    }
    if holds_code {
        found.push(text[start..].trim());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_outside_of_quotes_and_comments() {
        for (text, expected) in [
            ("-- a; b\ncreate table a (x int); ;\n-- end;\n", vec!["-- a; b\ncreate table a (x int)"]),
            (r"insert into a values ('it''s; \'; ', `b;c`); select 1", vec![r"insert into a values ('it''s; \'; ', `b;c`)", "select 1"]),
            (
                "create table a (x char(1) /*!80017 COLLATE b */ /* ; */); # c;\nselect 2 --1;",
                vec!["create table a (x char(1) /*!80017 COLLATE b */ /* ; */)", "# c;\nselect 2 --1"],
            ),
            ("", vec![]),
        ] {
            assert_eq!(statements(text), expected, "{text}");
        }
    }

    #[test]
    fn positions_round_trip() {
        for next in 0..5 {
            assert_eq!(Position::decode(Position::encode(next, false)), Position { next, unknown_until: next + 1 });
            assert_eq!(Position::decode(Position::encode(next, true)), Position { next, unknown_until: next });
        }
        assert_eq!(Position::decode(-1), Position { next: 0, unknown_until: usize::MAX });
    }
}
