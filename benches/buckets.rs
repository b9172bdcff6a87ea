//! What jobs on empty disks ask of a bucket, day after day: `cargo bench --bench buckets [-- DAYS]`.
//! Fails if a day late in the series asks for more than twice as many requests as an early one.
#![expect(clippy::print_stdout, reason = "a measurement for people")]

use std::{collections::BTreeMap, path::Path, process::ExitCode};

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/buckets/google.rs"]
mod google;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/pump.rs"]
mod pump;

use google::Google;
use pump::{Pump, day, serve, small_world};

#[tokio::main]
async fn main() -> ExitCode {
    let days: u64 = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(30);
    let simulator = serve(small_world()).await;
    let google = Google::with_pages_of(1_000).await;
    let mut pump = Pump::new(&simulator);
    pump.set("STORAGE_EMULATOR_HOST", google.address());
    pump.set("ETL_LAKE", "gs://lake/bench");
    let (mut requests, mut last) = (Vec::new(), String::new());
    for number in 0..days {
        simulator.set_day(day(number));
        last.clear();
        let mut line = format!("day {:2}", number + 1);
        for (time, command, arguments) in [
            ("04:00:00", "run", &["--project", "fenix"][..]),
            ("05:00:00", "transform", &["report_testrail_milestones", "report_test_case_coverage"]),
            ("05:01:00", "load", &["report_testrail_milestones", "report_test_case_coverage"]),
        ] {
            empty(&pump.root().join("data"));
            pump.at(day(number), time);
            google.requests();
            let said = pump.ok(&[&[command], arguments].concat());
            let asked = google.requests();
            let kind =
                |start: &str, listing: bool| asked.iter().filter(|line| line.starts_with(start) && line.contains("list-type") == listing).count();
            let lake = said.lines().find_map(|line| line.strip_prefix("lake: ")).unwrap_or("nothing");
            line.push_str(&format!(
                " | {command}: {lake} ({} lists, {} reads, {} writes)",
                kind("GET", true),
                kind("GET", false) + kind("HEAD", false),
                kind("P", false)
            ));
            if command == "run" {
                requests.push(asked.len());
            }
            last.push_str(&format!("\n{command}: {:?}", by_kind(&asked)));
        }
        println!("{line}");
    }
    println!("{last}");
    // The first day has everything to compute.
    let grown = requests.len() < 4 || requests[requests.len() - 1] <= 2 * requests[2];
    if grown { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Requests by what they ask for: `GET receipts json`.
fn by_kind(asked: &[String]) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for request in asked {
        let (method, uri) = request.split_once(' ').unwrap_or((request, ""));
        let path = uri.split('?').next().unwrap_or("").trim_start_matches("/lake").trim_start_matches("/bench/");
        let kind = if uri.contains("list-type") {
            let prefix = uri.split("prefix=bench").nth(1).unwrap_or("").trim_start_matches("%2F").split(['%', '&']).next().unwrap_or("");
            format!("LIST {prefix}")
        } else {
            format!("{method} {} {}", path.split(['/', '%']).next().unwrap_or(""), path.rsplit('.').next().unwrap_or(""))
        };
        *kinds.entry(kind).or_default() += 1;
    }
    kinds
}

/// Leaves the database, which is elsewhere in earnest.
fn empty(data: &Path) {
    for entry in fs_err::read_dir(data).into_iter().flatten().flatten().filter(|entry| entry.file_name() != "etl.sqlite") {
        let path = entry.path();
        let removed = if path.is_dir() { fs_err::remove_dir_all(path) } else { fs_err::remove_file(path) };
        removed.expect("the folder is ours");
    }
}
