//! `etl gc` over a bucket: what nothing names goes, there and from the mirror, and nothing else.

use std::{collections::BTreeSet, time::Duration};

use etl::{
    clock::Clock,
    lake::{self, Lake, layout},
};
use uuid::Uuid;

use super::cloud::{Cloud, Kind};
use crate::pump::{Pump, assert_same_lines, day, serve, small_world};

async fn paths(lake: &Lake) -> BTreeSet<String> {
    lake.list("").await.unwrap().into_iter().map(|object| object.path).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nothing_names_goes_from_bucket_and_mirror() {
    let simulator = serve(small_world()).await;
    let cloud = Cloud::new(Kind::S3).await;
    let mut pump = Pump::new(&simulator);
    for (variable, value) in &cloud.variables {
        pump.set(variable, value.clone());
    }
    pump.set("ETL_LAKE", cloud.location.clone());
    for number in 0..2 {
        simulator.set_day(day(number));
        pump.at(day(number), "04:00:00");
        pump.ok(&["run", "report_testrail_milestones", "report_test_case_coverage", "--project", "fenix"]);
    }
    let query = "select cast(to_json(item) as varchar) as row from (from report_testrail_milestones) as item order by all";
    let result = pump.lines(query);
    assert!(!result.is_empty());
    // As this machine sees it, whose mirror has copies of all that it puts there.
    let lake = cloud.on_disk(&pump.root().join("data"));
    let named = paths(&lake).await;
    let id = Uuid::now_v7();
    let garbage: BTreeSet<String> = [
        layout::records("testrail", "cases", day(0), id),
        layout::requests("testrail", "cases", day(0), id),
        layout::staged("testrail_cases", "0123456789abcdef", id),
        layout::packed("testrail_cases", "0123456789abcdef", "latest", id),
        layout::mart_part("report_test_case_coverage", id, Some(day(0))),
        layout::mart_part("report_testrail_milestones", id, None),
        layout::image(&"a".repeat(64)),
    ]
    .into();
    for path in garbage.iter().map(String::as_str).chain(["landed/testrail/notes.txt", "somebody/else.csv"]) {
        assert!(lake.put_new(path, "x".into()).await.unwrap().is_new());
    }
    let all = paths(&lake).await;
    assert_eq!(all.len(), named.len() + garbage.len() + 2);

    // Too young, whatever the clock is set to; then a look; then in earnest.
    pump.at("2099-01-01".parse().unwrap(), "00:00:00");
    let young = pump.run(&["gc"]);
    assert!(young.code == Some(0) && young.stderr.contains("removed 0 objects"), "{}{}", young.stdout, young.stderr);
    let look = pump.run(&["gc", "--min-age", "0s", "--dry-run"]);
    assert!(look.stderr.contains(&format!("would remove {} objects", garbage.len())), "{}{}", look.stdout, look.stderr);
    assert_eq!(paths(&lake).await, all, "a dry run removes nothing");
    let removed = pump.run(&["gc", "--min-age", "0s"]);
    assert_eq!(removed.code, Some(0), "{}", removed.stderr);
    assert!(garbage.iter().all(|path| removed.stdout.contains(path)), "{}", removed.stdout);
    // By a machine that wrote none of it: this one adds to a listing what it wrote itself.
    let other = cloud.open();
    assert_eq!(paths(&other).await, all.difference(&garbage).cloned().collect::<BTreeSet<String>>());
    for path in &garbage {
        assert!(!lake.local_path(path).unwrap().exists(), "`{path}` is still mirrored");
    }
    let again = pump.run(&["gc", "--min-age", "0s"]);
    assert!(again.stderr.contains("removed 0 objects"), "{}", again.stderr);
    assert_same_lines("the mart", &result, &pump.lines(query));
    simulator.set_day(day(2));
    pump.at(day(2), "04:00:00");
    pump.ok(&["run", "report_testrail_milestones", "report_test_case_coverage", "--project", "fenix"]);
}

/// Not on SeaweedFS, which keeps a folder of that name for itself and shows it to nobody.
#[tokio::test]
async fn uploads_that_were_cut_off_go() {
    for kind in [Kind::Google, Kind::Azure] {
        let cloud = Cloud::new(kind).await;
        let lake = cloud.open();
        let upload = format!(".uploads/{}", Uuid::now_v7());
        lake.put_new(&upload, "x".into()).await.unwrap().accept_existing();
        let removed = lake::gc(&lake, &lake::GcHints::default(), Clock::system().now(), Duration::ZERO, false).await.unwrap();
        assert_eq!(removed.removed.iter().map(|removed| removed.path.as_str()).collect::<Vec<_>>(), [upload.as_str()], "{kind:?}");
        let elsewhere = tempfile::tempdir().unwrap();
        assert!(!cloud.on_disk(elsewhere.path()).exists(&upload).await.unwrap(), "{kind:?}");
    }
}
