//! PostgreSQL behind the seam.
//!
//! The lock is an advisory one of the session, taken before the transaction begins, so that what is read after it is the
//! newest state. READ COMMITTED, and statements for one key: nobody waits who writes to other rows. Rows are inserted by COPY.

use std::{str::FromStr, time::Duration};

use futures::{StreamExt, future::BoxFuture};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection, SqlSafeStr,
    error::DatabaseError,
    migrate::{Migrate, Migrator},
    postgres::PgConnectOptions,
};

use super::{
    connect::{connect, unconnected},
    flavour::Flavour,
    postgres_values::{arguments, copy_row, literal, portable, row_values},
    session::{Access, Applied, Each, Session, Source},
    statement::{Packet, Sql, copy_in},
    target::{Charset, Collation, RealColumn, TableFacts, UniqueIndex},
    value::Value,
};
use crate::{
    catalog::ColumnType,
    error::{Error, Kind, OrFail, Result},
};

/// Bytes of statements, or of rows, that travel together.
const PACKET: usize = 1 << 18;

/// From so many rows on, COPY: it takes two more round trips than an INSERT.
const COPIED: usize = 500;

/// Our key of the advisory lock: `etl load` in ASCII.
const LOCK: i64 = 0x6574_6c20_6c6f_6164;

/// An open connection.
pub(super) struct PostgresSession {
    connection: PgConnection,
}

impl PostgresSession {
    /// Connects to `url` (`postgres://user:password@host:port/database?sslmode=…&sslrootcert=…`).
    pub(super) async fn open(url: &str, wait: Duration) -> Result<Self> {
        // The cause is not attached: it could repeat a part of the address.
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| Error::new(Kind::Config, "the destination is no address like `postgres://user:password@host:5432/database`"))?
            .application_name("etl")
            .disable_statement_logging();
        let connection = connect(&options).await.map_err(|error| unconnected(&options, error, |error, message| failed(error, || message)))?;
        let mut session = Self { connection };
        session.prepare(wait).await.map_err(|error| failed(error, || "cannot set up the connection"))?;
        Ok(session)
    }

    /// Whatever the server's or the account's defaults are, a load meets the same session.
    async fn prepare(&mut self, wait: Duration) -> sqlx::Result<()> {
        let settings = format!(
            "set time zone 'UTC'; set datestyle = 'ISO, YMD'; set client_encoding = 'UTF8'; set standard_conforming_strings = on; \
             set lock_timeout = {}; set statement_timeout = 0; set idle_in_transaction_session_timeout = '15min'",
            wait.as_millis().max(1)
        );
        sqlx::raw_sql(AssertSqlSafe(settings)).execute(&mut self.connection).await?;
        Ok(())
    }

    /// Takes the lock of all loads and migrations of this database.
    async fn lock(&mut self) -> Result<()> {
        sqlx::query("select pg_advisory_lock($1)")
            .bind(LOCK)
            .execute(&mut self.connection)
            .await
            .map_err(|error| failed(error, || "cannot begin: another process is writing to the database"))?;
        Ok(())
    }

    async fn unlock(&mut self) -> Result<()> {
        sqlx::query("select pg_advisory_unlock($1)")
            .bind(LOCK)
            .execute(&mut self.connection)
            .await
            .map_err(|error| failed(error, || "cannot release the lock"))?;
        Ok(())
    }

    async fn insert_few(&mut self, table: &str, columns: &[&str], rows: &mut dyn Source) -> Result<()> {
        let mut packet = Packet::new(literal);
        packet.insert(Flavour::Postgres, table, columns);
        let mut is_first = true;
        while rows.some(&mut |row| {
            packet.row(is_first, row);
            is_first = false;
            Ok(())
        })? {}
        if !is_first {
            sqlx::raw_sql(packet.safe()).execute(&mut self.connection).await.map_err(|error| failed(error, || inserting(table)))?;
        }
        Ok(())
    }

    /// All rows by one COPY: while the server works on what was sent, the next ones are written.
    async fn copy(&mut self, table: &str, columns: &[&str], rows: &mut dyn Source) -> Result<()> {
        let failing = |error| failed(error, || inserting(table));
        let statement = copy_in(table, columns).safe().into_sql_str();
        let mut copy = self.connection.copy_in_raw(statement.as_str()).await.map_err(failing)?;
        let mut bytes = Vec::with_capacity(PACKET + PACKET / 4);
        loop {
            let more = rows.some(&mut |row| {
                copy_row(&mut bytes, row);
                Ok(())
            });
            match more {
                Ok(more) => {
                    if bytes.len() >= PACKET || !more && !bytes.is_empty() {
                        copy.send(bytes.as_slice()).await.map_err(failing)?;
                        bytes.clear();
                    }
                    if !more {
                        break;
                    }
                }
                Err(error) => {
                    // The first error is the one to tell; the transaction is rolled back in any case.
                    let _ = copy.abort("the rows could not be read").await;
                    return Err(error);
                }
            }
        }
        copy.finish().await.map_err(failing)?;
        Ok(())
    }

    async fn plain(&mut self, statement: &'static str, message: &'static str) -> Result<()> {
        sqlx::raw_sql(statement).execute(&mut self.connection).await.map_err(|error| failed(error, || message))?;
        Ok(())
    }
}

fn inserting(table: &str) -> String {
    format!("cannot insert into `{table}`")
}

/// Our error for one of PostgreSQL: waiting in vain for a lock, deadlocks and failed serializations are locks; all else is a failure.
fn failed<M: Into<String>>(error: sqlx::Error, message: impl FnOnce() -> M) -> Error {
    let code = error.as_database_error().and_then(DatabaseError::code).map(|code| code.into_owned()).unwrap_or_default();
    let kind = if matches!(code.as_str(), "55P03" | "40001" | "40P01") { Kind::Locked } else { Kind::Database };
    let failed = Error::new(kind, message()).because(error);
    match code.as_str() {
        "28000" | "28P01" | "42501" => failed.hint("check account and password, and the rights that docs/load.md lists"),
        "53100" => failed.hint(super::connect::DISK_FULL),
        "3D000" => failed.hint("there is no such database on the server; create it, then run `etl migrate run`"),
        _ => failed,
    }
}

impl Session for PostgresSession {
    // --- facts ---

    fn flavour(&self) -> Flavour {
        Flavour::Postgres
    }

    fn server(&mut self) -> BoxFuture<'_, Result<String>> {
        Box::pin(async {
            let version: String = sqlx::query_scalar("select current_setting('server_version')")
                .fetch_one(&mut self.connection)
                .await
                .map_err(|error| failed(error, || "cannot ask for the version"))?;
            Ok(format!("PostgreSQL {}", version.split(' ').next().unwrap_or_default()))
        })
    }

    fn facts<'a>(&'a mut self, table: &'a str) -> BoxFuture<'a, Result<Option<TableFacts>>> {
        Box::pin(async move {
            let describing = || format!("cannot describe the table `{table}`");
            let columns: Vec<(String, String, bool, bool, bool)> = sqlx::query_as(
                "select a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.atthasdef or a.attidentity <> '',
                        current_setting('server_encoding') = 'UTF8'
                 from pg_attribute as a join pg_class as c on c.oid = a.attrelid
                 where c.oid = to_regclass(quote_ident($1)) and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
                 order by a.attnum",
            )
            .bind(table)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| failed(error, describing))?;
            if columns.is_empty() {
                return Ok(None);
            }
            let mut facts = TableFacts::default();
            for (name, declared, not_null, filled, is_unicode) in columns {
                let charset = if is_unicode { Charset::Unicode } else { Charset::Ascii };
                facts.columns.push(RealColumn { kind: portable(&declared), name, declared, not_null, filled, charset });
            }
            // Two texts are equal under a deterministic collation if and only if their bytes are.
            let indexes: Vec<(i64, String, Option<String>)> = sqlx::query_as(
                "select i.indexrelid::bigint, a.attname::text, case when c.collisdeterministic then null else c.collname::text end
                 from pg_index as i
                 cross join lateral unnest(i.indkey::int2[], i.indcollation::oid[]) with ordinality as k (attnum, sorting, place)
                 join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
                 left join pg_collation as c on c.oid = k.sorting
                 where i.indrelid = to_regclass(quote_ident($1)) and i.indisunique and i.indisvalid and i.indpred is null
                   and i.indexprs is null and k.place <= i.indnkeyatts
                 order by i.indexrelid, k.place",
            )
            .bind(table)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| failed(error, describing))?;
            let mut last = None;
            for (index, column, collation) in indexes {
                if last != Some(index) {
                    facts.unique.push(UniqueIndex { columns: Vec::new() });
                    last = Some(index);
                }
                if let Some(index) = facts.unique.last_mut() {
                    index.columns.push((column, collation.map_or(Collation::Binary, Collation::Named)));
                }
            }
            Ok(Some(facts))
        })
    }

    // --- transactions ---

    fn begin(&mut self, access: Access) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            match access {
                Access::Read => self.plain("begin isolation level repeatable read read only", "cannot begin").await,
                Access::Write => {
                    self.lock().await?;
                    self.plain("begin isolation level read committed read write", "cannot begin").await
                }
            }
        })
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            self.plain("commit", "cannot commit").await?;
            self.unlock().await
        })
    }

    fn rollback(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            self.plain("rollback", "cannot roll back").await?;
            self.unlock().await
        })
    }

    // --- rows ---

    fn execute<'a>(&'a mut self, sql: &'a Sql, many: &'a [Vec<Value<'a>>]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let mut changed = 0;
            let mut rest = many.iter().peekable();
            while rest.peek().is_some() {
                let mut packet = Packet::new(literal);
                while let Some(values) = rest.next_if(|_| packet.len() < PACKET) {
                    packet.statement(sql, values);
                }
                let done =
                    sqlx::raw_sql(packet.safe()).execute(&mut self.connection).await.map_err(|error| failed(error, || "a statement failed"))?;
                changed += done.rows_affected();
            }
            Ok(changed)
        })
    }

    fn fetch<'a>(&'a mut self, sql: &'a Sql, values: &'a [Value<'a>], kinds: &'a [ColumnType], each: Each<'a>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let mut rows = sqlx::query_with(sql.safe(), arguments(values)?).fetch(&mut self.connection);
            while let Some(row) = rows.next().await {
                let row = row.map_err(|error| failed(error, || "a query failed"))?;
                each(&row_values(&row, kinds)?)?;
            }
            Ok(())
        })
    }

    fn insert<'a>(&'a mut self, table: &'a str, columns: &'a [&'a str], rows: &'a mut dyn Source) -> BoxFuture<'a, Result<()>> {
        Box::pin(
            async move { if rows.count() < COPIED { self.insert_few(table, columns, rows).await } else { self.copy(table, columns, rows).await } },
        )
    }

    // --- migrations ---

    fn applied(&mut self) -> BoxFuture<'_, Result<(Vec<Applied>, Option<i64>)>> {
        Box::pin(async {
            if self.facts("_sqlx_migrations").await?.is_none() {
                return Ok((Vec::new(), None));
            }
            let reading = || "cannot read the list of migrations";
            let dirty = self.connection.dirty_version("_sqlx_migrations").await.or_fail(Kind::Database, reading)?;
            let applied = self.connection.list_applied_migrations("_sqlx_migrations").await.or_fail(Kind::Database, reading)?;
            Ok((
                applied.into_iter().map(|migration| Applied { version: migration.version, checksum: migration.checksum.into_owned() }).collect(),
                dirty,
            ))
        })
    }

    fn migrate<'a>(&'a mut self, migrator: &'a Migrator) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.lock().await?;
            // Each migration is a transaction.
            migrator
                .run_direct(None, &mut self.connection, false)
                .await
                .or_fail(Kind::Database, || "a migration failed; the database is as it was before it")?;
            self.unlock().await
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            // What was committed is safe whether or not closing works.
            let _ = self.connection.close().await;
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::load::{conformance, on_servers, sample::Place, scratch::Server};

    conformance::conforms!(Place::on(Server::Postgres).await);
    on_servers::served!(Place::on(Server::Postgres).await);
}
