//! Files of a lake that were damaged after they were written: caches and results are made again, and of everything else the file is
//! named. Wrong rows are never loaded.

use std::path::{Path, PathBuf};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::pump::{Pump, Ran, Tables, day, files, serve, small_world};

const TABLE: &str = "report_testrail_milestones";

/// What happens to a file.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Bit,
    Cut,
    Empty,
    Garbage,
    Gone,
}
use Damage::{Bit, Cut, Empty, Garbage, Gone};

/// A kind of file, and what can happen to it so that its loss is noticed: nothing tells of a receipt or manifest that is gone.
struct Case {
    folder: &'static str,
    extension: &'static str,
    damages: &'static [Damage],
    /// Folders that are removed first, so that the file is read.
    without: &'static [&'static str],
    rebuilt: bool,
}

const CASES: [Case; 5] = [
    Case { folder: "marts", extension: "parquet", damages: &[Bit, Bit, Bit, Cut, Gone], without: &[], rebuilt: true },
    Case { folder: "staged", extension: "parquet", damages: &[Bit, Bit, Empty, Garbage, Gone], without: &["marts"], rebuilt: true },
    Case { folder: "landed", extension: "parquet", damages: &[Bit, Bit, Gone], without: &["marts", "staged"], rebuilt: false },
    Case { folder: "receipts", extension: "json", damages: &[Bit, Bit, Empty], without: &["marts"], rebuilt: false },
    Case { folder: "marts", extension: "json", damages: &[Bit, Bit, Empty], without: &[], rebuilt: false },
];

#[tokio::test]
async fn damaged_files_are_rebuilt_or_named() {
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let mut pump = Pump::of(&simulator, &["testrail"]);
    pump.at(day(0), "04:00:00");
    pump.ok(&["run", "testrail-milestones"]);
    let before = pump.tables().await;
    simulator.set_day(day(1));
    pump.at(day(1), "04:00:00");
    pump.ok(&["extract", "testrail-milestones"]);
    pump.ok(&["transform", "testrail-milestones"]);
    let undisturbed = pump.fork();
    undisturbed.ok(&["load", TABLE]);
    let after = undisturbed.tables().await;
    assert_ne!(before, after, "a day changes something");

    let mut random = StdRng::seed_from_u64(20_261_201);
    for case in &CASES {
        for damage in case.damages {
            let mut pump = pump.fork();
            pump.at(day(1), "06:00:00");
            for folder in case.without {
                fs_err::remove_dir_all(pump.lake().join(folder)).unwrap();
            }
            let files = files_of(&pump, case);
            let file = &files[random.random_range(0..files.len())];
            damage_file(file, *damage, &mut random);
            let name = file.file_name().unwrap().to_str().unwrap();
            let what = format!("{damage:?} of {}/{name}", case.folder);
            // A load alone never shows rows that were not published.
            if case.without.is_empty() {
                let ran = pump.run(&["load", TABLE]);
                consistent(&what, &ran, name, &pump.tables().await, &before, &after);
            }
            let transformed = pump.run(&["transform", TABLE]);
            assert!(!transformed.stderr.contains("panicked"), "{what}: {}", transformed.stderr);
            let ran = if transformed.code == Some(0) { pump.run(&["load", TABLE]) } else { transformed };
            consistent(&what, &ran, name, &pump.tables().await, &before, &after);
            assert!(!case.rebuilt || ran.code == Some(0), "{what}: {}", ran.stderr);
        }
    }
}

#[tokio::test]
async fn a_full_refresh_replaces_caches_and_results() {
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let mut pump = Pump::of(&simulator, &["testrail"]);
    pump.at(day(0), "04:00:00");
    pump.ok(&["run", "testrail-milestones"]);
    let staged = files(&pump.lake().join("staged"));
    let marts = files(&pump.lake().join("marts"));
    let written = |path: &Path| fs_err::metadata(path).unwrap().modified().unwrap();
    let before: Vec<_> = staged.iter().map(|path| written(path)).collect();
    pump.at(day(0), "05:00:00");
    pump.ok(&["transform", "testrail-milestones", "--full-refresh"]);
    assert_eq!(files(&pump.lake().join("staged")), staged);
    for (path, before) in staged.iter().zip(before) {
        assert!(written(path) > before, "{} is as it was", path.display());
    }
    let results = |paths: Vec<PathBuf>| paths.into_iter().filter(|path| path.extension().is_some_and(|found| found == "parquet")).count();
    let again = files(&pump.lake().join("marts"));
    assert_eq!(results(again), 2 * results(marts), "each result has a file of its own");
}

fn files_of(pump: &Pump, case: &Case) -> Vec<PathBuf> {
    let mut found = files(&pump.lake().join(case.folder));
    found.retain(|path| {
        let path = path.to_str().unwrap();
        let wanted = case.folder == "landed" || case.extension == "json" || case.folder != "marts" || path.contains(TABLE);
        path.ends_with(case.extension) && !path.ends_with("requests.parquet") && wanted && (case.folder != "marts" || path.contains(TABLE))
    });
    if case.folder == "marts" {
        // The newest result is the one that counts; ids are in the order of time.
        found.drain(..found.len() - 1);
    }
    found
}

fn damage_file(file: &Path, damage: Damage, random: &mut StdRng) {
    let mut bytes = fs_err::read(file).unwrap();
    match damage {
        Bit => {
            let bit = random.random_range(0..bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        Cut => bytes.truncate(random.random_range(1..bytes.len())),
        Empty => bytes.clear(),
        Garbage => bytes.iter_mut().for_each(|byte| *byte = random.random()),
        Gone => return fs_err::remove_file(file).unwrap(),
    }
    fs_err::write(file, bytes).unwrap();
}

/// Either the table is right, or the file is named and the table is as it was.
#[track_caller]
fn consistent(what: &str, ran: &Ran, name: &str, tables: &Tables, before: &Tables, after: &Tables) {
    assert!(!ran.stderr.contains("panicked"), "{what}: {}", ran.stderr);
    if ran.code == Some(0) {
        assert_eq!(tables[TABLE], after[TABLE], "{what}: {}", ran.stderr);
    } else {
        assert!(ran.stderr.contains(name), "{what}: the file is not named: {}", ran.stderr);
        assert!(tables[TABLE] == before[TABLE] || tables[TABLE] == after[TABLE], "{what}: {}", ran.stderr);
    }
}
