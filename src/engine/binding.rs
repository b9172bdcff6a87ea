//! Binds queries against typed relations without rows: DuckDB resolves every column and type, and reads no data.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{
    builtins, landed,
    queries::Queries,
    references::SqlPlace,
    run_row::RunRow,
    seeds,
    session::{Session, bare, execute, quoted},
    staged,
};
use crate::{
    catalog::{Endpoint, Model, ModelKind, Project, Reference, line_of},
    error::{Error, Kind, Result},
};

/// Names and types of columns, in order.
pub(super) type Columns = Vec<(String, String)>;

/// The prefix of a statement that binds a query and runs nothing.
const DESCRIBE: &str = "describe\n";

/// Creates the empty relations that queries need, each once, and binds the queries.
pub(super) struct Binder<'p> {
    project: &'p Project,
    queries: &'p Queries,
    session: Session,
    /// Columns of `landed.*`, and those that staging adds.
    landed: Columns,
    staged: Columns,
    /// Relations that were tried, and whether they exist now.
    made: BTreeMap<Reference, bool>,
    /// Models that were bound, or could not be.
    tried: BTreeSet<String>,
    /// Columns of the models that were bound.
    pub(super) models: BTreeMap<String, Columns>,
    pub(super) problems: Vec<Error>,
    /// What was not bound because something that it reads is wrong.
    pub(super) skipped: Vec<String>,
}

impl<'p> Binder<'p> {
    /// Creates the built-in relations.
    pub(super) fn new(project: &'p Project, queries: &'p Queries, vars: &BTreeMap<String, toml::Value>, session: Session) -> Result<Self> {
        execute(&session, "create schema landed; create schema latest; create schema history; create schema etl; set errors_as_json = true")?;
        builtins::run(&session, &RunRow::of([], None))?;
        builtins::pulls(&session, std::iter::empty())?;
        builtins::partitions(&session, std::iter::empty())?;
        builtins::vars(&session, vars)?;
        execute(&session, &format!("create table etl.landed as {}", landed::empty()))?;
        let columns = |sql: &str| describe(&session, sql).map_err(|refusal| Error::new(Kind::Internal, format!("{sql}: {}", refusal.message)));
        let landed = columns("from etl.landed")?;
        let staged = columns(&format!("select {} from etl.landed as staged", staged::COLUMNS))?;
        let (made, tried, models) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        Ok(Self { project, queries, session, landed, staged, made, tried, models, problems: Vec::new(), skipped: Vec::new() })
    }

    /// Binds a model with everything that it reads, and creates its relation.
    pub(super) fn model(&mut self, model: &'p Model) -> bool {
        let name = |schema: &str| Reference { schema: (!schema.is_empty()).then(|| schema.to_owned()), name: model.name.clone() };
        self.relation(&name(if model.kind == ModelKind::Staging { "latest" } else { "" }))
    }

    /// Binds the query of an endpoint; gives its columns.
    pub(super) fn for_each(&mut self, endpoint: &'p Endpoint) -> Option<Columns> {
        let sql = endpoint.for_each.as_deref()?;
        let references = self.queries.endpoints.get(&endpoint.id)?;
        self.bind(&SqlPlace::for_each(self.project, endpoint), &endpoint.id, sql, references)
    }

    fn relation(&mut self, reference: &Reference) -> bool {
        if let Some(made) = self.made.get(reference) {
            return *made;
        }
        // A cycle ends here; the graph has reported it.
        self.made.insert(reference.clone(), false);
        let made = match reference.schema.as_deref() {
            Some("landed") => self.table("landed.", &reference.name, &self.landed),
            Some("latest" | "history") => self.typed(reference),
            _ => self.named(&reference.name),
        };
        self.made.insert(reference.clone(), made);
        made
    }

    /// `latest.<name>` or `history.<name>`: the columns of the staging model, and those that staging adds.
    fn typed(&mut self, reference: &Reference) -> bool {
        let project = self.project;
        let Some(model) = project.model(&reference.name).filter(|model| model.kind == ModelKind::Staging) else { return false };
        let Some(own) = self.bind_model(model) else { return false };
        let mut columns = self.staged.clone();
        columns.extend(own.into_iter().filter(|(name, _)| name != "_meta"));
        if reference.schema.as_deref() == Some("history") {
            columns.extend(["valid_from", "valid_to"].map(|name| (name.to_owned(), "TIMESTAMP".to_owned())));
        }
        self.table(if reference.schema.as_deref() == Some("history") { "history." } else { "latest." }, &model.name, &columns)
    }

    fn named(&mut self, name: &str) -> bool {
        let project = self.project;
        if ["pulls", "partitions", "run", "vars"].contains(&name) {
            return true;
        }
        let Some(model) = project.model(name) else { return false };
        if model.kind == ModelKind::Seed {
            return self.seed(model);
        }
        match self.bind_model(model) {
            // An audit is read by nothing.
            Some(_) if matches!(model.kind, ModelKind::Audit { .. }) => true,
            Some(columns) => self.table("", name, &columns),
            None => false,
        }
    }

    fn seed(&mut self, model: &Model) -> bool {
        let sql = format!("create table {} as {}", quoted(&model.name), seeds::select(&self.project.root, model));
        match self.session.execute_batch(&sql) {
            Ok(()) => true,
            Err(error) => {
                let told = Refusal::new(&error, "").message;
                // What follows are options of DuckDB.
                let told = told.split(" Possible fixes:").next().unwrap_or_default();
                let what = format!("{}: cannot read the seed: {told}", model.file.display());
                self.problems.push(Error::new(Kind::Config, what).hint("make the cells fit the types of the header"));
                false
            }
        }
    }

    /// The columns of a model. It is bound once, so that what is wrong with it is reported once.
    fn bind_model(&mut self, model: &'p Model) -> Option<Columns> {
        if !self.tried.insert(model.name.clone()) {
            return self.models.get(&model.name).cloned();
        }
        let references = self.queries.models.get(&model.name)?;
        let columns = self.bind(&SqlPlace::new(model.file.display()), &model.name, &model.text, references)?;
        self.models.insert(model.name.clone(), columns.clone());
        Some(columns)
    }

    /// The columns of a query whose relations can be made.
    fn bind(&mut self, place: &SqlPlace, name: &str, sql: &str, references: &[Reference]) -> Option<Columns> {
        // All of them, so that each reports what is wrong with it.
        let missing = references.iter().filter(|reference| !self.relation(reference)).count();
        if missing > 0 {
            self.skipped.push(name.to_owned());
            return None;
        }
        match describe(&self.session, bare(sql)) {
            Ok(columns) => {
                self.refuse_doubles(place, &columns);
                Some(columns)
            }
            Err(refusal) => {
                self.problems.push(Error::new(Kind::Config, format!("{}: {}", place.line(refusal.line), refusal.message)));
                None
            }
        }
    }

    fn refuse_doubles(&mut self, place: &SqlPlace, columns: &Columns) {
        for (index, (name, _)) in columns.iter().enumerate() {
            if columns[..index].iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                let what = format!("{}: the select list has the column `{name}` twice", place.line(None));
                self.problems.push(Error::new(Kind::Config, what).hint("rename or remove one of them"));
            }
        }
    }

    fn table(&self, schema: &str, name: &str, columns: &Columns) -> bool {
        let columns: Vec<String> = columns.iter().map(|(name, kind)| format!("{} {kind}", quoted(name))).collect();
        // Fails for a column that is there twice, which was reported.
        execute(&self.session, &format!("create table {schema}{} ({})", quoted(name), columns.join(", "))).is_ok()
    }
}

/// DuckDB's own words about a query that it refuses.
struct Refusal {
    message: String,
    /// Line of the query, from 1.
    line: Option<usize>,
}

/// An error as DuckDB writes it with `errors_as_json`.
#[derive(Deserialize)]
struct RefusalJson {
    exception_message: String,
    position: Option<String>,
}

impl Refusal {
    /// Reads the refusal of [`DESCRIBE`] and `sql`.
    fn new(error: &duckdb::Error, sql: &str) -> Self {
        let text = error.to_string();
        let Ok(json) = serde_json::from_str::<RefusalJson>(&text) else { return Self { message: text, line: None } };
        let offset = json.position.and_then(|position| position.parse::<usize>().ok()?.checked_sub(DESCRIBE.len()));
        // Where DuckDB gives no position, the name that it quotes leads to the line.
        let line = match offset.and_then(|offset| sql.get(..offset)) {
            Some(before) => Some(before.matches('\n').count() + 1),
            None => json.exception_message.split('"').nth(1).and_then(|name| line_of(sql, name)),
        };
        Self { message: json.exception_message.split_whitespace().collect::<Vec<_>>().join(" "), line }
    }
}

fn describe(session: &Session, sql: &str) -> std::result::Result<Columns, Refusal> {
    let statement = format!("{DESCRIBE}{sql}");
    let failed = |error: duckdb::Error| Refusal::new(&error, sql);
    let mut prepared = session.prepare(&statement).map_err(failed)?;
    let mut rows = prepared.query([]).map_err(failed)?;
    let mut columns = Columns::new();
    while let Some(row) = rows.next().map_err(failed)? {
        columns.push((row.get(0).map_err(failed)?, row.get(1).map_err(failed)?));
    }
    Ok(columns)
}
