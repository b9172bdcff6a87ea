//! `etl why`: from a row of a table back to the mart, the records that it was made of, and the requests that brought them.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use serde_json::{Map, Value as Json, json};

use super::{
    context::{Context, Outcome, blocking},
    too_early,
};
use crate::{
    catalog::{Contract, Model, ModelKind, Node},
    cli::{Global, WhyArgs, WhyFormat},
    engine::{Engine, Evidence, RunRow, Value},
    error::{Error, Kind, OrFail, Result},
    lake::{Local, Manifest, Receipt, Receipts, Wanted},
    load,
    names::{count, did_you_mean},
    settings::Env,
    term::Printer,
    transform::at,
};

/// Characters of a payload that people see.
const SHOWN: usize = 400;

pub(super) async fn run(global: &Global, env: Env, printer: &Printer, args: WhyArgs) -> Result<Outcome> {
    let context = Context::open(global, env, printer).await?;
    let table = context.project.model(&args.table).filter(|model| model.is_table());
    let Some((model, contract)) = table.and_then(|model| Some((model.clone(), model.contract.clone()?))) else {
        let known = context.project.tables().map(|model| model.name.as_str());
        return Err(Error::new(Kind::Usage, format!("there is no table `{}`{}", args.table, did_you_mean(&args.table, known))));
    };
    let manifest = context.lake.newest_manifest(&args.table).await?;
    let Some(manifest) = manifest else {
        too_early::check_lake(&context, &[]).await?;
        return Err(Error::new(Kind::NothingSelected, format!("`{}` was never computed", args.table)).hint("run `etl transform`"));
    };
    let key = key(&contract, &args.key, &manifest)?;
    let in_database = in_database(&context, &contract, &key).await;
    let receipts = context.receipts_behind(std::slice::from_ref(&args.table)).await?;
    let run = RunRow::of(receipts.iter(), Some(manifest.as_of));
    let files = context.lake.local(manifest.parts.iter().filter(|part| part.rows > 0).map(Wanted::from).collect()).await?;
    let engine = Arc::clone(&context.engine);
    let search = Search { model, contract, key: key.clone(), files, run, receipts, limit: args.limit };
    let found = blocking(move || search.go(&engine)).await?;
    let story = Story { table: args.table.clone(), key, in_database, manifest, found };
    match args.format {
        WhyFormat::Text => printer.data(&story.text())?,
        WhyFormat::Json => {
            let text = serde_json::to_string_pretty(&story.json()).or_fail(Kind::Internal, || "cannot write the trail")?;
            printer.data(&format!("{text}\n"))?;
        }
    }
    let mut outcome = Outcome::default();
    if story.found.mart_row.is_none() {
        printer.error(
            &Error::new(Kind::NotFound, format!("the newest mart of `{}` has no row with this key", args.table))
                .hint("`etl diff TABLE --from TIME` shows when rows came and went; `etl status TABLE --last` shows which step takes rows"),
        );
        outcome.failed(Kind::NotFound);
    }
    Ok(outcome)
}

/// The key's columns with their texts, in order. Of a snapshot the newest day stands for a date that is left out.
fn key(contract: &Contract, words: &[String], manifest: &Manifest) -> Result<Vec<(String, String)>> {
    let wrong = |what: String| Error::new(Kind::Usage, what).hint(format!("the key of `{}` is {}", contract.table, contract.key.join(", ")));
    let mut given: BTreeMap<&str, &str> = BTreeMap::new();
    let mut plain = Vec::new();
    for word in words {
        match word.split_once('=') {
            Some((name, value)) if contract.key.iter().any(|key| key == name) => {
                given.insert(name, value);
            }
            Some((name, _)) if contract.columns.iter().any(|column| column.name == name) => {
                return Err(wrong(format!("`{name}` is not part of the key")));
            }
            _ => plain.push(word.as_str()),
        }
    }
    let mut plain = plain.into_iter();
    let newest = manifest.parts.iter().filter_map(|part| part.day).max().map(|day| day.to_string());
    let mut key = Vec::new();
    for name in &contract.key {
        let is_date = contract.snapshot_date() == Some(name.as_str());
        let value = given.get(name.as_str()).copied().or_else(|| plain.next()).map(str::to_owned);
        let value = value.or_else(|| newest.clone().filter(|_| is_date));
        key.push((name.clone(), value.ok_or_else(|| wrong(format!("`{name}` is missing")))?));
    }
    if let Some(more) = plain.next() {
        return Err(wrong(format!("`{more}` is one value too many")));
    }
    Ok(key)
}

async fn in_database(context: &Context, contract: &Contract, key: &[(String, String)]) -> Result<load::Found> {
    let values: Vec<String> = key.iter().map(|(_, value)| value.clone()).collect();
    load::find_row(&context.settings, contract, &values).await
}

struct Search {
    model: Model,
    contract: Contract,
    key: Vec<(String, String)>,
    files: Local,
    run: RunRow,
    receipts: Receipts,
    limit: usize,
}

/// What the lake says.
#[derive(Default)]
struct Found {
    mart_row: Option<Vec<(String, Option<String>)>>,
    /// By endpoint: how many, and the first of them.
    records: BTreeMap<String, (u64, Vec<Record>)>,
    /// Relations that were read and hold no records of an API.
    without: Vec<String>,
    /// Why records are missing from the trail.
    note: Option<String>,
}

struct Record {
    request_no: i64,
    receipt: Receipt,
    evidence: Evidence,
}

impl Search {
    fn go(&self, engine: &Engine) -> Result<Found> {
        let mut found = Found::default();
        let day = self.contract.snapshot_date().and_then(|date| self.key.iter().find(|(name, _)| name == date));
        let day = match day {
            None => None,
            Some((name, text)) => {
                Some(text.parse().map_err(|_| Error::new(Kind::Usage, format!("`{name}` is a day like 2026-01-31, not `{text}`")))?)
            }
        };
        let Some(at) = at(engine, &self.model, &self.receipts, &self.run, day)? else { return Ok(found) };
        let rows = at.moment.rows_like(&self.files, &self.key, 1)?;
        found.mart_row = rows.into_iter().next().map(|row| row.into_iter().map(|(name, value)| (name, text(&value))).collect());
        if found.mart_row.is_none() {
            return Ok(found);
        }
        if self.model.kind == ModelKind::Seed {
            found.note = Some(format!("it stands in {}", self.model.file.display()));
            return Ok(found);
        }
        let trail = match at.moment.trail(&self.model, &self.key) {
            Ok(Some(trail)) => trail,
            Ok(None) => {
                found.note = Some("nothing in its query leads to records of an API".to_owned());
                return Ok(found);
            }
            Err(error) => {
                found.note = Some(error.to_string());
                return Ok(found);
            }
        };
        at.moment.require(&trail.references)?;
        found.without = trail.references.iter().filter(|reference| reference.schema.is_none()).map(|reference| reference.name.clone()).collect();
        for row in at.moment.rows(&trail.sql)? {
            let [(_, Value::Text(endpoint)), (_, Value::Text(pull)), (_, Value::Int(request)), (_, Value::Int(record))] = row.as_slice() else {
                continue;
            };
            let (total, shown) = found.records.entry(endpoint.clone()).or_default();
            *total += 1;
            if shown.len() < self.limit
                && let Some(receipt) = self.receipts.iter().find(|receipt| receipt.pull_id.to_string() == *pull)
            {
                let evidence = at.moment.evidence(receipt, *request, *record)?;
                shown.push(Record { request_no: *request, receipt: receipt.clone(), evidence });
            }
        }
        if found.records.is_empty() {
            let read: Vec<&str> = engine.graph().references(&Node::Model(self.model.name.clone())).iter().map(|read| read.name.as_str()).collect();
            found.note =
                Some(format!("the model as it is now makes no row with this key from {}: it, or its settings, changed since", read.join(", ")));
        }
        Ok(found)
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Text(text) => Some(text.clone()),
        other => Some(other.to_json().to_string()),
    }
}

struct Story {
    table: String,
    key: Vec<(String, String)>,
    in_database: Result<load::Found>,
    manifest: Manifest,
    found: Found,
}

impl Story {
    /// How the row in the database relates to the mart.
    fn database(&self) -> String {
        match &self.in_database {
            Err(error) => format!("cannot be asked: {error}"),
            Ok(load::Found { row: None, .. }) => "has no such row".to_owned(),
            Ok(load::Found { row: Some(_), last }) => {
                let newest = last.as_ref().is_some_and(|last| last.transform_id == Some(self.manifest.transform_id));
                let shows = last.and_then(|last| last.as_of).map(|at| format!(" of {}", at.format("%Y-%m-%d %H:%M:%S"))).unwrap_or_default();
                if newest { format!("has the row, from this mart{shows}") } else { format!("has the row, from another mart{shows}") }
            }
        }
    }

    fn text(&self) -> String {
        let mut out = String::new();
        let key: Vec<String> = self.key.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let _ = writeln!(out, "{}  {}", self.table, key.join(", "));
        let _ = writeln!(out, "  database  {}", self.database());
        let (as_of, id) = (self.manifest.as_of.format("%Y-%m-%d %H:%M:%S"), self.manifest.transform_id);
        let Some(row) = &self.found.mart_row else {
            let _ = writeln!(out, "  mart      of {as_of} (transform {id}) has no such row");
            return out;
        };
        let _ = writeln!(out, "  mart      of {as_of} (transform {id})");
        for (name, value) in row.iter().filter(|(name, _)| !self.key.iter().any(|(key, _)| key == name)) {
            let _ = writeln!(out, "    {name} = {}", value.as_deref().map_or_else(|| "NULL".to_owned(), shortened));
        }
        for (endpoint, (total, records)) in &self.found.records {
            let shown = if *total > records.len() as u64 { format!(", {} shown", records.len()) } else { String::new() };
            let _ = writeln!(out, "  {} of {endpoint}{shown}", count(*total, "record"));
            for record in records {
                let (receipt, evidence) = (&record.receipt, &record.evidence);
                let run = receipt.run_at.format("%Y-%m-%d %H:%M:%S");
                let _ = writeln!(out, "    {}  pull {} of the run of {run}, request {}", evidence.key, receipt.pull_id, record.request_no);
                let status = evidence.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
                let attempts = if evidence.attempts > 1 { format!(", {} attempts", evidence.attempts) } else { String::new() };
                let _ = writeln!(out, "      {} {} -> {status} at {}{attempts}", evidence.method, evidence.url, evidence.started);
                if let Some(defect) = &evidence.defect {
                    let _ = writeln!(out, "      repaired: {defect}");
                }
                let _ = writeln!(out, "      {}", shortened(&evidence.payload));
            }
        }
        if !self.found.without.is_empty() {
            let _ = writeln!(out, "  also read, with no records of an API: {}", self.found.without.join(", "));
        }
        if let Some(note) = &self.found.note {
            let _ = writeln!(out, "  {note}");
        }
        out
    }

    fn json(&self) -> Json {
        let object = |pairs: &[(String, String)]| pairs.iter().map(|(name, value)| (name.clone(), Json::from(value.as_str()))).collect::<Map<_, _>>();
        let row = self.found.mart_row.as_ref().map(|row| row.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<Map<_, _>>());
        let in_database = self.in_database.as_ref().ok().and_then(|found| found.row.as_ref());
        let endpoints: Vec<Json> = self.found.records.iter().map(|(endpoint, (total, records))| {
            let records: Vec<Json> = records.iter().map(|record| {
                let evidence = &record.evidence;
                json!({
                    "key": serde_json::from_str::<Json>(&evidence.key).unwrap_or_default(),
                    "pull_id": record.receipt.pull_id, "run_id": record.receipt.run_id, "run_at": record.receipt.run_at,
                    "scope": record.receipt.scope, "params": serde_json::from_str::<Json>(&evidence.params).unwrap_or_default(),
                    "request": { "no": record.request_no, "method": evidence.method, "url": evidence.url, "status": evidence.status, "started": evidence.started, "attempts": evidence.attempts },
                    "defect": evidence.defect, "payload": serde_json::from_str::<Json>(&evidence.payload).unwrap_or_default(),
                })
            }).collect();
            json!({ "endpoint": endpoint, "total": total, "records": records })
        }).collect();
        json!({
            "table": self.table,
            "key": object(&self.key),
            "database": { "state": self.database(), "row": in_database.map(|row| object(row)) },
            "mart": { "transform_id": self.manifest.transform_id, "as_of": self.manifest.as_of, "row": row },
            "endpoints": endpoints, "also_read": self.found.without, "note": self.found.note,
        })
    }
}

/// The beginning of a long text, on one line.
fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        None => line,
        Some((end, _)) => format!("{}… (`--format json` has all of it)", &line[..end]),
    }
}
