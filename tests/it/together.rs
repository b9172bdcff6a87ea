//! Two runs at once on one lake and one database lose nothing and double nothing.

use crate::pump::{Pump, Ran, assert_same, assert_same_lines, day, serve, small_world};

const RUN: [&str; 5] = ["run", "--project", "fenix", "--project", "firefox-ios"];

#[tokio::test]
async fn two_runs_at_once_equal_one() {
    let simulator = serve(small_world()).await;
    let mut alone = Pump::new(&simulator);
    let mut shared = Pump::new(&simulator);
    // The first day begins without a lake and without a database, so the migrations meet too.
    for number in 0..2 {
        simulator.set_day(day(number));
        alone.at(day(number), "04:00:00");
        shared.at(day(number), "04:00:00");
        alone.ok(&RUN);
        let started = [(); 2].map(|()| shared.command(&RUN).spawn().unwrap());
        let ended = started.map(|child| Ran::of(child.wait_with_output().unwrap()));
        assert!(ended.iter().any(|ran| ran.code == Some(0)), "{ended:#?}");
        for ran in ended.iter().filter(|ran| ran.code != Some(0)) {
            assert!(["locked", "another", "already, and the mart shows"].iter().any(|sign| ran.stderr.contains(sign)), "{}", ran.stderr);
            shared.ok(&RUN);
        }
        assert_same_lines(&format!("live rows of day {number}"), &alone.live(), &shared.live());
        assert_same(&format!("day {number}"), &alone.timeless_tables().await, &shared.timeless_tables().await);
        let loads = shared.run(&["load", "--verify"]);
        assert_eq!(loads.code, Some(0), "{}", loads.stderr);
    }
}
