//! A past day comes back exactly, whenever it is asked for; running a stage again changes nothing.

use etl::simulator::Simulator;

use crate::pump::{Pump, Tables, assert_same, assert_same_lines, day, serve, small_world, tables};

/// Two projects, so that a day takes a second or two.
const RUN: [&str; 5] = ["run", "--project", "fenix", "--project", "firefox-desktop"];

/// Runs three days; returns the tables after each.
async fn three_days() -> (Simulator, Pump, Vec<Tables>) {
    let simulator = serve(small_world()).await;
    let mut pump = Pump::new(&simulator);
    let mut days = Vec::new();
    for number in 0..3 {
        simulator.set_day(day(number));
        pump.at(day(number), "04:00:00");
        pump.ok(&RUN);
        days.push(pump.tables().await);
    }
    (simulator, pump, days)
}

/// Goes back to the end of a day in a new database; returns its tables.
async fn replay(pump: &Pump, number: u64, name: &str) -> Tables {
    let file = pump.root().join(name);
    let (moment, url) = (day(number).to_string(), format!("sqlite:{}", file.display()));
    pump.ok(&["--database", &url, "migrate", "run"]);
    pump.ok(&["--database", &url, "replay", "--as-of", &moment]);
    tables(&file, &[]).await
}

#[tokio::test]
async fn an_earlier_day_comes_back_exactly() {
    let (_simulator, mut pump, days) = three_days().await;
    assert_ne!(days[0], days[1]);
    assert_ne!(days[1], days[2]);
    let first = replay(&pump, 0, "first.sqlite").await;
    assert_same("day 1 and its replay", &days[0], &first);
    let objects = pump.objects();
    assert_same("two replays", &first, &replay(&pump, 0, "again.sqlite").await);
    assert_eq!(objects, pump.objects(), "a replay done twice is computed once");

    // A new database has ids of its own; first-seen times are those of the lake.
    pump.ok(&["transform"]);
    pump.ok(&["load"]);
    assert_same("the newest tables after replays elsewhere", &days[2], &pump.tables().await);
    replay(&pump, 2, "last.sqlite").await;
    let own = ["id"];
    assert_same("day 3 and its replay", &tables(&pump.database(), &own).await, &tables(&pump.root().join("last.sqlite"), &own).await);

    // Replays are kept apart, unless the past is to count as the newest: then loads keep it, until a transform computes the present.
    let (moment, apart) = (day(0).to_string(), pump.fork());
    apart.ok(&["replay", "--as-of", &moment]);
    let (past, present) = (apart.timeless_tables().await, pump.timeless_tables().await);
    assert_ne!(past, present);
    // One of the tables that differ, and that keep nothing of rows that are gone.
    let table = "report_bugzilla_meta_bugs";
    assert_ne!(past[table], present[table]);
    apart.ok(&["load"]);
    assert_same_lines("the present after a replay", &present[table], &apart.timeless_tables().await[table]);
    pump.at(day(2), "05:00:00");
    pump.ok(&["replay", "--as-of", &moment, "--as-newest"]);
    assert_same("a replay that counts as the newest", &past, &pump.timeless_tables().await);
    pump.ok(&["load"]);
    assert_same("the same after another load", &past, &pump.timeless_tables().await);
    pump.at(day(2), "06:00:00");
    pump.ok(&["transform"]);
    pump.ok(&["load"]);
    let now = pump.timeless_tables().await;
    assert_ne!(past[table], now[table]);
    assert_same_lines("the present after a transform", &present[table], &now[table]);
}

#[tokio::test]
async fn running_a_stage_again_changes_nothing() {
    let (_simulator, mut pump, days) = three_days().await;
    // The run log says that a stage ran; nothing else is written.
    let objects = |pump: &Pump| {
        let mut objects = pump.objects();
        objects.retain(|path, _| !path.components().any(|part| part.as_os_str() == "runs"));
        objects
    };
    let (written, live) = (objects(&pump), pump.live());
    let plan = pump.ok(&["load", "--plan"]);
    let changes = plan.lines().filter(|line| line.ends_with("done") || line.ends_with("planned"));
    for line in changes {
        let counts: Vec<&str> = line.split_whitespace().skip(1).take(3).collect();
        assert_eq!(counts, ["0", "0", "0"], "{plan}");
    }
    for stage in [&["transform"][..], &["load"], &["transform"], &["load", "--verify"]] {
        pump.at(day(2), "05:00:00");
        pump.ok(stage);
        assert_eq!(written, objects(&pump), "{stage:?} wrote to the lake");
        assert_same(&format!("after {stage:?}"), &days[2], &pump.tables().await);
    }
    // A further pull of the same day brings what was there.
    let timeless = pump.timeless_tables().await;
    pump.at(day(2), "06:00:00");
    pump.ok(&RUN);
    assert_same("after another run", &timeless, &pump.timeless_tables().await);
    assert_same_lines("live rows after another run", &live, &pump.live());
}
