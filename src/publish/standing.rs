//! Whether what a message is about was read whole, and of when it is.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};

use crate::lake::Receipt;

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

    /// The standing of a report that needs these endpoints, for one project or for all, on `day`: each scope's newest pull
    /// must be complete, and one of the day must be there.
    pub fn of(receipts: &[Receipt], endpoints: &[&str], project: Option<&str>, day: NaiveDate) -> Self {
        let mut standing = Self::default();
        for endpoint in endpoints {
            let mut scopes: BTreeMap<String, Vec<&Receipt>> = BTreeMap::new();
            for receipt in receipts.iter().filter(|receipt| receipt.endpoint == *endpoint) {
                let own = receipt.scope.get("project").and_then(|value| value.as_str());
                if project.is_none() || own.is_none() || own == project {
                    scopes.entry(receipt.scope_key()).or_default().push(receipt);
                }
            }
            if scopes.is_empty() {
                standing.gaps.push(format!("{endpoint} was never read"));
            }
            for pulls in scopes.into_values() {
                standing.take(endpoint, &pulls, day);
            }
        }
        standing.gaps.sort();
        standing.gaps.dedup();
        standing
    }

    fn take(&mut self, endpoint: &str, pulls: &[&Receipt], day: NaiveDate) {
        let newest = pulls.iter().filter(|pull| pull.complete()).max_by_key(|pull| (pull.finished, pull.pull_id));
        let failed = pulls
            .iter()
            .filter(|pull| !pull.complete() || pull.error.is_some())
            .filter(|pull| newest.is_none_or(|newest| pull.finished >= newest.finished))
            .max_by_key(|pull| (pull.finished, pull.pull_id));
        let about = |pull: &Receipt| match pull.scope.get("project").and_then(|value| value.as_str()) {
            Some(project) => format!("{endpoint} of {project}"),
            None => endpoint.to_owned(),
        };
        if let Some(failed) = failed {
            let reason = failed.error.as_deref().unwrap_or("it ended before its last page");
            self.gaps.push(format!("{}: {}", about(failed), first_line(reason)));
        }
        match newest {
            Some(newest) => {
                self.as_of = Some(self.as_of.map_or(newest.finished, |known| known.min(newest.finished)));
                if failed.is_none() && newest.run_at.date_naive() < day {
                    self.gaps.push(format!("{} was not read since {}", about(newest), newest.finished.format("%F %H:%M UTC")));
                }
            }
            None if failed.is_none() => self.gaps.push(format!("{endpoint} was never read whole")),
            None => {}
        }
    }
}

/// Reasons are told in one line, without what only a log needs.
fn first_line(reason: &str) -> String {
    let line = reason.lines().next().unwrap_or_default();
    match line.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::{Mode, Outcome, RECEIPT_VERSION, Stop};
    use uuid::Uuid;

    fn pull(endpoint: &str, project: Option<&str>, finished: &str, outcome: Outcome) -> Receipt {
        let finished: DateTime<Utc> = finished.parse().unwrap();
        Receipt {
            version: RECEIPT_VERSION,
            run_id: Uuid::nil(),
            pull_id: Uuid::nil(),
            source: "sentry".into(),
            endpoint: endpoint.into(),
            scope: project.map(|project| ("project".to_owned(), project.into())).into_iter().collect(),
            part: 0,
            mode: Mode::Full,
            outcome,
            stop: if outcome == Outcome::Complete { Stop::NoNext } else { Stop::Error },
            error: (outcome != Outcome::Complete).then(|| "answered 503\nmore".to_owned()),
            cursor: None,
            window_from: None,
            window_to: None,
            expected: None,
            records: 0,
            defects: 0,
            requests: 0,
            retries: 0,
            bytes: 0,
            partitions: Vec::new(),
            files: Vec::new(),
            redacted: Vec::new(),
            host: String::new(),
            definition: String::new(),
            etl: String::new(),
            run_at: finished,
            started: finished,
            finished,
        }
    }

    #[test]
    fn what_failed_or_is_old_or_was_never_read_is_a_gap() {
        use Outcome::{Complete, Incomplete};
        let day: NaiveDate = "2026-03-02".parse().unwrap();
        let old = pull("rates", Some("fenix"), "2026-03-01T08:00:00Z", Complete);
        let good = pull("rates", Some("fenix"), "2026-03-02T08:00:00Z", Complete);
        let bad = pull("rates", Some("fenix"), "2026-03-02T09:00:00Z", Incomplete);
        let other = pull("rates", Some("firefox-ios"), "2026-03-02T09:00:00Z", Incomplete);
        let gaps = |receipts: &[&Receipt]| Standing::of(&receipts.iter().map(|pull| (*pull).clone()).collect::<Vec<_>>(), &["rates"], Some("fenix"), day).gaps;
        assert!(gaps(&[&old, &good, &other]).is_empty(), "another project's failure is not this one's");
        assert_eq!(gaps(&[&good, &bad]), ["rates of fenix: answered 503"]);
        assert!(gaps(&[&bad, &pull("rates", Some("fenix"), "2026-03-02T10:00:00Z", Complete)]).is_empty(), "what was read later");
        assert_eq!(gaps(&[&old]), ["rates of fenix was not read since 2026-03-01 08:00 UTC"]);
        assert_eq!(gaps(&[&other]), ["rates was never read"]);
        let standing = Standing::of(&[old, good.clone()], &["rates"], Some("fenix"), day);
        assert_eq!((standing.as_of, standing.is_whole()), (Some(good.finished), true));
    }
}
