use super::*;

const BUGS: [&str; 3] = [r#"{"id": 10, "summary":"a"}"#, r#"{ "summary" : "half \ud83d\u0000", "id":12,"n":1.0e2 }"#, r#"{"id":13,"deep":{"id":1}}"#];

async fn serving(files: RecordedFiles) -> Simulator {
    Simulator::start(World::recorded(files), Options::default()).await.unwrap()
}

#[tokio::test]
async fn bugs_pass_through_byte_for_byte() {
    let file = [BUGS[2], BUGS[0], BUGS[1]].join("\n");
    let simulator = serving(RecordedFiles::new().bugs(file).unwrap()).await;
    let body = async |call: &str| String::from_utf8(bugzilla(&simulator, call).await.body).unwrap();
    let whiteboard = "cf_qa_whiteboard=x&cf_qa_whiteboard_type=substring&include_fields=id";
    assert_eq!(body(&format!("bug?{whiteboard}")).await, format!(r#"{{"bugs":[{}]}}"#, BUGS.join(",")));
    assert_eq!(body(&format!("bug?{whiteboard}&limit=1&f1=bug_id&o1=greaterthan&v1=10")).await, format!(r#"{{"bugs":[{}]}}"#, BUGS[1]));
    assert_eq!(body("bug?id=13,10,999").await, format!(r#"{{"bugs":[{},{}]}}"#, BUGS[0], BUGS[2]));
    assert_eq!(body("bug?product=x&count_only=1").await, r#"{"bug_count":3}"#);
    assert_eq!(body("bug/12").await, format!(r#"{{"bugs":[{}]}}"#, BUGS[1]));
    assert_eq!(bugzilla(&simulator, "bug/11").await.status, 404);
    assert_eq!(bugzilla(&simulator, "field/bug").await.status, 404);
}

#[tokio::test]
async fn bodies_pass_through_byte_for_byte() {
    let history = r#"{"bugs":[{"history":[ ],"id":10,"alias":null}]}"#;
    let files = RecordedFiles::new()
        .histories(format!("{history}\n"))
        .unwrap()
        .fields("{ \"fields\":[]}\n")
        .testrail("get_plans/2", "[{\n \"id\": 39}]\n")
        .testrail("get_runs", r#"{"size":0,"runs":[]}"#);
    let simulator = serving(files).await;
    assert_eq!(bugzilla(&simulator, "bug/10/history").await.body, history.as_bytes());
    assert_eq!(bugzilla(&simulator, "bug/11/history").await.status, 404);
    assert_eq!(bugzilla(&simulator, "field/bug").await.body, b"{ \"fields\":[]}\n");
    assert_eq!(testrail(&simulator, "get_plans/2&limit=250&offset=0").await.body, b"[{\n \"id\": 39}]\n");
    assert_eq!(testrail(&simulator, "get_runs/7").await.body, br#"{"size":0,"runs":[]}"#);
    assert_eq!(testrail(&simulator, "get_plans/3").await.status, 400);
}

#[tokio::test]
async fn faults_hit_recorded_answers_too() {
    let simulator = serving(RecordedFiles::new().testrail("get_plans", "[{\"id\": 1}]")).await;
    for (kind, body) in [
        (FaultKind::WrongType, "\"oops\""),
        (FaultKind::MissingArray, "{}"),
        (FaultKind::NaN, "[{\"simulated_nan\":NaN,\"id\": 1}]"),
        (FaultKind::CutJson, "[{\"id\":"),
    ] {
        simulator.script(Fault::new("", kind));
        assert_eq!(String::from_utf8(testrail(&simulator, "get_plans/2").await.body).unwrap(), body);
    }
}
