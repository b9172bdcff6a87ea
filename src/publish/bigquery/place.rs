//! Where views go and what they read from: project, dataset, connection, and the kind of the database behind it.

use crate::error::{Error, Kind, Result};

/// A dataset of BigQuery and the connection to Cloud SQL behind its views.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The project of the dataset, which also runs the statements.
    pub(crate) project: String,
    pub(crate) dataset: String,
    pub(crate) connection: Connection,
    pub(crate) database: Database,
}

/// A connection resource of BigQuery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    project: String,
    location: String,
    id: String,
}

/// The database behind the connection, as far as SQL for it differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    Mysql,
    Postgres,
}

impl Place {
    /// Takes names apart and checks them. `connection` is `ID`, `LOCATION.ID`, `PROJECT.LOCATION.ID` or
    /// `projects/P/locations/L/connections/ID`.
    ///
    /// # Errors
    /// [`Kind::Usage`] that names what is wrong.
    pub fn new(project: &str, dataset: &str, connection: &str, location: Option<&str>, database: Database) -> Result<Self> {
        let sound = |what: &str, text: &str, extra: &str| {
            let good = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c));
            if good { Ok(text.to_owned()) } else { Err(Error::new(Kind::Usage, format!("`{text}` is no {what} of BigQuery"))) }
        };
        let project = sound("project", project, "-.:")?;
        let dataset = sound("dataset", dataset, "_")?;
        let parts: Vec<&str> = match connection.strip_prefix("projects/") {
            Some(rest) => match rest.split('/').collect::<Vec<_>>()[..] {
                [project, "locations", location, "connections", id] => vec![project, location, id],
                _ => Vec::new(),
            },
            None => connection.split('.').collect(),
        };
        let (own_project, own_location, id) = match parts[..] {
            [id] => (project.as_str(), location, id),
            [location, id] => (project.as_str(), Some(location), id),
            [own, location, id] => (own, Some(location), id),
            _ => {
                return Err(Error::new(Kind::Usage, format!("`{connection}` names no connection"))
                    .hint("write it as LOCATION.ID or projects/P/locations/L/connections/ID"));
            }
        };
        let Some(own_location) = own_location else {
            return Err(Error::new(Kind::Usage, format!("the location of the connection `{connection}` is not known"))
                .hint("add `--location`, or write the connection as LOCATION.ID"));
        };
        if let Some(location) = location.filter(|location| !location.eq_ignore_ascii_case(own_location)) {
            return Err(Error::new(Kind::Usage, format!("`--location {location}` is not that of the connection, `{own_location}`"))
                .hint("dataset and connection must be in the same location"));
        }
        let connection = Connection {
            project: sound("project", own_project, "-.:")?,
            location: sound("location", own_location, "-")?.to_ascii_lowercase(),
            id: sound("connection", id, "-_")?,
        };
        Ok(Self { project, dataset, connection, database })
    }

    /// The location of the connection, in lower case.
    pub fn location(&self) -> &str {
        &self.connection.location
    }

    /// The whole name of a view, quoted part by part: a project may hold a hyphen, a dot or a colon.
    pub(super) fn name(&self, view: &str) -> String {
        format!("`{}`.`{}`.`{view}`", self.project, self.dataset)
    }

    /// The connection as EXTERNAL_QUERY takes it.
    pub(super) fn connection(&self) -> String {
        format!("projects/{}/locations/{}/connections/{}", self.connection.project, self.connection.location, self.connection.id)
    }
}

impl Database {
    /// Of a destination's address.
    ///
    /// # Errors
    /// [`Kind::Usage`] for what no connection of BigQuery reads.
    pub fn of(address: &str) -> Result<Self> {
        match address.split(':').next().unwrap_or_default() {
            "mysql" => Ok(Self::Mysql),
            "postgres" => Ok(Self::Postgres),
            other => Err(Error::new(Kind::Usage, format!("BigQuery reads no `{other}:` database"))
                .hint("name the Cloud SQL database with `--database mysql:` or `--database postgres:`, or in etl.toml")),
        }
    }

    /// An identifier as this database quotes it.
    pub(super) fn quoted(self, name: &str) -> String {
        match self {
            Self::Mysql => format!("`{}`", name.replace('`', "``")),
            Self::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }
}

/// A text as a literal of BigQuery.
pub(super) fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // BigQuery has no other control characters in a literal but by number.
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(connection: &str, location: Option<&str>) -> Result<Place> {
        Place::new("moz-testops", "testops_staging", connection, location, Database::Mysql)
    }

    #[test]
    fn connections_have_four_forms() {
        for (connection, location) in
            [("etl", Some("US")), ("us.etl", None), ("moz-testops.us.etl", Some("us")), ("projects/moz-testops/locations/us/connections/etl", None)]
        {
            assert_eq!(place(connection, location).unwrap().connection(), "projects/moz-testops/locations/us/connections/etl", "{connection}");
        }
        for (connection, location, part) in [
            ("etl", None, "is not known"),
            ("us.etl", Some("eu"), "is not that of the connection"),
            ("projects/p/etl", None, "names no connection"),
            ("us.e'tl", None, "no connection of BigQuery"),
        ] {
            let error = place(connection, location).unwrap_err();
            assert!(error.kind() == Kind::Usage && error.to_string().contains(part), "{connection}: {error}");
        }
        assert_eq!(Place::new("p", "a-b", "us.c", None, Database::Mysql).unwrap_err().to_string(), "`a-b` is no dataset of BigQuery");
    }

    #[test]
    fn texts_are_literals() {
        assert_eq!(literal("it's \"a\\b\"\n😀\u{1}`"), "'it\\'s \"a\\\\b\"\\n😀\\u0001`'");
    }

    #[test]
    fn databases_quote_in_their_own_way() {
        assert_eq!((Database::of("mysql:").unwrap(), Database::of("postgres://h/d").unwrap()), (Database::Mysql, Database::Postgres));
        assert_eq!(Database::of("sqlite:x").unwrap_err().kind(), Kind::Usage);
        assert_eq!((Database::Mysql.quoted("a`b"), Database::Postgres.quoted("a\"b")), ("`a``b`".to_owned(), "\"a\"\"b\"".to_owned()));
    }
}
