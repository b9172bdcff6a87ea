//! One DuckDB connection with our settings.

use std::{
    fmt::Write,
    ops::Deref,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use duckdb::{Config, Connection};

use crate::{
    error::{Error, Kind, OrFail, Result},
    settings::EngineLimits,
};

/// Version of the library that is linked; results are cached under it.
pub(super) const DUCKDB: &str = "1.5.6";

/// The version of the library that is linked, as it says itself: `v1.5.6`.
///
/// # Errors
/// [`Kind::Internal`] if it does not start.
pub fn duckdb_version() -> Result<String> {
    let connection = Connection::open_in_memory().or_fail(Kind::Internal, || "DuckDB does not start")?;
    connection.version().or_fail(Kind::Internal, || "DuckDB does not say its version")
}

/// The schema of a running DuckDB in which it keeps the seeds for all sessions.
pub(super) const SEEDS: &str = "memory.seeds";

/// A running DuckDB. To start one takes longer than most of our statements, so the sessions of a process share it.
pub(super) struct Instance {
    base: Mutex<Connection>,
    sessions: AtomicU64,
}

impl Instance {
    /// Starts one in memory.
    pub(super) fn open(limits: &EngineLimits, temp: &Path) -> Result<Self> {
        let base = open(limits, temp, None)?;
        execute(&base, &format!("create schema {SEEDS}"))?;
        Ok(Self { base: Mutex::new(base), sessions: AtomicU64::new(0) })
    }

    /// A connection with an empty database of its own.
    pub(super) fn session(&self) -> Result<Session> {
        let connection = self.base.lock().unwrap_or_else(PoisonError::into_inner).try_clone().or_fail(Kind::Internal, || "DuckDB has ended")?;
        let database = format!("moment_{}", self.sessions.fetch_add(1, Ordering::Relaxed));
        execute(&connection, &format!("attach ':memory:' as {database}; use {database}; {FOR_EACH_CONNECTION}"))?;
        Ok(Session { connection, database, apart: false })
    }

    /// The only session of an instance, which may change the instance's configuration.
    pub(super) fn into_session(self) -> Result<Session> {
        let mut session = self.session()?;
        session.apart = true;
        Ok(session)
    }
}

/// A connection with a database of its own, which goes with it.
pub(super) struct Session {
    connection: Connection,
    database: String,
    apart: bool,
}

impl Session {
    /// Whether nobody else uses its DuckDB.
    pub(super) fn is_apart(&self) -> bool {
        self.apart
    }
}

impl Deref for Session {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // What is left if this fails goes with the process.
        let _ = self.connection.execute_batch(&format!("use memory; detach {}", self.database));
    }
}

/// Settings that a connection does not take over from the one that it was cloned from.
const FOR_EACH_CONNECTION: &str = "set TimeZone = 'UTC'; set enable_progress_bar = false;";

/// Opens an in-memory database, or the file `path`.
///
/// Time zone UTC, a memory limit and thread count of ours, spilling into `temp`, and no extension that would be fetched.
pub(super) fn open(limits: &EngineLimits, temp: &Path, path: Option<&Path>) -> Result<Connection> {
    let failed = || "cannot open DuckDB";
    let mut config = Config::default()
        .enable_autoload_extension(false)
        .and_then(|config| config.with("autoinstall_known_extensions", "false"))
        .and_then(|config| config.max_memory(&limits.memory))
        .map_err(|error| wrong_limit(error, limits))?;
    if limits.threads > 0 {
        config = config.threads(i64::from(limits.threads)).or_fail(Kind::Config, failed)?;
    }
    let connection = match path {
        None => Connection::open_in_memory_with_flags(config),
        Some(path) => Connection::open_with_flags(path, config),
    }
    .map_err(|error| wrong_limit(error, limits))?;
    let temp = literal(&temp.display().to_string());
    execute(&connection, &format!("set temp_directory = {temp}; set preserve_insertion_order = true; {FOR_EACH_CONNECTION}"))?;
    Ok(connection)
}

fn wrong_limit(error: duckdb::Error, limits: &EngineLimits) -> Error {
    if error.to_string().starts_with("IO Error") {
        return Error::new(Kind::Io, "DuckDB cannot write its file")
            .because(error.to_string())
            .hint("see that the disk of `ETL_DATA` has free space");
    }
    Error::new(Kind::Config, format!("DuckDB does not start with memory = `{}`, threads = {}", limits.memory, limits.threads))
        .because(error)
        .hint("correct `[engine]` in etl.toml, for example memory = \"2GB\"")
}

/// Runs statements that give no rows.
pub(super) fn execute(connection: &Connection, sql: &str) -> Result<()> {
    connection.execute_batch(sql).map_err(|error| refused(error, sql))
}

/// What DuckDB says of a Parquet file that it cannot read.
const UNREADABLE: [&str; 5] =
    ["No magic bytes", "No files found that match", "Decompression failure", "TProtocolException", "too small to be a Parquet file"];

/// The kind of a refusal that is not about the SQL, and what helps.
fn not_about_sql(told: &str) -> Option<(Kind, &'static str)> {
    if UNREADABLE.iter().any(|what| told.contains(what)) {
        return Some((
            Kind::Lake,
            "a file of the lake is damaged or gone: bring it back, or move away the receipt that names it and run `etl extract`; \
             what `etl transform` made is made anew with `--full-refresh`",
        ));
    }
    if told.contains("No space left on device") {
        return Some((Kind::Io, "the disk is full: see to the free space of `ETL_DATA`"));
    }
    told.starts_with("Out of Memory Error").then_some((Kind::Sql, "give DuckDB more memory: `[engine]` in etl.toml"))
}

/// DuckDB's refusal of `sql` as an error of ours.
pub(super) fn refused(error: duckdb::Error, sql: &str) -> Error {
    let mut text = String::new();
    let lines = sql.lines().map(|line| line.split_once("-- ").map_or(line, |(code, _)| code).trim());
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with("--")).take(3) {
        let _ = write!(text, "{line} ");
    }
    let text: String = text.chars().take(120).collect();
    // Its own chain repeats the message and adds an error number that says nothing.
    let told = error.to_string();
    let refused = format!("DuckDB refuses `{}`", text.trim_end());
    match not_about_sql(&told) {
        Some((kind, hint)) => Error::new(kind, refused).because(told).hint(hint),
        None => Error::new(Kind::Sql, refused).because(told),
    }
}

/// `text` as an SQL string literal.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// `name` as a quoted SQL identifier.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// An instant as a TIMESTAMP literal.
pub(super) fn instant(at: chrono::DateTime<chrono::Utc>) -> String {
    format!("timestamp '{}'", at.format("%Y-%m-%d %H:%M:%S%.6f"))
}

/// A list of files as an SQL list of texts.
fn file_list(paths: &[std::path::PathBuf]) -> String {
    let items: Vec<String> = paths.iter().map(|path| literal(&path.display().to_string())).collect();
    format!("[{}]", items.join(", "))
}

/// Reads Parquet files; `more` are further options. A folder of the lake that is called `a=b` is no column `a`.
pub(super) fn parquet(paths: &[std::path::PathBuf], more: &str) -> String {
    format!("read_parquet({}, hive_partitioning = false{more})", file_list(paths))
}

/// Reads all Parquet files of `folder` (no file, or many) whose names below it match `pattern`.
pub(super) fn parquet_in(folder: &Path, pattern: &str) -> String {
    let mut path = String::new();
    for letter in folder.display().to_string().chars() {
        match letter {
            '*' | '?' | '[' => path.extend(['[', letter, ']']),
            letter => path.push(letter),
        }
    }
    format!("read_parquet({}, hive_partitioning = false)", literal(&format!("{path}/{pattern}")))
}

/// The statement without a closing semicolon, so that it can be wrapped.
pub(super) fn bare(sql: &str) -> &str {
    sql.trim_end().trim_end_matches(';')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_about_the_sql_is_told_apart() {
        for (told, kind, part) in [
            ("Invalid Input Error: No magic bytes found at end of file 'a.parquet'", Some(Kind::Lake), "damaged or gone"),
            ("IO Error: Could not write file \"x\": No space left on device", Some(Kind::Io), "free space"),
            ("Out of Memory Error: could not allocate block", Some(Kind::Sql), "[engine]"),
            ("Binder Error: Referenced column \"x\" not found", None, ""),
        ] {
            let found = not_about_sql(told);
            assert_eq!(found.map(|(kind, _)| kind), kind, "{told}");
            assert!(found.is_none_or(|(_, hint)| hint.contains(part)), "{told}");
        }
    }

    #[test]
    fn a_refusal_shows_sql_and_no_comments() {
        let connection = Connection::open_in_memory().unwrap();
        let sql = "select * from (-- description: a mart\n-- key: id\nselect no_such_column)";
        let error = execute(&connection, sql).unwrap_err();
        assert_eq!(error.to_string(), "DuckDB refuses `select * from ( select no_such_column)`");
    }
}
