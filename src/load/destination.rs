//! The destination's address: which engine it names, how it is shown, how it is opened.

use std::{fmt, time::Duration};

use super::{flavour::Flavour, mysql::MysqlSession, postgres::PostgresSession, session::Session, sqlite::SqliteSession};
use crate::{
    error::{Error, Kind, Result},
    secret::{Secret, masked_url},
};

/// How long a load waits for another one to end.
const WAIT: Duration = Duration::from_secs(30);

/// A checked address of a destination database. `Display` masks the password.
#[derive(Clone)]
pub struct Destination {
    address: Secret,
    flavour: Flavour,
    wait: Duration,
}

impl Destination {
    /// Understands the address.
    ///
    /// # Errors
    /// [`Kind::Config`] for an engine that is not known, [`Kind::MissingVariable`] for an address that needs variables which are not set.
    pub fn of(address: &Secret) -> Result<Self> {
        let (scheme, rest) = address.expose().split_once(':').unwrap_or_default();
        let flavour = match scheme {
            "sqlite" => Flavour::Sqlite,
            "mysql" | "mariadb" => Flavour::Mysql,
            "postgres" | "postgresql" => Flavour::Postgres,
            _ => {
                // The address is not repeated: it may hold a password in a form that we do not understand.
                return Err(Error::new(Kind::Config, "the destination's address does not begin with `sqlite:`, `mysql:` or `postgres:`")
                    .hint("set `database` in etl.toml or `ETL_DATABASE`, for example `sqlite:data/etl.sqlite` or `mysql://user:password@host:3306/database`"));
            }
        };
        if flavour != Flavour::Sqlite && !rest.starts_with("//") {
            return Err(bare(scheme, rest));
        }
        if flavour != Flavour::Sqlite && !url::Url::parse(address.expose()).is_ok_and(|url| names_a_database(&url)) {
            return Err(Error::new(Kind::Config, format!("the destination `{scheme}:` does not name a server and a database"))
                .hint(format!("an address is `{scheme}://user:password@host:port/database`; write what is special in the password as %XX")));
        }
        Ok(Self { address: address.clone(), flavour, wait: WAIT })
    }

    /// The same, waiting so long for other loads.
    #[must_use]
    pub fn waiting(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// The engine.
    pub fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// Connects. `create`: make the database if it is a file that is not there.
    pub(super) async fn open(&self, create: bool) -> Result<Box<dyn Session>> {
        match self.flavour {
            Flavour::Sqlite => Ok(Box::new(SqliteSession::open(self.address.expose(), create, self.wait).await?)),
            Flavour::Mysql => Ok(Box::new(MysqlSession::open(self.address.expose(), self.wait).await?)),
            Flavour::Postgres => Ok(Box::new(PostgresSession::open(self.address.expose(), self.wait).await?)),
        }
    }
}

impl Destination {
    /// Connects to a MySQL database.
    pub(super) async fn open_mysql(&self) -> Result<MysqlSession> {
        MysqlSession::open(self.address.expose(), self.wait).await
    }
}

/// A server, be it by the folder of its socket, and a database.
fn names_a_database(url: &url::Url) -> bool {
    (url.has_host() || url.query_pairs().any(|(name, _)| name == "host" || name == "socket")) && url.path().len() > 1
}

/// The error for an address without a server: the settings put the names of the variables that are missing behind the colon.
fn bare(scheme: &str, missing: &str) -> Error {
    Error::new(
        Kind::MissingVariable,
        format!("the destination `{scheme}:` takes server, account and database from the environment; not set: {missing}"),
    )
    .hint(format!("set the variables, or give the whole address: `{scheme}://user:password@host:port/database`"))
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address.expose();
        match (self.flavour, url::Url::parse(address)) {
            (Flavour::Sqlite, _) => f.write_str(address),
            (_, Ok(url)) => f.write_str(&masked_url(&url)),
            (flavour, Err(_)) => write!(f, "{}:***", flavour.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let of = |text: &str| Destination::of(&Secret::new(text));
        assert_eq!(of("sqlite:data/etl.sqlite").unwrap().to_string(), "sqlite:data/etl.sqlite");
        assert_eq!(of("mysql://u:geheim@h/db").unwrap().to_string(), "mysql://u:***@h/db");
        assert_eq!(of("postgres://u:geheim@h/db?sslmode=verify-ca").unwrap().to_string(), "postgres://u:***@h/db?sslmode=verify-ca");
        let faulty = [
            ("geheim", "does not begin with"),
            ("geheim://x", "does not begin with"),
            ("mysql://u:geheim@h", "does not name"),
            ("mysql:///geheim", "does not name"),
            ("postgres:CLOUD_SQL_DATABASE_NAME", "not set: CLOUD_SQL_DATABASE_NAME"),
        ];
        for (text, part) in faulty {
            let error = of(text).err().map(|error| format!("{error:?} {:?}", error.remedy())).unwrap();
            assert!(error.contains(part) && !error.contains("geheim"), "{error}");
        }
    }
}
