//! A database server that one test owns, so that it can kill it, start it again, or let its disk run full.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection};
use tempfile::TempDir;
use url::Url;

use crate::scratch::Server as Engine;

/// What a committed transaction needs to survive the server's end.
const DURABLE_MYSQL: &str = "--innodb-flush-log-at-trx-commit=1";
const DURABLE_POSTGRES: &str = "-c fsync=on -c synchronous_commit=on -c full_page_writes=on";

pub(super) struct Server {
    engine: Engine,
    folder: TempDir,
    /// Of the database `etl_test`, without TLS.
    pub(super) url: Url,
}

impl Server {
    /// Starts a server of its own with an empty database. The account is the server's own.
    pub(super) async fn start(engine: Engine) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let other = if engine == Engine::Mysql { "ETL_TEST_POSTGRES_URL" } else { "ETL_TEST_MYSQL_URL" };
        let mut starting = servers(&["start", path]);
        starting
            .env_remove("ETL_TEST_MYSQL_URL")
            .env_remove("ETL_TEST_POSTGRES_URL")
            .env(other, "none")
            .env("ETL_TEST_SERVER_OPTIONS", durable(engine));
        let output = starting.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // Should this process be killed, the server goes too.
        let watch = ["watch", &std::process::id().to_string(), path].map(str::to_owned);
        let mut watcher = Command::new("setsid");
        watcher.arg("--fork").arg(script()).args(watch).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        assert!(watcher.status().unwrap().success());
        let printed = String::from_utf8(output.stdout).unwrap();
        let mut url = Url::parse(printed.trim().split_once('=').unwrap().1).unwrap();
        match engine {
            Engine::Mysql => {
                url.set_query(Some("ssl-mode=DISABLED"));
                let mut connection = MySqlConnection::connect(url.as_str()).await.unwrap();
                sqlx::raw_sql("create database etl_test character set utf8mb4").execute(&mut connection).await.unwrap();
            }
            Engine::Postgres => {
                url.set_query(Some("sslmode=disable"));
                let mut connection = PgConnection::connect(url.as_str()).await.unwrap();
                sqlx::raw_sql("create database etl_test").execute(&mut connection).await.unwrap();
            }
        }
        url.set_path("/etl_test");
        Self { engine, folder, url }
    }

    /// SIGKILL for the server and all of its processes.
    pub(super) fn crash(&self) {
        assert!(servers(&["crash", self.path()]).status().unwrap().success());
    }

    /// Starts it once more, on the same data.
    pub(super) fn again(&self) {
        self.again_within(None);
    }

    /// The same; no file may become longer than so many KiB.
    pub(super) fn again_within(&self, file_blocks: Option<u32>) {
        let mut command = servers(&["again", self.path()]);
        command.env("ETL_TEST_SERVER_OPTIONS", durable(self.engine));
        if let Some(blocks) = file_blocks {
            command.env("ETL_TEST_FILE_BLOCKS", blocks.to_string());
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The one number that a query gives.
    pub(super) async fn number(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        match self.engine {
            Engine::Mysql => {
                let mut connection = MySqlConnection::connect(self.url.as_str()).await.unwrap();
                sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
            }
            Engine::Postgres => {
                let mut connection = PgConnection::connect(self.url.as_str()).await.unwrap();
                sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
            }
        }
    }

    fn path(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = servers(&["stop", self.path()]).status();
    }
}

fn durable(engine: Engine) -> &'static str {
    if engine == Engine::Mysql { DURABLE_MYSQL } else { DURABLE_POSTGRES }
}

fn script() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/servers")
}

fn servers(arguments: &[&str]) -> Command {
    let mut command = Command::new(script());
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
