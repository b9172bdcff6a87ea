//! The relations as of one moment.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use chrono::NaiveDate;

use super::{
    base::Engine,
    builtins, landed, live, packed,
    references::{self, SqlPlace},
    row::{Row, Value},
    run_row::RunRow,
    session::{self, Session, bare, execute, literal, parquet, quoted},
    typed::{self, View},
};
use crate::{
    catalog::{Endpoint, Model, ModelKind, Node, Reference},
    error::{Error, Kind, Result},
    lake::{Local, Receipt, Receipts, Step},
};

impl Engine {
    /// The relations as of `run.as_of`, from these receipts (complete or not).
    ///
    /// # Errors
    /// [`Kind::Config`] if DuckDB does not start with the limits of `etl.toml`.
    pub fn moment<'e>(&'e self, run: &RunRow, receipts: &'e Receipts) -> Result<Moment<'e>> {
        self.moment_of_day(run, receipts, None)
    }

    /// Like [`Engine::moment`], where one endpoint shows the pulls of one day only: what drives a snapshot.
    ///
    /// # Errors
    /// As [`Engine::moment`].
    pub fn moment_of_day<'e>(&'e self, run: &RunRow, receipts: &'e Receipts, driver: Option<(&str, NaiveDate)>) -> Result<Moment<'e>> {
        self.moment_in(self.session()?, run, receipts, driver)
    }

    /// Like [`Engine::moment`], for queries of people: in a DuckDB of its own, which [`Moment::query`] locks.
    ///
    /// # Errors
    /// As [`Engine::moment`].
    pub fn moment_apart<'e>(&'e self, run: &RunRow, receipts: &'e Receipts) -> Result<Moment<'e>> {
        self.moment_in(self.session_apart()?, run, receipts, None)
    }

    fn moment_in<'e>(&'e self, session: Session, run: &RunRow, receipts: &'e Receipts, driver: Option<(&str, NaiveDate)>) -> Result<Moment<'e>> {
        execute(&session, "create schema landed; create schema latest; create schema history; create schema etl")?;
        builtins::run(&session, run)?;
        let present = driver.is_none() && receipts.iter().all(|receipt| receipt.finished <= run.as_of || !receipt.complete());
        let visible: Vec<&Receipt> = receipts
            .iter()
            .filter(|receipt| receipt.finished <= run.as_of)
            .filter(|receipt| driver.is_none_or(|(endpoint, day)| receipt.endpoint != endpoint || receipt.run_at.date_naive() == day))
            .collect();
        Ok(Moment {
            engine: self,
            session,
            given: receipts,
            receipts: visible,
            run: run.clone(),
            present,
            asked: None,
            made: RefCell::default(),
            counted: RefCell::default(),
            locked: Cell::new(false),
            files: RefCell::default(),
        })
    }
}

/// The relations as of one moment, created when a query first needs them.
pub struct Moment<'e> {
    engine: &'e Engine,
    session: Session,
    given: &'e Receipts,
    /// Those of them that are visible.
    receipts: Vec<&'e Receipt>,
    run: RunRow,
    /// Whether nothing is left out that came later.
    present: bool,
    /// The endpoints that `pulls` and `partitions` tell of; none = all.
    asked: Option<&'e BTreeSet<String>>,
    made: RefCell<BTreeSet<Reference>>,
    counted: RefCell<BTreeMap<String, Vec<Step>>>,
    locked: Cell<bool>,
    /// What its views read: none of it leaves this disk before the moment does.
    files: RefCell<Local>,
}

impl<'e> Moment<'e> {
    /// The same for the project's own queries, which say of which endpoints they read `pulls` and `partitions`: a year of all of
    /// them is a long list.
    #[must_use]
    pub fn of_project(mut self) -> Self {
        self.asked = self.engine.asked();
        self
    }

    /// The rows of an endpoint's `for_each`; one empty row where it has none.
    ///
    /// # Errors
    /// [`Kind::Sql`] if DuckDB refuses the query, [`Kind::Config`] for a column type that no request can carry. The moment is of no
    /// use then.
    pub fn for_each(&self, endpoint: &Endpoint) -> Result<Vec<Row>> {
        let Some(sql) = &endpoint.for_each else { return Ok(vec![Row::new()]) };
        self.require(self.engine.graph().references(&Node::Endpoint(endpoint.id.clone())))?;
        self.rows(sql).map_err(|error| error.within(format!("for_each of endpoint `{}`", endpoint.id)))
    }

    /// Makes relations available, with everything that they need.
    ///
    /// # Errors
    /// [`Kind::Sql`] if a model does not run, [`Kind::Lake`] if a file is missing.
    pub fn require(&self, references: &[Reference]) -> Result<()> {
        for reference in references {
            if self.made.borrow().contains(reference) {
                continue;
            }
            match reference.schema.as_deref() {
                Some("landed") => self.landed(&reference.name)?,
                Some("latest") => self.typed(&reference.name, true)?,
                Some("history") => self.typed(&reference.name, false)?,
                _ => self.named(&reference.name)?,
            }
            self.made.borrow_mut().insert(reference.clone());
        }
        Ok(())
    }

    /// Makes the relations of a free query available.
    ///
    /// # Errors
    /// As [`Moment::require`]; [`Kind::Config`] if the text is not one SELECT.
    pub fn require_for(&self, sql: &str) -> Result<()> {
        let parsed = references::parse(&self.session, &SqlPlace::new("query"), sql)?;
        let graph = self.engine.graph();
        for reference in &parsed.references {
            let builtin = reference.schema.is_none() && ["pulls", "partitions", "run", "vars"].contains(&reference.name.as_str());
            let endpoint = self.engine.project().endpoint(&reference.name).is_some();
            let known = match reference.schema.as_deref() {
                Some("landed" | "latest" | "history") => endpoint,
                None => builtin || (self.engine.project().model(&reference.name).is_some() && !endpoint),
                Some(_) => false,
            };
            if !known {
                let name = &reference.name;
                let near = if endpoint {
                    format!("; read `latest.{name}`, `history.{name}` or `landed.{name}`")
                } else {
                    crate::names::did_you_mean(name, graph.nodes().map(Node::name))
                };
                return Err(Error::new(Kind::Usage, format!("there is no relation `{name}`{near}")).hint("`etl lineage` lists the relations"));
            }
            if builtin && ["pulls", "partitions"].contains(&reference.name.as_str()) && !self.given.cover_all() {
                return Err(Error::new(Kind::Internal, format!("`{}` tells of the whole lake, which was not read", reference.name)));
            }
        }
        self.require(&parsed.references)
    }

    /// Replaces the view of a model by the result in `files`.
    ///
    /// # Errors
    /// [`Kind::Sql`].
    pub fn show_result(&self, model: &str, files: Local) -> Result<()> {
        execute(&self.session, &format!("create or replace view {} as select * from {}", quoted(model), parquet(files.paths(), "")))?;
        self.files.borrow_mut().extend(files);
        self.made.borrow_mut().insert(Reference { schema: None, name: model.to_owned() });
        Ok(())
    }

    /// Runs a query for a few rows.
    ///
    /// # Errors
    /// [`Kind::Sql`]; [`Kind::Config`] for a column whose type has no [`Value`].
    pub fn rows(&self, sql: &str) -> Result<Vec<Row>> {
        super::query::rows(&self.session, sql)
    }

    /// Writes the result of a query to a Parquet file; gives the number of rows.
    ///
    /// # Errors
    /// [`Kind::Sql`].
    pub fn write_parquet(&self, sql: &str, path: &Path) -> Result<u64> {
        let statement =
            format!("copy ({}) to {} (format parquet, compression zstd, compression_level 1)", bare(sql), literal(&path.display().to_string()));
        self.session.execute(&statement, []).map(|rows| rows as u64).map_err(|error| session::refused(error, sql))
    }

    /// The names and types of a query's columns.
    ///
    /// # Errors
    /// [`Kind::Sql`].
    pub fn columns(&self, sql: &str) -> Result<Vec<(String, String)>> {
        let statement = format!("describe {}", bare(sql));
        let mut columns = Vec::new();
        for row in self.rows(&format!("select column_name, column_type from ({statement})"))? {
            if let [(_, Value::Text(name)), (_, Value::Text(kind))] = row.as_slice() {
                columns.push((name.clone(), kind.clone()));
            }
        }
        Ok(columns)
    }

    /// Whether the session's configuration is locked.
    pub(super) fn locked(&self) -> &Cell<bool> {
        &self.locked
    }

    /// The steps of models that were counted already.
    pub(super) fn counted(&self) -> &RefCell<BTreeMap<String, Vec<Step>>> {
        &self.counted
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// The run that the moment belongs to.
    pub fn run(&self) -> &RunRow {
        &self.run
    }

    /// The engine.
    pub fn engine(&self) -> &'e Engine {
        self.engine
    }

    /// The pulls that the relations of an endpoint are made of.
    ///
    /// # Errors
    /// [`Kind::Internal`] if nobody read what was pulled of it: it is not empty then.
    pub(super) fn pulls(&self, endpoint: &str) -> Result<Vec<&'e Receipt>> {
        if !self.given.cover(endpoint) {
            return Err(Error::new(Kind::Internal, format!("what was pulled of `{endpoint}` was not read")));
        }
        Ok(live::inputs(self.receipts.iter().copied(), endpoint, self.run.as_of))
    }

    /// The receipts that `pulls` and `partitions` tell of.
    fn told(&self) -> impl Iterator<Item = &'e Receipt> {
        self.receipts.iter().copied().filter(|receipt| self.asked.is_none_or(|asked| asked.contains(&receipt.endpoint)))
    }

    fn landed(&self, name: &str) -> Result<()> {
        let builtin = |name: &str| Reference { schema: None, name: name.to_owned() };
        self.require(&[builtin("pulls"), builtin("partitions")])?;
        let pulls = self.pulls(name)?;
        let files = self.engine.local(pulls.iter().filter_map(|receipt| receipt.records_file()).filter(|file| file.rows > 0))?;
        execute(&self.session, &format!("create view landed.{name} as {}", landed::of_pulls(files.paths())))?;
        self.files.borrow_mut().extend(files);
        Ok(())
    }

    /// Creates `latest.<name>` or `history.<name>`.
    fn typed(&self, name: &str, latest: bool) -> Result<()> {
        let (Some(endpoint), Some(model)) = (self.engine.project().endpoint(name), self.engine.project().model(name)) else {
            return Err(Error::new(Kind::Internal, format!("`{name}` is no endpoint with a staging model")));
        };
        let mut pulls = self.pulls(name)?;
        let mut cover = live::cover(endpoint, &pulls);
        if latest {
            let live: BTreeSet<_> = cover.live_pulls().into_iter().collect();
            pulls.retain(|pull| live.contains(&pull.pull_id));
            cover = cover.live();
        }
        let view = if latest { View::Latest } else { View::History };
        let files = self.typed_files(model, view, &cover, &pulls)?;
        if files.paths().is_empty() {
            self.require(&[Reference { schema: Some("landed".to_owned()), name: name.to_owned() }])?;
        }
        typed::create(&self.session, view, endpoint, model, &cover, files.paths())?;
        self.files.borrow_mut().extend(files);
        Ok(())
    }

    /// Files with the rows of a typed view, perhaps among others that its cover leaves out.
    pub(super) fn typed_files(&self, model: &Model, view: View, cover: &live::Cover, pulls: &[&Receipt]) -> Result<Local> {
        packed::files(self.engine, model, view, cover, pulls, self.present)
    }

    fn named(&self, name: &str) -> Result<()> {
        match name {
            "pulls" => return builtins::pulls(&self.session, self.told()),
            "partitions" => return builtins::partitions(&self.session, self.told()),
            "run" => return Ok(()),
            "vars" => return builtins::vars(&self.session, self.engine.settings_vars()),
            _ => {}
        }
        let Some(model) = self.engine.project().model(name) else {
            return Err(Error::new(Kind::Internal, format!("there is no model `{name}`")));
        };
        let body = match model.kind {
            ModelKind::Seed => return self.engine.show_seed(&self.session, model),
            ModelKind::Staging => return Err(Error::new(Kind::Internal, format!("staging model `{name}` needs a schema"))),
            ModelKind::Intermediate | ModelKind::Mart | ModelKind::Audit { .. } => bare(&model.text),
        };
        self.require(self.engine.graph().references(&Node::Model(name.to_owned())))?;
        execute(&self.session, &format!("create view {} as\n{body}", quoted(name)))
            .map_err(|error| error.within(format!("{}: does not run", model.file.display())))
    }

    /// What an audit or another free-standing model refers to.
    ///
    /// # Errors
    /// [`Kind::Config`] if it does not parse.
    pub fn references_of(&self, model: &Model) -> Result<Vec<Reference>> {
        references::parse(&self.session, &SqlPlace::new(model.file.display()), &model.text).map(|parsed| parsed.references)
    }
}
