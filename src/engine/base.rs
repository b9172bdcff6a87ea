//! What everything in this room shares: the project with its parsed queries, the lake, and one running DuckDB.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::runtime::Handle;

use super::{
    asked::Asked,
    queries::Queries,
    references::{self, SqlPlace},
    seeds,
    session::{self, Instance, SEEDS, Session, execute, quoted},
};
use crate::{
    catalog::{Graph, Model, Project, Selection},
    error::{Error, Kind, Result},
    events::Observer,
    lake::{Lake, Local, SpillFolder, Wanted},
    settings::Settings,
};

/// DuckDB for one project and lake. Its calls block; run them on a blocking thread.
pub struct Engine {
    project: Arc<Project>,
    lake: Lake,
    settings: Settings,
    observer: Arc<dyn Observer>,
    shared: Arc<Shared>,
    staging: Mutex<BTreeMap<String, Arc<Mutex<()>>>>,
    /// With a full refresh: the cached files that were computed since.
    refreshed: Mutex<Option<BTreeSet<String>>>,
    temp: SpillFolder,
    runtime: Handle,
}

/// What engines of one project have in common, whatever their lakes are.
struct Shared {
    graph: Graph,
    trees: BTreeMap<String, serde_json::Value>,
    asked: Asked,
    instance: Instance,
    /// Names of the seeds that the instance holds already.
    seeds: Mutex<Vec<String>>,
    // Last, so that DuckDB has let go of its spill files.
    spill: SpillFolder,
}

impl Engine {
    /// Parses and checks every query of the project.
    ///
    /// # Errors
    /// [`Kind::Config`] for the first query that is wrong, with file and line.
    pub fn open(project: Arc<Project>, lake: Lake, settings: Settings, observer: Arc<dyn Observer>, runtime: Handle) -> Result<Self> {
        let temp = SpillFolder::new(&settings.data)?;
        let spill = SpillFolder::new(&settings.data)?;
        let instance = Instance::open(&settings.engine, spill.path())?;
        let parser = instance.session()?;
        let (queries, mut wrong) = Queries::parse(&project, &parser);
        drop(parser);
        if !wrong.is_empty() {
            return Err(wrong.swap_remove(0).error);
        }
        let asked = Asked::of(&project, &queries.graph, &queries.models, &queries.endpoints);
        let Queries { graph, trees, .. } = queries;
        let shared = Arc::new(Shared { graph, trees, asked, instance, seeds: Mutex::default(), spill });
        Ok(Self { project, lake, settings, observer, shared, staging: Mutex::default(), refreshed: Mutex::default(), temp, runtime })
    }

    /// The same project over another lake, or with another clock or other variables: its queries are not parsed again.
    ///
    /// # Errors
    /// [`Kind::Io`] if there can be no temporary folder.
    pub fn elsewhere(&self, lake: Lake, settings: Settings, observer: Arc<dyn Observer>) -> Result<Self> {
        let temp = SpillFolder::new(&settings.data)?;
        let (project, shared) = (Arc::clone(&self.project), Arc::clone(&self.shared));
        Ok(Self {
            project,
            lake,
            settings,
            observer,
            shared,
            staging: Mutex::default(),
            refreshed: Mutex::default(),
            temp,
            runtime: self.runtime.clone(),
        })
    }

    /// The graph of the project.
    pub fn graph(&self) -> &Graph {
        &self.shared.graph
    }

    /// The project.
    pub fn project(&self) -> &Arc<Project> {
        &self.project
    }

    /// From here on no cached file counts that was there before.
    pub fn refresh_caches(&self) {
        *self.refreshed() = Some(BTreeSet::new());
    }

    /// With a full refresh: the cached files that were computed since.
    pub(super) fn refreshed(&self) -> MutexGuard<'_, Option<BTreeSet<String>>> {
        self.refreshed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The version of DuckDB that results depend on.
    pub fn version(&self) -> &'static str {
        session::DUCKDB
    }

    /// The variables that SQL reads as `vars`.
    pub fn settings_vars(&self) -> &BTreeMap<String, toml::Value> {
        &self.settings.vars
    }

    /// A folder for spill files and spools that goes with the engine.
    pub fn temp(&self) -> &Path {
        self.temp.path()
    }

    /// An empty database in the running DuckDB.
    pub(super) fn session(&self) -> Result<Session> {
        self.shared.instance.session()
    }

    /// An empty database in a DuckDB of its own, whose configuration may be changed.
    pub(super) fn session_apart(&self) -> Result<Session> {
        Instance::open(&self.settings.engine, self.shared.spill.path())?.into_session()
    }

    /// Shows a seed in a session. Each file is read once and kept by the running DuckDB.
    ///
    /// # Errors
    /// [`Kind::Config`] if the file does not fit its contract.
    pub(super) fn show_seed(&self, session: &Session, model: &Model) -> Result<()> {
        let name = quoted(&model.name);
        let failed = |error| Error::new(Kind::Config, format!("{}: cannot read the seed", model.file.display())).because(error);
        let select = seeds::select(&self.project.root, model);
        if session.is_apart() {
            return execute(session, &format!("create table {name} as {select}")).map_err(failed);
        }
        let mut held = self.shared.seeds.lock().unwrap_or_else(PoisonError::into_inner);
        if !held.contains(&model.name) {
            execute(session, &format!("create table {SEEDS}.{name} as {select}")).map_err(failed)?;
            held.push(model.name.clone());
        }
        execute(session, &format!("create view {name} as from {SEEDS}.{name}"))
    }

    /// Held by whoever computes staged rows of a model.
    pub(super) fn staging_lock(&self, model: &str) -> Arc<Mutex<()>> {
        Arc::clone(self.staging.lock().unwrap_or_else(PoisonError::into_inner).entry(model.to_owned()).or_default())
    }

    /// Of which endpoints the project's queries read `pulls` and `partitions`; none = of all.
    pub(super) fn asked(&self) -> Option<&BTreeSet<String>> {
        self.shared.asked.project.as_ref()
    }

    /// Of which endpoints these models read `pulls` and `partitions`; none = of all.
    pub fn told<'n>(&self, models: impl IntoIterator<Item = &'n String>) -> Option<BTreeSet<String>> {
        self.shared.asked.told(models)
    }

    /// The endpoints whose pulls a selection reads, through models, questions and audits; none = all.
    pub fn read_by(&self, selection: &Selection) -> Option<BTreeSet<String>> {
        self.shared.asked.by_selection(&self.shared.graph, selection)
    }

    /// The endpoints whose pulls a free query reads; none = all. Of `run`, `pulls` and `partitions` people see all.
    ///
    /// # Errors
    /// [`Kind::Config`] if the text is not one SELECT.
    pub fn read_by_query(&self, sql: &str) -> Result<Option<BTreeSet<String>>> {
        let session = self.session()?;
        let parsed = references::parse(&session, &SqlPlace::new("query"), sql)?;
        Ok(self.shared.asked.by_references(&self.shared.graph, &parsed.references))
    }

    pub(super) fn lake(&self) -> &Lake {
        &self.lake
    }

    /// The objects as files of this disk.
    pub(super) fn local(&self, wanted: impl IntoIterator<Item = impl Into<Wanted>>) -> Result<Local> {
        self.block_on(self.lake.local(wanted.into_iter().map(Into::into).collect()))
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn observer(&self) -> &Arc<dyn Observer> {
        &self.observer
    }

    pub(super) fn tree(&self, model: &str) -> Option<&serde_json::Value> {
        self.shared.trees.get(model)
    }

    pub(super) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }
}
