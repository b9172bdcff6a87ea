//! `etl doctor --offline`: everything about a project's queries that can be known without a lake.

use super::{
    binding::{Binder, Columns},
    contract_check,
    queries::Queries,
    references::SqlPlace,
    session::Instance,
};
use crate::{
    catalog::{Contract, Endpoint, Format, Grain, Model, ModelKind, Piece, Project, ProjectFiles, line_of, read_text},
    error::{Error, Kind, Result},
    lake::SpillFolder,
    names,
    settings::Settings,
};

/// What [`check_project`] found.
#[derive(Debug, Default)]
pub struct ProjectCheck {
    /// What is wrong with queries, each with file, line if known, and a hint.
    pub queries: Vec<Error>,
    /// Where select lists and contracts differ.
    pub contracts: Vec<Error>,
    /// Queries that were not bound because something that they read is wrong.
    pub skipped: Vec<String>,
}

/// Binds every query of the project against typed relations without rows, and compares select lists with contracts and with
/// what endpoints use.
///
/// # Errors
/// [`Kind::Config`] if DuckDB does not start with the limits of `etl.toml`.
pub fn check_project(files: &ProjectFiles, settings: &Settings) -> Result<ProjectCheck> {
    let spill = SpillFolder::new(&settings.data)?;
    let instance = Instance::open(&settings.engine, spill.path())?;
    let session = instance.session()?;
    let project = &files.project;
    let (queries, unresolved) = Queries::parse(project, &session);
    let unresolved = unresolved.into_iter().filter(|found| found.name.is_empty() || !files.may_be_unread(&found.name));
    let mut check = ProjectCheck { queries: unresolved.map(|found| found.error).collect(), ..ProjectCheck::default() };
    let mut binder = Binder::new(project, &queries, &settings.vars, session)?;
    for model in &project.models {
        binder.model(model);
        check.contracts.extend(snapshot_driver(files, model));
        if let Some(columns) = binder.models.get(&model.name) {
            check.contracts.extend(model.contract.as_ref().map(|contract| differences(model, contract, columns)).into_iter().flatten());
            if model.kind == ModelKind::Staging && !columns.iter().any(|(name, kind)| name == "_meta" && kind.starts_with("STRUCT")) {
                let what = format!("{}: the select list has no `_meta`", model.file.display());
                check.queries.push(Error::new(Kind::Config, what).hint("pass on `_meta` of the landed rows: `select _meta, …`"));
            }
        }
        check.contracts.extend(seed_header(project, model)?);
    }
    for endpoint in project.endpoints() {
        if let Some(columns) = binder.for_each(endpoint) {
            check.queries.extend(for_each_problems(project, endpoint, &columns));
        }
    }
    check.queries.append(&mut binder.problems);
    check.skipped = binder.skipped;
    Ok(check)
}

fn differences(model: &Model, contract: &Contract, columns: &Columns) -> Vec<Error> {
    let mut wrong = contract_check::differences(contract, columns);
    if wrong.is_empty() {
        wrong.extend(contract_check::misplaced(contract, columns));
    }
    let place = SqlPlace::new(model.file.display());
    let line = |what: &str| what.split('`').nth(1).and_then(|name| contract_line(model, name).or_else(|| line_of(&model.text, name)));
    let refuse = |what: String| {
        Error::new(Kind::Config, format!("{}: {what}", place.line(line(&what)))).hint("make the select list and the columns of the header agree")
    };
    wrong.into_iter().map(refuse).collect()
}

/// The line on which the header declares a column.
fn contract_line(model: &Model, column: &str) -> Option<usize> {
    let declares = |line: &str| line.strip_prefix("--").is_some_and(|line| line.starts_with("   ") && line.split_whitespace().next() == Some(column));
    model.text.lines().take(model.header.lines).position(declares).map(|index| index + 1)
}

/// The days of a snapshot come from the pulls of an endpoint, which must exist.
fn snapshot_driver(files: &ProjectFiles, model: &Model) -> Option<Error> {
    let Grain::Snapshot { of, .. } = &model.contract.as_ref()?.grain else { return None };
    if files.project.endpoint(of).is_some() || files.may_be_unread(of) {
        return None;
    }
    let near = names::did_you_mean(of, files.project.endpoints().map(|endpoint| endpoint.id.as_str()));
    Some(Error::new(Kind::Config, format!("{}: `snapshot of: {of}` names no endpoint{near}", model.file.display())))
}

/// The first line of a seed's table must name the columns of its header in their order: they are read by position.
fn seed_header(project: &Project, model: &Model) -> Result<Option<Error>> {
    let Some(contract) = model.contract.as_ref().filter(|_| model.kind == ModelKind::Seed) else { return Ok(None) };
    let text = read_text(&project.root.join(&model.file))?;
    let names: Vec<&str> = contract.columns.iter().map(|column| column.name.as_str()).collect();
    let first = text.lines().nth(model.header.lines).unwrap_or_default();
    let found: Vec<&str> = first.split(',').map(|name| name.trim().trim_matches('"')).collect();
    if found == names {
        return Ok(None);
    }
    let place = SqlPlace::new(model.file.display()).line(Some(model.header.lines + 1));
    Ok(Some(
        Error::new(Kind::Config, format!("{place}: the columns are `{}`, the header says `{}`", found.join(","), names.join(",")))
            .hint("write the columns of the header as the first line below it"),
    ))
}

/// What is wrong between the columns of a `for_each` and what the endpoint does with them.
fn for_each_problems(project: &Project, endpoint: &Endpoint, columns: &Columns) -> Vec<Error> {
    let sql = endpoint.for_each.as_deref().unwrap_or_default();
    let query = |column: &str| SqlPlace::for_each(project, endpoint).line(line_of(sql, column).or(Some(1)));
    let mut wrong = Vec::new();
    for column in endpoint.needed_columns() {
        let Some((_, kind)) = columns.iter().find(|(name, _)| name == column) else {
            let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
            let near = names::did_you_mean(column, names.iter().copied());
            let what = format!("{}: `{column}` is not a column of its `for_each`{near}", usage(project, endpoint, column));
            wrong.push(Error::new(Kind::Config, what).hint(format!("`for_each` of `{}` gives {}", endpoint.name, names.join(", "))));
            continue;
        };
        if let Some(user) = needs_time(endpoint, column).filter(|_| !is_time(kind)) {
            let what = format!("{}: `{column}` is {kind}, and {user} needs a TIMESTAMP or DATE", query(column));
            wrong.push(Error::new(Kind::Config, what).hint("cast it in the query"));
        }
    }
    for (name, kind) in columns.iter().filter(|(_, kind)| !is_value(kind)) {
        let what = format!("{}: `{name}` is {kind}, which a request cannot carry", query(name));
        wrong.push(Error::new(Kind::Config, what).hint("cast it to text, a number, a date or a timestamp"));
    }
    wrong
}

/// File, line and endpoint of the first use of a column.
fn usage(project: &Project, endpoint: &Endpoint, column: &str) -> String {
    let Some(source) = project.source(&endpoint.source) else { return endpoint.id.clone() };
    let text = read_text(&project.root.join(&source.file)).unwrap_or_default();
    let own = text.lines().skip(endpoint.line - 1);
    let used = |line: &str| {
        [format!("{{{column}}}"), format!("{{{column}:"), format!("\"{column}\""), format!("@{column}\"")].iter().any(|form| line.contains(form))
    };
    let line = own.enumerate().position(|(index, line)| index > 0 && used(line)).unwrap_or(0);
    format!("{}:{}: endpoint `{}`", source.file.display(), endpoint.line + line, endpoint.name)
}

/// What needs an instant in a column.
fn needs_time(endpoint: &Endpoint, column: &str) -> Option<&'static str> {
    if endpoint.cursor.as_ref().is_some_and(|cursor| cursor.column == column) {
        return Some("`cursor`");
    }
    if endpoint.window.as_ref().is_some_and(|window| window.from == column || window.to == column) {
        return Some("`window`");
    }
    let formatted = |piece: &Piece| matches!(piece, Piece::Column(name, format) if name == column && *format != Format::Plain);
    endpoint.templates().any(|template| template.pieces().iter().any(formatted)).then_some("its format")
}

fn is_time(kind: &str) -> bool {
    kind == "DATE" || kind.starts_with("TIMESTAMP")
}

/// Whether [`super::Value`] has a form for the type.
fn is_value(kind: &str) -> bool {
    const WITHOUT: [&str; 9] = ["STRUCT", "MAP", "UNION", "DECIMAL", "INTERVAL", "BLOB", "BIT", "TIME", "TIME WITH TIME ZONE"];
    let base = kind.split('(').next().unwrap_or_default().trim();
    !kind.ends_with(']') && !WITHOUT.contains(&base)
}
