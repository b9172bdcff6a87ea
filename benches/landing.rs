//! JSON pages to Parquet on one core: slicing, checking, keys, and the record writer, as a pull does it.
//! `cargo bench --bench landing`. Fails under 300 MB/s of JSON for TestRail's cases as the simulator answers them.
//!
//! All of it runs on one thread, and its CPU time is shown beside the clock's: on a busy machine only the former says something.
//! Two parts are also measured alone, over the same bytes and in turns with the whole: zstd at the same level, which is a large
//! part of the work (how large depends on the texts), and the SHA-256 of the bodies, which a pull takes on another thread at the
//! same time and which is no part of the rate.
//!
//! Two more corpora are shown, without a claim: cases whose texts are random words, which repeat little, and the recorded bugs
//! in `ETL_REAL_DATA`.
#![expect(clippy::print_stdout, reason = "a measurement for people")]

use std::{
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use etl::{
    catalog::{Endpoint, Project},
    digest::sha256,
    engine::{RunRow, Value},
    extract::{
        known::Known,
        plan::{Pull, plan},
        prepare::prepare,
        slice::slice,
    },
    lake::{PullHead, RecordRow, RecordWriter, WriteBudget},
    settings::Env,
    simulator::{Options, Scale, Simulator, TESTRAIL_PASSWORD, TESTRAIL_USER, World},
};
use uuid::Uuid;

/// Bytes of JSON that are landed in one round.
const BYTES: usize = 300_000_000;
const ROUNDS: usize = 3;
/// Different pages, again and again: more would measure the memory of the machine.
const PAGES: usize = 16;
/// Records of a page of cases.
const CASES: usize = 250;
const AT_LEAST: f64 = 300.0;

/// What one round took.
#[derive(Default)]
struct Round {
    records: u64,
    json: usize,
    parquet: u64,
    slicing: Duration,
    preparing: Duration,
    writing: Duration,
    cpu: Duration,
    zstd: Duration,
    bodies_sha256: Duration,
}

impl Round {
    fn total(&self) -> Duration {
        self.slicing + self.preparing + self.writing
    }

    fn rate(&self, spent: Duration) -> f64 {
        self.json as f64 / 1e6 / spent.as_secs_f64()
    }
}

fn main() -> ExitCode {
    let project = Project::read(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the project is sound");
    let cases = project.endpoint("testrail_cases").expect("there are cases");
    let bugs = project.endpoint("bugzilla_qa_found_bugs").expect("there are bugs");
    let rate = measure("TestRail's cases", cases, &answered());
    measure("random words", cases, &(0..PAGES).map(random_words).collect::<Vec<_>>());
    if let Some(folder) = Env::of_process().get("ETL_REAL_DATA") {
        measure("recorded bugs", bugs, &recorded(Path::new(folder)));
    }
    println!("landing: {rate:.0} MB/s (at least {AT_LEAST:.0})");
    if rate >= AT_LEAST { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints the quickest of some rounds and gives its rate in MB/s: what else the machine did only adds to a round.
fn measure(name: &str, endpoint: &Endpoint, pages: &[Bytes]) -> f64 {
    let rounds = (0..ROUNDS).map(|_| round(endpoint, pages));
    let best = rounds.min_by_key(Round::total).expect("there are rounds");
    let seconds = |spent: Duration| spent.as_secs_f64();
    println!(
        "{name}: {} records, {:.0} MB of JSON, {:.1} MB of Parquet, {:.2} s: {:.0} MB/s, by CPU time {:.0} MB/s (slicing {:.2} s, preparing {:.2} s, writing {:.2} s); \
         alone, CPU time: zstd {:.2} s ({:.0} MB/s), SHA-256 of the bodies {:.2} s",
        best.records,
        best.json as f64 / 1e6,
        best.parquet as f64 / 1e6,
        seconds(best.total()),
        best.rate(best.total()),
        best.rate(best.cpu),
        seconds(best.slicing),
        seconds(best.preparing),
        seconds(best.writing),
        seconds(best.zstd),
        best.rate(best.zstd),
        seconds(best.bodies_sha256),
    );
    best.rate(best.total())
}

fn round(endpoint: &Endpoint, pages: &[Bytes]) -> Round {
    let pull = pull(endpoint);
    let run_id = Uuid::now_v7();
    let head = PullHead {
        run_id,
        pull_id: run_id,
        source: endpoint.source.clone(),
        endpoint: endpoint.id.clone(),
        scope: pull.scope_key.clone(),
        run_at: DateTime::<Utc>::MIN_UTC,
    };
    let mut writer = RecordWriter::create(&WriteBudget::new(64_000_000, std::env::temp_dir()), &head).expect("a temporary file");
    let mut round = Round::default();
    let timed = |spent: &mut Duration, start: Instant| *spent += start.elapsed();
    let mut bodies = Vec::new();
    let before = cpu();
    for (number, body) in (0..).zip(pages.iter().cycle()) {
        if round.json >= BYTES {
            break;
        }
        round.json += body.len();
        bodies.push(body);
        let start = Instant::now();
        let sliced = slice(body, &endpoint.records, endpoint.bare_array).expect("a sound page");
        timed(&mut round.slicing, start);
        let start = Instant::now();
        let page = prepare(endpoint, &pull, &pull.calls[0], 0, body.clone(), &sliced);
        assert!(page.problem.is_none());
        timed(&mut round.preparing, start);
        let start = Instant::now();
        for record in &page.records {
            let row = RecordRow {
                partition_no: 0,
                request_no: number,
                record_no: record.record_no,
                record_key: &record.key,
                fetched_at: DateTime::UNIX_EPOCH,
                params: &pull.partitions[0].params_text,
                payload: page.payload(record),
                payload_original: None,
                defect: None,
                window_at: record.window_at,
            };
            writer.push(&row).expect("space on the disk");
        }
        timed(&mut round.writing, start);
    }
    let start = Instant::now();
    let finished = writer.finish().expect("space on the disk");
    timed(&mut round.writing, start);
    round.cpu = cpu() - before;
    (round.records, round.parquet) = (finished.rows, finished.bytes);

    let mut compressor = zstd::bulk::Compressor::new(1).expect("1 is a level");
    let before = cpu();
    for body in &bodies {
        std::hint::black_box(compressor.compress(body).expect("it compresses"));
    }
    round.zstd = cpu() - before;
    let before = cpu();
    for body in &bodies {
        std::hint::black_box(sha256(body));
    }
    round.bodies_sha256 = cpu() - before;
    round
}

/// CPU time of this thread.
fn cpu() -> Duration {
    let text = fs_err::read_to_string("/proc/thread-self/schedstat").expect("Linux tells it");
    Duration::from_nanos(text.split(' ').next().and_then(|nanos| nanos.parse().ok()).expect("nanoseconds"))
}

fn pull(endpoint: &Endpoint) -> Pull {
    let run_at = DateTime::UNIX_EPOCH;
    let run = RunRow { run_at, as_of: run_at, projects: Vec::new(), window_start: None, window_end: None, full_refresh: false };
    let columns = endpoint.needed_columns().into_iter().map(|column| (column.to_owned(), Value::Int(17)));
    plan(endpoint, "", vec![columns.collect()], &run, &Known::default(), 500).expect("a sound row").remove(0)
}

/// Pages of cases of 800 bytes as the simulated TestRail answers them.
fn answered() -> Vec<Bytes> {
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    runtime.block_on(async {
        let world = World::seeded(1, Scale::many_cases(100_000));
        let simulator = Simulator::start(world, Options { duplicates: false, ..Options::default() }).await.expect("a port on loopback");
        let client = reqwest::Client::new();
        let mut pages = Vec::new();
        for number in 0..PAGES {
            let url = format!("{}/index.php?/api/v2/get_cases/17&suite_id=1701&limit={CASES}&offset={}", simulator.testrail_url(), number * CASES);
            let answer = client.get(url).basic_auth(TESTRAIL_USER, Some(TESTRAIL_PASSWORD)).send().await.expect("an answer");
            pages.push(answer.error_for_status().expect("cases").bytes().await.expect("a body"));
        }
        simulator.shutdown();
        pages
    })
}

/// Pages of the recorded bugs, each with all of them.
fn recorded(folder: &Path) -> Vec<Bytes> {
    let text = fs_err::read_to_string(folder.join("bugzilla/bugbug-fixture-bugs.jsonl")).expect("recorded bugs");
    let bugs: Vec<&str> = text.lines().collect();
    vec![Bytes::from(format!("{{\"bugs\":[{}]}}", bugs.join(",")))]
}

/// A page of cases of about 800 bytes in which half of the bytes are words in random order.
fn random_words(number: usize) -> Bytes {
    let mut state = number as u64 + 1;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let words = ["open", "the", "settings", "tab", "private", "browsing", "toolbar", "verify", "that", "menu", "appears", "after", "restart"];
    let cases: Vec<String> = (0..CASES)
        .map(|case| {
            let mut text = String::new();
            while text.len() < 420 {
                text.push_str(words[usize::try_from(random()).unwrap_or(0) % words.len()]);
                text.push(' ');
            }
            let id = number * CASES + case + 100_000;
            format!(
                r#"{{"id":{id},"title":"Case {id}","section_id":{},"template_id":1,"type_id":7,"priority_id":2,"milestone_id":null,"refs":"{}","created_by":1,"created_on":{},"updated_by":1,"updated_on":{},"estimate":null,"suite_id":1,"is_deleted":0,"custom_automation_status":{},"custom_sub_test_suites":[1,2],"custom_preconds":"{text}","labels":[{{"id":3,"title":"tae"}}]}}"#,
                random() % 9_000,
                random(),
                random(),
                random(),
                random() % 5
            )
        })
        .collect();
    Bytes::from(format!(
        r#"{{"offset":{},"limit":250,"size":250,"_links":{{"next":"/api/v2/get_cases/17&limit=250&offset=250","prev":null}},"cases":[{}]}}"#,
        number * CASES,
        cases.join(",")
    ))
}
