//! The whole program over a bucket: from an empty disk, killed, offline.

use std::{process::Stdio, time::Duration};

use super::cloud::{Cloud, Kind};
use crate::pump::{Pump, assert_same, assert_same_lines, day, files, serve, small_world};

const RUN: [&str; 3] = ["run", "--project", "fenix"];

/// Lets the pump's commands work over the bucket.
fn into_bucket(pump: &mut Pump, cloud: &Cloud) {
    for (variable, value) in &cloud.variables {
        pump.set(variable, value.clone());
    }
    pump.set("ETL_LAKE", cloud.location.clone());
}

/// What a machine keeps between two runs is gone; only the database stays, as it is elsewhere.
fn empty_disk(pump: &Pump) {
    let data = pump.root().join("data");
    for entry in fs_err::read_dir(&data).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "etl.sqlite" {
            let path = entry.path();
            if path.is_dir() { fs_err::remove_dir_all(path).unwrap() } else { fs_err::remove_file(path).unwrap() }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_over_a_bucket_equal_runs_over_a_folder() {
    let simulator = serve(small_world()).await;
    let cloud = Cloud::new(Kind::S3).await;
    let (mut folder, mut bucket) = (Pump::new(&simulator), Pump::new(&simulator));
    into_bucket(&mut bucket, &cloud);
    for number in 0..2 {
        simulator.set_day(day(number));
        if number == 1 {
            empty_disk(&bucket);
            // Killed on the way: what was committed stays, and the next run makes up for the rest.
            bucket.at(day(number), "04:00:00");
            let mut child = bucket.command(&RUN).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(700));
            child.kill().unwrap();
            child.wait().unwrap();
            empty_disk(&bucket);
        }
        for (pump, remote) in [(&mut folder, false), (&mut bucket, true)] {
            pump.at(day(number), "04:05:00");
            let said = pump.ok(&RUN);
            assert_eq!(said.lines().any(|line| line.starts_with("lake: ") && line.contains(" requests, ")), remote, "{said}");
        }
        assert_same(&format!("day {number}"), &folder.timeless_tables().await, &bucket.timeless_tables().await);
    }
    // A job that computes a part, on an empty disk, fetches what is known of that part.
    empty_disk(&bucket);
    bucket.ok(&["transform", "report_testrail_milestones"]);
    let fetched = files(&bucket.root().join("data"));
    let of = |source: &str| fetched.iter().filter(|path| path.to_string_lossy().contains(&format!("receipts/{source}/"))).count();
    assert!(of("testrail") > 0 && of("bugzilla") == 0, "{fetched:#?}");
    let live = folder.live();
    assert_same_lines("live rows", &live, &bucket.live());
    // Everything that the queries above needed is mirrored now: they run without the bucket.
    bucket.set("ETL_OFFLINE", "1");
    assert_same_lines("offline", &live, &bucket.live());
    let refused = bucket.run(&RUN);
    assert!(refused.code == Some(2) && refused.stderr.contains("read offline"), "{}", refused.stderr);
}
