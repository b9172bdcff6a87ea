//! What jobs on empty disks ask of a bucket, day after day: `cargo bench --bench buckets [-- DAYS] [all]`. `all`: every report on the
//! days of its schedule, not those of TestRail and Bugzilla. After the series, each command by kind of object, early and late.
//! Fails if a day late in the series asks for more than one and a half times as many requests as an early one.
#![expect(clippy::print_stdout, reason = "a measurement for people")]

use std::{collections::BTreeMap, path::Path, process::ExitCode};

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/buckets/google.rs"]
mod google;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/pump.rs"]
mod pump;

use google::{Google, Request};
use pump::{Pump, day, serve, small_world};

/// The first day has everything to compute.
const EARLY: u64 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let days: u64 = words.iter().find_map(|word| word.parse().ok()).unwrap_or(30);
    let every = words.iter().any(|word| word == "all");
    let simulator = serve(small_world()).await;
    let google = Google::with_pages_of(1_000).await;
    let mut pump = if every { Pump::whole(&simulator) } else { Pump::new(&simulator) };
    pump.set("STORAGE_EMULATOR_HOST", google.address());
    pump.set("ETL_LAKE", "gs://lake/bench");
    let run: &[&str] = if every { &["--report-type", "ALL", "--project", "ALL"] } else { &["--project", "fenix"] };
    let tables = ["report_testrail_milestones", "report_test_case_coverage"];
    let mut of_runs = Vec::new();
    for number in 0..days {
        simulator.set_day(day(number));
        let mut line = format!("day {:3}", number + 1);
        let mut kinds = String::new();
        for (time, command, arguments) in [
            ("04:00:00", "run", run),
            ("05:00:00", "transform", if every { &["--report-type", "ALL"] } else { &tables }),
            ("05:01:00", "load", &tables),
        ] {
            empty(&pump.root().join("data"));
            pump.at(day(number), time);
            // A day counts as settled by the store's clock.
            google.at(day(number).and_hms_opt(4, 0, 0).expect("it is a time").and_utc());
            google.exchanged();
            pump.ok(&[&[command], arguments].concat());
            let asked = google.exchanged();
            let listings = asked.iter().filter(|(line, ..)| line.contains("list-type")).count();
            let writes = asked.iter().filter(|(line, ..)| line.starts_with('P')).count();
            line.push_str(&format!(
                " | {command}: {} requests ({listings} lists, {writes} writes), {} kB down, {} kB up",
                asked.len(),
                asked.iter().map(|(_, _, down)| down).sum::<u64>() / 1_000,
                asked.iter().map(|(_, up, _)| up).sum::<u64>() / 1_000,
            ));
            if command == "run" {
                of_runs.push(asked.len());
            }
            kinds.push_str(&by_kind(command, &asked));
        }
        println!("{line}");
        if number == EARLY || number + 1 == days {
            println!("{kinds}");
        }
    }
    // Checkpoints are written with every ninth pull: a day is compared with the same one of the second round.
    let last = of_runs.len().saturating_sub(1);
    let early = (last > 18).then(|| of_runs.get(9 + last % 9)).flatten();
    let grown = early.zip(of_runs.last()).is_some_and(|(early, late)| *late * 2 > *early * 3);
    if grown { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// A line for each kind of object: requests, bytes.
fn by_kind(command: &str, asked: &[Request]) -> String {
    let mut kinds: BTreeMap<String, (usize, u64, u64)> = BTreeMap::new();
    for (line, up, down) in asked {
        let (method, uri) = line.split_once(' ').unwrap_or((line, ""));
        let path = uri.split('?').next().unwrap_or("").replace("%2F", "/").replace("%2E", ".");
        let path = path.trim_start_matches("/lake").trim_start_matches("/bench/");
        let kind = if uri.contains("list-type") {
            let prefix = uri.split("prefix=bench").nth(1).unwrap_or("").trim_start_matches("%2F").split(['%', '&']).next().unwrap_or("");
            format!("LIST {prefix}")
        } else {
            format!("{method} {} {}", path.split('/').next().unwrap_or(""), path.rsplit('.').next().unwrap_or(""))
        };
        let known = kinds.entry(kind).or_default();
        *known = (known.0 + 1, known.1 + down, known.2 + up);
    }
    kinds.into_iter().map(|(kind, (requests, down, up))| format!("    {command:9} {kind:32} {requests:5} {down:9} {up:9}\n")).collect()
}

/// Leaves the database, which is elsewhere in earnest.
fn empty(data: &Path) {
    for entry in fs_err::read_dir(data).into_iter().flatten().flatten().filter(|entry| entry.file_name() != "etl.sqlite") {
        let path = entry.path();
        let removed = if path.is_dir() { fs_err::remove_dir_all(path) } else { fs_err::remove_file(path) };
        removed.expect("the folder is ours");
    }
}
