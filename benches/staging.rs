//! Typed rows of a pull of 1,000,000 cases: the staged cache against the bare `from_json` statement on the same file.
//! `cargo bench --bench staging`. Fails if the cache takes over 1.5 times as long (medians of five, in turns). The CPU time of all
//! threads is shown beside the clock's (the least of five): on a busy machine only the former says something.
//! `... -- RECORDS` takes another number of cases; what does not grow with them weighs more where they are few.
//!
//! The cache is what `latest.testrail_cases` makes when it is first asked for: the staging model as Parquet, the check for
//! unknown fields, the upload into the lake. The bare statement is `copy (select unnest(from_json(payload, shape)) from
//! the file) to Parquet`, with the shape that the staging model has, in the same engine with the same settings.
#![expect(clippy::print_stdout, reason = "a measurement for people")]

use std::{path::Path, process::ExitCode, sync::Arc, time::Instant};

use chrono::{DateTime, Utc};
use etl::{
    catalog::{Project, Reference},
    engine::{Engine, RunRow},
    events::Silent,
    lake::{File, FileKind, Lake, Mode, Outcome, PullHead, RECEIPT_VERSION, Receipt, Receipts, RecordRow, RecordWriter, Stop, WriteBudget, layout},
    settings::{Env, Settings},
};
use tokio::runtime::{Handle, Runtime};
use uuid::Uuid;

const RECORDS: u32 = 1_000_000;
const ROUNDS: usize = 5;
const AT_MOST: f64 = 1.5;
const MODEL: &str = "testrail_cases";

fn main() -> ExitCode {
    let records = std::env::args().skip(1).find(|argument| !argument.starts_with("--")).map_or(RECORDS, |text| text.parse().expect("a number"));
    let runtime = Runtime::new().expect("threads");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let project = Arc::new(Project::read(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the project is sound"));
    let settings = Settings::read(folder.path(), Env::default()).expect("sound settings");
    let lake = Lake::open(&settings.lake).expect("a folder");
    let receipt = runtime.block_on(landed(&lake, records));
    let local = |path: &str| lake.local_path(path).expect("a local lake");
    let bare = format!(
        "select unnest(from_json(raw.payload, {})) from read_parquet('{}') as raw",
        shape(&project.model(MODEL).expect("there is a staging model").text),
        local(&receipt.files[0].path).display()
    );
    let at = receipt.finished;
    let pulls = Receipts::all(vec![receipt.clone()]);
    let run = RunRow { run_at: at, as_of: at, projects: Vec::new(), window_start: None, window_end: None, full_refresh: false };
    let handle: Handle = runtime.handle().clone();
    let engine = Engine::open(Arc::clone(&project), lake.clone(), settings, Arc::new(Silent), handle).expect("sound queries");
    let latest = Reference { schema: Some("latest".to_owned()), name: MODEL.to_owned() };
    let (mut bare_seconds, mut staged_seconds) = (Vec::new(), Vec::new());
    let (mut bare_cpu, mut staged_cpu) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        let moment = engine.moment(&run, &pulls).expect("an engine");
        let (begin, before) = (Instant::now(), cpu());
        let rows = moment.write_parquet(&bare, &engine.temp().join("bare.parquet")).expect("the bare statement runs");
        bare_seconds.push(begin.elapsed().as_secs_f64());
        bare_cpu = bare_cpu.min(cpu() - before);
        assert_eq!(rows, u64::from(records));

        let staged = local("staged");
        if staged.exists() {
            fs_err::remove_dir_all(&staged).expect("the cache may go");
        }
        let moment = engine.moment(&run, &pulls).expect("an engine");
        let (begin, before) = (Instant::now(), cpu());
        moment.require(std::slice::from_ref(&latest)).expect("the staging model runs");
        staged_seconds.push(begin.elapsed().as_secs_f64());
        staged_cpu = staged_cpu.min(cpu() - before);
        assert!(staged.exists(), "nothing was staged below `{}`", staged.display());
    }
    let (bare, staged) = (median(bare_seconds), median(staged_seconds));
    println!(
        "staging: {records} cases, bare statement {bare:.2} s, staged cache {staged:.2} s: {:.2} x (at most {AT_MOST}); \
         CPU time {bare_cpu:.2} s, {staged_cpu:.2} s: {:.2} x",
        staged / bare,
        staged_cpu / bare_cpu
    );
    if staged <= AT_MOST * bare { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The second argument of the model's `from_json`.
fn shape(model: &str) -> &str {
    let begin = model.find("'{").expect("the shape is a text");
    let end = model.find("}'").expect("the shape ends");
    &model[begin..end + 2]
}

/// Lands one pull of cases of about 800 bytes.
async fn landed(lake: &Lake, records: u32) -> Receipt {
    let at: DateTime<Utc> = DateTime::UNIX_EPOCH;
    let (run_id, pull_id) = (Uuid::now_v7(), Uuid::now_v7());
    let (source, endpoint) = ("testrail".to_owned(), MODEL.to_owned());
    let scope = r#"{"project_id":17}"#;
    let head = PullHead { run_id, pull_id, source: source.clone(), endpoint: endpoint.clone(), scope: scope.to_owned(), run_at: at };
    let mut writer = RecordWriter::create(&WriteBudget::new(64_000_000, std::env::temp_dir()), &head).expect("a temporary file");
    for number in 0..records {
        let payload = case(number);
        let row = RecordRow {
            partition_no: 0,
            request_no: number / 250,
            record_no: number % 250,
            record_key: &format!("[{number}]"),
            fetched_at: at,
            params: r#"{"project_id":17,"suite_id":1}"#,
            payload: payload.as_bytes(),
            payload_original: None,
            defect: None,
            window_at: None,
        };
        writer.push(&row).expect("space on the disk");
    }
    let finished = writer.finish().expect("space on the disk");
    let path = layout::records(&source, "cases", at.date_naive(), pull_id);
    lake.upload_new(&path, &finished.path).await.expect("space on the disk").accept_existing();
    Receipt {
        version: RECEIPT_VERSION,
        run_id,
        pull_id,
        source,
        endpoint,
        scope: serde_json::from_str(scope).expect("JSON"),
        part: 0,
        mode: Mode::Full,
        outcome: Outcome::Complete,
        stop: Stop::NoNext,
        error: None,
        warnings: Vec::new(),
        cursor: None,
        window_from: None,
        window_to: None,
        expected: None,
        records: u64::from(records),
        defects: 0,
        requests: 0,
        retries: 0,
        bytes: 0,
        partitions: Vec::new(),
        files: vec![File { rows: finished.rows, bytes: finished.bytes, sha256: finished.sha256.clone(), path, kind: FileKind::Records }],
        redacted: Vec::new(),
        host: "localhost".to_owned(),
        definition: String::new(),
        etl: env!("CARGO_PKG_VERSION").to_owned(),
        run_at: at,
        started: at,
        finished: at,
    }
}

/// A case as TestRail writes it, with a text that differs from case to case.
fn case(number: u32) -> String {
    let words = ["open", "the", "settings", "tab", "private", "browsing", "toolbar", "verify", "that", "menu", "appears", "after", "restart"];
    let mut state = u64::from(number) + 1;
    let mut text = String::with_capacity(440);
    while text.len() < 420 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(words[usize::try_from(state >> 33).unwrap_or(0) % words.len()]);
        text.push(' ');
    }
    format!(
        r#"{{"id":{number},"title":"Case {number}","section_id":{},"template_id":1,"type_id":7,"priority_id":2,"milestone_id":null,"refs":null,"created_by":1,"created_on":1700000000,"updated_by":1,"updated_on":1700000000,"estimate":null,"suite_id":1,"is_deleted":0,"custom_automation_status":{},"custom_automation_coverage":1,"custom_sub_test_suites":[1,2],"custom_preconds":"{text}","labels":[{{"id":3,"title":"tae"}}]}}"#,
        state % 9_000,
        state % 5
    )
}

/// CPU time of all threads of this process so far, in seconds.
fn cpu() -> f64 {
    let text = fs_err::read_to_string("/proc/self/stat").expect("Linux tells it");
    // User and system time in hundredths, counted from behind the program's name, which may hold blanks.
    let ticks = text.rsplit_once(')').expect("a name").1.split_whitespace().skip(11).take(2);
    ticks.map(|ticks| ticks.parse::<f64>().expect("ticks")).sum::<f64>() / 100.0
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}
