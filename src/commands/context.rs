//! What every verb works with: the project, its settings, the lake and the engine, opened once.

use std::{path::Path, sync::Arc};

use chrono::{DateTime, Utc};

use crate::{
    catalog::{Client, Project, Selection},
    cli::{self, Global, SelectionArgs},
    engine::{Engine, RunRow, Value},
    error::{Error, Kind, OrFail, Result},
    events::Observer,
    lake::{Flow, Lake, Receipts},
    names,
    settings::{Env, Settings},
    term::{Printer, Progress, bytes},
};

/// The opened project.
pub(super) struct Context {
    pub(super) settings: Settings,
    pub(super) project: Arc<Project>,
    pub(super) lake: Lake,
    pub(super) engine: Arc<Engine>,
    pub(super) observer: Arc<dyn Observer>,
    progress: Arc<Progress>,
    pub(super) printer: Printer,
}

/// How a command ended: done, or the failures that were reported on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    failures: Vec<Kind>,
}

impl Outcome {
    /// Notes a failure that was reported already.
    pub(super) fn failed(&mut self, kind: Kind) {
        self.failures.push(kind);
    }

    /// Notes what another part of the work noted.
    pub(super) fn extend(&mut self, other: Self) {
        self.failures.extend(other.failures);
    }

    /// 0, or the gravest failure's code: a usage error before a failure before "some scopes failed".
    pub fn exit_code(&self) -> u8 {
        let codes: Vec<u8> = self.failures.iter().map(|kind| kind.exit_code()).collect();
        [130, 143, 2, 1, 3, 4].into_iter().find(|code| codes.contains(code)).unwrap_or(0)
    }
}

/// The settings of this invocation: options win over variables, variables over `etl.toml`.
pub(super) fn settings(global: &Global, env: Env) -> Result<Settings> {
    let mut settings = Settings::read(&global.project_dir, env)?;
    if let Some(lake) = &global.lake {
        settings.lake.clone_from(lake);
    }
    settings.offline |= global.offline;
    if let Some(database) = &global.database {
        settings.database = crate::settings::address(&settings.env, database);
    }
    if let Some(file) = &global.database_file {
        settings.database = crate::settings::address(&settings.env, &read_address(file)?);
    }
    Ok(settings)
}

/// The address in the file that `--database-file` names.
fn read_address(file: &Path) -> Result<String> {
    let text = fs_err::read_to_string(file).or_fail(Kind::Config, || format!("`--database-file`: cannot read `{}`", file.display()));
    let text = text.map_err(|error| error.hint("name a file that holds the address, such as mysql://user:password@host:3306/database"))?;
    let address = text.trim_start_matches('\u{feff}').trim();
    let wrong = |what: &str| {
        Err(Error::new(Kind::Config, format!("`--database-file`: `{}` {what}", file.display()))
            .hint("put the address alone into the file, such as mysql://user:password@host:3306/database"))
    };
    match address.lines().count() {
        0 => wrong("is empty"),
        1 if address.contains(':') => Ok(address.to_owned()),
        1 => wrong("does not hold an address"),
        _ => wrong("holds more than one line"),
    }
}

impl Context {
    /// Reads the project, opens the lake and checks every query.
    pub(super) async fn open(global: &Global, env: Env, printer: &Printer) -> Result<Self> {
        Self::with(settings(global, env)?, global, printer).await
    }

    /// Like [`Context::open`], with settings that are there already.
    pub(super) async fn with(settings: Settings, global: &Global, printer: &Printer) -> Result<Self> {
        let project = Arc::new(Project::read(&settings.root)?);
        for text in project.sources.iter().filter_map(|source| source.api().ok()).flat_map(Client::secret_texts) {
            settings.env.register_secrets_in(text);
        }
        let lake = Lake::of(&settings)?;
        let progress = Arc::new(Progress::start(printer, global.progress));
        let observer: Arc<dyn Observer> = Arc::<Progress>::clone(&progress);
        lake.report_to(Arc::clone(&observer));
        let runtime = tokio::runtime::Handle::current();
        let (parts, listener) = ((Arc::clone(&project), lake.clone(), settings.clone()), Arc::clone(&observer));
        let engine = blocking(move || Engine::open(parts.0, parts.1, parts.2, listener, runtime)).await?;
        Ok(Self { settings, project, lake, engine: Arc::new(engine), observer, progress, printer: printer.clone() })
    }

    /// The same project with other settings.
    pub(super) fn again(&self, settings: Settings, global: &Global) -> Result<Self> {
        let lake = Lake::of(&settings)?;
        let progress = Arc::new(self.progress.again(global.progress));
        let observer: Arc<dyn Observer> = Arc::<Progress>::clone(&progress);
        lake.report_to(Arc::clone(&observer));
        let engine = self.engine.elsewhere(lake.clone(), settings.clone(), Arc::clone(&observer))?;
        Ok(Self { settings, project: Arc::clone(&self.project), lake, engine: Arc::new(engine), observer, progress, printer: self.printer.clone() })
    }

    /// Like [`Context::open`], where options replace variables of `etl.toml`.
    pub(super) async fn open_for(global: &Global, env: Env, printer: &Printer, args: &SelectionArgs) -> Result<Self> {
        let mut settings = settings(global, env)?;
        settings.vars.extend(args.variables().into_iter().map(|(name, value)| (name.to_owned(), value)));
        Self::with(settings, global, printer).await
    }

    /// What the selection options stand for.
    pub(super) fn select(&self, args: &SelectionArgs) -> Result<Selection> {
        let all = self.engine.graph().select(&self.project, &args.names())?;
        if args.schedule.is_none() {
            return Ok(all);
        }
        let mut due = Vec::new();
        for model in all.tables.iter().filter_map(|name| self.project.model(name)) {
            let Some(schedule) = model.contract.as_ref().and_then(|contract| contract.schedule.as_deref()) else { continue };
            if args.includes_schedule(schedule).map_err(|what| Error::new(Kind::Config, format!("{}: {what}", model.file.display())))? {
                due.push(model.name.clone());
            }
        }
        if due.is_empty() {
            return Err(Error::new(Kind::NothingSelected, "no table of the selection has this schedule")
                .hint("`-- schedule:` in sql/marts says when each is due"));
        }
        self.engine.graph().select(&self.project, &due)
    }

    /// The record of a run that begins now.
    pub(super) fn flow(&self, command: &str) -> Flow {
        Flow::of(uuid::Uuid::now_v7(), self.settings.clock.now(), command)
    }

    /// What was exchanged with the bucket so far, for the summary.
    pub(super) fn traffic(&self) -> Option<String> {
        let traffic = self.lake.traffic()?;
        Some(format!("{}, {} down, {} up", names::count(traffic.requests, "request"), bytes(traffic.down), bytes(traffic.up)))
    }

    /// Every committed receipt.
    pub(super) async fn receipts(&self) -> Result<Receipts> {
        self.lake.receipts(None).await
    }

    /// The committed receipts that a selection reads.
    pub(super) async fn receipts_of(&self, selection: &Selection) -> Result<Receipts> {
        self.lake.receipts(self.engine.read_by(selection).as_ref()).await
    }

    /// Those that the nodes of these names read.
    pub(super) async fn receipts_behind(&self, names: &[String]) -> Result<Receipts> {
        self.receipts_of(&self.engine.graph().select(&self.project, names)?).await
    }

    /// The row of `run` for an extract: now, the chosen projects and the window.
    pub(super) async fn run_row(&self, args: &SelectionArgs, run_at: DateTime<Utc>, full_refresh: bool) -> Result<RunRow> {
        let window = cli::window(args, run_at)?;
        let projects = cli::projects(args, &self.known_projects().await?)?;
        Ok(RunRow {
            run_at,
            as_of: run_at,
            projects,
            window_start: window.map(|window| window.0),
            window_end: window.map(|window| window.1),
            full_refresh,
        })
    }

    /// Projects with their platforms, from the seeds.
    pub(super) async fn known_projects(&self) -> Result<Vec<(String, String)>> {
        let has = |name: &str| self.project.model(name).is_some();
        if !has("projects") {
            return Ok(Vec::new());
        }
        let sql = if has("project_platforms") {
            "select grouped.project, grouped.platform from project_platforms as grouped order by grouped.project"
        } else {
            "select project_name_abbrev, '' from projects order by id"
        };
        let engine = Arc::clone(&self.engine);
        let row = RunRow::of([], None);
        blocking(move || {
            let moment = engine.moment(&row, Receipts::none())?;
            moment.require_for(sql)?;
            let rows = moment.rows(sql)?;
            Ok(rows
                .into_iter()
                .filter_map(|row| match row.as_slice() {
                    [(_, Value::Text(project)), (_, Value::Text(platform))] => Some((project.clone(), platform.clone())),
                    _ => None,
                })
                .collect())
        })
        .await
    }
}

/// Runs blocking work (DuckDB) on its own thread.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.or_fail(Kind::Internal, || "a blocking task ended early")?
}

/// The error for a selection that holds nothing for this stage.
pub(super) fn nothing(stage: &str) -> Error {
    Error::new(Kind::NothingSelected, format!("the selection holds nothing to {stage}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_failure_gives_the_code() {
        let code = |kinds: &[Kind]| {
            let mut outcome = Outcome::default();
            kinds.iter().for_each(|kind| outcome.failed(*kind));
            outcome.exit_code()
        };
        assert_eq!(code(&[]), 0);
        assert_eq!(code(&[Kind::Partial]), 3);
        assert_eq!(code(&[Kind::Partial, Kind::Audit]), 1);
        assert_eq!(code(&[Kind::Audit, Kind::Config]), 2);
    }
}
