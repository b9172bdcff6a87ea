//! Posting: one message after the other, each recorded, so that a retry posts what is missing and nothing twice.

use std::sync::Arc;

use chrono::NaiveDate;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    message::Message,
    transport::{Line, Receipt},
};
use crate::{
    digest,
    error::{Error, Kind, Result},
    events::Observer,
    publish::outcomes::{Outcome, Outcomes, Status},
    settings::Settings,
};

/// Messages that belong together: the first one is the head where they form a thread.
#[derive(Clone, Debug)]
pub struct Post {
    /// `rates`, `new-issues`, …
    pub(crate) kind: &'static str,
    /// Which of its kind: project and form.
    pub(crate) about: String,
    /// The snapshot date.
    pub(crate) day: NaiveDate,
    /// The channel's name in etl.toml.
    pub(crate) channel: String,
    pub(crate) messages: Vec<Message>,
    /// Whether the others reply to the first one, where a bot posts.
    pub(crate) threaded: bool,
}

/// What to take a message for that may or may not have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsure {
    /// It is there.
    Sent,
    /// It is not.
    Lost,
}

/// How to go about it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// Post all of it, whatever was posted before.
    pub force: bool,
    /// What to take unclear messages for.
    pub unsure: Option<Unsure>,
}

/// How many messages were posted now, and how many before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Posted {
    /// Now.
    pub now: usize,
    /// By an earlier run.
    pub before: usize,
}

/// What is known about a message.
enum Known {
    /// It was posted; its id, where Slack gave one.
    Posted(Option<String>),
    Open,
    Unsure,
}

impl Post {
    /// The messages as they are sent, each within all limits.
    pub fn payloads(&self) -> Vec<Value> {
        self.messages.iter().cloned().flat_map(Message::parts).map(|message| message.payload()).collect()
    }

    fn record_kind(&self) -> String {
        format!("slack_{}", self.kind.replace('-', "_"))
    }

    fn key(&self, number: usize) -> String {
        format!("{} {} {} {}", self.about, self.day, self.channel, number + 1)
    }

    /// Posts what was not posted yet.
    ///
    /// # Errors
    /// What Slack refused, or that it is unclear whether a message arrived. What was posted before is recorded.
    pub async fn send(&self, settings: &Settings, outcomes: &mut Outcomes, observer: Arc<dyn Observer>, manner: Manner) -> Result<Posted> {
        let line = Line::open(&settings.messages.transport(&self.channel, &settings.env)?, settings, observer)?;
        let payloads = self.payloads();
        // A batch is all messages of one posting: those of an earlier one, which `--force` repeats, do not count as posted.
        let former = outcomes.find(&self.record_kind(), &self.key(0)).and_then(|head| text(&head.detail, "batch"));
        let batch = former.filter(|_| !manner.force).unwrap_or_else(|| Uuid::now_v7().to_string());
        let mut posted = Posted::default();
        let mut thread: Option<String> = None;
        // What is to be recorded together with the next start.
        let mut ended: Vec<Outcome> = Vec::new();
        for (number, payload) in payloads.iter().enumerate() {
            let place = || format!("message {} of {} to `{}`", number + 1, payloads.len(), self.channel);
            match self.known(outcomes, number, &batch, manner) {
                Known::Posted(ts) => {
                    posted.before += 1;
                    if number == 0 {
                        thread = ts;
                    }
                    continue;
                }
                Known::Unsure => {
                    outcomes.record(ended).await?;
                    return Err(Error::new(Kind::Guard, format!("{} may have arrived: nobody knows how an earlier attempt ended", place()))
                        .hint("look into the channel, then run again with `--unsure sent` or `--unsure lost`"));
                }
                Known::Open => {}
            }
            if self.threaded && number > 0 && thread.is_none() && line.gives_ids() {
                outcomes.record(ended).await?;
                return Err(Error::new(Kind::Guard, format!("{}: the id of the thread's head is not known", place()))
                    .hint("run again with `--force` for a new thread"));
            }
            // Who repeats on purpose, or has looked into the channel, needs no claim.
            let claims = !manner.force && manner.unsure.is_none();
            if claims && !outcomes.claim(&self.record_kind(), &self.key(number)).await? {
                outcomes.record(ended).await?;
                return Err(Error::new(Kind::Guard, format!("{} is being posted by another run, or one was stopped just before it", place())).hint(
                    "wait for the other run and run again: what it posted is not posted twice. If there is none any more, add `--unsure lost`",
                ));
            }
            let sha256 = digest::sha256(payload.to_string());
            let mut outcome = Outcome::begin(&self.record_kind(), &self.key(number), &self.channel, &sha256, outcomes.now());
            outcome.bytes = payload.to_string().len() as u64;
            outcome.detail.insert("batch".to_owned(), batch.as_str().into());
            let mut together = std::mem::take(&mut ended);
            together.push(outcome.clone());
            outcomes.record(together).await?;
            let result = line.post(payload, thread.as_deref().filter(|_| self.threaded && number > 0)).await;
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of one request")]
            let seconds = (outcomes.now() - outcome.attempted_at).num_milliseconds() as f64 / 1_000.0;
            outcome.seconds = seconds;
            match result {
                Ok(Receipt { ts }) => {
                    outcome.status = Status::Published;
                    if let Some(ts) = &ts {
                        outcome.detail.insert("ts".to_owned(), ts.as_str().into());
                    }
                    if number == 0 {
                        thread = ts;
                    }
                    posted.now += 1;
                    ended.push(outcome);
                }
                Err(failure) => {
                    // What may have arrived stays a start without an end.
                    outcome.status = if failure.maybe_arrived { Status::Started } else { Status::Failed };
                    outcome.error = Some(failure.error.to_string());
                    outcomes.record(vec![outcome]).await?;
                    let unclear = if failure.maybe_arrived { " and may have arrived" } else { "" };
                    return Err(failure.error.within(format!("{} failed{unclear}", place())));
                }
            }
        }
        outcomes.record(ended).await?;
        Ok(posted)
    }

    fn known(&self, outcomes: &Outcomes, number: usize, batch: &str, manner: Manner) -> Known {
        let Some(outcome) = outcomes.find(&self.record_kind(), &self.key(number)) else { return Known::Open };
        if text(&outcome.detail, "batch").as_deref() != Some(batch) {
            return Known::Open;
        }
        match (outcome.status, manner.unsure) {
            (Status::Published | Status::Unchanged, _) | (Status::Started, Some(Unsure::Sent)) => Known::Posted(text(&outcome.detail, "ts")),
            (Status::Started, None) => Known::Unsure,
            (Status::Started, Some(Unsure::Lost)) | (Status::Failed, _) => Known::Open,
        }
    }
}

fn text(detail: &Map<String, Value>, name: &str) -> Option<String> {
    detail.get(name).and_then(Value::as_str).map(str::to_owned)
}
