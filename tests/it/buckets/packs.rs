//! Packs of staged rows decide nothing: what is shown with them is what the files of the single pulls show, at every moment,
//! and a machine with an empty disk fetches a few files instead of one for each pull.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use etl::{
    catalog::{Project, Reference},
    engine::{Engine, RunRow, Value},
    events::Silent,
    lake::{
        self, FileKind, Lake, Mode, Outcome, Partition, PartitionStatus, PullHead, Receipt, Receipts, RecordRow, RecordWriter, Stop, WriteBudget,
        layout,
    },
    settings::{Env, Settings},
};
use serde_json::json;
use tokio::runtime::Handle;
use uuid::Uuid;

use super::cloud::{Cloud, Kind};

const SOURCE: &str = r#"
version = 1
description = "An invented tracker"

[client]
base_url = "https://tracker.example/"
auth = { kind = "none" }
rate_limit = { requests = 1, per = "1s", concurrency = 1 }
retry = { attempts = 1 }

[[endpoint]]
name = "answers"
description = "Answered by partition."
path = "a/{thing}"
records = ""
key = ["/id"]
scope = ["s"]
partition = ["thing"]
replaces = "partition"
page = { kind = "none" }
for_each = "select 1 as s, 1 as thing"

[[endpoint]]
name = "changes"
description = "Changes between full lists."
path = "b"
records = ""
key = ["/id"]
scope = ["s"]
replaces = "keys"
cursor = "since"
page = { kind = "none" }
for_each = "select 1 as s, null::timestamp as since"

[[endpoint]]
name = "windows"
description = "Lists of a window of time."
path = "c"
records = ""
key = ["/id"]
scope = ["s"]
replaces = "scope"
window = { field = "/at", from = "from_at", to = "to_at" }
page = { kind = "none" }
for_each = "select 1 as s, timestamp '2026-01-01' as from_at, timestamp '2026-01-02' as to_at"
"#;

const ENDPOINTS: [&str; 3] = ["answers", "changes", "windows"];

/// Pulls of each endpoint between two comparisons.
const ROUND: u64 = 12;

/// The same numbers every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn start() -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// A pull and its records: partition, key, value, time.
type Pull = (Receipt, Vec<(u32, u64, u64, DateTime<Utc>)>);

/// The pull number `no` of an endpoint: anything that can happen to one.
fn pull(endpoint: &str, no: u64, dice: &mut Dice) -> Pull {
    // Now and then one is committed later than others that ended after it.
    let late = if dice.below(9) == 0 { 7 } else { 0 };
    let finished = start() + TimeDelta::hours(i64::try_from(no * 2).unwrap() - late);
    // Some take long: others begin after them and end before.
    let began = finished - if dice.below(3) == 0 { TimeDelta::hours(9) } else { TimeDelta::minutes(1) };
    let pull_id = Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, u64::try_from(began.timestamp()).unwrap(), 0));
    let outcome = if dice.below(8) == 0 { Outcome::Incomplete } else { Outcome::Complete };
    let incremental = endpoint == "changes" && !no.is_multiple_of(41);
    let window = (endpoint == "windows").then(|| start() + TimeDelta::hours(i64::try_from(dice.below(900)).unwrap()));
    let mut partitions = Vec::new();
    let mut records = Vec::new();
    for part in 0..if endpoint == "answers" { 1 + u32::try_from(dice.below(4)).unwrap() } else { 1 } {
        let thing = dice.below(70);
        let status = match dice.below(10) {
            _ if endpoint != "answers" => PartitionStatus::Ok,
            0 => PartitionStatus::Gone,
            1 => PartitionStatus::Forbidden,
            2 => PartitionStatus::Absent,
            _ => PartitionStatus::Ok,
        };
        let count = if status == PartitionStatus::Ok { dice.below(4) } else { 0 };
        for _ in 0..count {
            let key = if endpoint == "answers" { thing * 10 + dice.below(5) } else { dice.below(120) };
            let at = window.unwrap_or_else(start) + TimeDelta::hours(i64::try_from(dice.below(10)).unwrap());
            records.push((part, key, no, at));
        }
        let params = json!({ "s": 1, "thing": thing }).as_object().unwrap().clone();
        partitions.push(Partition { no: part, params: params.into(), status, records: count, error: None });
    }
    let receipt = Receipt {
        version: lake::RECEIPT_VERSION,
        run_id: Uuid::from_u128(u128::from(no) + 1),
        pull_id,
        source: "tracker".into(),
        endpoint: format!("tracker_{endpoint}"),
        scope: json!({ "s": 1 + dice.below(2) }).as_object().unwrap().clone(),
        part: 0,
        mode: if incremental { Mode::Incremental } else { Mode::Full },
        outcome,
        stop: if outcome == Outcome::Complete { Stop::NoNext } else { Stop::Error },
        error: None,
        warnings: Vec::new(),
        cursor: None,
        window_from: window,
        window_to: window.map(|from| from + TimeDelta::hours(10)),
        expected: None,
        records: records.len() as u64,
        defects: 0,
        requests: 1,
        retries: 0,
        bytes: 1,
        partitions,
        files: Vec::new(),
        redacted: Vec::new(),
        host: "tracker.example".into(),
        definition: "0".into(),
        etl: "0.1.0".into(),
        run_at: finished - TimeDelta::minutes(2),
        started: finished - TimeDelta::minutes(1),
        finished,
    };
    (receipt, records)
}

/// Makes it a pull that began before `former`, answers a part of the same and ends last: a pack that is made now is named by a younger
/// pull, and of `former` it lacks what was live until then.
fn overtaken((pull, records): &mut Pull, former: &Receipt) {
    let began = former.started - TimeDelta::minutes(5);
    pull.pull_id = Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, u64::try_from(began.timestamp()).unwrap(), 0));
    pull.finished = start() + TimeDelta::hours(i64::try_from(pull.run_id.as_u128() - 1).unwrap() * 2);
    pull.outcome = Outcome::Complete;
    pull.stop = Stop::NoNext;
    pull.scope = former.scope.clone();
    pull.partitions = former.partitions.iter().filter(|partition| partition.records > 0).take(1).cloned().collect();
    pull.partitions[0].no = 0;
    records.retain(|(part, ..)| *part == 0);
    (pull.records, pull.partitions[0].records) = (records.len() as u64, records.len() as u64);
}

async fn commit(lake: &Lake, (receipt, records): &Pull) {
    let mut receipt = receipt.clone();
    let head = PullHead {
        run_id: receipt.run_id,
        pull_id: receipt.pull_id,
        source: receipt.source.clone(),
        endpoint: receipt.endpoint.clone(),
        scope: receipt.scope_key(),
        run_at: receipt.run_at,
    };
    let mut writer = RecordWriter::create(&WriteBudget::new(1 << 24, std::env::temp_dir()), &head).unwrap();
    for (record_no, (part, key, value, at)) in (0..).zip(records) {
        let payload = format!("{{\"id\":{key},\"value\":{value}}}");
        let row = RecordRow {
            partition_no: *part,
            request_no: 0,
            record_no,
            record_key: &format!("[{key}]"),
            fetched_at: receipt.finished,
            params: "{}",
            payload: payload.as_bytes(),
            payload_original: None,
            defect: None,
            window_at: Some(*at),
        };
        writer.push(&row).unwrap();
    }
    let file = writer.finish().unwrap();
    if file.rows > 0 {
        let path = layout::records("tracker", receipt.endpoint.strip_prefix("tracker_").unwrap(), receipt.run_at.date_naive(), receipt.pull_id);
        assert!(lake.upload_new(&path, &file.path).await.unwrap().is_new());
        receipt.files.push(file.file(&path, FileKind::Records));
    }
    lake.commit(&receipt).await.unwrap();
}

/// A project of these endpoints, whose queries run where its lake's files come.
struct Reader {
    lake: Lake,
    engine: Engine,
}

impl Reader {
    fn of(project: &Path, lake: Lake, data: &Path) -> Self {
        let mut settings = Settings::read(project, Env::of([("ETL_DATA", data.display().to_string())])).unwrap();
        settings.engine.threads = 1;
        let project = Arc::new(Project::read(project).unwrap());
        let engine = Engine::open(project, lake.clone(), settings, Arc::new(Silent), Handle::current()).unwrap();
        Self { lake, engine }
    }

    /// All rows of a relation as of a moment; none = now.
    fn rows(&self, receipts: &Receipts, schema: &str, endpoint: &str, as_of: Option<DateTime<Utc>>) -> Vec<String> {
        let as_of = as_of.unwrap_or_else(|| receipts.iter().map(|receipt| receipt.finished).max().unwrap());
        let run = RunRow { run_at: as_of, as_of, projects: vec![], window_start: None, window_end: None, full_refresh: false };
        tokio::task::block_in_place(|| {
            let moment = self.engine.moment(&run, receipts).unwrap();
            let name = format!("tracker_{endpoint}");
            moment.require(&[Reference { schema: Some(schema.to_owned()), name: name.clone() }]).unwrap();
            let rows =
                moment.rows(&format!("select cast(to_json(item) as varchar) as row from (from {schema}.{name}) as item order by all")).unwrap();
            let mut rows: Vec<String> = rows
                .into_iter()
                .map(|row| match row.into_iter().next() {
                    Some((_, Value::Text(text))) => text,
                    other => panic!("{other:?}"),
                })
                .collect();
            if schema == "latest" {
                rows.push(format!("{:?}", moment.census(&name).unwrap()));
            }
            rows
        })
    }
}

fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in ["sources", "sql/staging/tracker"] {
        fs_err::create_dir_all(folder.path().join(part)).unwrap();
    }
    fs_err::write(folder.path().join("etl.toml"), "").unwrap();
    fs_err::write(folder.path().join("sources/tracker.toml"), SOURCE).unwrap();
    for endpoint in ENDPOINTS {
        let sql = format!(
            "-- description: Rows.\nselect raw._meta, from_json(raw.payload, '{{\"value\":\"BIGINT\"}}').value as value\nfrom landed.tracker_{endpoint} as raw\n"
        );
        fs_err::write(folder.path().join(format!("sql/staging/tracker/tracker_{endpoint}.sql")), sql).unwrap();
    }
    folder
}

async fn packs(lake: &Lake) -> Vec<String> {
    lake.list("packed").await.unwrap().into_iter().map(|object| object.path).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_packs_show_is_what_the_pulls_show() {
    let project = project();
    let cloud = Cloud::new(Kind::Google).await;
    let google = cloud.google.as_ref().unwrap();
    let (disk, plain) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let packed = Reader::of(project.path(), cloud.open(), disk.path());
    let folder = plain.path().join("lake");
    let unpacked = Reader::of(project.path(), Lake::open(folder.to_str().unwrap()).unwrap(), plain.path());
    let mut dice = Dice(7);
    let mut ends = Vec::new();
    let mut compared = 0;
    let mut rich = None;
    for no in 1..=48 {
        for endpoint in ENDPOINTS {
            let mut pull = pull(endpoint, no, &mut dice);
            if endpoint == "answers" {
                if let (true, Some(former)) = (no.is_multiple_of(ROUND), &rich) {
                    overtaken(&mut pull, former);
                } else if pull.0.complete() && pull.0.partitions.iter().filter(|partition| partition.records > 0).count() > 1 {
                    rich = Some(pull.0.clone());
                }
            }
            // Days settle, so that receipts come from checkpoints as they do after a year.
            google.at(start() + TimeDelta::days(i64::try_from(no).unwrap()));
            ends.push(pull.0.finished);
            commit(&packed.lake, &pull).await;
            commit(&unpacked.lake, &pull).await;
        }
        if !no.is_multiple_of(ROUND) {
            continue;
        }
        let receipts = unpacked.lake.receipts(None).await.unwrap();
        assert_eq!(*packed.lake.receipts(None).await.unwrap(), *receipts);
        for endpoint in ENDPOINTS {
            for schema in ["latest", "history"] {
                // Now, some moment of the past, and just before.
                let mut past = |last: usize| Some(ends[ends.len() - 1 - usize::try_from(dice.below(last as u64)).unwrap()]);
                for as_of in [None, past(ends.len()), past(12), Some(start() + TimeDelta::hours(i64::try_from(no * 2).unwrap() - 1))] {
                    let with = packed.rows(&receipts, schema, endpoint, as_of);
                    // The first reader after this has nothing but the files of the single pulls.
                    let _ = fs_err::remove_dir_all(folder.join("packed"));
                    assert_eq!(with, unpacked.rows(&receipts, schema, endpoint, as_of), "{schema}.{endpoint} as of {as_of:?} after {no}");
                    compared += with.len();
                }
            }
        }
    }
    assert!(compared > 1_000, "{compared}");

    // What is superseded goes, and nothing else changes.
    let views = ["answers/latest", "answers/history", "changes/latest", "changes/history", "windows/history"];
    let before = packs(&packed.lake).await;
    for view in views {
        let (endpoint, view) = view.split_once('/').unwrap();
        let has = before.iter().any(|path| path.starts_with(&format!("packed/tracker_{endpoint}/")) && path.contains(&format!("/{view}/")));
        assert!(has, "{endpoint} {view}: {before:?}");
    }
    let keep = packed.engine.staged_definitions();
    for (model, hash) in &keep {
        packed.lake.put_new(&layout::packed(model, hash, "latest", Uuid::nil()), "old".into()).await.unwrap().accept_existing();
    }
    let before = packs(&packed.lake).await;
    let hints = lake::GcHints { staged: Some(keep), ..lake::GcHints::default() };
    let removed = lake::gc(&packed.lake, &hints, etl::clock::Clock::system().now(), Duration::ZERO, false).await.unwrap();
    assert!(!removed.removed.is_empty() && removed.removed.iter().all(|removed| before.contains(&removed.path)), "{removed:?}");

    // An empty disk: one pack, and the files of the few pulls since.
    let empty = tempfile::tempdir().unwrap();
    let elsewhere = Reader::of(project.path(), cloud.on_disk(empty.path()), empty.path());
    let mut all = Vec::new();
    for endpoint in ENDPOINTS {
        for schema in ["latest", "history"] {
            google.requests();
            let receipts = elsewhere.lake.receipts(None).await.unwrap();
            let rows = elsewhere.rows(&receipts, schema, endpoint, None);
            let fetched = google
                .requests()
                .iter()
                .filter(|line| line.starts_with("GET") && line.contains("%2Fstaged%2F") && !line.contains("list-type"))
                .count();
            let _ = fs_err::remove_dir_all(folder.join("packed"));
            assert_eq!(rows, unpacked.rows(&receipts, schema, endpoint, None), "{schema}.{endpoint} on an empty disk");
            assert!(fetched <= 20, "{schema}.{endpoint}: {fetched}");
            all.push(rows);
        }
    }
    // What is on this disk is shown by `lake.duckdb`, though most pulls' own files are not here.
    let receipts = elsewhere.lake.receipts(None).await.unwrap();
    let shell = empty.path().join("lake.duckdb");
    let as_of = receipts.iter().map(|receipt| receipt.finished).max().unwrap();
    let run = RunRow { run_at: as_of, as_of, projects: vec![], window_start: None, window_end: None, full_refresh: false };
    tokio::task::block_in_place(|| etl::engine::write_shell_file(&elsewhere.engine, &run, &receipts, &BTreeMap::new(), &shell)).unwrap();
    let connection = duckdb::Connection::open(&shell).unwrap();
    let mut counts = Vec::new();
    for endpoint in ENDPOINTS {
        for schema in ["latest", "history"] {
            let count: usize = connection.query_row(&format!("select count(*) from {schema}.tracker_{endpoint}"), [], |row| row.get(0)).unwrap();
            counts.push(count + usize::from(schema == "latest"));
        }
    }
    assert_eq!(counts, all.iter().map(Vec::len).collect::<Vec<usize>>());
    // Without the bucket the same.
    let mut settings = cloud.settings(empty.path());
    settings.offline = true;
    let offline = Reader::of(project.path(), Lake::of(&settings).unwrap(), empty.path());
    let receipts = offline.lake.receipts(None).await.unwrap();
    let mut again = Vec::new();
    for endpoint in ENDPOINTS {
        for schema in ["latest", "history"] {
            again.push(offline.rows(&receipts, schema, endpoint, None));
        }
    }
    assert_eq!(all, again);
}
