//! The engine of a project, and its relations as of one moment.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::NaiveDate;
use duckdb::Connection;
use tokio::runtime::Handle;

use super::{
    builtins, landed, lint, live, references,
    row::{Row, Value},
    run_row::RunRow,
    seeds,
    session::{self, bare, execute, file_list, literal, quoted},
    staged,
    typed::{self, View},
};
use crate::{
    catalog::{Endpoint, Graph, Model, ModelKind, Node, Project, Reference},
    error::{Error, Kind, Result},
    events::Observer,
    lake::{Lake, Receipt},
    settings::Settings,
};

/// DuckDB for one project and lake. Its calls block; run them on a blocking thread.
pub struct Engine {
    project: Arc<Project>,
    lake: Lake,
    settings: Settings,
    observer: Arc<dyn Observer>,
    graph: Graph,
    trees: BTreeMap<String, serde_json::Value>,
    temp: tempfile::TempDir,
    runtime: Handle,
}

impl Engine {
    /// Parses and checks every query of the project.
    ///
    /// # Errors
    /// [`Kind::Config`] for the first query that is wrong, with file and line.
    pub fn open(project: Arc<Project>, lake: Lake, settings: Settings, observer: Arc<dyn Observer>, runtime: Handle) -> Result<Self> {
        fs_err::create_dir_all(&settings.data)?;
        sweep(&settings.data);
        let temp = tempfile::Builder::new().prefix(SPILL).tempdir_in(&settings.data)?;
        let parser = session::open(&settings.engine, temp.path(), None)?;
        let mut models = BTreeMap::new();
        let mut trees = BTreeMap::new();
        for model in project.models.iter().filter(|model| model.kind != ModelKind::Seed) {
            let parsed = references::parse(&parser, &model.file.display().to_string(), &model.text)?;
            lint::check(model, &parsed.tree)?;
            refuse_wide_staging(model, &parsed.references)?;
            models.insert(model.name.clone(), parsed.references);
            trees.insert(model.name.clone(), parsed.tree);
        }
        let mut endpoints = BTreeMap::new();
        for endpoint in project.endpoints() {
            if let Some(sql) = &endpoint.for_each {
                let file = project.source(&endpoint.source).map(|source| source.file.display().to_string()).unwrap_or_default();
                let place = format!("{file}: for_each of `{}`", endpoint.name);
                endpoints.insert(endpoint.id.clone(), references::parse(&parser, &place, sql)?.references);
            }
        }
        let graph = Graph::build(&project, &models, &endpoints)?;
        Ok(Self { project, lake, settings, observer, graph, trees, temp, runtime })
    }

    /// The graph of the project.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The project.
    pub fn project(&self) -> &Arc<Project> {
        &self.project
    }

    /// The version of DuckDB that results depend on.
    pub fn version(&self) -> &'static str {
        session::DUCKDB
    }

    /// The definitions that the present models give their staged files; others are garbage.
    pub fn staged_definitions(&self) -> BTreeSet<(String, String)> {
        let staging = self.project.models.iter().filter(|model| model.kind == ModelKind::Staging);
        staging.map(|model| (model.name.clone(), staged::definition(model))).collect()
    }

    /// The variables that SQL reads as `vars`.
    pub fn settings_vars(&self) -> &BTreeMap<String, toml::Value> {
        &self.settings.vars
    }

    /// The relations as of `run.as_of`, from these receipts (all of the lake, complete or not).
    ///
    /// # Errors
    /// [`Kind::Config`] if DuckDB does not start with the limits of `etl.toml`.
    pub fn moment(&self, run: &RunRow, receipts: &[Receipt]) -> Result<Moment<'_>> {
        self.moment_of_day(run, receipts, None)
    }

    /// Like [`Engine::moment`], where one endpoint shows the pulls of one day only: what drives a snapshot.
    ///
    /// # Errors
    /// As [`Engine::moment`].
    pub fn moment_of_day(&self, run: &RunRow, receipts: &[Receipt], driver: Option<(&str, NaiveDate)>) -> Result<Moment<'_>> {
        let connection = self.connect()?;
        execute(&connection, "create schema landed; create schema latest; create schema history; create schema etl")?;
        builtins::run(&connection, run)?;
        let receipts: Vec<Receipt> = receipts
            .iter()
            .filter(|receipt| receipt.finished <= run.as_of)
            .filter(|receipt| driver.is_none_or(|(endpoint, day)| receipt.endpoint != endpoint || receipt.run_at.date_naive() == day))
            .cloned()
            .collect();
        Ok(Moment { engine: self, connection, receipts, run: run.clone(), made: RefCell::default() })
    }

    /// The rows of an endpoint's `for_each`; one empty row where it has none.
    ///
    /// # Errors
    /// [`Kind::Sql`] if DuckDB refuses the query, [`Kind::Config`] for a column type that no request can carry.
    pub fn for_each(&self, endpoint: &Endpoint, run: &RunRow, receipts: &[Receipt]) -> Result<Vec<Row>> {
        let Some(sql) = &endpoint.for_each else { return Ok(vec![Row::new()]) };
        let moment = self.moment(run, receipts)?;
        let references = self.graph.references(&Node::Endpoint(endpoint.id.clone())).to_vec();
        let place = format!("for_each of endpoint `{}`", endpoint.id);
        moment.require(&references)?;
        moment.rows(sql).map_err(|error| error.within(place))
    }

    pub(super) fn connect(&self) -> Result<Connection> {
        session::open(&self.settings.engine, self.temp.path(), None)
    }

    pub(super) fn lake(&self) -> &Lake {
        &self.lake
    }

    /// A folder for spill files and spools that goes with the engine.
    pub fn temp(&self) -> &Path {
        self.temp.path()
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn observer(&self) -> &Arc<dyn Observer> {
        &self.observer
    }

    pub(super) fn tree(&self, model: &str) -> Option<&serde_json::Value> {
        self.trees.get(model)
    }

    pub(super) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }
}

/// Start of the names of spill folders.
const SPILL: &str = ".etl-";

/// Removes spill folders that killed processes left behind: those that nobody has touched for a day.
fn sweep(data: &Path) {
    let Ok(entries) = fs_err::read_dir(data) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(SPILL)) {
        let age = entry.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|modified| modified.elapsed().ok());
        if age.is_some_and(|age| age > std::time::Duration::from_secs(86_400)) {
            // Another process may be faster; what is left then goes next time.
            let _ = fs_err::remove_dir_all(entry.path());
        }
    }
}

/// A staging model reads its own landed rows and nothing else: only then is it a function of one pull file.
fn refuse_wide_staging(model: &Model, references: &[Reference]) -> Result<()> {
    let own = Reference { schema: Some("landed".to_owned()), name: model.name.clone() };
    if model.kind == ModelKind::Staging && references != [own] {
        return Err(Error::new(Kind::Config, format!("{}: a staging model reads `landed.{}` and nothing else", model.file.display(), model.name))
            .hint("joins with other relations belong into a mart or an intermediate model"));
    }
    Ok(())
}

/// The relations as of one moment, created when a query first needs them.
pub struct Moment<'e> {
    engine: &'e Engine,
    connection: Connection,
    receipts: Vec<Receipt>,
    run: RunRow,
    made: RefCell<BTreeSet<Reference>>,
}

impl Moment<'_> {
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
        let parsed = references::parse(&self.connection, "query", sql)?;
        let graph = self.engine.graph();
        for reference in &parsed.references {
            let builtin = reference.schema.is_none() && ["pulls", "partitions", "run", "vars"].contains(&reference.name.as_str());
            let endpoint = self.engine.project.endpoint(&reference.name).is_some();
            let known = match reference.schema.as_deref() {
                Some("landed" | "latest" | "history") => endpoint,
                None => builtin || (self.engine.project.model(&reference.name).is_some() && !endpoint),
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
        }
        self.require(&parsed.references)
    }

    /// Replaces the view of a model by the result in `files`.
    ///
    /// # Errors
    /// [`Kind::Sql`].
    pub fn show_result(&self, model: &str, files: &[PathBuf]) -> Result<()> {
        execute(&self.connection, &format!("create or replace view {} as select * from read_parquet({})", quoted(model), file_list(files)))?;
        self.made.borrow_mut().insert(Reference { schema: None, name: model.to_owned() });
        Ok(())
    }

    /// Runs a query for a few rows.
    ///
    /// # Errors
    /// [`Kind::Sql`]; [`Kind::Config`] for a column whose type has no [`Value`].
    pub fn rows(&self, sql: &str) -> Result<Vec<Row>> {
        super::query::rows(&self.connection, sql)
    }

    /// Writes the result of a query to a Parquet file; gives the number of rows.
    ///
    /// # Errors
    /// [`Kind::Sql`].
    pub fn write_parquet(&self, sql: &str, path: &Path) -> Result<u64> {
        let statement =
            format!("copy ({}) to {} (format parquet, compression zstd, compression_level 1)", bare(sql), literal(&path.display().to_string()));
        self.connection.execute(&statement, []).map(|rows| rows as u64).map_err(|error| session::refused(error, sql))
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

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The run that the moment belongs to.
    pub fn run(&self) -> &RunRow {
        &self.run
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        self.engine
    }

    fn pulls(&self, endpoint: &str) -> Vec<&Receipt> {
        live::inputs(&self.receipts, endpoint, self.run.as_of)
    }

    fn landed(&self, name: &str) -> Result<()> {
        let builtin = |name: &str| Reference { schema: None, name: name.to_owned() };
        self.require(&[builtin("pulls"), builtin("partitions")])?;
        let mut files = Vec::new();
        for receipt in self.pulls(name) {
            if let Some(file) = receipt.records_file().filter(|file| file.rows > 0) {
                files.push(self.engine.lake.local_path(&file.path)?);
            }
        }
        execute(&self.connection, &format!("create view landed.{name} as {}", landed::of_pulls(&files)))
    }

    /// Creates `latest.<name>` or `history.<name>`.
    fn typed(&self, name: &str, latest: bool) -> Result<()> {
        let (Some(endpoint), Some(model)) = (self.engine.project.endpoint(name), self.engine.project.model(name)) else {
            return Err(Error::new(Kind::Internal, format!("`{name}` is no endpoint with a staging model")));
        };
        let mut pulls = self.pulls(name);
        let cover = live::cover(endpoint, &pulls);
        if latest {
            let live: BTreeSet<_> = cover.live_pulls().into_iter().collect();
            pulls.retain(|pull| live.contains(&pull.pull_id));
        }
        let files = staged::files(self.engine, model, &pulls)?;
        if files.is_empty() {
            self.require(&[Reference { schema: Some("landed".to_owned()), name: name.to_owned() }])?;
        }
        typed::create(&self.connection, if latest { View::Latest } else { View::History }, model, &cover, &files)
    }

    fn named(&self, name: &str) -> Result<()> {
        match name {
            "pulls" => return builtins::pulls(&self.connection, &self.receipts),
            "partitions" => return builtins::partitions(&self.connection, &self.receipts),
            "run" => return Ok(()),
            "vars" => return builtins::vars(&self.connection, &self.engine.settings.vars),
            _ => {}
        }
        let Some(model) = self.engine.project.model(name) else {
            return Err(Error::new(Kind::Internal, format!("there is no model `{name}`")));
        };
        let body = match model.kind {
            ModelKind::Seed => {
                let select = seeds::select(&self.engine.project.root, model);
                return execute(&self.connection, &format!("create table {} as {select}", quoted(name)))
                    .map_err(|error| Error::new(Kind::Config, format!("{}: cannot read the seed", model.file.display())).because(error));
            }
            ModelKind::Staging => return Err(Error::new(Kind::Internal, format!("staging model `{name}` needs a schema"))),
            ModelKind::Intermediate | ModelKind::Mart | ModelKind::Audit { .. } => bare(&model.text),
        };
        self.require(self.engine.graph.references(&Node::Model(name.to_owned())))?;
        execute(&self.connection, &format!("create view {} as\n{body}", quoted(name)))
            .map_err(|error| error.within(format!("{}: does not run", model.file.display())))
    }

    /// What an audit or another free-standing model refers to.
    ///
    /// # Errors
    /// [`Kind::Config`] if it does not parse.
    pub fn references_of(&self, model: &Model) -> Result<Vec<Reference>> {
        references::parse(&self.connection, &model.file.display().to_string(), &model.text).map(|parsed| parsed.references)
    }
}
