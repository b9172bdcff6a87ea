//! `sql/tests/<model>/<case>/`: fixed records in, exact rows out. Each case is a real little lake and a real transform.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::run::{Job, run};
use crate::{
    catalog::{Endpoint, ModelKind, read_text, record_key},
    clock::Clock,
    engine::{Engine, Moment, RunRow},
    error::{Error, Kind, OrFail, Result},
    events::Silent,
    lake::{
        self, Lake, Local, Mode, Outcome, Partition, PartitionStatus, PullHead, Receipt, Receipts, RecordRow, RecordWriter, Stop, WriteBudget, layout,
    },
    settings::Settings,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    #[expect(dead_code, reason = "it tells readers of the file what the case shows")]
    description: String,
    #[serde(default)]
    run: RunFile,
    #[serde(default)]
    vars: std::collections::BTreeMap<String, toml::Value>,
    #[serde(default)]
    pull: Vec<PullFile>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RunFile {
    as_of: Option<toml::value::Datetime>,
    run_at: Option<toml::value::Datetime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PullFile {
    endpoint: String,
    #[serde(default)]
    scope: serde_json::Map<String, serde_json::Value>,
    run_at: toml::value::Datetime,
    finished: Option<toml::value::Datetime>,
    mode: Option<Mode>,
    window_from: Option<toml::value::Datetime>,
    window_to: Option<toml::value::Datetime>,
    complete: Option<bool>,
    records: Option<String>,
    #[serde(default)]
    partitions: Vec<PartitionFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartitionFile {
    #[serde(default)]
    params: serde_json::Map<String, serde_json::Value>,
    status: Option<PartitionStatus>,
    records: Option<String>,
}

/// One case and how it went.
#[derive(Debug)]
pub struct CaseResult {
    /// `<model>/<case>`.
    pub name: String,
    /// What differs, or why it could not run.
    pub failure: Option<String>,
}

/// The folders of all cases whose name contains `filter`.
///
/// # Errors
/// [`Kind::Io`].
pub fn cases(root: &Path, filter: Option<&str>) -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    let tests = root.join("sql/tests");
    if !tests.is_dir() {
        return Ok(found);
    }
    for model in fs_err::read_dir(&tests)? {
        let model = model?;
        for case in fs_err::read_dir(model.path())? {
            let case = case?;
            let name = format!("{}/{}", model.file_name().to_string_lossy(), case.file_name().to_string_lossy());
            if case.path().join("case.toml").is_file() && filter.is_none_or(|filter| name.contains(filter)) {
                found.push((name, case.path()));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Runs one case in a lake of its own. Blocks.
pub fn run_case(engine: &Engine, settings: &Settings, runtime: &tokio::runtime::Handle, name: &str, folder: &Path) -> CaseResult {
    let failure = match execute(engine, settings, runtime, name, folder) {
        Ok(difference) => difference,
        Err(error) => Some(format!("{error:?}")),
    };
    CaseResult { name: name.to_owned(), failure }
}

fn execute(engine: &Engine, settings: &Settings, runtime: &tokio::runtime::Handle, name: &str, folder: &Path) -> Result<Option<String>> {
    let project = engine.project();
    let text = read_text(&folder.join("case.toml"))?;
    let case: CaseFile = toml::from_str(&text).or_fail(Kind::Config, || format!("{}: cannot read it", folder.join("case.toml").display()))?;
    let model = name.split('/').next().unwrap_or_default().to_owned();
    let temp = tempfile::tempdir_in(engine.temp())?;
    let lake = Lake::open(&temp.path().join("lake").display().to_string())?;
    let mut settings = settings.clone();
    settings.data = temp.path().join("data");
    settings.vars.extend(case.vars);
    let mut receipts = Vec::new();
    for (number, pull) in case.pull.iter().enumerate() {
        let endpoint =
            project.endpoint(&pull.endpoint).ok_or_else(|| Error::new(Kind::Config, format!("{name}: there is no endpoint `{}`", pull.endpoint)))?;
        receipts.push(land(&lake, runtime, endpoint, pull, number, folder, temp.path())?);
    }
    let engine = engine.elsewhere(lake.clone(), settings, Arc::new(Silent))?;
    let receipts = Receipts::all(receipts);
    let newest = receipts.iter().filter(|receipt| receipt.complete()).max_by_key(|receipt| receipt.finished);
    let fallback = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH);
    let (run_at, finished) = newest.map_or(fallback, |receipt| (receipt.run_at, receipt.finished));
    let as_of = case.run.as_of.as_ref().map_or(Ok(finished), instant)?;
    let run_at = case.run.run_at.as_ref().map_or(Ok(run_at.min(as_of)), instant)?;
    let run_row = RunRow { run_at, as_of, projects: Vec::new(), window_start: None, window_end: None, full_refresh: false };
    let expect = folder.join("expect.csv");
    if project.model(&model).is_some_and(|model| model.kind == ModelKind::Intermediate) {
        let moment = engine.moment(&run_row, &receipts)?;
        moment.require_for(&format!("select * from {model}"))?;
        let columns = moment.columns(&format!("select * from {model}"))?;
        return compare(&moment, &model, &columns, &model, &expect);
    }
    let job = Job {
        engine: &engine,
        lake: &lake,
        receipts: &receipts,
        run: run_row,
        newest: false,
        replay: case.run.as_of.is_some(),
        fresh: false,
        days: None,
        projects: Vec::new(),
        fixtures: true,
        trace: false,
        transform_id: Uuid::now_v7(),
        published: None,
        models: vec![model.clone()],
        observer: Arc::new(Silent),
        clock: Clock::system(),
        runtime: runtime.clone(),
    };
    let mut summary = run(&job)?;
    let Some(outcome) = summary.models.pop() else {
        return Err(Error::new(Kind::Config, format!("{name}: `{model}` is neither a mart nor an intermediate model")));
    };
    if let Some(error) = outcome.error {
        return Err(error);
    }
    let mut paths = Vec::new();
    for part in outcome.manifest.iter().flat_map(|manifest| &manifest.parts) {
        paths.push(lake.local_path(&part.path)?);
    }
    let Some(contract) = engine.project().model(&model).and_then(|model| model.contract.as_ref()) else { return Ok(None) };
    let columns: Vec<(String, String)> = contract.columns.iter().map(|column| (column.name.clone(), column.kind.duckdb().to_owned())).collect();
    let moment = engine.moment(&job.run, Receipts::none())?;
    let empty: Vec<String> = columns.iter().map(|(name, kind)| format!("null::{kind} as \"{name}\"")).collect();
    let mut actual = format!("(select {} where false)", empty.join(", "));
    if !paths.is_empty() {
        moment.show_result("actual", Local::of(paths))?;
        "actual".clone_into(&mut actual);
    }
    compare(&moment, &model, &columns, &actual, &expect)
}

fn land(
    lake: &Lake,
    runtime: &tokio::runtime::Handle,
    endpoint: &Endpoint,
    pull: &PullFile,
    number: usize,
    folder: &Path,
    temp: &Path,
) -> Result<Receipt> {
    let run_at = instant(&pull.run_at)?;
    let finished = pull.finished.as_ref().map_or(Ok(run_at + TimeDelta::minutes(1)), instant)?;
    // Fixed ids that rise with the order of the file, so that a case is the same each time.
    let pull_id = Uuid::from_u128(number as u128 + 1);
    let (scope, run_id) = (lake::canonical_scope(&pull.scope), Uuid::from_u128(run_at.timestamp().unsigned_abs().into()));
    let head = PullHead { run_id, pull_id, source: endpoint.source.clone(), endpoint: endpoint.id.clone(), scope, run_at };
    let mut writer = RecordWriter::create(&WriteBudget::new(64_000_000, temp), &head)?;
    let shorthand = PartitionFile { params: pull.scope.clone(), status: None, records: pull.records.clone() };
    let given: Vec<&PartitionFile> = if pull.partitions.is_empty() { vec![&shorthand] } else { pull.partitions.iter().collect() };
    let mut partitions = Vec::new();
    let mut total = 0;
    for (no, partition) in given.into_iter().enumerate() {
        let no = u32::try_from(no).unwrap_or(u32::MAX);
        let text = partition.records.as_ref().map(|file| read_text(&folder.join(file))).transpose()?.unwrap_or_default();
        let mut records = 0;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let value: serde_json::Value =
                serde_json::from_str(line).or_fail(Kind::Config, || format!("{}: `{line}` is no JSON", folder.display()))?;
            let key = record_key(line.as_bytes(), &endpoint.key, &partition.params).map_err(|pointer| {
                Error::new(Kind::Config, format!("{}: `{line}` has nothing at `{pointer}`, which is part of its key", folder.display()))
            })?;
            let window_at = endpoint.window.as_ref().and_then(|window| value.pointer(&window.field)).and_then(serde_json::Value::as_i64);
            writer.push(&RecordRow {
                partition_no: no,
                request_no: 0,
                record_no: records,
                record_key: &key,
                fetched_at: finished,
                params: &serde_json::Value::Object(partition.params.clone()).to_string(),
                payload: line.as_bytes(),
                payload_original: None,
                defect: None,
                window_at: window_at.and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
            })?;
            records += 1;
        }
        total += u64::from(records);
        let status = partition.status.unwrap_or(PartitionStatus::Ok);
        partitions.push(Partition { no, params: partition.params.clone().into(), status, records: records.into(), error: None });
    }
    let written = writer.finish()?;
    let path = layout::records(&endpoint.source, &endpoint.name, run_at.date_naive(), pull_id);
    runtime.block_on(lake.upload_new(&path, &written.path))?.require_written(lake, &path)?;
    let receipt = Receipt {
        version: lake::RECEIPT_VERSION,
        run_id,
        pull_id,
        source: endpoint.source.clone(),
        endpoint: endpoint.id.clone(),
        scope: pull.scope.clone(),
        part: 0,
        mode: pull.mode.unwrap_or(Mode::Full),
        outcome: if pull.complete == Some(false) { Outcome::Incomplete } else { Outcome::Complete },
        stop: Stop::ShortPage,
        error: None,
        warnings: Vec::new(),
        cursor: None,
        window_from: pull.window_from.as_ref().map(instant).transpose()?,
        window_to: pull.window_to.as_ref().map(instant).transpose()?,
        expected: None,
        records: total,
        defects: 0,
        requests: 1,
        retries: 0,
        bytes: 0,
        partitions,
        files: vec![written.file(&path, lake::FileKind::Records)],
        redacted: Vec::new(),
        host: "case".to_owned(),
        definition: endpoint.definition_hash(),
        etl: env!("CARGO_PKG_VERSION").to_owned(),
        run_at,
        started: run_at,
        finished,
    };
    runtime.block_on(lake.commit(&receipt))?;
    Ok(receipt)
}

fn instant(text: &toml::value::Datetime) -> Result<DateTime<Utc>> {
    text.to_string().parse().or_fail(Kind::Config, || format!("`{text}` is no time like 2026-01-31T04:00:00Z"))
}

/// Compares the rows of `actual` with `expect.csv` by DuckDB: rows missing and rows too many, duplicates counted. `columns` are
/// names and types.
fn compare(moment: &Moment<'_>, model: &str, columns: &[(String, String)], actual: &str, expect: &Path) -> Result<Option<String>> {
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let list = names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let types: Vec<String> = columns.iter().map(|(name, kind)| format!("'{name}': '{kind}'")).collect();
    let header = read_text(expect)?.lines().next().unwrap_or_default().trim().to_owned();
    if header != names.join(",") {
        return Ok(Some(format!("{}: its header is not the columns of `{model}`, which are {}", expect.display(), names.join(","))));
    }
    let expected = format!(
        "(select {list} from read_csv('{}', header = true, delim = ',', quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false, auto_detect = false, columns = {{{}}}))",
        expect.display().to_string().replace('\'', "''"),
        types.join(", ")
    );
    let mut differences = Vec::new();
    for (label, from, to) in [("missing", expected.as_str(), actual), ("too many", actual, expected.as_str())] {
        let sql = format!("select row::varchar from (select {list} from {from} except all select {list} from {to}) as row order by 1 limit 10");
        for row in moment.rows(&sql)? {
            if let Some((_, crate::engine::Value::Text(text))) = row.first() {
                differences.push(format!("{label}: {text}"));
            }
        }
    }
    Ok((!differences.is_empty()).then(|| differences.join("\n")))
}
