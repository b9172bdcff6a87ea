//! Does a source answer, endpoint by endpoint? One cheap request each, for `etl doctor`.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;

use super::context::{Context, blocking};
use crate::{
    catalog::{Endpoint, Source},
    clock::Clock,
    engine::{Row, RunRow},
    error::{Error, Kind, Result},
    extract,
    http::{Answer, Got, HttpClient},
    lake::Receipts,
    names::grouped,
};

/// A request that takes longer tells enough.
const PATIENCE: Duration = Duration::from_secs(30);

/// Clocks that differ by more are worth a word.
const NOTABLE: TimeDelta = TimeDelta::seconds(60);

/// Clocks that differ by more make incremental lists lose records: they overlap by an hour.
const TOO_FAR: TimeDelta = TimeDelta::minutes(15);

/// One line of the doctor.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) mark: Mark,
    pub(super) seconds: f64,
    pub(super) detail: String,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Ok,
    Warning,
    Skipped,
    Failed(Kind),
}

impl Mark {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Skipped => "skipped",
            Self::Failed(_) => "FAILED",
        }
    }
}

/// What the lake offers to ask by.
pub(super) struct Known {
    pub(super) run: RunRow,
    pub(super) receipts: Arc<Receipts>,
}

/// Asks the source's probe and each of these endpoints.
pub(super) async fn reach(context: &Context, source: &Source, endpoints: &[&Endpoint], known: &Known) -> Vec<Line> {
    let mut answers: Vec<Answer> = Vec::new();
    let client = match client(context, source) {
        Ok(client) => client,
        Err(error) => {
            return vec![Line { name: format!("{} API", source.name), mark: Mark::Failed(error.kind()), seconds: 0.0, detail: error.told() }];
        }
    };
    let started = tokio::time::Instant::now();
    let probed = client.probe().await.map_err(|error| error.within(format!("{} does not answer as it should", client.host())));
    let seconds = started.elapsed().as_secs_f64();
    let mut lines = Vec::new();
    // Every endpoint would fail for the same cause.
    let skipped = match probed.as_ref().map_err(Error::kind) {
        Err(Kind::Network | Kind::TimedOut) => Some("skipped: the host does not answer"),
        Err(Kind::Unauthorized) => Some("skipped: the API refused the credentials"),
        _ => None,
    };
    for endpoint in endpoints {
        lines.push(match skipped {
            Some(why) => Line { name: endpoint.id.clone(), mark: Mark::Skipped, seconds: 0.0, detail: why.to_owned() },
            None => one(context, &client, endpoint, known, &mut answers).await,
        });
    }
    client.close().await;
    let (mark, detail) = match probed {
        Err(error) => (Mark::Failed(error.kind()), error.told()),
        Ok(answer) => {
            answers.extend(answer);
            said(client.host(), &answers)
        }
    };
    lines.insert(0, Line { name: format!("{} API", source.name), mark, seconds, detail });
    lines
}

/// A client that asks once.
fn client(context: &Context, source: &Source) -> Result<HttpClient> {
    let mut source = source.clone();
    if let Some(client) = &mut source.client {
        client.retry.attempts = Some(1);
        client.timeout = client.timeout.min(PATIENCE);
    }
    // The machine's own clock: it is what the API's is compared with.
    HttpClient::new(&source, &context.settings, Clock::system(), Arc::clone(&context.observer))
}

async fn one(context: &Context, client: &HttpClient, endpoint: &Endpoint, known: &Known, answers: &mut Vec<Answer>) -> Line {
    let started = tokio::time::Instant::now();
    let line = |mark, detail| Line { name: endpoint.id.clone(), mark, seconds: started.elapsed().as_secs_f64(), detail };
    let row = match partition(context, endpoint, known).await {
        Ok(Some(row)) => row,
        Ok(None) => return line(Mark::Skipped, "not asked: the lake names nothing to ask for yet".to_owned()),
        Err(error) => return line(Mark::Failed(error.kind()), error.told()),
    };
    match extract::look(endpoint, client, &row).await {
        Ok(fetched) => {
            let answer = fetched.answer;
            let told = format!("{} {} {}", answer.status, answer.method.name(), answer.url);
            answers.push(answer);
            match fetched.got {
                Got::Read(()) => line(Mark::Ok, told),
                Got::Gone => line(Mark::Warning, format!("what was asked for is gone: {told}")),
                Got::Forbidden => line(Mark::Failed(Kind::Unauthorized), format!("may not be read: {told}")),
            }
        }
        Err(failure) => {
            answers.extend(failure.answer);
            line(Mark::Failed(failure.error.kind()), failure.error.told())
        }
    }
}

/// The first row of the endpoint's question, else what a pull asked for before.
async fn partition(context: &Context, endpoint: &Endpoint, known: &Known) -> Result<Option<Row>> {
    if endpoint.for_each.is_none() {
        return Ok(Some(Row::new()));
    }
    let engine = Arc::clone(&context.engine);
    let (asked, run, receipts) = (endpoint.clone(), known.run.clone(), Arc::clone(&known.receipts));
    let rows = blocking(move || engine.moment(&run, &receipts)?.of_project().for_each(&asked)).await?;
    Ok(rows.into_iter().next().or_else(|| extract::known_partition(endpoint, &known.receipts)))
}

/// What the answers say about clocks and limits.
fn said(host: &str, answers: &[Answer]) -> (Mark, String) {
    let (mut mark, mut parts) = (Mark::Ok, vec![format!("{host} answers")]);
    if let Some(skew) = answers.iter().filter_map(Answer::skew).min_by_key(TimeDelta::abs) {
        if skew.abs() > TOO_FAR {
            mark = Mark::Failed(Kind::Config);
        } else if skew.abs() > NOTABLE {
            mark = Mark::Warning;
        }
        parts.push(match skew.num_seconds() {
            0 => "its clock agrees with ours".to_owned(),
            ahead @ 1.. => format!("its clock is {} s ahead of ours", grouped(ahead.unsigned_abs())),
            behind => format!("its clock is {} s behind ours", grouped(behind.unsigned_abs())),
        });
    }
    if let Some(quota) = answers.iter().filter_map(Answer::quota).min_by_key(|quota| quota.remaining) {
        let limit = quota.limit.map(|limit| format!(" of {}", grouped(limit))).unwrap_or_default();
        let until = quota.resets.map(|at| format!(" until {}", at.format("%H:%M UTC"))).unwrap_or_default();
        parts.push(format!("{}{limit} requests left{until}", grouped(quota.remaining)));
        if quota.remaining == 0 && mark == Mark::Ok {
            mark = Mark::Warning;
        }
    }
    (mark, parts.join("; "))
}
