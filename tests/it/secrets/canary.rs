//! An API that quotes every secret of the process in whatever it returns: none of them is kept or shown.

use std::{
    collections::BTreeMap,
    process::Command,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    http::{Response, StatusCode, header},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;

use super::content;
use crate::pump::{Pump, Ran, day, files, serve, small_world};

/// The credentials of the process, by variable. The first one is that of the API itself.
const CREDENTIALS: [(&str, &str); 4] = [
    ("BITRISE_TOKEN", "Hunter2/+ \"%&Canary"),
    ("CLOUD_SQL_DATABASE_PASSWORD", "Canary:Cloud@Sql/p%ss"),
    ("AWS_SECRET_ACCESS_KEY", "CanaryOfAmazon/+Secret="),
    ("SLACK_BOT_TOKEN", "xoxb-canary-of-slack"),
];
/// What looks like a credential by its variable's name only: it may stay in records.
const SUSPECT: (&str, &str) = ("SOME_SERVICE_PASSWORD", "CanaryOfSomeService");
/// A line of the private key in `GCLOUD_AUTH`.
const KEY_LINE: &str = "CanaryLineOfAPrivateKeyOfGoogle";
/// A token that the process never had: only its parameter's name gives it away.
const FRESH_TOKEN: &str = "FreshCanaryTokenOfTheApi";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Status(u16),
    Redirect,
    LoginPage,
    NextLink,
    Record,
}

/// A secret as it is, and encoded as servers do.
fn forms(secret: &str) -> [String; 4] {
    let json = serde_json::to_string(secret).unwrap();
    let percent = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    [secret.to_owned(), json.trim_matches('"').to_owned(), percent, BASE64_STANDARD.encode(secret)]
}

fn quoted(secrets: &[&str]) -> String {
    secrets.iter().flat_map(|secret| forms(secret)).collect::<Vec<_>>().join(" ; ")
}

fn answer(answer: Answer, secrets: &[&str]) -> Response<Body> {
    let words = quoted(secrets);
    let builds = |branch: &str| {
        let build = json!({"slug": "b1", "build_number": 1, "branch": branch, "status": 1, "status_text": "success", "triggered_workflow": "w",
            "triggered_by": "x", "triggered_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:10:00Z"});
        json!({"data": [build], "paging": {"total_item_count": 1, "page_item_limit": 50}})
    };
    let json = |status: u16, body: serde_json::Value| {
        Response::builder().status(status).header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap()
    };
    match answer {
        Answer::Status(status) => {
            let mut response = json(status, json!({"message": format!("your key is {words}"), "details": [words]}));
            response.headers_mut().insert("x-ratelimit-note", words.parse().unwrap());
            response
        }
        Answer::Redirect => {
            let target = format!("https://elsewhere.example/?token={FRESH_TOKEN}&x={}", forms(secrets[0])[2]);
            Response::builder().status(StatusCode::FOUND).header(header::LOCATION, target).body(Body::from(words)).unwrap()
        }
        Answer::LoginPage => {
            let page = format!("<html><title>Sign in {words}</title><body>{words}</body></html>");
            Response::builder().header(header::CONTENT_TYPE, "text/html").body(Body::from(page)).unwrap()
        }
        Answer::NextLink => {
            let mut body = builds("main");
            body["next_page"] = format!("https://api.example/builds?page=2&access_token={FRESH_TOKEN}").into();
            body["debug"] = words.into();
            let mut response = json(200, body);
            let link = format!("<https://api.example/builds?page=2&access_token={FRESH_TOKEN}>; rel=\"last\"");
            response.headers_mut().insert(header::LINK, link.parse().unwrap());
            response
        }
        Answer::Record => json(200, builds(&words)),
    }
}

/// The text of every table of `lake.duckdb`, and of every view that can be read.
fn shell_file(pump: &Pump) -> String {
    let file = pump.root().join("data/lake.duckdb");
    if !file.exists() {
        return String::new();
    }
    let config = duckdb::Config::default().access_mode(duckdb::AccessMode::ReadOnly).unwrap();
    let connection = duckdb::Connection::open_with_flags(file, config).unwrap();
    let texts = |sql: &str| -> Vec<String> {
        let Ok(mut statement) = connection.prepare(sql) else { return Vec::new() };
        let Ok(rows) = statement.query_map([], |row| row.get::<_, Option<String>>(0)) else { return Vec::new() };
        rows.filter_map(Result::ok).flatten().collect()
    };
    let names = texts(
        "select format('\"{}\".\"{}\"', schema_name, table_name) from duckdb_tables() union all select format('\"{}\".\"{}\"', schema_name, view_name) from duckdb_views() where not internal",
    );
    let mut text = texts("select sql from duckdb_views()").join("\n");
    for name in names {
        text.push_str(&texts(&format!("select cast(item as varchar) from {name} as item")).join("\n"));
    }
    text
}

fn check(what: &str, pump: &Pump, runs: &[Ran], secrets: &[&str]) {
    let mut places: BTreeMap<String, String> =
        files(&pump.root().join("data")).into_iter().map(|path| (path.display().to_string(), content(&path))).collect();
    for (number, ran) in runs.iter().enumerate() {
        places.insert(format!("the output of command {number}"), format!("{}{}", ran.stdout, ran.stderr));
    }
    places.insert("the summary".to_owned(), fs_err::read_to_string(pump.root().join("summary.md")).unwrap_or_default());
    places.insert("lake.duckdb".to_owned(), shell_file(pump));
    for secret in secrets {
        for form in forms(secret) {
            for (place, text) in &places {
                assert!(!text.contains(&form), "{what}: `{form}` is in {place}");
            }
        }
    }
    let masked = places.iter().any(|(place, text)| place.ends_with(".parquet") && text.contains("***"));
    assert!(masked, "{what}: the API quoted the secrets, and what it said is kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_an_api_quotes_is_kept() {
    let secrets: Vec<&str> = CREDENTIALS.iter().map(|(_, value)| *value).chain([SUSPECT.1, KEY_LINE]).collect();
    let in_records: Vec<&str> = secrets.iter().copied().filter(|secret| *secret != SUSPECT.1).collect();
    let current = Arc::new(Mutex::new(Answer::Status(400)));
    let (shared, all, some) = (Arc::clone(&current), secrets.clone(), in_records.clone());
    let api = Router::new().fallback(move || {
        let now = *shared.lock().unwrap();
        let secrets = if now == Answer::Record { &some } else { &all };
        std::future::ready(answer(now, secrets))
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, api).await });
    let simulator = serve(small_world()).await;
    let answers = [400, 401, 403, 404, 429, 500].map(Answer::Status);
    for case in answers.into_iter().chain([Answer::Redirect, Answer::LoginPage, Answer::NextLink, Answer::Record]) {
        *current.lock().unwrap() = case;
        let mut pump = Pump::of(&simulator, &["bitrise"]);
        pump.edit("sources/bitrise.toml", "attempts = 6", "attempts = 1");
        for (variable, value) in CREDENTIALS.into_iter().chain([SUSPECT]) {
            pump.set(variable, value);
        }
        let key = json!({"type": "service_account", "private_key": format!("-----BEGIN PRIVATE KEY-----\n{KEY_LINE}\n-----END PRIVATE KEY-----\n")});
        pump.set("GCLOUD_AUTH", key.to_string());
        pump.set("ETL_BITRISE_BASE_URL", format!("http://{address}/"));
        pump.set("GITHUB_ACTIONS", "true");
        let summary = pump.root().join("summary.md").display().to_string();
        pump.set("GITHUB_STEP_SUMMARY", summary);
        pump.at(day(0), "04:00:00");
        let mut runs = [["-v", "run", "bitrise-builds"].as_slice(), &["status"], &["query", "from pulls"]].map(|words| pump.run(words)).to_vec();
        if matches!(case, Answer::Status(400 | 401) | Answer::LoginPage) {
            runs.push(pump.run(&["doctor"]));
        }
        let is_read = matches!(case, Answer::NextLink | Answer::Record);
        assert_eq!(runs[0].code == Some(0), is_read, "{case:?}: {}", runs[0].stderr);
        let masked: Vec<&str> = if case == Answer::Record { in_records.clone() } else { secrets.clone() };
        check(&format!("{case:?}"), &pump, &runs, &[&masked[..], &[FRESH_TOKEN]].concat());
        if case == Answer::Record {
            assert_eq!(pump.lines("select branch like '%*** ; ***%' from report_bitrise_builds_count"), ["true"]);
            let records = files(&pump.lake().join("landed")).into_iter().find(|path| !path.to_string_lossy().contains("requests")).unwrap();
            assert!(content(&records).contains("secret blanked"), "the record has a defect");
        }
    }
    server.abort();
}

#[tokio::test]
async fn a_password_on_the_command_line_is_warned_of_once() {
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let mut pump = Pump::new(&simulator);
    pump.at(day(0), "04:00:00");
    const WARNING: &str = "the password in `--database` is visible in the process list";
    let shown = ["--database", "mysql://etl:Hunter2OnTheLine@127.0.0.1:9/none", "run", "testrail-milestones"];
    let ran = pump.run(&shown);
    assert_eq!(ran.stderr.matches(WARNING).count(), 1, "{}", ran.stderr);
    assert!(!ran.stderr.contains("Hunter2OnTheLine"), "{}", ran.stderr);

    let file = pump.root().join("address");
    fs_err::write(&file, "\n  mysql://etl:Hunter2OnTheLine@127.0.0.1:9/none\n").unwrap();
    let hidden = ["--database-file", file.to_str().unwrap(), "run", "testrail-milestones"];
    let ran = pump.run(&hidden);
    assert!(!ran.stderr.contains(WARNING) && !ran.stderr.contains("Hunter2OnTheLine"), "{}", ran.stderr);
    assert!(ran.stderr.contains("mysql://etl:***@127.0.0.1:9/none") || ran.stderr.contains("cannot connect to the database"), "{}", ran.stderr);

    fs_err::write(&file, format!("sqlite:{}\n", pump.root().join("data/other.sqlite").display())).unwrap();
    pump.ok(&["--database-file", file.to_str().unwrap(), "migrate", "run"]);
    assert!(pump.root().join("data/other.sqlite").exists());

    for (text, part) in [("", "is empty"), ("a\nb", "holds more than one line"), ("here", "does not hold an address")] {
        fs_err::write(&file, text).unwrap();
        let ran = pump.run(&["--database-file", file.to_str().unwrap(), "load"]);
        assert!(ran.code == Some(2) && ran.stderr.contains(part), "{}", ran.stderr);
    }
    let ran = pump.run(&["--database-file", "/no/such/file", "load"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("`--database-file`: cannot read `/no/such/file`"), "{}", ran.stderr);
    let ran = pump.run(&["--database-file", "x", "--database", "sqlite:x", "load"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("cannot be used with"), "{}", ran.stderr);
}

#[tokio::test]
async fn the_installed_shell_gets_no_credentials() {
    use std::os::unix::fs::PermissionsExt as _;
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let mut pump = Pump::new(&simulator);
    pump.at(day(0), "04:00:00");
    pump.ok(&["run", "testrail-milestones"]);
    let bin = pump.root().join("bin");
    fs_err::create_dir(&bin).unwrap();
    let shell = bin.join("duckdb");
    fs_err::write(&shell, "#!/bin/sh\ntr '\\0' '\\n' < /proc/$$/environ; tr '\\0' ' ' < /proc/$$/cmdline\n").unwrap();
    fs_err::set_permissions(&shell, std::fs::Permissions::from_mode(0o755)).unwrap();
    pump.set("TESTRAIL_PASSWORD", "Hunter2OfTheShell");
    let path = etl::settings::Env::of_process().get("PATH").unwrap().to_owned();
    pump.set("PATH", format!("{}:{path}", bin.display()));
    let command = pump.command(&["shell"]);
    let mut terminal = Command::new("python3");
    terminal.arg(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/terminal.py")).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            terminal.env(name, value);
        }
    }
    let shown = terminal.stdin(std::process::Stdio::null()).output().unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout);
    assert!(shown.contains("PATH=") && shown.contains("-readonly"), "{shown}");
    assert!(!shown.contains("Hunter2OfTheShell") && !shown.contains("TESTRAIL_PASSWORD"), "{shown}");
}
