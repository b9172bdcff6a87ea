//! What the run log says of a transform or a load: that it began, and how it ended, table by table.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::context::Context;
use crate::{
    error::Error,
    events::Event,
    lake::{RUN_LOG_VERSION, Run, RunEnd, RunStart},
    load,
};

/// A stage that is going on.
pub(super) struct Logged<'c> {
    context: &'c Context,
    start: RunStart,
}

impl<'c> Logged<'c> {
    /// Writes down that it begins.
    pub(super) async fn begin(context: &'c Context, command: &str, run_id: Uuid, tables: &[String]) -> Self {
        let start = RunStart {
            version: RUN_LOG_VERSION,
            run_id,
            run_at: context.settings.clock.now(),
            command: command.to_owned(),
            arguments: tables.to_vec(),
            host: String::new(),
            destination: if command == "load" { Some(destination(context)) } else { None },
            etl: env!("CARGO_PKG_VERSION").to_owned(),
        };
        warned(context, context.lake.start_run(&start).await);
        Self { context, start }
    }

    /// Writes down how each table came out, or that nothing came of it; nothing, if the beginning was not.
    pub(super) async fn close<'t>(logged: Option<Self>, tables: std::result::Result<impl Iterator<Item = (&'t String, Option<&'t Error>)>, &Error>) {
        match (logged, tables) {
            (None, _) => {}
            (Some(logged), Ok(tables)) => logged.ended(tables).await,
            (Some(logged), Err(error)) => logged.broke_off(error).await,
        }
    }

    async fn ended<'t>(self, tables: impl Iterator<Item = (&'t String, Option<&'t Error>)>) {
        let (mut done, mut failed, mut exit_code) = (Vec::new(), BTreeMap::new(), 0);
        for (table, error) in tables {
            match error {
                None => done.push(table.clone()),
                Some(error) => {
                    exit_code = error.kind().exit_code();
                    failed.insert(table.clone(), in_one_line(error));
                }
            }
        }
        let error =
            (!failed.is_empty()).then(|| format!("{} of {} failed", failed.len(), crate::names::count((failed.len() + done.len()) as u64, "table")));
        self.end(exit_code, error, done, failed).await;
    }

    async fn broke_off(self, error: &Error) {
        let failed = self.start.arguments.iter().map(|table| (table.clone(), in_one_line(error))).collect();
        self.end(error.kind().exit_code(), Some(in_one_line(error)), Vec::new(), failed).await;
    }

    async fn end(self, exit_code: u8, error: Option<String>, done: Vec<String>, failed: BTreeMap<String, String>) {
        let counts = BTreeMap::from([("done".to_owned(), done.len() as u64), ("failed".to_owned(), failed.len() as u64)]);
        let end = RunEnd {
            version: RUN_LOG_VERSION,
            run_id: self.start.run_id,
            run_at: self.start.run_at,
            finished: self.context.settings.clock.now(),
            exit_code,
            error,
            counts,
            done,
            failed,
        };
        warned(self.context, self.context.lake.end_run(&end).await);
    }
}

/// The database that this invocation loads, without its password: one name for one database.
pub(super) fn destination(context: &Context) -> String {
    let address = context.settings.database.expose();
    if let Some(path) = address.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        let absolute = fs_err::canonicalize(path).or_else(|_| std::path::absolute(path));
        return format!("sqlite:{}", absolute.unwrap_or_else(|_| path.into()).display());
    }
    load::Destination::of(&context.settings.database).map(|destination| destination.to_string()).unwrap_or_default()
}

/// The log is for people: a stage that did its work does not fail because this could not be written.
fn warned(context: &Context, written: Result<(), Error>) {
    if let Err(error) = written {
        context.observer.on(&Event::Warning(format!("the run log lacks this: {error}")));
    }
}

fn in_one_line(error: &Error) -> String {
    error.told().lines().next().unwrap_or_default().to_owned()
}

/// What the newest transform or load of a table that did not succeed was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// `transform` or `load`.
    pub(super) command: String,
    /// Its start.
    pub(super) at: DateTime<Utc>,
    /// What went wrong; none = it did not end.
    pub(super) error: Option<String>,
}

/// For each table the failure that no later run has repaired. `runs` are in order. A load into another database than `destination`
/// does not count.
pub(super) fn failures(runs: &[Run], destination: &str) -> BTreeMap<String, Failure> {
    let mut found: BTreeMap<String, Failure> = BTreeMap::new();
    let is_ours = |run: &&Run| run.start.destination.as_ref().is_none_or(|other| other == destination);
    for run in runs.iter().filter(|run| ["transform", "load"].contains(&run.start.command.as_str())).filter(is_ours) {
        let failure = |error: Option<String>| Failure { command: run.start.command.clone(), at: run.start.run_at, error };
        match &run.end {
            None => found.extend(run.start.arguments.iter().map(|table| (table.clone(), failure(None)))),
            Some(end) => {
                for table in &end.done {
                    // A load does not make good that the mart behind it is an old one.
                    if found.get(table).is_some_and(|failed| failed.command == run.start.command) {
                        found.remove(table);
                    }
                }
                found.extend(end.failed.iter().map(|(table, error)| (table.clone(), failure(Some(error.clone())))));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(command: &str, number: u32, tables: &[&str], failed: Option<&[&str]>) -> Run {
        let (run_id, run_at) = (Uuid::from_u128(number.into()), DateTime::from_timestamp(i64::from(number), 0).unwrap());
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let start = RunStart {
            version: 1,
            run_id,
            run_at,
            command: command.to_owned(),
            arguments: names(tables),
            host: String::new(),
            destination: None,
            etl: String::new(),
        };
        let end = failed.map(|failed| RunEnd {
            version: 1,
            run_id,
            run_at,
            finished: run_at,
            exit_code: 0,
            error: None,
            counts: BTreeMap::new(),
            done: names(tables).into_iter().filter(|table| !failed.contains(&table.as_str())).collect(),
            failed: failed.iter().map(|table| ((*table).to_owned(), "why".to_owned())).collect(),
        });
        Run { start, end }
    }

    #[test]
    fn a_failure_stands_until_the_same_stage_succeeds() {
        let told = |runs: &[Run]| {
            failures(runs, "sqlite:/usual")
                .into_iter()
                .map(|(table, failure)| format!("{table} {} {}", failure.command, failure.at.timestamp()))
                .collect::<Vec<_>>()
        };
        let failed = run("transform", 1, &["a", "b"], Some(&["a"]));
        assert_eq!(told(std::slice::from_ref(&failed)), ["a transform 1"]);
        assert_eq!(told(&[failed.clone(), run("load", 2, &["a", "b"], Some(&["b"]))]), ["a transform 1", "b load 2"]);
        assert_eq!(told(&[failed.clone(), run("load", 2, &["a"], None)]), ["a load 2"], "killed");
        let mut trial = run("load", 2, &["a"], Some(&["a"]));
        trial.start.destination = Some("sqlite:/trial".to_owned());
        assert_eq!(told(&[trial]), Vec::<String>::new(), "another database");
        assert_eq!(told(&[failed, run("transform", 2, &["a"], Some(&[])), run("extract", 3, &["a"], None)]), Vec::<String>::new());
    }
}
