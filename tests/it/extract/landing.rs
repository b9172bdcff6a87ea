//! What lands is what the API sent.

use std::collections::BTreeSet;

use arrow::array::AsArray;
use base64::Engine as _;
use etl::{
    lake::{Mode, Outcome, PartitionStatus, Stop, read_batches},
    simulator::{BUGZILLA_KEY, TESTRAIL_PASSWORD, TESTRAIL_USER},
};
use serde_json::value::RawValue;

use super::scene::Scene;

const CASES: &[&[&str]] = &[&["testrail_suites"], &["testrail_cases"]];

#[tokio::test(flavor = "multi_thread")]
async fn every_record_lands_byte_for_byte() {
    let scene = Scene::new().await;
    let summary = scene.extract(CASES).await;
    assert!(!summary.any_failed(), "{summary:#?}");
    let receipt = scene.receipts("testrail_cases").await.remove(0);
    assert_eq!((receipt.outcome, receipt.stop, receipt.mode), (Outcome::Complete, Stop::NoNext, Mode::Full));
    let records = scene.records(&receipt);
    assert_eq!(records.len() as u64, receipt.records);
    let keys: BTreeSet<&str> = records.iter().map(|record| record.key.as_str()).collect();
    assert_eq!(keys.len() as u64, scene.world.cases(59, scene.day));
    assert_eq!(receipt.defects, records.iter().filter(|record| record.defect.is_some()).count() as u64);
    assert!(receipt.defects > 0, "the demo's world has lone surrogates");

    // The same pages, fetched and cut by other means.
    let suites: Vec<i64> = receipt.partitions.iter().map(|partition| partition.params["suite_id"].as_i64().unwrap()).collect();
    let mut sent = BTreeSet::new();
    for suite in suites {
        let mut offset = 0;
        loop {
            let url = format!("{}/index.php?/api/v2/get_cases/59&suite_id={suite}&limit=250&offset={offset}", scene.simulator.testrail_url());
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let body = client.get(url).basic_auth(TESTRAIL_USER, Some(TESTRAIL_PASSWORD)).send().await.unwrap().text().await.unwrap();
            let page: std::collections::HashMap<&str, &RawValue> = serde_json::from_str(&body).unwrap();
            let cases: Vec<&RawValue> = serde_json::from_str(page["cases"].get()).unwrap();
            sent.extend(cases.iter().map(|case| case.get().to_owned()));
            offset += cases.len();
            if !body.contains("\"next\":\"") && !body.contains("\"next\": \"") {
                break;
            }
        }
    }
    let kept: BTreeSet<String> =
        records.into_iter().map(|record| record.original.map_or(record.payload, |original| String::from_utf8(original).unwrap())).collect();
    assert_eq!(kept.len(), sent.len());
    assert_eq!(kept, sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn repaired_payloads_are_json_for_everybody() {
    let scene = Scene::new().await;
    scene.extract(CASES).await;
    let receipt = scene.receipts("testrail_cases").await.remove(0);
    let mut repaired = 0;
    for record in scene.records(&receipt) {
        serde_json::from_str::<serde_json::Value>(&record.payload).unwrap();
        repaired += usize::from(record.defect.as_deref() == Some("lone surrogate"));
    }
    assert!(repaired > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn fan_out_by_partition_records_each_answer() {
    let scene = Scene::new().await;
    let summary = scene.extract(&[&["testrail_plans", "testrail_milestones"], &["testrail_plan_details", "testrail_milestone_details"]]).await;
    assert!(!summary.any_failed(), "{summary:#?}");
    let receipt = scene.receipts("testrail_plan_details").await.remove(0);
    assert_eq!(receipt.outcome, Outcome::Complete);
    assert!(receipt.partitions.len() > 3);
    assert!(receipt.partitions.iter().all(|partition| partition.status == PartitionStatus::Ok && partition.records == 1));
    assert_eq!(receipt.requests as usize, receipt.partitions.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_day_asks_for_changes_only() {
    let mut scene = Scene::new().await;
    const BUGS: &[&[&str]] = &[&["bugzilla_qa_found_bugs"]];
    scene.extract(BUGS).await;
    scene.next_day();
    scene.extract(BUGS).await;
    let receipts = scene.receipts("bugzilla_qa_found_bugs").await;
    assert_eq!(receipts.iter().map(|receipt| receipt.mode).collect::<Vec<_>>(), [Mode::Full, Mode::Incremental]);
    assert!(receipts[1].cursor.is_some());
    assert!(receipts[1].records < receipts[0].records, "{} of {}", receipts[1].records, receipts[0].records);
    assert!(scene.simulator.requests().last().unwrap().target.contains("last_change_time="));
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_answer_each_of_their_partitions() {
    let scene = Scene::new().await;
    let summary = scene.extract(&[&["bugzilla_qa_found_bugs", "bugzilla_fields"], &["bugzilla_flag_bugs"], &["bugzilla_history"]]).await;
    assert!(!summary.any_failed(), "{summary:#?}");
    let receipt = scene.receipts("bugzilla_flag_bugs").await.remove(0);
    assert!(receipt.requests < receipt.partitions.len() as u64);
    let answered = receipt.partitions.iter().filter(|partition| partition.status == PartitionStatus::Ok).count() as u64;
    assert_eq!(answered, receipt.records);
    let history = scene.receipts("bugzilla_history").await.remove(0);
    assert_eq!(history.outcome, Outcome::Complete);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_go_out_and_stay_out_of_the_lake() {
    let scene = Scene::new().await;
    scene.extract(CASES).await;
    scene.extract(&[&["bugzilla_qa_found_bugs"]]).await;
    let requests = scene.simulator.requests();
    assert!(requests.iter().all(|request| request.has_header("authorization") || request.has_header("x-bugzilla-api-key")));
    let token = base64::engine::general_purpose::STANDARD.encode(format!("{TESTRAIL_USER}:{TESTRAIL_PASSWORD}"));
    for object in scene.lake.list("").await.unwrap() {
        let text = if object.path.ends_with(".requests.parquet") {
            texts(&scene.lake.local_path(&object.path).unwrap())
        } else {
            String::from_utf8_lossy(&scene.lake.get(&object.path).await.unwrap()).into_owned()
        };
        assert!(!text.contains(BUGZILLA_KEY) && !text.contains(&token), "{}", object.path);
    }
}

/// All texts of a Parquet file.
fn texts(path: &std::path::Path) -> String {
    let mut text = String::new();
    for batch in read_batches(path, None).unwrap() {
        let batch = batch.unwrap();
        for column in batch.columns().iter().filter_map(|column| column.as_string_opt::<i32>()) {
            text.extend(column.iter().flatten().flat_map(|value| [value, "\n"]));
        }
    }
    assert!(text.contains("http://127.0.0.1"), "URLs are logged");
    text
}
