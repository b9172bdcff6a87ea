//! Whether what a message is about was read whole, and of when it is: what of a mart's health people are told.

use chrono::{DateTime, Utc};

use super::marts::Health;

/// How far a report may be believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The moment of the data: when the oldest of the newest complete pulls behind it ended.
    pub(crate) as_of: Option<DateTime<Utc>>,
    /// What is missing, each fit for a person.
    pub(crate) gaps: Vec<String>,
}

impl Standing {
    /// Whether nothing is missing.
    pub fn is_whole(&self) -> bool {
        self.gaps.is_empty()
    }

    /// What is missing.
    pub fn gaps(&self) -> &[String] {
        &self.gaps
    }

    /// The standing of something made from both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut gaps = [self.gaps.clone(), other.gaps.clone()].concat();
        gaps.sort();
        gaps.dedup();
        let as_of = match (self.as_of, other.as_of) {
            (Some(own), Some(theirs)) => Some(own.min(theirs)),
            (own, theirs) => own.or(theirs),
        };
        Self { as_of, gaps }
    }
}

impl From<Health> for Standing {
    fn from(health: Health) -> Self {
        let mut gaps: Vec<String> = health.problems.iter().map(|problem| in_one_line(problem)).collect();
        gaps.dedup();
        Self { as_of: health.as_of, gaps }
    }
}

/// What a failed pull's error comes to: its first line, without the request, which a log has.
pub(crate) fn cause(error: &str) -> &str {
    let line = error.lines().next().unwrap_or_default();
    line.rsplit_once(" s: ").filter(|(request, _)| request.contains(" failed after ")).map_or(line, |(_, cause)| cause)
}

/// The first line of a reason, with a scope as people write it: `{"project":"fenix"}` is `of fenix`, `{"suite_id":7}` `of suite_id 7`.
fn in_one_line(problem: &str) -> String {
    let line = problem.lines().next().unwrap_or_default();
    let told = match parted(line) {
        Some((before, scope, after)) => format!("{before} of {scope}{after}"),
        None => line.to_owned(),
    };
    let told = told.split_once(": the last pull failed: ").map_or_else(|| told.clone(), |(place, error)| format!("{place}: {}", cause(error)));
    told.replace('`', "")
}

/// What stands before and after the first scope, and the scope in words.
fn parted(line: &str) -> Option<(&str, String, &str)> {
    let (before, rest) = line.split_once(" {\"")?;
    let start = before.len() + 1;
    let end = start + rest.find('}')? + 3;
    let scope: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line.get(start..end)?).ok()?;
    let words = scope.iter().map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if name == "project" { value } else { format!("{name} {value}") }
    });
    Some((before, words.collect::<Vec<_>>().join(", "), &line[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_one_line_without_json() {
        let health = Health {
            as_of: None,
            problems: vec![
                "`sentry_sessions` {\"project\":\"fenix\"}: the last pull failed: `sentry_sessions`: GET https://h/?a=1 failed after 1 attempt in 0.1 s: answered 503\nmore".into(),
                "`a` was never pulled".into(),
                "`b` {\"project_id\":7,\"x\":\"y\"} was last pulled at noon".into(),
                "`c` {\"broken: was never pulled".into(),
            ],
        };
        let standing = Standing::from(health);
        let expected = [
            "sentry_sessions of fenix: answered 503",
            "a was never pulled",
            "b of project_id 7, x y was last pulled at noon",
            "c {\"broken: was never pulled",
        ];
        assert_eq!(standing.gaps, expected);
        assert!(!standing.is_whole() && Standing::default().is_whole());
        let both = standing.and(&Standing { as_of: "2026-03-03T08:00:00Z".parse().ok(), gaps: vec!["a was never pulled".into()] });
        assert_eq!((both.gaps.len(), both.as_of.is_some()), (4, true));
    }
}
