//! `etl status`: what was pulled, computed and loaded, how old it is, and what failed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    context::{Context, Outcome},
    freshness::{Loaded, Stages, Verdict, age, ago, allowed, inputs, written},
    last,
    logged::{destination, failures},
    quotas::quotas,
    too_early,
};
use crate::{
    catalog::{Node, Selection},
    cli::{Global, StatusArgs},
    error::{Error, Kind, OrFail, Result},
    lake::{Manifest, Receipt},
    load::{self, LoadedMart},
    settings::Env,
    term::{Cell, Format, Printer, Rows},
};

pub(super) async fn run(global: &Global, env: Env, printer: &Printer, args: StatusArgs) -> Result<Outcome> {
    let context = Context::open(global, env, printer).await?;
    let nodes = with_tables_fed_by(&context, &args.nodes)?;
    let selection = context.engine.graph().select(&context.project, &nodes)?;
    let receipts = context.receipts_of(&selection).await?;
    too_early::check_lake(&context, &receipts).await?;
    if args.last {
        last::write(&context, &selection, &receipts, args.format).await?;
        return Ok(Outcome::default());
    }
    let now = context.settings.clock.now();
    let mut outcome = Outcome::default();
    let limit = args.max_age.map(TimeDelta::from_std).transpose().or_fail(Kind::Usage, || "`--max-age` is too long")?;
    let (tables, problems) = tables(&context, &selection, &receipts, now, limit).await?;
    // The dead-man's check is about tables.
    let above = match limit {
        None => Some((pulls(&selection, &receipts, now), quotas(&context, &selection, &receipts, now, args.format).await)),
        Some(_) => None,
    };
    show(printer, above.as_ref(), &tables, args.format)?;
    printer.errors(&problems);
    problems.iter().for_each(|problem| outcome.failed(problem.kind()));
    if !problems.is_empty() {
        printer.say(&last_run(&context, now).await?);
    }
    Ok(outcome)
}

/// The names, and the tables of reports that the named sources and endpoints feed: a source is as old as what it feeds.
fn with_tables_fed_by(context: &Context, names: &[String]) -> Result<Vec<String>> {
    let graph = context.engine.graph();
    let mut fed: BTreeSet<String> = BTreeSet::new();
    for name in names {
        let endpoints: BTreeSet<String> = graph
            .find(name)?
            .iter()
            .filter(|node| context.project.endpoint(node.name()).is_some() && !matches!(node, Node::Report(_)))
            .map(|node| node.name().to_owned())
            .collect();
        if !endpoints.is_empty() {
            let reports = context.project.tables().filter(|model| !model.header.reports.is_empty());
            fed.extend(reports.filter(|model| !inputs(graph, &model.name).is_disjoint(&endpoints)).map(|model| model.name.clone()));
        }
    }
    Ok(names.iter().cloned().chain(fed).collect())
}

/// All tables, one below the other. As JSON they are one object.
fn show(printer: &Printer, above: Option<&(Rows, Rows)>, tables: &Rows, format: Format) -> Result<()> {
    let Some((pulls, quotas)) = above else { return printer.rows(tables, format) };
    if format == Format::Json {
        let text = |rows: &Rows| -> Result<String> {
            let mut out = Vec::new();
            rows.write(Format::Json, None, &mut out).or_fail(Kind::Io, || "cannot write the status")?;
            Ok(String::from_utf8_lossy(&out).trim_end().to_owned())
        };
        let (pulls, quotas, tables) = (text(pulls)?, text(quotas)?, text(tables)?);
        return printer.data(&format!("{{\"endpoints\":{pulls},\n\"sources\":{quotas},\n\"tables\":{tables}}}\n"));
    }
    printer.rows(pulls, format)?;
    for more in [quotas, tables].into_iter().filter(|rows| !rows.is_empty()) {
        if format == Format::Table {
            printer.data("\n")?;
        }
        printer.rows(more, format)?;
    }
    Ok(())
}

fn pulls(selection: &Selection, receipts: &[Receipt], now: DateTime<Utc>) -> Rows {
    let mut pulls = Rows::new(["endpoint", "scopes", "last complete", "age", "records", "last failure"]);
    for id in selection.waves.iter().flatten().chain(&selection.recorded) {
        let of: Vec<&Receipt> = receipts.iter().filter(|receipt| receipt.endpoint == *id).collect();
        let complete = || of.iter().filter(|receipt| receipt.complete());
        let newest = complete().max_by_key(|receipt| receipt.finished);
        let scopes: BTreeMap<String, &Receipt> = complete().map(|receipt| (receipt.scope_key(), *receipt)).collect();
        let failure = of
            .iter()
            .filter(|receipt| !receipt.complete() || receipt.error.is_some())
            .filter(|receipt| scopes.get(&receipt.scope_key()).is_none_or(|good| good.finished <= receipt.finished))
            .max_by_key(|receipt| receipt.finished);
        pulls.push([
            Cell::from(id.as_str()),
            (scopes.len() as u64).into(),
            newest.map_or_else(|| "never".to_owned(), |receipt| written(receipt.finished)).into(),
            newest.map_or_else(String::new, |receipt| age(now - receipt.finished)).into(),
            newest.map_or(0, |receipt| receipt.records).into(),
            failure
                .map_or_else(String::new, |receipt| format!("{}: {}", written(receipt.finished), receipt.error.as_deref().unwrap_or("incomplete")))
                .into(),
        ]);
    }
    pulls
}

/// The tables, and what is wrong with those that belong to reports.
async fn tables(
    context: &Context,
    selection: &Selection,
    receipts: &[Receipt],
    now: DateTime<Utc>,
    limit: Option<TimeDelta>,
) -> Result<(Rows, Vec<Error>)> {
    let mut rows = Rows::new(["table", "report", "rows", "shows", "age", "schedule", "state"]);
    let mut problems = Vec::new();
    // What is older shows as late anyway.
    let since = now - limit.unwrap_or_else(|| TimeDelta::days(7)).clamp(TimeDelta::days(2), TimeDelta::days(35));
    let failures = failures(&context.lake.runs_since(since.date_naive()).await?, &destination(context));
    let loaded = load::last_loads(&context.settings, &selection.tables).await;
    for name in &selection.tables {
        let Some(model) = context.project.model(name) else { continue };
        let manifest = context.lake.newest_manifest(name).await?;
        let schedule = model.header.schedule.clone().unwrap_or_default();
        let is_report = !model.header.reports.is_empty();
        let verdict = if is_report {
            let stages = stages(context, name, receipts, manifest.as_ref(), loaded.as_ref().ok().and_then(Option::as_ref));
            stages.judge(now, limit.unwrap_or_else(|| allowed(&schedule)))
        } else {
            let state = if manifest.is_some() { "fresh" } else { "not computed" };
            Verdict { shows: manifest.as_ref().map(|manifest| manifest.as_of), state, problem: None }
        };
        let verdict = match failures.get(name).filter(|_| is_report) {
            Some(failure) => verdict.with(failure),
            None => verdict,
        };
        if let Some(problem) = &verdict.problem {
            let what = format!("`{name}` ({}) {problem}", model.header.reports.join(", "));
            problems.push(Error::new(Kind::Incomplete, what).hint("`etl run` catches up; look why the schedule did not"));
        }
        rows.push([
            Cell::from(name.as_str()),
            model.header.reports.join(", ").into(),
            manifest.as_ref().map_or(Cell::from(""), |manifest| manifest.rows.into()),
            verdict.shows.map(written).unwrap_or_default().into(),
            verdict.shows.map(|at| age(now - at)).unwrap_or_default().into(),
            schedule.as_str().into(),
            verdict.state.into(),
        ]);
    }
    match loaded {
        // A dead-man's check that cannot see the tables must not be silent.
        Err(error) if limit.is_some() => problems.push(error.within("whether the tables are loaded cannot be told")),
        Err(error) => context.printer.detail(&format!("whether the tables are loaded cannot be told: {error}")),
        Ok(None) if limit.is_some() => problems.push(Error::new(Kind::Incomplete, "nothing was ever loaded into the database")),
        Ok(_) => {}
    }
    Ok((rows, problems))
}

fn stages(context: &Context, name: &str, receipts: &[Receipt], manifest: Option<&Manifest>, loaded: Option<&BTreeMap<String, LoadedMart>>) -> Stages {
    let graph = context.engine.graph();
    let behind = graph.upstream([Node::Model(name.to_owned())]);
    let behind: BTreeSet<&str> = behind.iter().filter(|node| matches!(node, Node::Endpoint(_))).map(Node::name).collect();
    let inputs = inputs(graph, name);
    let newest = |wanted: &dyn Fn(&str) -> bool| {
        receipts.iter().filter(|receipt| receipt.complete() && wanted(&receipt.endpoint)).map(|receipt| receipt.finished).max()
    };
    // What `etl` noted itself is no look at an API.
    let asked = |endpoint: &str| {
        let source = context.project.endpoint(endpoint).and_then(|endpoint| context.project.source(&endpoint.source));
        source.is_none_or(|source| source.client.is_some())
    };
    Stages {
        pulled: newest(&|endpoint| behind.contains(endpoint) && asked(endpoint)),
        input: newest(&|endpoint| inputs.contains(endpoint)),
        computed: manifest.map(|manifest| manifest.as_of),
        loaded: match (loaded, loaded.and_then(|loaded| loaded.get(name))) {
            (None, _) => Loaded::Unknown,
            (Some(_), None) => Loaded::Never,
            (Some(_), Some(last)) if manifest.is_some_and(|manifest| Some(manifest.transform_id) == last.transform_id) => Loaded::Newest,
            (Some(_), Some(last)) => last.as_of.map_or(Loaded::Unknown, Loaded::Earlier),
        },
    }
}

/// When anything was started last: a timer that never fires leaves no other trace.
async fn last_run(context: &Context, now: DateTime<Utc>) -> Result<String> {
    Ok(match context.lake.newest_run().await? {
        None => "no run has ever started on this lake".to_owned(),
        Some(run) => {
            let ended = match run.end {
                Some(end) => format!("ended {} with exit code {}", written(end.finished), end.exit_code),
                None => "did not end well".to_owned(),
            };
            format!("the last {} started {} ({}) and {ended}", run.start.command, written(run.start.run_at), ago(now - run.start.run_at))
        }
    })
}
