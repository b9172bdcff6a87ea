//! Counts what the events say. Pure: time comes in as a parameter, text goes out.

use std::{
    collections::{BTreeMap, HashSet},
    time::{Duration, Instant},
};

use super::{report::scope, units};
use crate::{
    events::Event,
    names::{count, grouped},
};

/// Waits shorter than this are not worth a line.
const SHORT_WAIT: f64 = 2.0;

/// What is known about the work at one moment.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) endpoints: BTreeMap<String, EndpointTally>,
    /// The model or table being worked on, and since when.
    pub(super) current: Option<(String, Instant)>,
    pub(super) models_done: u64,
    pub(super) tables_done: u64,
    waits: BTreeMap<String, Instant>,
    warned: HashSet<String>,
}

/// The pulls of one endpoint together.
#[derive(Debug)]
pub(super) struct EndpointTally {
    pub(super) started: Instant,
    pub(super) open: u64,
    pub(super) partitions: u64,
    pub(super) partitions_done: u64,
    pub(super) records: u64,
    pub(super) bytes: u64,
}

/// Something to say at once.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Saying {
    /// To everybody.
    Warning(String),
    /// To who watches the progress.
    Progress(String),
    /// To who asked for more.
    Detail(String),
}

impl EndpointTally {
    /// `12 of 40 partitions, 3,000 records, 4.2 MB`.
    pub(super) fn text(&self) -> String {
        let partitions = if self.partitions > 1 {
            format!("{} of {} partitions, ", grouped(self.partitions_done), grouped(self.partitions))
        } else {
            String::new()
        };
        format!("{partitions}{}, {}", count(self.records, "record"), units::bytes(self.bytes))
    }
}

impl Tally {
    /// For what comes after: nothing but the warnings is remembered.
    pub(super) fn again(&self) -> Self {
        Self { warned: self.warned.clone(), ..Self::default() }
    }

    /// Takes one event in; what it returns is to be said at once.
    pub(super) fn take(&mut self, event: &Event, now: Instant) -> Option<Saying> {
        match event {
            Event::PullStarted { endpoint, partitions, .. } => {
                let tally = self.endpoint(endpoint, now);
                tally.open += 1;
                tally.partitions += partitions;
                None
            }
            Event::Page { endpoint, records, bytes, .. } => {
                let tally = self.endpoint(endpoint, now);
                tally.records += records;
                tally.bytes += bytes;
                None
            }
            Event::PartitionDone { endpoint, .. } => {
                self.endpoint(endpoint, now).partitions_done += 1;
                None
            }
            Event::Waiting { source, seconds, reason } => self.wait(source, *seconds, reason, now),
            Event::PullFinished { endpoint, scope: json, records, complete, stop } => {
                let tally = self.endpoint(endpoint, now);
                tally.open = tally.open.saturating_sub(1);
                let scope = scope(json);
                let of = if scope.is_empty() { String::new() } else { format!(" ({scope})") };
                let verdict = if *complete { "complete" } else { "INCOMPLETE" };
                Some(Saying::Detail(format!("{endpoint}{of}: {verdict}, {}, {stop}", count(*records, "record"))))
            }
            Event::ModelStarted { model } => {
                self.current = Some((format!("model {model}"), now));
                None
            }
            Event::ModelFinished { model, rows, state, seconds } => {
                self.current = None;
                self.models_done += 1;
                Some(Saying::Detail(format!("model {model}: {state}, {}, {}", count(*rows, "row"), units::seconds(*seconds))))
            }
            Event::TableStarted { table } => {
                self.current = Some((format!("table {table}"), now));
                None
            }
            Event::TableFinished { table, inserted, updated, deleted, unchanged } => {
                self.current = None;
                self.tables_done += 1;
                let counts = [(inserted, "inserted"), (updated, "updated"), (deleted, "deleted"), (unchanged, "unchanged")];
                let counts: Vec<String> = counts.iter().map(|(number, word)| format!("{} {word}", grouped(**number))).collect();
                Some(Saying::Detail(format!("table {table}: {}", counts.join(", "))))
            }
            // The same warning comes from many partitions; once is enough.
            Event::Warning(text) => self.warned.insert(text.clone()).then(|| Saying::Warning(text.clone())),
        }
    }

    /// One line for each endpoint, model or table being worked on.
    pub(super) fn lines(&self, now: Instant) -> Vec<String> {
        let since = |started: Instant| units::seconds(now.saturating_duration_since(started).as_secs_f64());
        let endpoints = self.endpoints.iter().filter(|(_, tally)| tally.open > 0);
        let mut lines: Vec<String> = endpoints.map(|(endpoint, tally)| format!("{endpoint}: {}, {}", tally.text(), since(tally.started))).collect();
        lines.extend(self.current.iter().map(|(name, started)| format!("{name}: {}", since(*started))));
        lines
    }

    fn endpoint(&mut self, endpoint: &str, now: Instant) -> &mut EndpointTally {
        self.endpoints.entry(endpoint.to_owned()).or_insert(EndpointTally {
            started: now,
            open: 0,
            partitions: 0,
            partitions_done: 0,
            records: 0,
            bytes: 0,
        })
    }

    /// Many requests of a source wait together; the longest wait is told, and told again only when it is over.
    fn wait(&mut self, source: &str, seconds: f64, reason: &str, now: Instant) -> Option<Saying> {
        if seconds <= SHORT_WAIT || self.waits.get(source).is_some_and(|until| now < *until) {
            return None;
        }
        let longest = Duration::from_secs(86_400 * 366);
        let until = now.checked_add(Duration::try_from_secs_f64(seconds).unwrap_or(longest).min(longest))?;
        self.waits.insert(source.to_owned(), until);
        Some(Saying::Progress(format!("{source}: waiting {}: {reason}", units::seconds(seconds))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(partitions: u64) -> Event {
        Event::PullStarted { endpoint: "testrail_cases".to_owned(), scope: "{\"project_id\":17}".to_owned(), partitions }
    }

    fn page(records: u64) -> Event {
        Event::Page { endpoint: "testrail_cases".to_owned(), scope: "{}".to_owned(), records, bytes: 1_500_000 }
    }

    #[test]
    fn one_line_for_each_endpoint_that_works() {
        let mut tally = Tally::default();
        let begin = Instant::now();
        for event in
            [started(40), started(2), page(250), page(1_000), Event::PartitionDone { endpoint: "testrail_cases".to_owned(), scope: "{}".to_owned() }]
        {
            assert_eq!(tally.take(&event, begin), None);
        }
        tally.take(&Event::ModelStarted { model: "a".to_owned() }, begin);
        let lines = tally.lines(begin + Duration::from_secs(30));
        assert_eq!(lines, ["testrail_cases: 1 of 42 partitions, 1,250 records, 3.0 MB, 30 s", "model a: 30 s"]);
    }

    #[test]
    fn finished_pulls_leave_the_lines() {
        let mut tally = Tally::default();
        let now = Instant::now();
        tally.take(&started(1), now);
        let finished = Event::PullFinished {
            endpoint: "testrail_cases".to_owned(),
            scope: "{\"project_id\":17}".to_owned(),
            records: 1,
            complete: false,
            stop: "cap".to_owned(),
        };
        let said = tally.take(&finished, now);
        assert_eq!(said, Some(Saying::Detail("testrail_cases (project_id 17): INCOMPLETE, 1 record, cap".to_owned())));
        assert!(tally.lines(now).is_empty());
    }

    #[test]
    fn long_waits_are_told_once_and_short_ones_never() {
        let mut tally = Tally::default();
        let now = Instant::now();
        let wait = |seconds| Event::Waiting { source: "testrail".to_owned(), seconds, reason: "429, Retry-After".to_owned() };
        assert_eq!(tally.take(&wait(1.9), now), None);
        assert_eq!(tally.take(&wait(37.0), now), Some(Saying::Progress("testrail: waiting 37 s: 429, Retry-After".to_owned())));
        assert_eq!(tally.take(&wait(36.0), now + Duration::from_secs(1)), None);
        assert!(tally.take(&wait(36.0), now + Duration::from_secs(38)).is_some());
        assert!(tally.take(&wait(f64::INFINITY), now + Duration::from_secs(80)).is_some());
    }

    #[test]
    fn warnings_are_told_once() {
        let mut tally = Tally::default();
        let warning = Event::Warning("bug 1 is gone".to_owned());
        assert!(tally.take(&warning, Instant::now()).is_some());
        assert_eq!(tally.take(&warning, Instant::now()), None);
        assert_eq!(tally.again().take(&warning, Instant::now()), None);
    }
}
