//! A database of its own for each test, on the servers that `.ci/servers` starts (or on given ones).
//!
//! Three accounts: the server's, which the tests look with; the database's owner, which migrates; and the one that loads,
//! which has the rights that docs/load.md lists and no others. Belongs to the room's own tests and, by path, to `tests/it`.

use std::thread;

use sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection};
use url::Url;
use uuid::Uuid;

/// In the passwords, so that escaping matters and a leak is seen.
pub(crate) const PASSWORD: &str = "Geheim/+ %&'\"@:?#";

/// A server of the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Mysql,
    Postgres,
}

/// A database; dropping this drops it.
pub(crate) struct Scratch {
    /// Where it is.
    pub(crate) server: Server,
    name: String,
    admin: Url,
}

impl Server {
    #[expect(clippy::disallowed_methods, reason = "where the servers are is told to the process, not to a project")]
    fn url(self) -> Url {
        let variable = match self {
            Self::Mysql => "ETL_TEST_MYSQL_URL",
            Self::Postgres => "ETL_TEST_POSTGRES_URL",
        };
        let text = std::env::var(variable).unwrap_or_else(|_| {
            panic!("`{variable}` is not set: run the tests by `make test` or `cargo nextest run`, which start the servers (`.ci/servers`)")
        });
        Url::parse(&text).unwrap_or_else(|error| panic!("`{variable}` is no URL: {error}"))
    }
}

impl Scratch {
    /// An empty database and its accounts.
    pub(crate) async fn new(server: Server) -> Self {
        let admin = server.url();
        let name = format!("etl_{}", &Uuid::now_v7().simple().to_string()[16..]);
        let password = PASSWORD.replace('\'', "''");
        match server {
            Server::Mysql => {
                run_mysql(
                    &admin,
                    &format!(
                        "create database {name} character set utf8mb4;
                         create user {name}_o@'%' identified by '{password}'; create user {name}_l@'%' identified by '{password}';
                         grant all on {name}.* to {name}_o@'%';
                         grant select, insert, update, delete on {name}.* to {name}_l@'%'"
                    ),
                )
                .await;
            }
            Server::Postgres => {
                run_postgres(&admin, &format!("create role {name}_o login password '{password}'; create role {name}_l login password '{password}'"))
                    .await;
                run_postgres(&admin, &format!("create database {name} owner {name}_o")).await;
                let scratch = Self { server, name: name.clone(), admin: admin.clone() };
                run_postgres(
                    &Url::parse(&scratch.url()).unwrap(),
                    &format!(
                        "alter schema public owner to {name}_o;
                         grant connect on database {name} to {name}_l; grant usage on schema public to {name}_l;
                         alter default privileges for role {name}_o in schema public grant select, insert, update, delete on tables to {name}_l"
                    ),
                )
                .await;
                return scratch;
            }
        }
        Self { server, name, admin }
    }

    fn as_account(&self, suffix: &str) -> String {
        let mut url = self.admin.clone();
        url.set_path(&format!("/{}", self.name));
        if !suffix.is_empty() {
            url.set_username(&format!("{}{suffix}", self.name)).unwrap();
            url.set_password(Some(PASSWORD)).unwrap();
        }
        url.to_string()
    }

    /// For the server's own account, to look and to be a stranger who writes.
    pub(crate) fn url(&self) -> String {
        self.as_account("")
    }

    /// For the account that migrates.
    pub(crate) fn owner(&self) -> String {
        self.as_account("_o")
    }

    /// For the account that loads.
    pub(crate) fn loader(&self) -> String {
        self.as_account("_l")
    }

    /// The texts that a query gives, as the server's own account.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        let (url, sql) = (self.url(), AssertSqlSafe(sql.to_owned()));
        match self.server {
            Server::Mysql => {
                let mut connection = MySqlConnection::connect(&url).await.unwrap();
                sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
            }
            Server::Postgres => {
                let mut connection = PgConnection::connect(&url).await.unwrap();
                sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
            }
        }
    }

    /// Gives the loading account its rights on a table that the server's own account has made.
    pub(crate) async fn grant(&self, table: &str) {
        if self.server == Server::Postgres {
            self.run(&format!("grant select, insert, update, delete on {table} to {}_l", self.name)).await;
        }
    }

    /// Runs statements as the server's own account.
    pub(crate) async fn run(&self, sql: &str) {
        let url = Url::parse(&self.url()).unwrap();
        match self.server {
            Server::Mysql => run_mysql(&url, sql).await,
            Server::Postgres => run_postgres(&url, sql).await,
        }
    }
}

async fn run_mysql(url: &Url, sql: &str) {
    let mut connection = MySqlConnection::connect(url.as_str()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn run_postgres(url: &Url, sql: &str) {
    let mut connection = PgConnection::connect(url.as_str()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let (server, name, admin) = (self.server, self.name.clone(), self.admin.clone());
        let dropping = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                match server {
                    Server::Mysql => run_mysql(&admin, &format!("drop database {name}; drop user {name}_o@'%', {name}_l@'%'")).await,
                    Server::Postgres => {
                        run_postgres(&admin, &format!("drop database {name} with (force)")).await;
                        run_postgres(&admin, &format!("drop role {name}_o; drop role {name}_l")).await;
                    }
                }
            });
        });
        // A test that failed has more to say than this.
        if dropping.join().is_err() && !thread::panicking() {
            panic!("cannot drop the database of a test");
        }
    }
}
