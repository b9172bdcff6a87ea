//! A run that is killed at any instant and run again leaves lake and tables as an undisturbed run does.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::pump::{Pump, assert_same, assert_same_lines, day, files, serve, small_world};

const KILLS: u32 = 10;
/// One of six projects and all of Bugzilla: a run takes a second or two.
const RUN: [&str; 3] = ["run", "--project", "fenix"];

#[tokio::test]
async fn a_killed_run_that_is_run_again_equals_an_undisturbed_one() {
    let simulator = serve(small_world()).await;
    let mut first = Pump::new(&simulator);
    simulator.set_day(day(0));
    first.at(day(0), "04:00:00");
    first.ok(&RUN);
    let before = first.timeless_tables().await;
    let temporary = tempfile::tempdir().unwrap();
    first.set("TMPDIR", temporary.path().display().to_string());

    // The second day has new, changed and deleted records, cursors and final plans.
    simulator.set_day(day(1));
    let mut undisturbed = first.fork();
    undisturbed.at(day(1), "04:00:00");
    let started = Instant::now();
    undisturbed.ok(&RUN);
    let mut duration = started.elapsed();
    let (live, after) = (undisturbed.live(), undisturbed.timeless_tables().await);
    assert_ne!(before, after, "a day changes something");

    let mut random = StdRng::seed_from_u64(20_260_320);
    for kill in 0..KILLS {
        // One moment in each tenth of the run.
        let part = (f64::from(kill) + random.random_range(0.0..1.0)) / f64::from(KILLS);
        let (mut pump, moment) = killed(&first, part, &mut duration);
        let what = format!("killed after {moment:?} of {duration:?}");
        assert_eq!(files(temporary.path()), Vec::<PathBuf>::new(), "{what}: left in the temporary folder");

        pump.live();
        for (table, rows) in pump.timeless_tables().await {
            let whole = rows == before[&table] || rows == after[&table];
            assert!(whole, "{what}: `{table}` is neither as before nor as after the run");
        }

        pump.at(day(1), "04:05:00");
        let resumed = kill % 2 == 1;
        let ran = pump.run(&[&RUN[..], if resumed { &["--resume"] } else { &[] }].concat());
        assert_eq!(ran.code, Some(0), "{what}: {}", ran.stderr);
        let what = if resumed { format!("{what}, resumed") } else { what };
        let left = names(&pump.root().join("data")).into_iter().filter(|name| name.starts_with(".etl-") || name.ends_with(".part"));
        assert_eq!(left.collect::<Vec<_>>(), [""; 0], "{what}: left in the data folder");
        assert_same_lines(&format!("{what}: live rows"), &live, &pump.live());
        assert_same(&what, &after, &pump.timeless_tables().await);
    }
}

fn names(folder: &Path) -> Vec<String> {
    fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// A copy of `first` in which a run was killed after this part of its time. Where the machine has become faster since a run was
/// last timed, the run ends before the kill; it is then timed anew and another copy tried.
fn killed(first: &Pump, part: f64, duration: &mut Duration) -> (Pump, Duration) {
    for _ in 0..20 {
        let moment = duration.mul_f64(part);
        let mut pump = first.fork();
        pump.at(day(1), "04:00:00");
        let mut child = pump.command(&RUN).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let started = Instant::now();
        std::thread::sleep(moment);
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            if !child.wait().unwrap().success() {
                return (pump, moment);
            }
        }
        *duration = started.elapsed().min(duration.mul_f64(0.8));
    }
    panic!("twenty runs ended before they could be killed, at last within {duration:?}");
}
