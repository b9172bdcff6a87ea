//! SQLite behind the seam.
//!
//! `BEGIN IMMEDIATE` is lock and transaction in one. The file is put into WAL mode by the migrations: readers are never
//! blocked by a load and never see half of one.

use std::{collections::VecDeque, path::Path, str::FromStr, time::Duration};

use futures::{StreamExt, future::BoxFuture};
use sqlx::{
    Connection, SqliteConnection,
    error::DatabaseError,
    migrate::{Migrate, Migrator},
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::{
    flavour::Flavour,
    session::{Access, Applied, Each, Session, Source},
    sqlite_values::{append, arguments, portable, row_values},
    statement::{Sql, insert},
    target::{Charset, Collation, RealColumn, TableFacts, UniqueIndex},
    value::Value,
};
use crate::{
    catalog::ColumnType,
    error::{Error, Kind, OrFail, Result},
};

/// Rows of one INSERT (fewer where the columns are many).
const INSERT_ROWS: usize = 500;

/// Parameters that one statement may have.
const MAX_PARAMETERS: usize = 32_766;

/// Rows that SQLite's thread may read ahead: with few of them, two threads wait for each other all the time.
const ROW_BUFFER: usize = 4_096;

/// An open SQLite file.
pub(super) struct SqliteSession {
    connection: SqliteConnection,
}

impl SqliteSession {
    /// Opens the file of `url` (`sqlite:path`). `create`: make the file, and its folder, if it is not there.
    pub(super) async fn open(url: &str, create: bool, wait: Duration) -> Result<Self> {
        let options =
            SqliteConnectOptions::from_str(url).or_fail(Kind::Config, || format!("`{url}` is no SQLite address like `sqlite:data/etl.sqlite`"))?;
        let path = options.get_filename().to_owned();
        let mut options = options.create_if_missing(create).busy_timeout(wait).synchronous(SqliteSynchronous::Full).row_buffer_size(ROW_BUFFER);
        if create {
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                fs_err::create_dir_all(folder)?;
            }
            options = options.journal_mode(SqliteJournalMode::Wal);
        } else if !path.exists() && !url.contains("memory") {
            return Err(Error::new(Kind::Database, format!("there is no database `{}`", path.display())).hint("run `etl migrate run`"));
        }
        let connection = SqliteConnection::connect_with(&options).await.map_err(|error| failed(error, || opening(&path)))?;
        Ok(Self { connection })
    }

    /// Writes the committed state into a new file.
    pub(super) async fn copy_to(mut self, path: &Path) -> Result<()> {
        sqlx::query("vacuum into ?")
            .bind(path.display().to_string())
            .execute(&mut self.connection)
            .await
            .map_err(|error| failed(error, || format!("cannot copy the database to `{}`", path.display())))?;
        Ok(())
    }
}

fn opening(path: &Path) -> String {
    format!("cannot open the database `{}`", path.display())
}

/// Our error for one of SQLite: a busy database is a lock, all else a failure.
fn failed<M: Into<String>>(error: sqlx::Error, message: impl FnOnce() -> M) -> Error {
    let code = error.as_database_error().and_then(DatabaseError::code).and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff);
    let kind = if matches!(code, Some(5 | 6)) { Kind::Locked } else { Kind::Database };
    let failed = Error::new(kind, message()).because(error);
    if code == Some(13) { failed.hint(super::connect::DISK_FULL) } else { failed }
}

impl Session for SqliteSession {
    // --- facts ---

    fn flavour(&self) -> Flavour {
        Flavour::Sqlite
    }

    fn server(&mut self) -> BoxFuture<'_, Result<String>> {
        Box::pin(async {
            let version: String = sqlx::query_scalar("select sqlite_version()")
                .fetch_one(&mut self.connection)
                .await
                .map_err(|error| failed(error, || "cannot ask for the version"))?;
            Ok(format!("SQLite {version}"))
        })
    }

    fn facts<'a>(&'a mut self, table: &'a str) -> BoxFuture<'a, Result<Option<TableFacts>>> {
        Box::pin(async move {
            let describing = || format!("cannot describe the table `{table}`");
            let columns: Vec<(String, String, i64, Option<String>, i64)> =
                sqlx::query_as(r#"select name, type, "notnull", dflt_value, pk from pragma_table_xinfo(?) order by cid"#)
                    .bind(table)
                    .fetch_all(&mut self.connection)
                    .await
                    .map_err(|error| failed(error, describing))?;
            if columns.is_empty() {
                return Ok(None);
            }
            let indexes: Vec<(String, String, String)> = sqlx::query_as(
                r#"select i.name, c.name, c.coll from pragma_index_list(?) as i join pragma_index_xinfo(i.name) as c
                   where i."unique" and not i.partial and c.key and c.name is not null order by i.seq, c.seqno"#,
            )
            .bind(table)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| failed(error, describing))?;
            let mut facts = TableFacts::default();
            let rowid: Vec<&str> = columns.iter().filter(|column| column.4 > 0).map(|column| column.0.as_str()).collect();
            // An INTEGER PRIMARY KEY is the row id and stands in no index list.
            let is_rowid = |name: &str, declared: &str| rowid == [name] && declared.eq_ignore_ascii_case("integer");
            for (name, declared, not_null, default, _) in &columns {
                facts.columns.push(RealColumn {
                    name: name.clone(),
                    declared: declared.clone(),
                    kind: portable(declared),
                    not_null: *not_null != 0,
                    filled: default.is_some() || is_rowid(name, declared),
                    charset: Charset::Unicode,
                });
                if is_rowid(name, declared) {
                    facts.unique.push(UniqueIndex { columns: vec![(name.clone(), Collation::Binary)] });
                }
            }
            let mut last = String::new();
            for (index, column, collation) in indexes {
                let collation = if collation.eq_ignore_ascii_case("binary") { Collation::Binary } else { Collation::Named(collation) };
                if index != last || facts.unique.is_empty() {
                    facts.unique.push(UniqueIndex { columns: Vec::new() });
                    last = index;
                }
                if let Some(index) = facts.unique.last_mut() {
                    index.columns.push((column, collation));
                }
            }
            Ok(Some(facts))
        })
    }

    // --- transactions ---

    fn begin(&mut self, access: Access) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let statement = match access {
                Access::Read => "begin",
                Access::Write => "begin immediate",
            };
            sqlx::query(statement)
                .execute(&mut self.connection)
                .await
                .map_err(|error| failed(error, || "cannot begin: another process is writing to the database"))?;
            Ok(())
        })
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            sqlx::query("commit").execute(&mut self.connection).await.map_err(|error| failed(error, || "cannot commit"))?;
            Ok(())
        })
    }

    fn rollback(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            sqlx::query("rollback").execute(&mut self.connection).await.map_err(|error| failed(error, || "cannot roll back"))?;
            Ok(())
        })
    }

    // --- rows ---

    fn execute<'a>(&'a mut self, sql: &'a Sql, many: &'a [Vec<Value<'a>>]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let mut changed = 0;
            for values in many {
                let done = sqlx::query_with(sql.safe(), arguments(values)?)
                    .execute(&mut self.connection)
                    .await
                    .map_err(|error| failed(error, || "a statement failed"))?;
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
            let at_once = INSERT_ROWS.min(MAX_PARAMETERS / columns.len().max(1)).max(1);
            let whole = insert(Flavour::Sqlite, table, columns, at_once);
            // What was taken so far, in bundles of one statement each; the last one may be too small yet.
            let mut bundles = VecDeque::from([(0, SqliteArguments::default())]);
            let mut more = true;
            while more {
                more = rows.some(&mut |row| {
                    if bundles.back().is_none_or(|(count, _)| *count == at_once) {
                        bundles.push_back((0, SqliteArguments::default()));
                    }
                    bundles.back_mut().map_or(Ok(()), |(count, bound)| {
                        *count += 1;
                        append(bound, row)
                    })
                })?;
                while let Some((count, bound)) = bundles.pop_front_if(|(count, _)| *count == at_once || !more && *count > 0) {
                    let sql = if count == at_once { whole.clone() } else { insert(Flavour::Sqlite, table, columns, count) };
                    sqlx::query_with(sql.safe(), bound)
                        .execute(&mut self.connection)
                        .await
                        .map_err(|error| failed(error, || format!("cannot insert into `{table}`")))?;
                }
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
            // sqlx takes no lock for SQLite. One transaction around all migrations is a lock, and leaves nothing half done.
            let mut whole = self
                .connection
                .begin_with("begin immediate")
                .await
                .map_err(|error| failed(error, || "cannot begin: another process is writing to the database"))?;
            migrator.run_direct(None, &mut *whole, false).await.or_fail(Kind::Database, || "a migration failed; the database is as it was before")?;
            whole.commit().await.map_err(|error| failed(error, || "cannot commit the migrations"))
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
    use std::sync::Arc;

    use crate::load::{
        conformance,
        sample::{Place, load_one, manner, mart, numbers, plan, plans},
        table::Mode,
    };

    conformance::conforms!(Place::sqlite());

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_rerun_leaves_the_file_as_it_is() {
        let place = Place::sqlite();
        let contract = plans();
        place.migrated(&[&contract]).await;
        let mart = Arc::new(mart(&contract, &[plan(1, "a", 1), plan(2, "b", 1)], 1));
        load_one(&place.destination, &contract, &mart, &manner(Mode::Load)).await;
        let before = fs_err::read(place.folder.path().join("db.sqlite")).unwrap();
        assert_eq!(numbers(&load_one(&place.destination, &contract, &mart, &manner(Mode::Load)).await), (0, 0, 0, 2, 0));
        assert!(before == fs_err::read(place.folder.path().join("db.sqlite")).unwrap(), "the file has changed");
    }
}
