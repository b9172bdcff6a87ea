//! The destination's address: which engine it names, how it is shown, how it is opened.

use std::{fmt, time::Duration};

use super::{flavour::Flavour, session::Session, sqlite::SqliteSession};
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
    /// [`Kind::Config`] for an engine that is not known or not there yet.
    pub fn of(address: &Secret) -> Result<Self> {
        let scheme = address.expose().split(':').next().unwrap_or_default();
        let flavour = match scheme {
            "sqlite" => Flavour::Sqlite,
            "mysql" | "mariadb" | "postgres" | "postgresql" => {
                return Err(Error::new(Kind::Config, format!("the destination `{scheme}:` is not supported yet"))
                    .hint("use `sqlite:PATH` in `database` of etl.toml or `ETL_DATABASE`"));
            }
            _ => {
                // The address is not repeated: it may hold a password in a form that we do not understand.
                return Err(Error::new(Kind::Config, "the destination's address does not begin with `sqlite:`")
                    .hint("set `database` in etl.toml or `ETL_DATABASE`, for example `sqlite:data/etl.sqlite`"));
            }
        };
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
            Flavour::Mysql | Flavour::Postgres => Err(Error::new(Kind::Internal, "an address without an engine")),
        }
    }
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
        for (text, part) in [("mysql://u:geheim@h/db", "not supported yet"), ("geheim", "does not begin with")] {
            let error = of(text).err().map(|error| format!("{error:?} {:?}", error.remedy())).unwrap();
            assert!(error.contains(part) && !error.contains("geheim"), "{error}");
        }
    }
}
