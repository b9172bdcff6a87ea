//! A run that is killed at any instant and run again leaves lake and tables as an undisturbed run does.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::pump::{Pump, assert_same, assert_same_lines, day, serve, small_world};

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

    // The second day has new, changed and deleted records, cursors and final plans.
    simulator.set_day(day(1));
    let mut undisturbed = first.fork();
    undisturbed.at(day(1), "04:00:00");
    let started = Instant::now();
    undisturbed.ok(&RUN);
    let duration = started.elapsed();
    let (live, after) = (undisturbed.live(), undisturbed.timeless_tables().await);
    assert_ne!(before, after, "a day changes something");

    let mut random = StdRng::seed_from_u64(20_260_320);
    let mut cut_short = 0;
    for kill in 0..KILLS {
        // One moment in each tenth of the run.
        let moment = duration.mul_f64((f64::from(kill) + random.random_range(0.0..1.0)) / f64::from(KILLS));
        let mut pump = first.fork();
        pump.at(day(1), "04:00:00");
        let mut child = pump.command(&RUN).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(moment);
        child.kill().unwrap();
        cut_short += u32::from(!child.wait().unwrap().success());
        let what = format!("killed after {moment:?} of {duration:?}");

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
        assert_same_lines(&format!("{what}: live rows"), &live, &pump.live());
        assert_same(&what, &after, &pump.timeless_tables().await);
    }
    // On a machine that has become faster since the measurement the last kill may come too late.
    assert!(cut_short >= KILLS - 3, "only {cut_short} of {KILLS} runs were killed before their end");
    assert!(duration > Duration::from_millis(200), "{duration:?}");
}
