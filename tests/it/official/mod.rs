//! The simulator's answers before the official specifications of the APIs.

mod products;
pub(crate) mod schema;
mod trackers;

use chrono::{Days, NaiveDate};
use etl::simulator::{Options, Scale, Simulator, World};
use serde_json::Value;

use crate::real::recordings;
use schema::Schemas;

/// A simulator of the demo on some day of its story.
async fn on(day: NaiveDate) -> Simulator {
    Simulator::start(World::seeded(3, Scale::demo()), Options { day: Some(day), ..Options::default() }).await.unwrap()
}

/// Days of the story that differ much: its begin, two later ones, one long after.
fn days() -> Vec<NaiveDate> {
    [0, 3, 17, 90].map(|number| Scale::demo().first_day + Days::new(number)).into()
}

/// The value of a variable that the simulator gives.
fn variable(simulator: &Simulator, name: &str) -> String {
    simulator.variables().into_iter().find(|(own, _)| *own == name).unwrap().1
}

/// The body of a GET, which must succeed.
async fn get(url: &str, header: (&str, &str)) -> Value {
    let answer = reqwest::Client::new().get(url).header(header.0, header.1).send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{url}: {status}: {text}");
    // Half surrogate pairs, which some records have, are no text for serde_json.
    serde_json::from_str(&text.replace("\\ud83d", "")).unwrap_or_else(|error| panic!("{url}: {error}"))
}

/// Judges an answer, and makes sure that something was judged.
#[track_caller]
fn assert_official(schemas: &Schemas, reference: &str, value: &Value, rules: usize) {
    let verdict = schemas.judge(reference, value);
    assert!(
        verdict.problems.is_empty(),
        "{reference}: {} problems, the first ones: {:#?}",
        verdict.problems.len(),
        &verdict.problems[..verdict.problems.len().min(5)]
    );
    assert!(verdict.rules >= rules, "{reference}: only {} rules were looked at", verdict.rules);
}
