//! Every fault ends in success after another attempt, or in a clear error with nothing half-visible.

use std::{collections::BTreeMap, time::Duration};

use chrono::Utc;
use etl::{
    error::Kind,
    lake::{Lake, Outcome, Stop},
    simulator::{Fault, FaultKind, RetryAfter},
};
use futures::StreamExt;

use super::scene::Scene;

const CASES: &[&[&str]] = &[&["testrail_suites"], &["testrail_cases"]];

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "Retry-After is a date of the machine's clock")]
async fn passing_faults_end_in_success() {
    let passing = |code, retry_after| FaultKind::Status { code, retry_after };
    let faults = [
        passing(429, None),
        passing(429, Some(RetryAfter::Seconds(1))),
        passing(429, Some(RetryAfter::Date(Utc::now() + chrono::Duration::seconds(1)))),
        passing(500, None),
        passing(503, Some(RetryAfter::Seconds(0))),
        passing(409, None),
        FaultKind::ResetBeforeAnswer,
        FaultKind::ResetMidBody,
        FaultKind::CutJson,
        FaultKind::LoginPage,
        FaultKind::ErrorBody,
    ];
    let scene = Scene::new().await;
    scene.extract(CASES).await;
    let undisturbed = scene.live("testrail_cases").await;
    for fault in faults {
        scene.simulator.script(Fault::new("get_cases/59", fault.clone()));
        let summary = scene.extract(&[&["testrail_cases"]]).await;
        assert!(!summary.any_failed(), "{fault:?}: {summary:#?}");
        assert_eq!(summary.pulls[0].retries, 1, "{fault:?}");
        assert_eq!(scene.live("testrail_cases").await, undisturbed, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lasting_faults_are_clear_errors_and_change_nothing() {
    let lasting = |code| FaultKind::Status { code, retry_after: None };
    let faults = [
        (lasting(500), Kind::Unavailable, "answered 500"),
        (lasting(429), Kind::RateLimited, "answered 429: API Rate Limit Exceeded"),
        (lasting(401), Kind::Unauthorized, "answered 401"),
        (lasting(403), Kind::Unauthorized, "answered 403"),
        (lasting(404), Kind::NotFound, "answered 404"),
        (lasting(400), Kind::Refused, "answered 400"),
        (FaultKind::Status { code: 429, retry_after: Some(RetryAfter::Seconds(3_600)) }, Kind::RateLimited, "would exceed"),
        (FaultKind::ResetBeforeAnswer, Kind::Network, "failed after 2 attempts"),
        (FaultKind::ResetMidBody, Kind::Network, "in the middle of the body"),
        (FaultKind::CutJson, Kind::BadResponse, "cut"),
        (FaultKind::LoginPage, Kind::BadResponse, "web page"),
        (FaultKind::WrongType, Kind::WrongShape, "not an array of records: the response begins with `{\"offset\":0"),
        (FaultKind::MissingArray, Kind::WrongShape, "nothing at `/cases`"),
        (FaultKind::ErrorBody, Kind::BadResponse, "Internal error."),
        (FaultKind::EmptyArray, Kind::Incomplete, "the last complete pull came in an envelope"),
        (FaultKind::LargeBody(2_000_000), Kind::BadResponse, "over the limit of 1000000 bytes"),
        (FaultKind::Latency(Duration::from_secs(5)), Kind::TimedOut, "no answer in time"),
        (FaultKind::EndlessNext, Kind::Incomplete, "page"),
        (FaultKind::DuplicatePage, Kind::Incomplete, "page"),
    ];
    // A simulator of its own for each: a lasting fault stays in the script. Most of the time is waiting, so several go at once.
    let cases = faults.into_iter().map(|(fault, kind, part)| lasting_fault(fault, kind, part));
    let before: Vec<_> = futures::stream::iter(cases).buffer_unordered(6).collect().await;
    assert!(before.windows(2).all(|pair| pair[0] == pair[1]));
}

/// Lets every request for cases fail after a good pull; returns what is live before and after.
async fn lasting_fault(fault: FaultKind, kind: Kind, part: &str) -> BTreeMap<String, String> {
    let mut scene = Scene::new().await;
    for client in scene.project.sources.iter_mut().filter_map(|source| source.client.as_mut()) {
        client.max_body = 1_000_000;
        client.retry.attempts = Some(2);
        client.timeout = Duration::from_secs(2);
    }
    // Small pages, so that there is a second one.
    for endpoint in scene.project.sources.iter_mut().flat_map(|source| &mut source.endpoints) {
        if let etl::catalog::Page::Offset { limit, .. } = &mut endpoint.page {
            *limit = 20;
        }
    }
    scene.extract(CASES).await;
    let before = scene.live("testrail_cases").await;
    assert!(before.len() > 40);
    scene.simulator.script(Fault::new("get_cases/59", fault.clone()).times(u32::MAX));
    let summary = scene.extract(&[&["testrail_cases"]]).await;
    let pull = &summary.pulls[0];
    assert_eq!((pull.kind, pull.outcome), (Some(kind), Some(Outcome::Incomplete)), "{fault:?}: {pull:#?}");
    assert!(matches!(pull.stop, Stop::Error | Stop::Cap));
    let told = pull.error.as_deref().unwrap();
    assert!(told.contains(part), "{fault:?}: {told}");
    assert!(told.contains("testrail_cases") && told.contains("get_cases/59"), "{fault:?}: {told}");
    assert_eq!(scene.live("testrail_cases").await, before, "{fault:?}");
    before
}

#[tokio::test(flavor = "multi_thread")]
async fn not_a_number_is_repaired_and_named() {
    let scene = Scene::new().await;
    scene.simulator.script(Fault::new("get_cases/59", FaultKind::NaN));
    let summary = scene.extract(CASES).await;
    assert!(!summary.any_failed(), "{summary:#?}");
    let receipt = scene.receipts("testrail_cases").await.remove(0);
    let records = scene.records(&receipt);
    let spoilt: Vec<_> = records.iter().filter(|record| record.defect.as_deref().is_some_and(|defect| defect.contains("NaN"))).collect();
    assert_eq!(spoilt.len(), 1);
    assert!(spoilt[0].payload.contains("\"simulated_nan\":null"));
    assert!(String::from_utf8_lossy(spoilt[0].original.as_deref().unwrap()).contains("\"simulated_nan\":NaN"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_failed_partition_leaves_the_others() {
    let scene = Scene::new().await;
    scene.extract(&[&["testrail_plans"]]).await;
    scene.simulator.script(Fault::new("get_plan/", FaultKind::Status { code: 400, retry_after: None }).after(1));
    let summary = scene.extract(&[&["testrail_plan_details"]]).await;
    let pull = &summary.pulls[0];
    assert_eq!((pull.outcome, pull.partitions_failed), (Some(Outcome::Partial), 1), "{pull:#?}");
    assert!(pull.records > 1);
    assert!(!summary.all_failed() && summary.any_failed());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_is_down_is_not_asked_for_every_partition() {
    let mut scene = Scene::new().await;
    for client in scene.project.sources.iter_mut().filter_map(|source| source.client.as_mut()) {
        client.retry.attempts = Some(1);
    }
    scene.extract(&[&["testrail_plans"]]).await;
    let before = scene.simulator.requests().len();
    scene.simulator.script(Fault::new("get_plan/", FaultKind::ResetBeforeAnswer).times(u32::MAX));
    let summary = scene.extract(&[&["testrail_plan_details"]]).await;
    assert_eq!(summary.pulls[0].outcome, Some(Outcome::Incomplete), "{summary:#?}");
    let asked = scene.simulator.requests().len() - before;
    assert!(asked <= 13, "{asked} requests to an API that is down");
    assert!(summary.all_failed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lowered_page_size_loses_no_records() {
    for (endpoint, route) in [("bugzilla_qa_found_bugs", "bug?cf_qa_whiteboard"), ("testrail_cases", "get_cases/59")] {
        let mut scene = Scene::new().await;
        scene.extract(&[&["testrail_suites"], &[endpoint]]).await;
        let all = scene.live(endpoint).await;
        scene.simulator.script(Fault::new(route, FaultKind::LoweredCap(7)).times(u32::MAX));
        scene.lake = Lake::open(&scene.folder.path().join("second").display().to_string()).unwrap();
        let summary = scene.extract(&[&["testrail_suites"], &[endpoint]]).await;
        assert!(!summary.any_failed(), "{summary:#?}");
        let pull = summary.pulls.last().unwrap();
        assert!(pull.requests > all.len() as u64 / 7, "the pages are short: {pull:#?}");
        assert_eq!(scene.live(endpoint).await, all, "{endpoint}");
    }
}
