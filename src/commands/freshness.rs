//! How old what a table shows is, and which stage is behind. Pure but for the graph.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::logged::Failure;
use crate::catalog::{Cadence, Graph, Node, parse_schedule};

/// What is known of a table.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stages {
    /// End of the newest complete pull of anything behind it.
    pub(super) pulled: Option<DateTime<Utc>>,
    /// End of the newest complete pull of what it is computed from.
    pub(super) input: Option<DateTime<Utc>>,
    /// The time that the newest mart shows.
    pub(super) computed: Option<DateTime<Utc>>,
    pub(super) loaded: Loaded,
}

/// What the database says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Loaded {
    /// It was not asked, or did not answer.
    #[default]
    Unknown,
    /// The table was never loaded.
    Never,
    /// The newest mart was loaded.
    Newest,
    /// An earlier mart was loaded, which shows this time.
    Earlier(DateTime<Utc>),
}

/// How a table is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The time that the table shows, as far as is known.
    pub(super) shows: Option<DateTime<Utc>>,
    pub(super) state: &'static str,
    /// What is wrong, as the rest of a sentence that names the table.
    pub(super) problem: Option<String>,
}

impl Stages {
    /// Judges by the oldest age that is allowed.
    pub(super) fn judge(&self, now: DateTime<Utc>, limit: TimeDelta) -> Verdict {
        let Some(pulled) = self.pulled else { return never("never pulled", "was never pulled") };
        let Some(computed) = self.computed else { return never("never computed", "was never computed; run `etl transform`") };
        // A mart that has all that was pulled is as new as the last look at the API.
        let mart = if self.input.is_none_or(|input| computed >= input) { pulled } else { computed };
        let table = match self.loaded {
            Loaded::Unknown | Loaded::Newest => mart,
            Loaded::Never => return never("never loaded", "was never loaded; run `etl load`"),
            Loaded::Earlier(at) => at.min(mart),
        };
        let late = |at: DateTime<Utc>| now - at > limit;
        let since = |at: DateTime<Utc>| format!("{} ({}, {} allowed)", written(at), ago(now - at), age(limit));
        let (state, problem) = if late(pulled) {
            ("late", Some(format!("is late: nothing was pulled since {}", since(pulled))))
        } else if late(mart) {
            ("not computed", Some(format!("is late: pulled, and not computed since {}; run `etl transform`", since(mart))))
        } else if late(table) {
            ("not loaded", Some(format!("is late: computed, and not loaded since {}; run `etl load`", since(table))))
        } else {
            ("fresh", None)
        };
        Verdict { shows: Some(table), state, problem }
    }
}

impl Verdict {
    /// What a transform or load that failed since adds.
    pub(super) fn with(self, failure: &Failure) -> Self {
        let Failure { command, at, error } = failure;
        let why = match error {
            Some(error) => format!("the {command} of {} failed: {error}", written(*at)),
            None => format!("the {command} of {} did not end", written(*at)),
        };
        let (state, problem) = match self.problem {
            Some(problem) => (self.state, format!("{problem}; {why}")),
            None if command == "load" => ("load failed", format!("was not loaded: {why}")),
            None => ("transform failed", format!("was not computed: {why}")),
        };
        Self { shows: self.shows, state, problem: Some(problem) }
    }
}

fn never(state: &'static str, what: &str) -> Verdict {
    Verdict { shows: None, state, problem: Some(what.to_owned()) }
}

/// The endpoints whose rows a model is computed from.
pub(super) fn inputs(graph: &Graph, model: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![Node::Model(model.to_owned())];
    while let Some(node) = open.pop() {
        match &node {
            Node::Endpoint(id) => {
                found.insert(id.clone());
            }
            Node::Model(_) | Node::Report(_) if seen.insert(node.clone()) => open.extend(graph.needs(&node).map(|edge| edge.to.clone())),
            Node::Model(_) | Node::Report(_) => {}
        }
    }
    found
}

/// The oldest age that a schedule allows: its shortest cadence and a quarter of it, so that one slow job is no alarm.
pub(super) fn allowed(schedule: &str) -> TimeDelta {
    let days = |cadence| match cadence {
        Cadence::Daily => 1,
        Cadence::Weekly => 7,
        Cadence::Fortnightly => 14,
        Cadence::Monthly => 31,
    };
    let entries = parse_schedule(schedule).unwrap_or_default();
    TimeDelta::hours(entries.iter().map(|entry| days(entry.cadence)).min().unwrap_or(31) * 30)
}

pub(super) fn written(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

pub(super) fn ago(delta: TimeDelta) -> String {
    if delta < TimeDelta::zero() { "in the future".to_owned() } else { format!("{} ago", age(delta)) }
}

/// How old something is.
pub(super) fn age(delta: TimeDelta) -> String {
    match delta.num_seconds() {
        seconds if seconds < 0 => "in the future".to_owned(),
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds if seconds < 7_200 => format!("{} min", seconds / 60),
        seconds if seconds < 172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_allow_a_quarter_more() {
        assert_eq!(allowed("desktop daily; mobile weekly sat"), TimeDelta::hours(30));
        assert_eq!(allowed("weekly sat"), TimeDelta::hours(210));
        assert_eq!(allowed("fortnightly mon"), TimeDelta::hours(420));
        assert_eq!(allowed(""), TimeDelta::hours(930));
    }

    #[test]
    fn ages() {
        assert_eq!(age(TimeDelta::seconds(5)), "5 s");
        assert_eq!(age(TimeDelta::hours(30)), "30 h");
        assert_eq!(age(TimeDelta::days(3)), "3 days");
        assert_eq!(ago(TimeDelta::hours(3)), "3 h ago");
        assert_eq!(ago(TimeDelta::hours(-3)), "in the future");
    }

    #[test]
    fn the_stage_that_is_behind_is_named() {
        let now: DateTime<Utc> = "2026-01-10T12:00:00Z".parse().unwrap();
        let ago = |hours: i64| Some(now - TimeDelta::hours(hours));
        let earlier = |hours: i64| Loaded::Earlier(now - TimeDelta::hours(hours));
        for (pulled, input, computed, loaded, state, shows) in [
            (ago(1), ago(1), ago(1), Loaded::Newest, "fresh", Some(1)),
            (ago(1), ago(1), ago(1), Loaded::Unknown, "fresh", Some(1)),
            // What it is computed from was not pulled again, because there was nothing to ask for.
            (ago(1), ago(100), ago(100), Loaded::Newest, "fresh", Some(1)),
            (ago(1), ago(1), ago(20), Loaded::Newest, "fresh", Some(20)),
            (ago(30), ago(30), ago(30), Loaded::Newest, "late", Some(30)),
            (ago(1), ago(1), ago(27), Loaded::Newest, "not computed", Some(27)),
            (ago(1), ago(1), ago(1), earlier(27), "not loaded", Some(27)),
            (ago(1), ago(1), ago(1), earlier(25), "fresh", Some(25)),
            (ago(1), ago(1), ago(1), Loaded::Never, "never loaded", None),
            (ago(1), ago(1), None, Loaded::Never, "never computed", None),
            (None, None, ago(1), Loaded::Newest, "never pulled", None),
        ] {
            let verdict = Stages { pulled, input, computed, loaded }.judge(now, TimeDelta::hours(26));
            assert_eq!((verdict.state, verdict.shows), (state, shows.and_then(ago)), "{pulled:?} {computed:?} {loaded:?}");
            assert_eq!(verdict.problem.is_none(), state == "fresh");
        }
    }
}
