//! MySQL behind the seam. The tests run against MariaDB too, so nothing here is the one's or the other's alone.
//!
//! The lock is `GET_LOCK`, taken before the transaction begins, so that what is read after it is the newest state.
//! READ COMMITTED: a statement for one key locks that row and no gaps, so nobody waits who writes to other rows.

use std::{
    collections::{HashMap, VecDeque},
    str::FromStr,
    time::Duration,
};

use futures::{StreamExt, future::BoxFuture};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, MySqlConnection,
    migrate::{Migrate, Migrator},
    mysql::{MySqlConnectOptions, MySqlDatabaseError},
};

use super::{
    connect::{connect, unconnected},
    flavour::Flavour,
    migrate::resumable::{self, Failed},
    mysql_values::{arguments, charset, literal, literal_size, portable, row_values},
    session::{Access, Applied, Each, Session, Source},
    statement::{Packet, Sql},
    target::{Collation, RealColumn, TableFacts, UniqueIndex},
    value::Value,
};
use crate::{
    catalog::ColumnType,
    error::{Error, Kind, OrFail, Result},
};

/// Bytes of literals that travel together, where the server takes as many.
const PACKET: usize = 1 << 20;

/// In which a packet is sent.
const ON_ITS_WAY: Duration = Duration::from_millis(1);

/// Seconds after which the server ends a connection that says nothing, so that a lost one does not hold the lock for hours.
const IDLE: u32 = 900;

/// Name, type, whether NULL is allowed, character set, collation, whether it is filled.
type ColumnRow = (String, String, String, Option<String>, Option<String>, i64);

/// An open connection.
pub(super) struct MysqlSession {
    connection: MySqlConnection,
    wait: Duration,
    /// Bytes that one packet may have.
    max_packet: usize,
}

impl MysqlSession {
    /// Connects to `url` (`mysql://user:password@host:port/database?ssl-mode=…&ssl-ca=…`).
    pub(super) async fn open(url: &str, wait: Duration) -> Result<Self> {
        // The cause is not attached: it could repeat a part of the address.
        let options = MySqlConnectOptions::from_str(url)
            .map_err(|_| Error::new(Kind::Config, "the destination is no address like `mysql://user:password@host:3306/database`"))?
            .charset("utf8mb4")
            .timezone(Some("+00:00".to_owned()))
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .disable_statement_logging();
        let connection = connect(&options).await.map_err(|error| unconnected(&options, error, |error, message| failed(error, || message)))?;
        let mut session = Self { connection, wait, max_packet: PACKET };
        session.prepare().await.map_err(|error| failed(error, || "cannot set up the connection"))?;
        Ok(session)
    }

    /// Whatever the server's defaults are, a load meets the same session.
    async fn prepare(&mut self) -> sqlx::Result<()> {
        let seconds = seconds(self.wait);
        let settings = format!(
            "set session sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', \
             autocommit = 1, innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds}, wait_timeout = {IDLE}; \
             set names utf8mb4 collate utf8mb4_bin; \
             set session transaction isolation level read committed"
        );
        sqlx::raw_sql(AssertSqlSafe(settings)).execute(&mut self.connection).await?;
        let max: i64 = sqlx::query_scalar("select cast(@@max_allowed_packet as signed)").fetch_one(&mut self.connection).await?;
        self.max_packet = usize::try_from(max).unwrap_or(PACKET);
        Ok(())
    }

    /// For statements that the seam does not know; see `adopt`.
    pub(super) fn connection(&mut self) -> &mut MySqlConnection {
        &mut self.connection
    }

    /// Takes the lock of all loads and migrations of this database.
    pub(super) async fn lock(&mut self) -> Result<()> {
        let taken: Option<i64> = sqlx::query_scalar("select cast(get_lock(concat('etl.', sha2(database(), 224)), ?) as signed)")
            .bind(seconds(self.wait))
            .fetch_one(&mut self.connection)
            .await
            .map_err(|error| failed(error, || "cannot take the lock"))?;
        if taken == Some(1) {
            return Ok(());
        }
        Err(Error::new(Kind::Locked, "cannot begin: another process is writing to the database"))
    }

    pub(super) async fn unlock(&mut self) -> Result<()> {
        self.plain("do release_lock(concat('etl.', sha2(database(), 224)))", "cannot release the lock").await
    }

    async fn plain(&mut self, statement: &'static str, message: &'static str) -> Result<()> {
        sqlx::raw_sql(statement).execute(&mut self.connection).await.map_err(|error| failed(error, || message))?;
        Ok(())
    }

    /// Bytes of literals that are sent at once.
    fn limit(&self) -> usize {
        PACKET.min(self.max_packet / 2)
    }

    fn fits(&self, packet: &Packet) -> Result<()> {
        if packet.len() < self.max_packet {
            return Ok(());
        }
        Err(Error::new(Kind::Database, format!("a row has {} bytes as a statement; the server takes {}", packet.len(), self.max_packet))
            .hint("raise `max_allowed_packet` of the server"))
    }
}

fn seconds(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1_000).max(1).try_into().unwrap_or(1)
}

/// Our error for one of MySQL: waiting in vain for a lock, and deadlocks, are locks; all else is a failure.
fn failed<M: Into<String>>(error: sqlx::Error, message: impl FnOnce() -> M) -> Error {
    let number = error.as_database_error().and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>()).map(MySqlDatabaseError::number);
    let kind = if matches!(number, Some(1205 | 1213)) { Kind::Locked } else { Kind::Database };
    let failed = Error::new(kind, message()).because(error);
    match number {
        Some(1044 | 1045 | 1142 | 1143 | 1227) => failed.hint("check account and password, and the rights that docs/load.md lists"),
        Some(1021 | 1114) => failed.hint(super::connect::DISK_FULL),
        Some(1049) => failed.hint("there is no such database on the server; create it, then run `etl migrate run`"),
        _ => failed,
    }
}

impl Session for MysqlSession {
    // --- facts ---

    fn flavour(&self) -> Flavour {
        Flavour::Mysql
    }

    fn server(&mut self) -> BoxFuture<'_, Result<String>> {
        Box::pin(async {
            let version: String = sqlx::query_scalar("select version()")
                .fetch_one(&mut self.connection)
                .await
                .map_err(|error| failed(error, || "cannot ask for the version"))?;
            let name = if version.contains("MariaDB") { "MariaDB" } else { "MySQL" };
            Ok(format!("{name} {}", version.split('-').next().unwrap_or_default()))
        })
    }

    fn facts<'a>(&'a mut self, table: &'a str) -> BoxFuture<'a, Result<Option<TableFacts>>> {
        Box::pin(async move {
            let describing = || format!("cannot describe the table `{table}`");
            // The casts give both servers' columns one type.
            let columns: Vec<ColumnRow> = sqlx::query_as(
                "select cast(column_name as char), cast(column_type as char), cast(is_nullable as char), cast(character_set_name as char),
                        cast(collation_name as char),
                        cast(column_default is not null or extra like '%auto_increment%' or extra like '%GENERATED%' as signed)
                 from information_schema.columns where table_schema = database() and table_name = ? order by ordinal_position",
            )
            .bind(table)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| failed(error, describing))?;
            if columns.is_empty() {
                return Ok(None);
            }
            let mut facts = TableFacts::default();
            let mut collations = HashMap::new();
            for (name, declared, nullable, set, collation, filled) in columns {
                collations.insert(name.clone(), collation);
                facts.columns.push(RealColumn {
                    kind: portable(&declared),
                    not_null: nullable != "YES",
                    filled: filled != 0,
                    charset: charset(set.as_deref()),
                    name,
                    declared,
                });
            }
            // An index on a part of a text, or on an expression, says nothing about the whole key.
            // No join: MariaDB would open every table of the server for it.
            let indexes: Vec<(String, Option<String>, i64)> = sqlx::query_as(
                "select cast(index_name as char), cast(column_name as char), cast(sub_part is not null as signed)
                 from information_schema.statistics
                 where table_schema = database() and table_name = ? and non_unique = 0 order by index_name, seq_in_index",
            )
            .bind(table)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| failed(error, describing))?;
            let mut last = None;
            for (index, column, is_part) in indexes {
                if last.as_ref() != Some(&index) {
                    facts.unique.push(UniqueIndex { columns: Vec::new() });
                    last = Some(index);
                }
                if let Some(index) = facts.unique.last_mut() {
                    let column = if is_part == 0 { column } else { None }.unwrap_or_default();
                    let collation = collations.get(&column).cloned().flatten();
                    index.columns.push((column, comparing(collation)));
                }
            }
            Ok(Some(facts))
        })
    }

    // --- transactions ---

    fn begin(&mut self, access: Access) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            match access {
                Access::Read => {
                    self.plain("set transaction isolation level repeatable read", "cannot begin").await?;
                    self.plain("start transaction with consistent snapshot, read only", "cannot begin").await
                }
                Access::Write => {
                    self.lock().await?;
                    self.plain("start transaction read write", "cannot begin").await
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
            let (mut changed, limit) = (0, self.limit());
            let mut rest = many.iter().peekable();
            while rest.peek().is_some() {
                let mut packet = Packet::new(literal);
                while let Some(values) = rest.next_if(|values| packet.len() == 0 || packet.len() + size(values) <= limit) {
                    packet.statement(sql, values);
                }
                self.fits(&packet)?;
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
        Box::pin(async move {
            let limit = self.limit();
            let mut packets: VecDeque<Packet> = VecDeque::new();
            let mut more = true;
            // The next whole packet, or what is left at the end.
            let mut build = || -> Result<Option<Packet>> {
                while more && packets.len() < 2 {
                    more = rows.some(&mut |row| {
                        let fits = packets.back().filter(|packet| packet.len() + size(row) <= limit).is_some();
                        if !fits {
                            let mut packet = Packet::new(literal);
                            packet.insert(Flavour::Mysql, table, columns);
                            packets.push_back(packet);
                        }
                        if let Some(packet) = packets.back_mut() {
                            packet.row(!fits, row);
                        }
                        Ok(())
                    })?;
                }
                Ok(packets.pop_front())
            };
            let mut next = build()?;
            while let Some(packet) = next {
                self.fits(&packet)?;
                // While the server works on one packet the next one is written; but that one has to be on its way.
                let sending = sqlx::raw_sql(packet.safe()).execute(&mut self.connection);
                let building = async {
                    tokio::time::sleep(ON_ITS_WAY).await;
                    build()
                };
                let (sent, built) = futures::join!(sending, building);
                sent.map_err(|error| failed(error, || format!("cannot insert into `{table}`")))?;
                next = built?;
            }
            Ok(())
        })
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
            if let Err(Failed { version, statement, source }) = resumable::run(&mut self.connection, &migrator.migrations).await {
                return Err(match statement {
                    Some((number, of)) => Error::new(Kind::Database, format!("migration `{version}` stopped at statement {number} of {of}"))
                        .hint("`etl migrate run` continues there once the cause is fixed; to change the file, first undo what was done and delete its row from `_sqlx_migrations`"),
                    None => Error::new(Kind::Database, "a migration failed; the database is as it was before it"),
                }
                .because(source));
            }
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

/// Bytes that a row may need as literals.
fn size(values: &[Value<'_>]) -> usize {
    values.iter().map(literal_size).sum()
}

/// Byte by byte is only what has no PAD SPACE either: `utf8mb4_bin` takes `a` and `a ` for equal.
fn comparing(collation: Option<String>) -> Collation {
    match collation {
        None => Collation::Binary,
        Some(name) if matches!(name.as_str(), "binary" | "utf8mb4_0900_bin" | "utf8mb4_nopad_bin" | "utf8mb3_nopad_bin") => Collation::Binary,
        Some(name) => Collation::Named(name),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        load::{
            conformance,
            cut::Cutter,
            destination::Destination,
            on_servers,
            sample::{Place, load_one, manner, mart, plan, plans},
            scratch::Server,
            table::Mode,
        },
        secret::Secret,
    };

    conformance::conforms!(Place::on(Server::Mysql).await);
    on_servers::served!(Place::on(Server::Mysql).await);

    /// A table that is older than `etl` may have utf8mb3 or latin1 columns: what they cannot hold is found before a row is written.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn narrow_character_sets_refuse_what_they_cannot_hold() {
        let place = Place::on(Server::Mysql).await;
        let contract = plans();
        place.migrated(&[&contract]).await;
        for (charset, good, bad) in [("utf8mb3", "שלום", "😀"), ("latin1", "plain", "שלום")] {
            place.run(&format!("delete from plans; alter table plans modify name varchar(10) character set {charset}")).await;
            let load = async |name: &str, as_of: u32| {
                let rows = [plan(1, good, 1), plan(2, name, 1)];
                load_one(&place.destination, &contract, &Arc::new(mart(&contract, &rows, as_of)), &manner(Mode::Load)).await
            };
            let error = load(bad, 1).await.error.unwrap();
            let told = format!("{error:?}");
            assert!(
                told.contains("`name` varchar(10) has characters that the column's character set cannot hold") && told.contains("plan=2"),
                "{told}"
            );
            assert_eq!(load(good, 1).await.inserted, 2, "{charset}");
        }
    }

    /// DDL commits by itself, so a kill leaves a part of a migration: the next run continues it, at whatever byte it was cut.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_killed_migration_continues_by_itself() {
        let place = Place::on(Server::Mysql).await;
        let folder = place.migrations().join("mysql");
        place.migrated(&[&plans()]).await;
        let script = "create table one (k integer not null);\nalter table one add column word varchar(9);\ncreate unique index one__key on one (k);\n\
                      insert into one values (1, 'a;b');\ninsert into one values (2, 'c');\nupdate one set k = k + 10;\n\
                      alter table one drop index one__key;\nalter table one drop column word;\ncreate table two (k integer);\n";
        fs_err::write(folder.join("20250101000009_many.sql"), script).unwrap();
        let cutter = Cutter::before(&place.scratch.as_ref().unwrap().owner()).await;
        let shaky = Destination::of(&Secret::new(cutter.url.clone())).unwrap().waiting(Duration::from_secs(20));
        let many = 1 << 40;
        cutter.cut_after(many);
        crate::load::migrate::bring(&shaky, &place.migrations()).await.unwrap();
        let bytes = cutter.passed(many);
        let (mut begun, cuts) = (0, 60);
        for step in 0..cuts {
            place.run("drop table if exists one, two; delete from _sqlx_migrations where version = 20250101000009").await;
            // The script runs in the second half of the bytes.
            cutter.cut_after(bytes * (cuts + step) / (2 * cuts));
            if crate::load::migrate::bring(&shaky, &place.migrations()).await.is_ok() {
                continue;
            }
            begun += u32::from(place.destination.open(false).await.unwrap().facts("one").await.unwrap().is_some());
            cutter.cut_after(many);
            place.bring().await.unwrap_or_else(|error| panic!("{step}: {}", error.told()));
            let mut session = place.destination.open(false).await.unwrap();
            assert!(session.facts("two").await.unwrap().is_some(), "{step}");
            assert_eq!(session.facts("one").await.unwrap().unwrap().columns.len(), 1, "{step}");
            let mut mysql = place.destination.open_mysql().await.unwrap();
            let keys: Vec<i64> = sqlx::query_scalar("select cast(k as signed) from one order by k").fetch_all(&mut mysql.connection).await.unwrap();
            assert_eq!(keys, [11, 12], "{step}: each statement ran once");
        }
        assert!(begun > 5, "{begun} of {cuts} cuts left a part");
    }

    /// The server of the tests has other ones.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_session_is_the_same_whatever_the_servers_defaults_are() {
        let place = Place::on(Server::Mysql).await;
        let scratch = place.scratch.as_ref().unwrap();
        let mut session = MysqlSession::open(&scratch.loader(), Duration::from_secs(7)).await.unwrap();
        let found: (String, String, String, i64) = sqlx::query_as(
            "select cast(@@session.sql_mode as char), cast(@@session.time_zone as char), cast(@@session.collation_connection as char),
                    cast(@@session.innodb_lock_wait_timeout as signed)",
        )
        .fetch_one(&mut session.connection)
        .await
        .unwrap();
        assert!(found.0.contains("STRICT_ALL_TABLES") && !found.0.contains("NO_BACKSLASH_ESCAPES"), "{found:?}");
        assert_eq!((found.1.as_str(), found.2.as_str(), found.3), ("+00:00", "utf8mb4_bin", 7));
    }
}
