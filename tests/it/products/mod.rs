//! Sentry, Bitrise and Taskcluster from end to end: against the simulator over days, with what must come out computed here
//! from its answers, and against recorded answers.

pub(crate) mod bitrise;
pub(crate) mod bugzilla;
pub(crate) mod github;
pub(crate) mod jira;
mod looker;
pub(crate) mod sentry;
mod taskcluster;
pub(crate) mod testrail;

use etl::simulator::Simulator;
use regex::Regex;
use serde_json::Value;
use sqlx::{Connection, Row, SqliteConnection};

use crate::pump::{Pump, day, serve, small_world};

/// A GET to a simulated API: the body, and the target of `rel="next"` if it has more results.
async fn get(simulator: &Simulator, base: &str, path: &str, authorization: &str) -> (Value, Option<String>) {
    let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", variable(simulator, base)) };
    let answer = reqwest::Client::new().get(&url).header("Authorization", authorization).send().await.unwrap();
    let link = answer.headers().get("link").and_then(|link| link.to_str().ok()).unwrap_or_default().to_owned();
    let next = link.split(", <").find(|part| part.contains("rel=\"next\"; results=\"true\""));
    let next = next.map(|part| part.trim_start_matches('<').split('>').next().unwrap().to_owned());
    let text = without_halves(&answer.text().await.unwrap());
    (serde_json::from_str(&text).unwrap_or_else(|error| panic!("{url}: {error}: {text}")), next)
}

/// A body without the halves of surrogate pairs that some records have: they are no text for serde_json, and none for a table.
fn without_halves(text: &str) -> String {
    let escape = Regex::new(r"(\\u[dD][89abAB][0-9a-fA-F]{2})(\\u[dD][c-fC-F][0-9a-fA-F]{2})?").unwrap();
    let kept = |found: &regex::Captures<'_>| if found.get(2).is_some() { found[0].to_owned() } else { String::new() };
    escape.replace_all(text, kept).into_owned()
}

fn variable(simulator: &Simulator, name: &str) -> String {
    simulator.variables().into_iter().find(|(own, _)| *own == name).unwrap().1
}

/// The lines of a query over the loaded tables; it has one column, of texts.
pub(crate) async fn loaded(pump: &Pump, sql: &str) -> Vec<String> {
    let mut connection = SqliteConnection::connect(&format!("sqlite:{}?mode=ro", pump.database().display())).await.unwrap();
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await.unwrap();
    let mut lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    lines.sort();
    lines
}

/// Targets of the requests that hold `part`, decoded.
pub(crate) fn targets(simulator: &Simulator, part: &str) -> Vec<String> {
    let requests = simulator.requests().into_iter().filter(|request| request.target.contains(part));
    requests.map(|request| decoded(&request.target)).collect()
}

fn decoded(target: &str) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pairs = url::form_urlencoded::parse(query.as_bytes()).map(|(name, value)| format!("{name}={value}"));
    format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
}

#[tokio::test]
async fn doctor_reaches_every_source_with_its_credentials() {
    let simulator = serve(small_world()).await;
    let sources = ["sentry", "whattrainisitnow", "bitrise", "taskcluster", "looker", "confluence", "github"];
    let mut pump = Pump::of(&simulator, &sources);
    pump.at(day(0), "04:00:00");
    pump.ok(&["migrate", "run"]);
    let ran = pump.run(&["doctor"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    // Each endpoint is asked for one record; what needs a parent that was never pulled is not.
    for (check, part) in [
        ("bitrise_builds", "200 GET"),
        ("looker_looks", "200 GET"),
        ("github API", "4,987 of 5,000 requests left"),
        ("bitrise API", "its clock agrees with ours"),
    ] {
        let line = ran.stdout.lines().find(|line| line.starts_with(check)).unwrap_or_else(|| panic!("no {check}: {}", ran.stdout));
        assert!(line.contains(" ok ") && line.contains(part), "{line}");
    }
    what_was_left_is_known_without_asking(&simulator, &mut pump);
    assert!(targets(&simulator, "/builds").iter().all(|target| target.contains("limit=1")), "{:?}", targets(&simulator, "/builds"));
    pump.set("BITRISE_TOKEN", "wrong");
    pump.set("LOOKER_SECRET", "wrong");
    let ran = pump.run(&["doctor"]);
    assert_ne!(ran.code, Some(0));
    let told = format!("{}{}", ran.stdout, ran.stderr);
    for (check, part) in [
        ("bitrise API", "FAILED"),
        ("bitrise_builds", "skipped: the API refused the credentials"),
        ("looker API", "FAILED"),
        ("looker_looks", "skipped: the API refused the credentials"),
    ] {
        let line = told.lines().find(|line| line.starts_with(check)).unwrap_or_else(|| panic!("no {check}: {told}"));
        assert!(line.contains(part) && !line.contains("wrong"), "{line}");
    }
    assert!(ran.stderr.ends_with("2 problems\n"), "{}", ran.stderr);
}

fn what_was_left_is_known_without_asking(simulator: &Simulator, pump: &mut Pump) {
    let sources = |pump: &Pump| -> Vec<Value> {
        let ran = pump.run(&["status", "--format", "json"]);
        serde_json::from_str::<Value>(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"))["sources"].as_array().unwrap().clone()
    };
    let of = |sources: &[Value], name: &str| sources.iter().find(|source| source["source"] == name).unwrap().clone();
    let minute = |time: &Value| time.as_str().map(|time| time[..16].to_owned());
    let at = |time: &str| Some(format!("{} {time}", day(0)));
    simulator.set_day(day(0));
    pump.at(day(0), "04:10:00");
    pump.ok(&["extract", "github_issues", "whattrainisitnow_releases"]);
    let asked = simulator.requests().len();
    pump.at(day(0), "04:40:00");
    let known = sources(pump);
    assert_eq!(simulator.requests().len(), asked, "the status asks no API");
    assert_eq!(known.len(), 7, "what `etl` did itself is no source with limits: {known:#?}");
    let github = of(&known, "github");
    assert_eq!(
        (github["requests left"].as_u64(), github["of"].as_u64(), github["age"].as_str()),
        (Some(4_987), Some(5_000), Some("29 min")),
        "{github:#}"
    );
    assert_eq!((minute(&github["as of"]), minute(&github["until"])), (at("04:10"), at("05:00")), "{github:#}");
    let trains = of(&known, "whattrainisitnow");
    assert_eq!(
        (minute(&trains["last asked"]), trains["requests left"].is_null(), trains["as of"].is_null()),
        (at("04:10"), true, true),
        "{trains:#}"
    );
    assert!(of(&known, "bitrise")["last asked"].is_null());
    // The newest pull counts, also one that failed; a file that is gone is no failure of the status.
    pump.at(day(0), "05:10:00");
    let token = pump.replace("GITHUB_TOKEN", "withdrawn");
    assert_ne!(pump.run(&["extract", "github_issues"]).code, Some(0));
    pump.set("GITHUB_TOKEN", token);
    assert_eq!(minute(&of(&sources(pump), "github")["last asked"]), at("05:10"));
    for path in pump.objects().into_keys().filter(|path| path.to_str().unwrap().ends_with(".requests.parquet")) {
        fs_err::remove_file(path).unwrap();
    }
    assert!(sources(pump).iter().all(|source| source["last asked"].is_null()));
    let shown = pump.run(&["status"]).stdout;
    assert!(shown.contains("requests left") && !shown.contains("NULL"), "{shown}");
    assert!(!pump.run(&["status", "--max-age", "26h"]).stdout.contains("requests left"));
}
