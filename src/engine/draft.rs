//! A `lake.duckdb` that is being written: where nothing but days was added, it begins as a copy of the former one.
//!
//! What is written then is what was pulled since, and the views whose text changed: a year of history costs a copy of a few
//! megabytes, not a statement for every file.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use duckdb::{Connection, params};

use super::{
    base::Engine,
    session::{self, execute},
};
use crate::{
    digest,
    error::{Error, Kind, OrFail, Result},
};

/// The database file.
pub(super) struct Draft {
    connection: Connection,
    /// Of each view of the former file, by name, the hash of its statements.
    former: BTreeMap<String, String>,
    /// Those of this one.
    now: BTreeMap<String, String>,
    /// The pulls that it tells of already; none = it is empty.
    known: Option<BTreeSet<String>>,
}

impl Draft {
    /// An empty one at `part`. What it is made from is named by `identity`.
    pub(super) fn anew(engine: &Engine, part: &Path, identity: &str) -> Result<Self> {
        if part.exists() {
            fs_err::remove_file(part)?;
        }
        let connection = session::open(&engine.settings().engine, engine.temp(), Some(part))?;
        execute(&connection, "begin; create schema landed; create schema latest; create schema history; create schema etl")?;
        execute(&connection, "create table etl.made (what varchar, hash varchar)")?;
        connection.execute("insert into etl.made values ('', ?)", params![identity]).map_err(|error| session::refused(error, "insert"))?;
        Ok(Self { connection, former: BTreeMap::new(), now: BTreeMap::new(), known: None })
    }

    /// A copy of `path`, if that was made from the same and tells of no other pulls than these.
    pub(super) fn again(engine: &Engine, path: &Path, part: &Path, identity: &str, pulls: &BTreeSet<String>) -> Result<Option<Self>> {
        if !path.is_file() {
            return Ok(None);
        }
        fs_err::copy(path, part)?;
        let connection = session::open(&engine.settings().engine, engine.temp(), Some(part))?;
        let mut former: BTreeMap<String, String> = pairs(&connection, "select what, hash from etl.made")?.into_iter().collect();
        if former.remove("").as_deref() != Some(identity) {
            return Ok(None);
        }
        let known: BTreeSet<String> = pairs(&connection, "select pull_id, '' from pulls")?.into_iter().map(|(pull, _)| pull).collect();
        if !known.is_subset(pulls) {
            return Ok(None);
        }
        execute(&connection, "begin")?;
        Ok(Some(Self { connection, former, now: BTreeMap::new(), known: Some(known) }))
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The pulls that it told of before; `None` if it is empty.
    pub(super) fn known(&self) -> Option<&BTreeSet<String>> {
        self.known.as_ref()
    }

    /// Makes a view by its SELECT, with comments on it and on its columns, unless it is there already.
    pub(super) fn view(&mut self, name: &str, select: &str, comments: &[(String, &str)]) -> Result<()> {
        let mut statements = format!("create or replace view {name} as\n{select};");
        for (what, text) in comments {
            statements.push_str(&format!("comment on {what} is {};", session::literal(text)));
        }
        let hash = digest::short(&statements, 8);
        if self.former.get(name) != Some(&hash) {
            execute(&self.connection, &statements)?;
        }
        self.now.insert(name.to_owned(), hash);
        Ok(())
    }

    /// Removes views that were not asked for, and closes the file.
    pub(super) fn finish(self) -> Result<()> {
        let mut statements = String::new();
        for (name, hash) in &self.former {
            if self.now.get(name) != Some(hash) {
                statements.push_str(&format!("delete from etl.made where what = {};", session::literal(name)));
            }
            if !self.now.contains_key(name) {
                statements.push_str(&format!("drop view if exists {name};"));
            }
        }
        let new = self.now.iter().filter(|(name, hash)| self.former.get(*name) != Some(*hash));
        let rows: Vec<String> = new.map(|(name, hash)| format!("({}, '{hash}')", session::literal(name))).collect();
        if !rows.is_empty() {
            statements.push_str(&format!("insert into etl.made values {};", rows.join(", ")));
        }
        execute(&self.connection, &format!("{statements} commit; checkpoint"))?;
        self.connection.close().map_err(|(_, error)| Error::new(Kind::Sql, "cannot close lake.duckdb").because(error))
    }
}

fn pairs(connection: &Connection, sql: &str) -> Result<Vec<(String, String)>> {
    let failed = || "cannot read the former lake.duckdb";
    let mut statement = connection.prepare(sql).or_fail(Kind::Sql, failed)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).or_fail(Kind::Sql, failed)?;
    rows.collect::<duckdb::Result<_>>().or_fail(Kind::Sql, failed)
}
