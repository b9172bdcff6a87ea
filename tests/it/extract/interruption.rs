//! A run that is broken off leaves nothing half-visible, and can be gone on with.

use std::time::Duration;

use etl::simulator::Options;
use uuid::Uuid;

use super::scene::Scene;

const CASES: &[&[&str]] = &[&["testrail_suites"], &["testrail_cases"]];

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_future_leaves_committed_pulls_only() {
    let undisturbed = Scene::new().await;
    undisturbed.extract(CASES).await;
    let expected = undisturbed.live("testrail_cases").await;

    let scene = Scene::with(Options { latency: Duration::from_millis(30), ..Options::default() }).await;
    let run_id = Uuid::now_v7();
    for milliseconds in [10, 60, 150, 250, 400] {
        let _ = tokio::time::timeout(Duration::from_millis(milliseconds), scene.try_extract(CASES, run_id, true)).await;
        for receipt in scene.lake.receipts(None).await.unwrap().iter() {
            assert!(receipt.complete(), "{receipt:#?}");
        }
    }
    scene.try_extract(CASES, run_id, true).await.unwrap();
    assert_eq!(scene.live("testrail_cases").await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_asks_only_for_what_is_missing() {
    let scene = Scene::new().await;
    let run_id = Uuid::now_v7();
    let plans: &[&[&str]] = &[&["testrail_plans"], &["testrail_plan_details"]];
    scene.simulator.script(etl::simulator::Fault::new("get_plan/", etl::simulator::FaultKind::Status { code: 400, retry_after: None }).after(1));
    let first = scene.try_extract(plans, run_id, false).await.unwrap();
    assert_eq!(first.pulls.iter().map(|pull| pull.partitions_failed).sum::<u64>(), 1);
    let before = scene.simulator.requests().len();
    let second = scene.try_extract(plans, run_id, true).await.unwrap();
    assert!(!second.any_failed(), "{second:#?}");
    assert_eq!(scene.simulator.requests().len() - before, 1, "one partition was missing");
    let parts: Vec<u32> = scene.receipts("testrail_plan_details").await.iter().map(|receipt| receipt.part).collect();
    assert_eq!(parts, [0, 1]);
}
