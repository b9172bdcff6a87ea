//! The client against a server that answers what it is told, one answer per connection.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{HttpClient, Request};
use crate::{
    catalog::{Method, Project},
    clock::Clock,
    error::Kind,
    events::{Event, Observer},
    settings::{Env, Settings},
};

/// Status, further headers, body.
type Canned = (u16, Vec<(&'static str, String)>, String);

#[derive(Clone, Default)]
struct Waits(Arc<Mutex<Vec<f64>>>);

impl Observer for Waits {
    fn on(&self, event: &Event) {
        if let Event::Waiting { seconds, .. } = event {
            self.0.lock().unwrap().push(*seconds);
        }
    }
}

struct Scene {
    client: HttpClient,
    /// What was sent: request line, the headers asked for by the tests, body.
    asked: Arc<Mutex<Vec<String>>>,
    waits: Waits,
    source: crate::catalog::Source,
    folder: tempfile::TempDir,
}

impl Scene {
    /// A source with these keys of `[client]` at a server that gives `answers` in turn, the last one again and again.
    async fn new(client: &str, answers: Vec<Canned>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut number = 0;
            while let Ok((mut stream, _)) = listener.accept().await {
                let request = read(&mut stream).await;
                seen.lock().unwrap().push(request);
                let (status, headers, body) = &answers[number.min(answers.len() - 1)];
                number += 1;
                let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
                let length = body.len();
                let answer = format!("HTTP/1.1 {status} X\r\n{headers}connection: close\r\ncontent-length: {length}\r\n\r\n{body}");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "version = 1\ndescription = \"x\"\n[client]\nbase_url = \"http://{address}/api\"\nrate_limit = {{ requests = 0, per = \"1s\" }}\n{client}\n\
             [[endpoint]]\nname = \"a\"\npath = \"a\"\nrecords = \"\"\nkey = [\"/id\"]\nreplaces = \"scope\"\n"
        );
        fs_err::create_dir_all(folder.path().join("sources")).unwrap();
        fs_err::create_dir_all(folder.path().join("sql/staging/demo")).unwrap();
        fs_err::write(folder.path().join("sources/demo.toml"), text).unwrap();
        fs_err::write(folder.path().join("sql/staging/demo/demo_a.sql"), "-- description: x.\nselect 1\n").unwrap();
        let source = Project::read(folder.path()).unwrap().sources.remove(0);
        let env = Env::of([("DEMO_ID", "the id"), ("DEMO_SECRET", "s3cret&")]);
        let settings = Settings::read(folder.path(), env).unwrap();
        let waits = Waits::default();
        let client = HttpClient::new(&source, &settings, Clock::system(), Arc::new(waits.clone())).unwrap();
        Self { client, asked, waits, source, folder }
    }

    async fn get(&self, path: &str, follow: Option<&str>) -> Result<String, crate::error::Error> {
        let request = Request { endpoint: "demo_a", method: Method::Get, path, query: &[], body: None, follow, gone: &[], forbidden: &[] };
        let fetched = self.client.ask(&request, |body| Ok(String::from_utf8_lossy(body).into_owned())).await;
        fetched.map(|fetched| String::from_utf8_lossy(&fetched.answer.body).into_owned()).map_err(|failure| failure.error)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// The request line, `authorization` and `content-type` where they were sent, and the body.
async fn read(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    loop {
        let mut part = [0; 1024];
        let count = stream.read(&mut part).await.unwrap();
        text.extend_from_slice(&part[..count]);
        let shown = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = shown.split_once("\r\n\r\n") else { continue };
        let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned));
        if body.len() < header("content-length").map_or(0, |length| length.parse().unwrap()) {
            continue;
        }
        let line = head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
        return [Some(line), header("authorization"), header("content-type"), Some(body.to_owned())]
            .into_iter()
            .flatten()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" | ");
    }
}

fn json(status: u16, body: &str) -> Canned {
    (status, vec![("content-type", "application/json".to_owned())], body.to_owned())
}

const LOGIN: &str = r#"auth = { kind = "login", path = "login", form = { client_id = "${DEMO_ID}", client_secret = "${DEMO_SECRET}" }, token = "/access_token", expires_in = "/expires_in", scheme = "token", logout = "logout" }
retry = { attempts = 2, max_elapsed = "5s" }"#;
const FORM: &str = "POST /api/login | application/x-www-form-urlencoded | client_id=the+id&client_secret=s3cret%26";

#[tokio::test]
async fn a_login_is_made_once_and_given_back() {
    let scene = Scene::new(LOGIN, vec![json(200, r#"{"access_token":"t1","expires_in":3599}"#), json(200, "[1]")]).await;
    assert_eq!(scene.get("a", None).await.unwrap(), "[1]");
    scene.get("b", None).await.unwrap();
    scene.client.close().await;
    assert_eq!(scene.asked(), [FORM, "GET /api/a | token t1", "GET /api/b | token t1", "DELETE /api/logout | token t1"]);
}

#[tokio::test]
async fn a_token_that_is_refused_or_about_to_expire_is_replaced() {
    let refused = vec![json(200, r#"{"access_token":"t1"}"#), json(401, "{}"), json(200, r#"{"access_token":"t2"}"#), json(200, "[1]")];
    let scene = Scene::new(LOGIN, refused).await;
    assert_eq!(scene.get("a", None).await.unwrap(), "[1]");
    assert_eq!(scene.asked(), [FORM, "GET /api/a | token t1", FORM, "GET /api/a | token t2"]);
    let short = vec![json(200, r#"{"access_token":"t1","expires_in":20}"#), json(200, "[1]")];
    let scene = Scene::new(LOGIN, short).await;
    scene.get("a", None).await.unwrap();
    assert_eq!(scene.asked().len(), 2);
    let lasting = vec![json(200, r#"{"access_token":"t1"}"#), json(401, "{}"), json(200, r#"{"access_token":"t2"}"#), json(401, "{}")];
    let scene = Scene::new(LOGIN, lasting).await;
    assert_eq!(scene.get("a", None).await.unwrap_err().kind(), Kind::Unauthorized);
    assert_eq!(scene.asked().len(), 4, "a second refusal is final");
}

#[tokio::test]
async fn wrong_credentials_are_named_however_they_are_answered() {
    let page = (404, vec![("content-type", "text/html".to_owned())], "<html><title>Not found</title></html>".to_owned());
    for (answer, part) in [(page, "answered with 404"), (json(401, "{}"), "answered with 401"), (json(200, "{}"), "no text at `/access_token`")] {
        let scene = Scene::new(LOGIN, vec![answer]).await;
        let error = scene.get("a", None).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unauthorized, "{error:?}");
        let told = format!("{error:?}");
        assert!(told.contains(part) && !told.contains("s3cret"), "{told}");
        assert_eq!(scene.asked().len(), 1, "a refused login is not repeated");
    }
    let scene = Scene::new(LOGIN, vec![json(503, "{}"), json(200, r#"{"access_token":"t1"}"#), json(200, "[1]")]).await;
    assert_eq!(scene.get("a", None).await.unwrap(), "[1]");
}

#[tokio::test]
async fn bearer_tokens_and_posts() {
    let scene = Scene::new("auth = { kind = \"bearer\", token = \"${DEMO_SECRET}\" }", vec![json(200, "[1]")]).await;
    let body = serde_json::json!({ "ids": [1, 2] });
    let query = [("expand".to_owned(), "x".to_owned())];
    let request =
        Request { endpoint: "demo_a", method: Method::Post, path: "list", query: &query, body: Some(&body), follow: None, gone: &[], forbidden: &[] };
    let fetched = scene.client.ask(&request, |_| Ok(())).await.unwrap();
    assert_eq!(fetched.answer.method, Method::Post);
    assert_eq!(scene.asked(), [r#"POST /api/list?expand=x | Bearer s3cret& | application/json | {"ids":[1,2]}"#]);
}

#[tokio::test]
async fn next_pages_are_followed_on_the_same_origin_only() {
    let auth = "auth = { kind = \"bearer\", token = \"${DEMO_SECRET}\" }";
    let scene = Scene::new(auth, vec![json(200, "[1]")]).await;
    scene.get("a", Some("/repositories/7/issues?page=2")).await.unwrap();
    assert_eq!(scene.asked(), ["GET /repositories/7/issues?page=2 | Bearer s3cret&"]);
    let error = scene.get("a", Some("http://127.0.0.1:1/x")).await.unwrap_err();
    assert!(format!("{error:?}").contains("not where the list began"), "{error:?}");
    assert_eq!(scene.asked().len(), 1, "the credentials went elsewhere");
}

#[tokio::test]
async fn urls_that_cannot_be_sent_are_refused() {
    let scene = Scene::new("", vec![json(200, "{}")]).await;
    let error = scene.get(&"x".repeat(200_000), None).await.unwrap_err();
    assert_eq!(error.kind(), Kind::BadResponse);
    assert!(error.to_string().contains("the URL of the next request has 200"), "{error}");
    assert!(error.told().len() < 300 && scene.asked().is_empty(), "{error}");
}

#[tokio::test]
async fn a_ping_must_be_answered() {
    let scene = Scene::new("ping = \"myself\"\nprobe = \"time\"", vec![json(401, "{}"), json(200, "{}")]).await;
    assert_eq!(scene.client.ping().await.unwrap_err().kind(), Kind::Unauthorized);
    scene.client.ping().await.unwrap();
    scene.client.probe().await.unwrap();
    assert_eq!(scene.asked(), ["GET /api/myself", "GET /api/myself", "GET /api/time"]);
}

#[tokio::test]
async fn a_limit_without_a_time_waits_as_the_source_says() {
    let client = r#"retry = { max_elapsed = "60s", limited_wait = "1s" }
responses = [ { status = 403, pointer = "/message", contains = "secondary rate limit", means = "retry" } ]"#;
    let mut soon = json(429, "{}");
    soon.1.push(("retry-after", "0".to_owned()));
    let mut used_up = json(403, "{}");
    used_up.1.push(("x-ratelimit-remaining", "0".to_owned()));
    for limited in [json(429, "{}"), soon, used_up, json(403, r#"{"message":"You have exceeded a secondary rate limit."}"#)] {
        let scene = Scene::new(client, vec![limited, json(200, "[1]")]).await;
        scene.get("a", None).await.unwrap();
        let waits = scene.waits.0.lock().unwrap().clone();
        assert!(waits.first().is_some_and(|wait| *wait >= 1.0), "{waits:?}");
    }
}

#[tokio::test]
async fn a_limit_that_is_used_up_holds_back_the_next_request_or_fails_it() {
    let used_up = |seconds: u64| {
        let headers =
            [("content-type", "application/json".to_owned()), ("x-ratelimit-remaining", "0".to_owned()), ("x-ratelimit-reset", seconds.to_string())];
        (200, headers.to_vec(), "[1]".to_owned())
    };
    let scene = Scene::new("retry = { attempts = 2, max_elapsed = \"5s\" }", vec![used_up(1), json(200, "[2]")]).await;
    scene.get("a", None).await.unwrap();
    let begin = tokio::time::Instant::now();
    assert_eq!(scene.get("a", None).await.unwrap(), "[2]");
    assert!(begin.elapsed() >= Duration::from_millis(900), "nobody waited");
    // Not worth waiting for: asked at once, refused, and the error says how long it would have been.
    let mut refused = used_up(4_000);
    refused.0 = 403;
    let scene = Scene::new("retry = { attempts = 2, max_elapsed = \"5s\" }", vec![used_up(4_000), refused]).await;
    scene.get("a", None).await.unwrap();
    let error = scene.get("a", None).await.unwrap_err();
    assert!(error.kind() == Kind::RateLimited && format!("{error:?}").contains("would exceed the 5 s"), "{error:?}");
}

#[tokio::test]
async fn a_wait_of_zero_gets_growing_waits() {
    let mut busy = json(503, "{}");
    busy.1.push(("retry-after", "0".to_owned()));
    let scene = Scene::new("retry = { max_elapsed = \"2s\" }", vec![busy]).await;
    let begin = tokio::time::Instant::now();
    let error = scene.get("a", None).await.unwrap_err();
    assert!(begin.elapsed() >= Duration::from_secs(2), "gave up after {:?}", begin.elapsed());
    let sent = scene.asked().len();
    assert!((3..=6).contains(&sent), "{sent} requests");
    assert!(error.kind() == Kind::Unavailable && format!("{error:?}").contains("the 2 s allowed for one request are used up"), "{error:?}");
    // What has used up its time once gets one attempt until a response is accepted.
    scene.get("a", None).await.unwrap_err();
    assert_eq!(scene.asked().len(), sent + 1);
}

#[tokio::test]
async fn a_wrong_shape_is_not_retried() {
    let scene = Scene::new("", vec![json(200, "{}"), json(200, "[1]")]).await;
    let request = Request { endpoint: "demo_a", method: Method::Get, path: "a", query: &[], body: None, follow: None, gone: &[], forbidden: &[] };
    let read = |_: &[u8]| Err::<(), _>(crate::error::Error::new(Kind::WrongShape, "no records"));
    assert_eq!(scene.client.ask(&request, read).await.unwrap_err().error.kind(), Kind::WrongShape);
    assert_eq!(scene.asked().len(), 1);
    let scene = Scene::new("auth = { kind = \"bearer\", token = \"${DEMO_SECRET}\" }", vec![]).await;
    let excerpt = scene.client.excerpt(format!("{} s3cret& {}", "x".repeat(294), "y".repeat(400)).as_bytes());
    assert_eq!((excerpt.len(), excerpt.ends_with("xx *** y"), excerpt.contains("s3")), (300, true, false), "{excerpt}");
}

#[tokio::test]
async fn all_missing_variables_are_named_at_once() {
    let scene = Scene::new("", vec![]).await;
    let mut source = scene.source.clone();
    let client = source.client.as_mut().unwrap();
    client.base_url = "${DEMO_HOST}/${DEMO_SECRET}/".to_owned();
    client.auth = crate::catalog::Auth::Basic { user: "${DEMO_USER}".to_owned(), password: "${DEMO_PASSWORD}".to_owned() };
    let settings = Settings::read(scene.folder.path(), Env::of([("DEMO_SECRET", "x"), ("DEMO_USER", "\n")])).unwrap();
    let error = HttpClient::new(&source, &settings, Clock::system(), Arc::new(Waits::default())).err().unwrap();
    assert_eq!(error.kind(), Kind::MissingVariable);
    assert!(error.told().contains("`DEMO_HOST`, `DEMO_PASSWORD`, `DEMO_USER` are not set"), "{}", error.told());
}

fn post<'a>(body: super::Body<'a>, repeat: super::Repeat, accept: &'a [u16]) -> super::Outgoing<'a> {
    super::Outgoing {
        what: "a message",
        verb: super::Verb::Post,
        path: "post",
        query: &[],
        headers: &[("X-Atlassian-Token", "nocheck")],
        body,
        repeat,
        accept,
    }
}

#[tokio::test]
async fn what_may_have_arrived_is_not_sent_twice() {
    use super::{Body, Repeat};
    let retry = r#"retry = { max_elapsed = "20s", limited_wait = "1s" }"#;
    for (first, repeat, sent, done) in [
        (json(503, "{}"), Repeat::OnlyUnseen, 1, false),
        (json(429, "{}"), Repeat::OnlyUnseen, 2, true),
        ((403, vec![("retry-after", "1".to_owned())], "{}".to_owned()), Repeat::OnlyUnseen, 2, true),
        (json(503, "{}"), Repeat::Always, 2, true),
        (json(400, r#"{"error":"no"}"#), Repeat::Always, 1, false),
        (json(403, "{}"), Repeat::Always, 1, false),
        (json(409, "{}"), Repeat::Always, 1, true),
    ] {
        let case = format!("{first:?} {repeat:?}");
        let maybe = first.0 == 503;
        let scene = Scene::new(retry, vec![first, json(200, r#"{"ok":true}"#)]).await;
        let value = serde_json::json!({ "text": "hello" });
        let result = scene.client.send(&post(Body::Json(&value), repeat, &[409])).await;
        assert_eq!(scene.asked().len(), sent, "{case}");
        assert_eq!(scene.asked()[0], r#"POST /api/post | application/json; charset=utf-8 | {"text":"hello"}"#);
        match result {
            Ok(_) => assert!(done, "{case}"),
            Err(failure) => assert!(!done && failure.maybe_done == maybe, "{case}: {failure:?}"),
        }
    }
    // Nobody listens: it cannot have arrived.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut scene = Scene::new(r#"retry = { attempts = 2, max_elapsed = "5s" }"#, vec![json(200, "{}")]).await;
    scene.client.base = super::BaseUrl::resolve("demo", &format!("http://{address}/"), &Env::default()).unwrap();
    let failure = scene.client.send(&post(Body::Nothing, Repeat::OnlyUnseen, &[])).await.unwrap_err();
    assert!(!failure.maybe_done && failure.error.to_string().contains("2 attempts"), "{failure:?}");
}

#[tokio::test]
async fn files_and_forms_are_sent() {
    use super::{Body, Part, Repeat};
    let scene = Scene::new("", vec![json(200, "{}")]).await;
    let parts = [
        Part { name: "comment", file: None, content: "etl".into() },
        Part { name: "file", file: Some(("a b.png", "image/png")), content: "content".into() },
    ];
    scene.client.send(&post(Body::Parts(&parts), Repeat::OnlyUnseen, &[])).await.unwrap();
    let asked = scene.asked().remove(0);
    assert!(asked.starts_with("POST /api/post | multipart/form-data; boundary="), "{asked}");
    for part in [r#"name="comment""#, r#"filename="a b.png""#, "Content-Type: image/png", "content"] {
        assert!(asked.contains(part), "{asked}");
    }
    let sent = scene.client.send(&post(Body::Form(&[("a", "b c")]), Repeat::Always, &[])).await.unwrap();
    assert_eq!(scene.asked()[1], "POST /api/post | application/x-www-form-urlencoded | a=b+c");
    assert_eq!((sent.status, sent.content_type.as_str(), sent.attempts), (200, "application/json", 1));
    assert_eq!(sent.json().unwrap(), serde_json::json!({}));
}
