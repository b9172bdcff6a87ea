//! `etl diff`: a table, or an endpoint's rows, at two times; or a mart and its table in the database.

use std::{path::PathBuf, sync::Arc};

use chrono::{DateTime, Utc};

use super::{
    context::{Context, Outcome, blocking},
    inputs::changed,
    load, too_early,
};
use crate::{
    catalog::{Contract, Model, ModelKind, Node, Reference},
    cli::{DiffArgs, Global},
    engine::{Difference, Engine, RunRow, projection},
    error::{Error, Kind, OrFail, Result},
    lake::Receipts,
    names::{count, did_you_mean, grouped},
    settings::Env,
    term::{Cell, Format, Printer, Report, Rows},
    transform::at,
};

pub(super) async fn run(global: &Global, env: Env, printer: &Printer, args: DiffArgs) -> Result<Outcome> {
    let context = Context::open(global, env, printer).await?;
    let side = side(&context, &args.table)?;
    if args.against_database {
        return against_database(&context, &side, args.format).await;
    }
    let receipts = Arc::new(context.receipts_behind(std::slice::from_ref(&args.table)).await?);
    too_early::check_lake(&context, &receipts).await?;
    let (before, after) = (RunRow::of(receipts.iter(), args.from), RunRow::of(receipts.iter(), args.to));
    if before.as_of > after.as_of {
        return Err(Error::new(Kind::Usage, format!("`--from` ({}) is after `--to` ({})", time(before.as_of), time(after.as_of))));
    }
    let times = (before.as_of, after.as_of);
    let (engine, limit, ignored) = (Arc::clone(&context.engine), args.limit, args.ignore.clone());
    let (compared, difference) = blocking(move || {
        let folder = tempfile::tempdir_in(engine.temp())?;
        let (one, other) = (folder.path().join("before.parquet"), folder.path().join("after.parquet"));
        let mut compared = side.write(&engine, &before, &receipts, one.clone())?;
        side.write(&engine, &after, &receipts, other.clone())?;
        if let Some(unknown) = ignored.iter().find(|name| !compared.columns.contains(name)) {
            let near = did_you_mean(unknown, compared.columns.iter().map(String::as_str));
            return Err(Error::new(Kind::Usage, format!("there is no column `{unknown}` to ignore{near}")));
        }
        compared.columns.retain(|name| !ignored.contains(name) && !compared.key.contains(name));
        let difference = engine.difference(&one, &other, &compared.key, &compared.columns, limit)?;
        Ok((compared, difference))
    })
    .await?;
    show(printer, &args, times, &compared, &difference)?;
    Ok(Outcome::default())
}

/// What is compared.
enum Side {
    Mart(Box<Model>, Box<Contract>),
    Endpoint(String),
}

/// How two sides are matched.
struct Compared {
    key: Vec<String>,
    columns: Vec<String>,
}

fn side(context: &Context, name: &str) -> Result<Side> {
    if let Some((model, contract)) = context.project.model(name).and_then(|model| Some((model, model.contract.clone()?))) {
        if model.kind == ModelKind::Seed {
            return Err(
                Error::new(Kind::Usage, format!("`{name}` is a seed: it is the same at all times")).hint("`git diff` shows how its file changed")
            );
        }
        return Ok(Side::Mart(Box::new(model.clone()), Box::new(contract)));
    }
    if context.project.endpoint(name).is_some() {
        return Ok(Side::Endpoint(name.to_owned()));
    }
    let known = context.project.tables().map(|model| model.name.as_str()).chain(context.project.endpoints().map(|endpoint| endpoint.id.as_str()));
    Err(Error::new(Kind::Usage, format!("there is no table and no endpoint `{name}`{}", did_you_mean(name, known))))
}

impl Side {
    /// Writes the rows as of `run`.
    fn write(&self, engine: &Engine, run: &RunRow, receipts: &Receipts, path: PathBuf) -> Result<Compared> {
        match self {
            Self::Mart(model, contract) => {
                let Some(at) = at(engine, model, receipts, run, None)? else {
                    return Err(Error::new(Kind::NothingSelected, format!("`{}` has no day by {}", model.name, time(run.as_of))));
                };
                at.moment.require(engine.graph().references(&Node::Model(model.name.clone())))?;
                at.moment
                    .write_parquet(&projection(model, contract), &path)
                    .map_err(|error| error.within(format!("{}: does not run", model.file.display())))?;
                // Of a snapshot one day is compared with another.
                let day = contract.snapshot_date().map(str::to_owned);
                let other = |name: &&String| day.as_ref() != Some(*name);
                Ok(Compared {
                    key: contract.key.iter().filter(other).cloned().collect(),
                    columns: contract.columns.iter().map(|column| &column.name).filter(other).cloned().collect(),
                })
            }
            Self::Endpoint(name) => {
                let moment = engine.moment(run, receipts)?;
                moment.require(&[Reference { schema: Some("latest".to_owned()), name: name.clone() }])?;
                // Where and when a record was read changes with every pull.
                let sql = format!(
                    "select _scope::varchar as _scope, * exclude (_scope, _pull_id, _pulled_at, _run_at, _fetched_at, _partition_no, _request_no, _record_no) \
                     from latest.\"{name}\""
                );
                moment.write_parquet(&sql, &path)?;
                let columns = moment.columns(&sql)?.into_iter().map(|(name, _)| name).collect();
                Ok(Compared { key: vec!["_scope".to_owned(), "_record_key".to_owned()], columns })
            }
        }
    }
}

fn show(printer: &Printer, args: &DiffArgs, times: (DateTime<Utc>, DateTime<Utc>), compared: &Compared, found: &Difference) -> Result<()> {
    let mut samples = Rows::new(["change", "key", "column", "before", "after"]);
    for row in &found.samples {
        // Of a row that came or went no column is told, which is another thing than a NULL in one.
        let none = row.column.is_none() && args.format == Format::Table;
        let of_column = |text: Option<&str>| if none { Cell::from("") } else { text.into() };
        samples.push([
            Cell::from(row.change.as_str()),
            row.key.as_str().into(),
            of_column(row.column.as_deref()),
            of_column(row.before.as_deref()),
            of_column(row.after.as_deref()),
        ]);
    }
    match args.format {
        Format::Csv => return printer.rows(&samples, Format::Csv),
        Format::Json => {
            let rows: Vec<_> = found
                .samples
                .iter()
                .map(
                    |row| serde_json::json!({ "change": row.change, "key": row.key, "column": row.column, "before": row.before, "after": row.after }),
                )
                .collect();
            let same = found.before - found.removed - found.changed;
            let columns: serde_json::Map<_, _> = found.columns.iter().map(|(name, rows)| (name.clone(), (*rows).into())).collect();
            let told = serde_json::json!({
                "table": args.table, "from": times.0, "to": times.1, "key": compared.key,
                "counts": { "before": found.before, "after": found.after, "added": found.added, "removed": found.removed, "changed": found.changed, "same": same },
                "columns": columns, "rows": rows,
            });
            return printer.data(&format!("{}\n", serde_json::to_string_pretty(&told).or_fail(Kind::Internal, || "cannot write the difference")?));
        }
        Format::Table => {}
    }
    let mut counts = Rows::new(["table", "from", "to", "before", "after", "added", "removed", "changed", "same"]);
    counts.push([
        Cell::from(args.table.as_str()),
        time(times.0).into(),
        time(times.1).into(),
        found.before.into(),
        found.after.into(),
        found.added.into(),
        found.removed.into(),
        found.changed.into(),
        (found.before - found.removed - found.changed).into(),
    ]);
    printer.rows(&counts, Format::Table)?;
    if !found.columns.is_empty() {
        let mut columns = Rows::new(["column", "rows changed"]);
        for (name, rows) in &found.columns {
            columns.push([Cell::from(name.as_str()), (*rows).into()]);
        }
        printer.data("\n")?;
        printer.rows(&columns, Format::Table)?;
    }
    if !samples.is_empty() {
        printer.data("\n")?;
        printer.rows(&samples, Format::Table)?;
    }
    let lines = found.added + found.removed + found.columns.iter().map(|(_, rows)| rows).sum::<u64>();
    if lines > samples.len() as u64 {
        printer.say(&format!("{} of {} shown; `--limit` shows more", grouped(samples.len() as u64), count(lines, "difference")));
    }
    Ok(())
}

/// What a load would do, which is the difference seen from the mart, and what somebody changed by hand.
async fn against_database(context: &Context, side: &Side, format: Format) -> Result<Outcome> {
    let Side::Mart(model, _) = side else {
        return Err(Error::new(Kind::Usage, "an endpoint is no table of the database").hint("name a table"));
    };
    let tables = [model.name.clone()];
    let mut outcome = Outcome::default();
    let compared = load::compare(context, &tables).await?;
    let mut rows = Rows::new(["table", "only in the mart", "changed", "only in the table", "same", "blocked", "edited by hand"]);
    let mut report = Report::default();
    for table in &compared.planned {
        let edited = compared.verified.iter().find(|verified| verified.table == table.table).and_then(|verified| verified.verification.as_ref());
        rows.push([
            Cell::from(table.table.as_str()),
            table.inserted.into(),
            table.updated.into(),
            table.deleted.into(),
            table.unchanged.into(),
            table.blocked.into(),
            edited.map(|found| found.edited).into(),
        ]);
        if let Some(changed) = changed(context, table) {
            report.stale.push(format!("{}: {changed}", table.table));
        }
        if let Some(skipped) = &table.skipped {
            report.stale.push(format!("{}: {skipped}", table.table));
        }
    }
    let samples = load::samples(compared.planned.iter().chain(&compared.verified));
    match format {
        Format::Table => {
            context.printer.rows(&rows, format)?;
            if !samples.is_empty() {
                context.printer.data("\n")?;
                context.printer.rows(&samples, format)?;
            }
        }
        Format::Csv => context.printer.rows(&samples, format)?,
        Format::Json => {
            let text = |rows: &Rows| -> Result<String> {
                let mut out = Vec::new();
                rows.write(Format::Json, None, &mut out).or_fail(Kind::Io, || "cannot write the difference")?;
                Ok(String::from_utf8_lossy(&out).trim_end().to_owned())
            };
            context.printer.data(&format!("{{\"counts\":{},\n\"rows\":{}}}\n", text(&rows)?, text(&samples)?))?;
        }
    }
    for table in compared.planned {
        if let Some(error) = table.error {
            // A difference that a load would refuse is one all the same; anything else could not be compared.
            if error.kind() != Kind::Guard {
                context.printer.error(&error);
                outcome.failed(error.kind());
            }
        }
    }
    for stale in &report.stale {
        context.printer.say(stale);
    }
    Ok(outcome)
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}
