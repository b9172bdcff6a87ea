//! Sentry, Bitrise and Taskcluster from end to end: against the simulator over days, with what must come out computed here
//! from its answers, and against recorded answers.

mod bitrise;
mod github;
mod jira;
mod looker;
mod sentry;
mod taskcluster;

use etl::simulator::Simulator;
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
    let text = answer.text().await.unwrap().replace("\\ud83d", "");
    (serde_json::from_str(&text).unwrap_or_else(|error| panic!("{url}: {error}: {text}")), next)
}

fn variable(simulator: &Simulator, name: &str) -> String {
    simulator.variables().into_iter().find(|(own, _)| *own == name).unwrap().1
}

/// The lines of a query over the loaded tables; it has one column, of texts.
async fn loaded(pump: &Pump, sql: &str) -> Vec<String> {
    let mut connection = SqliteConnection::connect(&format!("sqlite:{}?mode=ro", pump.database().display())).await.unwrap();
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await.unwrap();
    let mut lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    lines.sort();
    lines
}

/// Targets of the requests that hold `part`, decoded.
fn targets(simulator: &Simulator, part: &str) -> Vec<String> {
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
    assert!(targets(&simulator, "/builds").iter().all(|target| target.contains("limit=1")), "{:?}", targets(&simulator, "/builds"));
    pump.set("BITRISE_TOKEN", "wrong");
    pump.set("LOOKER_SECRET", "wrong");
    let ran = pump.run(&["doctor"]);
    assert_ne!(ran.code, Some(0));
    let told = format!("{}{}", ran.stdout, ran.stderr);
    for check in ["bitrise_builds", "looker_looks"] {
        let line = told.lines().find(|line| line.starts_with(check)).unwrap_or_else(|| panic!("no {check}: {told}"));
        assert!(line.contains("FAILED") && !line.contains("wrong"), "{line}");
    }
}
