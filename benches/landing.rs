//! JSON pages to Parquet on one core: slicing, checking, keys, and the record writer, as a pull does it.
//! `cargo bench --bench landing`. Fails under 300 MB/s of JSON.
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
    engine::{RunRow, Value},
    extract::{
        known::Known,
        plan::{Pull, plan},
        prepare::prepare,
        slice::slice,
    },
    lake::{PullHead, RecordRow, RecordWriter, WriteBudget},
};
use uuid::Uuid;

const PAGES: usize = 4_000;
const CASES: usize = 250;
const AT_LEAST: f64 = 300.0;

fn main() -> ExitCode {
    let mut project = Project::read(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the project is sound");
    let source = project.sources.iter_mut().find(|source| source.name == "testrail").expect("there is TestRail");
    let endpoint = source.endpoints.iter().find(|endpoint| endpoint.name == "cases").expect("there are cases");
    let pull = pull(endpoint);
    // A few different pages, again and again: more would measure the memory of the machine.
    let pages: Vec<Bytes> = (0..16).map(page).collect();
    let begin = Instant::now();
    let mut bytes = 0;
    let mut spent = [Duration::ZERO; 3];
    let run_id = Uuid::now_v7();
    let head = PullHead {
        run_id,
        pull_id: run_id,
        source: endpoint.source.clone(),
        endpoint: endpoint.id.clone(),
        scope: pull.scope_key.clone(),
        run_at: DateTime::<Utc>::MIN_UTC,
    };
    let mut writer = RecordWriter::create(&WriteBudget::new(64_000_000), &head).expect("a temporary file");
    for (number, body) in pages.iter().cycle().take(PAGES).enumerate() {
        bytes += body.len();
        let start = Instant::now();
        let sliced = slice(body, &endpoint.records, endpoint.bare_array).expect("a sound page");
        spent[0] += start.elapsed();
        let start = Instant::now();
        let page = prepare(endpoint, &pull, &pull.calls[0], body.clone(), &sliced).expect("sound records");
        spent[1] += start.elapsed();
        let start = Instant::now();
        for record in &page.records {
            let row = RecordRow {
                partition_no: 0,
                request_no: u32::try_from(number).expect("few pages"),
                record_no: record.record_no,
                record_key: &record.key,
                fetched_at: DateTime::UNIX_EPOCH,
                params: &pull.partitions[0].params_text,
                payload: &page.payload(record),
                payload_original: None,
                defect: None,
                window_at: record.window_at,
            };
            writer.push(&row).expect("space on the disk");
        }
        spent[2] += start.elapsed();
    }
    let finished = writer.finish().expect("space on the disk");
    let seconds = begin.elapsed().as_secs_f64();
    let rate = bytes as f64 / 1e6 / seconds;
    println!(
        "landing: {} records, {:.0} MB of JSON, {:.1} MB of Parquet, {seconds:.2} s: {rate:.0} MB/s (at least {AT_LEAST:.0})",
        finished.rows,
        bytes as f64 / 1e6,
        finished.bytes as f64 / 1e6
    );
    println!("slicing {:.2} s, preparing {:.2} s, writing {:.2} s", spent[0].as_secs_f64(), spent[1].as_secs_f64(), spent[2].as_secs_f64());
    if rate >= AT_LEAST { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn pull(endpoint: &Endpoint) -> Pull {
    let run_at = DateTime::UNIX_EPOCH;
    let run = RunRow { run_at, as_of: run_at, projects: Vec::new(), window_start: None, window_end: None, full_refresh: false };
    let row = vec![("project_id".to_owned(), Value::Int(17)), ("suite_id".to_owned(), Value::Int(1))];
    plan(endpoint, "", vec![row], &run, &Known::default(), 500).expect("a sound row").remove(0)
}

/// A page of cases of about 800 bytes as TestRail writes them, texts different in each.
fn page(number: usize) -> Bytes {
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
