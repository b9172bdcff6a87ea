//! Running a script of `db/` with an account of its own, and looking at the server's databases from outside.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use sqlx::{AssertSqlSafe, Connection, MySqlConnection};
use tempfile::TempDir;
use url::Url;

use crate::{
    pump::Ran,
    scratch::{PASSWORD, Scratch, Server},
};

/// What makes a name hostile: hyphen, blank, each quote, dollar, backslash, percent, a letter beyond ASCII.
pub(super) const HOSTILE: &str = "-a b'c\"d`e$f\\g%ü";

pub(super) struct Scripts {
    scratch: Scratch,
    /// What every database of this test is named after.
    pub(super) prefix: String,
    pub(super) folder: TempDir,
    variables: BTreeMap<String, String>,
}

pub(super) fn ident(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

pub(super) fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("db").join(name)
}

#[expect(clippy::disallowed_methods, reason = "where the client programs are is told to the process, not to a project")]
pub(super) fn path() -> String {
    std::env::var("PATH").unwrap()
}

impl Scripts {
    /// With an account that has all rights on the databases of this test and none elsewhere.
    pub(super) async fn new() -> Self {
        let scratch = Scratch::new(Server::Mysql).await;
        let url = Url::parse(&scratch.owner()).unwrap();
        let prefix = url.path().trim_start_matches('/').to_owned();
        let account = url.username();
        scratch.run(&format!("grant all on `{}%`.* to {account}@'%'; grant select on mysql.proc to {account}@'%'", prefix.replace('_', "\\_"))).await;
        let mut scripts = Self { prefix, folder: tempfile::tempdir().unwrap(), variables: BTreeMap::new(), scratch };
        scripts.set("PATH", path());
        scripts.set("CLOUD_SQL_DATABASE_USERNAME", account);
        scripts.set("CLOUD_SQL_DATABASE_PASSWORD", PASSWORD);
        scripts.set("CLOUD_SQL_DATABASE_PORT", url.port().unwrap().to_string());
        scripts
    }

    pub(super) fn set(&mut self, variable: &str, value: impl Into<String>) {
        self.variables.insert(variable.to_owned(), value.into());
    }

    pub(super) fn unset(&mut self, variable: &str) {
        self.variables.remove(variable);
    }

    /// The full name of a database of this test.
    pub(super) fn name(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.prefix)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("db"));
        command.env_clear().envs(&self.variables).env("TMPDIR", self.folder.path()).current_dir(self.folder.path()).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    pub(super) fn ok(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "db {arguments:?}\n{}{}", ran.stdout, ran.stderr);
        ran
    }

    pub(super) fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    pub(super) fn given(&self, input: &Path, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).stdin(fs_err::File::open(input).unwrap().into_parts().0).output().unwrap())
    }

    /// Makes a database as the script's account and runs statements in it.
    pub(super) async fn database(&self, name: &str, statements: &str) {
        let mut connection = MySqlConnection::connect(&self.scratch.owner()).await.unwrap();
        let made = format!("create database {0} character set utf8mb4; use {0}; {statements}", ident(name));
        sqlx::raw_sql(AssertSqlSafe(made)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Runs statements as the server's own account.
    pub(super) async fn as_root(&self, statements: &str) {
        self.scratch.run(statements).await;
    }

    pub(super) async fn texts(&self, sql: &str) -> Vec<String> {
        self.scratch.texts(sql).await
    }

    /// The databases of this test, without the prefix.
    pub(super) async fn databases(&self) -> Vec<String> {
        let like = format!("{}%", self.prefix.replace('_', "\\_"));
        let names = self.texts(&format!("select schema_name from information_schema.schemata where schema_name like '{like}' order by 1")).await;
        names.iter().map(|name| name[self.prefix.len()..].to_owned()).filter(|name| !name.is_empty()).collect()
    }

    /// Everything a database holds, as text: definitions, rows, views, triggers, routines, events. Who owns them is left out.
    pub(super) async fn everything(&self, name: &str) -> Vec<String> {
        let of = literal(name);
        let mut all = self
            .texts(&format!(
                "select concat_ws(' ', 'column', table_name, ordinal_position, column_name, column_type, is_nullable, collation_name, extra)
                   from information_schema.columns where table_schema = {of}
                 union all select concat_ws(' ', 'view', table_name, replace(view_definition, {itself}, '')) from information_schema.views where table_schema = {of}
                 union all select concat_ws(' ', 'trigger', trigger_name, event_object_table, action_statement) from information_schema.triggers where trigger_schema = {of}
                 union all select concat_ws(' ', 'routine', routine_name, routine_definition) from information_schema.routines where routine_schema = {of}
                 union all select concat_ws(' ', 'event', event_name, event_definition, starts, status) from information_schema.events where event_schema = {of}
                 union all select concat_ws(' ', 'key', table_name, constraint_name, column_name, referenced_table_name) from information_schema.key_column_usage where table_schema = {of}
                 union all select concat('default ', default_collation_name) from information_schema.schemata where schema_name = {of}",
                itself = literal(&format!("{}.", ident(name))),
            ))
            .await;
        let tables =
            self.texts(&format!("select table_name from information_schema.tables where table_schema = {of} and table_type = 'BASE TABLE'")).await;
        for table in tables {
            let columns = self
                .texts(&format!(
                    "select concat('ifnull(hex(`', replace(column_name, '`', '``'), '`), ''-'')') from information_schema.columns
                     where table_schema = {of} and table_name = {} order by ordinal_position",
                    literal(&table)
                ))
                .await;
            let rows = self.texts(&format!("select concat_ws(' ', {}) from {}.{}", columns.join(", "), ident(name), ident(&table))).await;
            all.extend(rows.into_iter().map(|row| format!("row {table} {row}")));
        }
        all.sort();
        all
    }

    /// What the scripts have left in the folder for temporary files, beside what the test put there.
    pub(super) fn leftovers(&self) -> Vec<String> {
        let names = fs_err::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("db.") || name.starts_with('.') || name.starts_with("run-proxy")).collect()
    }

    /// Drops every database of this test but the one that its account has.
    pub(super) async fn clear(self) {
        for name in self.databases().await {
            self.as_root(&format!("drop database {}", ident(&self.name(&name)))).await;
        }
        assert!(self.leftovers().is_empty(), "{:?}", self.leftovers());
    }
}
