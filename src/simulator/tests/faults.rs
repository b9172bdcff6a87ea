use super::*;

const CASES: &str = "get_cases/17&suite_id=1701";
const BUGS: &str = "bug?product=Core&order=bug_id&limit=5";

async fn with(kind: FaultKind) -> Simulator {
    let simulator = demo().await;
    simulator.script(Fault::new("", kind));
    simulator
}

#[tokio::test]
async fn a_fault_hits_only_its_route_and_only_so_often() {
    let simulator = demo().await;
    let down = FaultKind::Status { code: 503, retry_after: None };
    simulator.script(Fault::new("get_cases", down).after(1).times(2));
    let mut seen = Vec::new();
    for call in [CASES, "get_projects", CASES, CASES, CASES] {
        seen.push(testrail(&simulator, call).await.status);
    }
    assert_eq!(seen, [200, 200, 503, 503, 200]);
    let faulty: Vec<bool> = simulator.requests().iter().map(|request| request.faulty).collect();
    assert_eq!(faulty, [false, false, true, true, false]);
}

#[tokio::test]
async fn statuses_carry_retry_after_in_both_forms() {
    let date = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    for (retry_after, header) in
        [(None, None), (Some(RetryAfter::Seconds(3)), Some("3")), (Some(RetryAfter::Date(date)), Some("Fri, 15 Jan 2027 08:00:00 GMT"))]
    {
        let reply = testrail(&with(FaultKind::Status { code: 429, retry_after }).await, CASES).await;
        assert_eq!((reply.status, reply.header("retry-after")), (429, header));
    }
    let maintenance = FaultKind::Status { code: 409, retry_after: None };
    assert!(testrail(&with(maintenance).await, CASES).await.json()["error"].is_string());
    let html = bugzilla(&with(FaultKind::Status { code: 502, retry_after: None }).await, BUGS).await;
    assert!(html.body.starts_with(b"<html>"));
}

#[tokio::test]
async fn a_reset_breaks_the_connection_before_the_first_byte() {
    let simulator = with(FaultKind::ResetBeforeAnswer).await;
    let error = try_testrail(&simulator, CASES).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert_eq!((simulator.requests()[0].status, simulator.requests()[0].faulty), (None, true));
    assert_eq!(testrail(&simulator, CASES).await.status, 200);
}

#[tokio::test]
async fn a_reset_in_the_body_leaves_it_shorter_than_promised() {
    let simulator = with(FaultKind::ResetMidBody).await;
    let whole = testrail(&demo().await, CASES).await.body.len();
    let mut stream = TcpStream::connect(simulator.address).await.unwrap();
    let basic = BASE64_STANDARD.encode(format!("{TESTRAIL_USER}:{TESTRAIL_PASSWORD}"));
    let request = format!("GET /testrail/index.php?/api/v2/{CASES} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {basic}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    // Whether the end is seen as a reset or as an early end depends on what had been read by then.
    let _ = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains(&format!("content-length: {whole}")), "{text}");
    assert!(bytes.len() > whole / 3 && bytes.len() < whole);
}

#[tokio::test]
async fn bodies_are_complete_http_but_not_what_was_asked_for() {
    let cut = testrail(&with(FaultKind::CutJson).await, CASES).await;
    assert_eq!(cut.status, 200);
    assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&cut.body).unwrap_err().is_eof());

    let login = testrail(&with(FaultKind::LoginPage).await, CASES).await;
    assert_eq!((login.status, login.header("content-type")), (200, Some("text/html; charset=UTF-8")));

    assert_eq!(testrail(&with(FaultKind::WrongType).await, CASES).await.json()["cases"], "oops");
    assert_eq!(bugzilla(&with(FaultKind::WrongType).await, BUGS).await.body, br#"{"bugs":"oops"}"#);
    assert_eq!(bugzilla(&with(FaultKind::WrongType).await, "version").await.body, br#""oops""#);

    let missing = testrail(&with(FaultKind::MissingArray).await, CASES).await.json();
    assert!(missing.get("cases").is_none() && missing["size"] == 250);
    assert_eq!(bugzilla(&with(FaultKind::MissingArray).await, BUGS).await.body, b"{}");

    let error = bugzilla(&with(FaultKind::ErrorBody).await, BUGS).await;
    assert_eq!((error.status, &error.json()["error"]), (200, &true.into()));
    assert!(testrail(&with(FaultKind::ErrorBody).await, CASES).await.json()["error"].is_string());

    let nan = testrail(&with(FaultKind::NaN).await, CASES).await;
    let text = String::from_utf8(nan.body).unwrap();
    assert!(text.contains(r#""cases":[{"simulated_nan":NaN,"#), "{}", &text[..200]);
}

#[tokio::test]
async fn slow_late_and_large_bodies_arrive_in_the_end() {
    let usual = bugzilla(&demo().await, BUGS).await.body;
    let start = std::time::Instant::now();
    let late = bugzilla(&with(FaultKind::Latency(Duration::from_millis(80))).await, BUGS).await;
    assert!(late.body == usual && start.elapsed() >= Duration::from_millis(80));

    let start = std::time::Instant::now();
    let slow = FaultKind::SlowBody { bytes: usual.len() / 4, every: Duration::from_millis(30) };
    assert_eq!(bugzilla(&with(slow).await, BUGS).await.body, usual);
    assert!(start.elapsed() >= Duration::from_millis(120));

    let large = bugzilla(&with(FaultKind::LargeBody(3_000_000)).await, BUGS).await;
    assert_eq!((large.body.len(), large.header("content-length")), (3_000_000, None));
    assert!(large.body.starts_with(&usual));
}

#[tokio::test]
async fn an_endless_list_is_the_first_page_for_ever() {
    let simulator = demo().await;
    simulator.script(Fault::new("", FaultKind::EndlessNext).times(u32::MAX));
    let first = testrail(&simulator, &format!("{CASES}&limit=10")).await;
    let far = testrail(&simulator, &format!("{CASES}&limit=10&offset=5000")).await;
    assert_eq!(first.ids("cases"), far.ids("cases"));
    assert_eq!(far.json()["_links"]["next"], format!("/api/v2/{CASES}&limit=10&offset=5010"));
    let bugs = bugzilla(&simulator, BUGS).await.ids("bugs");
    let next = bugzilla(&simulator, &format!("{BUGS}&f1=bug_id&o1=greaterthan&v1={}", bugs[4])).await;
    assert_eq!(next.ids("bugs"), bugs);
}

#[tokio::test]
async fn a_duplicate_page_is_the_one_before() {
    let simulator = demo().await;
    simulator.script(Fault::new("offset=10", FaultKind::DuplicatePage));
    simulator.script(Fault::new("v1=", FaultKind::DuplicatePage));
    let first = testrail(&simulator, &format!("{CASES}&limit=10")).await.ids("cases");
    let second = testrail(&simulator, &format!("{CASES}&limit=10&offset=10")).await;
    assert_eq!(second.ids("cases"), first);
    assert_eq!(second.json()["offset"], 10);
    let bugs = bugzilla(&simulator, BUGS).await.ids("bugs");
    let call = format!("{BUGS}&f1=bug_id&o1=greaterthan&v1={}", bugs[4]);
    assert_eq!(bugzilla(&simulator, &call).await.ids("bugs"), bugs);
    assert!(bugzilla(&simulator, &call).await.ids("bugs")[0] > bugs[4]);
}
