//! What was published: looked up before anything is sent, recorded after.
//!
//! A publication is known by its kind and key, for example `slack_github_issues` and `fenix 2026-11-27`, or
//! `confluence_page` and the page's id. Where an API cannot be asked whether something arrived, [`Status::Started`] is recorded
//! before it is sent: who finds it alone afterwards knows that nobody knows.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};

use super::{Journal, claims};
use crate::{catalog::Project, error::Result, lake::Lake, settings::Settings};

/// The endpoint where outcomes lie.
pub const ENDPOINT: &str = "etl_publications";

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It was about to be sent.
    Started,
    /// It was sent and taken.
    Published,
    /// It stood there already.
    Unchanged,
    /// It did not come about.
    Failed,
}

/// One attempt to publish something.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What it is: `slack_crash_rates`, `confluence_page`.
    pub kind: String,
    /// Which one: with [`Outcome::kind`] it names the publication.
    pub key: String,
    /// Where it goes: a channel, the title of a page, a folder.
    pub target: String,
    /// How it ended.
    pub status: Status,
    /// SHA-256 of what was, or would have been, sent.
    pub sha256: String,
    /// Start of the attempt.
    pub attempted_at: DateTime<Utc>,
    /// When it last succeeded, this attempt included. [`Outcomes::record`] fills it.
    pub published_at: Option<DateTime<Utc>>,
    /// What was sent then.
    pub published_sha256: Option<String>,
    /// Duration of the attempt.
    pub seconds: f64,
    /// Size of what was sent.
    pub bytes: u64,
    /// Why it failed.
    pub error: Option<String>,
    /// What else its kind has to say.
    pub detail: Map<String, Value>,
}

impl Status {
    /// The name, as records write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Published => "published",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
        }
    }

    fn parse(name: &str) -> Self {
        match name {
            "started" => Self::Started,
            "published" => Self::Published,
            "unchanged" => Self::Unchanged,
            // A status of a later version: nothing that may be relied on.
            _ => Self::Failed,
        }
    }
}

impl Outcome {
    /// An attempt that begins now.
    pub fn begin(kind: &str, key: &str, target: &str, sha256: &str, now: DateTime<Utc>) -> Self {
        Self {
            kind: kind.to_owned(),
            key: key.to_owned(),
            target: target.to_owned(),
            status: Status::Started,
            sha256: sha256.to_owned(),
            attempted_at: now,
            published_at: None,
            published_sha256: None,
            seconds: 0.0,
            bytes: 0,
            error: None,
            detail: Map::new(),
        }
    }

    /// Whether it stands out there: the last attempt, or one before it, succeeded.
    pub fn is_published(&self) -> bool {
        self.published_at.is_some()
    }

    /// Whether the last attempt broke off between sending and recording: it may have arrived.
    pub fn is_unsure(&self) -> bool {
        self.status == Status::Started
    }

    fn to_record(&self) -> Map<String, Value> {
        let time = |at: DateTime<Utc>| Value::from(at.to_rfc3339_opts(SecondsFormat::Micros, true));
        let fields = [
            ("kind", self.kind.as_str().into()),
            ("key", self.key.as_str().into()),
            ("target", self.target.as_str().into()),
            ("status", self.status.name().into()),
            ("sha256", self.sha256.as_str().into()),
            ("attempted_at", time(self.attempted_at)),
            ("published_at", self.published_at.map_or(Value::Null, time)),
            ("published_sha256", self.published_sha256.as_deref().into()),
            ("seconds", self.seconds.into()),
            ("bytes", self.bytes.into()),
            ("error", self.error.as_deref().into()),
            ("detail", Value::Object(self.detail.clone())),
        ];
        fields.into_iter().map(|(name, value): (_, Value)| (name.to_owned(), value)).collect()
    }

    pub(super) fn of_record(record: &Map<String, Value>) -> Self {
        let text = |name: &str| record.get(name).and_then(Value::as_str).map(str::to_owned);
        let time = |name: &str| text(name).and_then(|text| text.parse().ok());
        Self {
            kind: text("kind").unwrap_or_default(),
            key: text("key").unwrap_or_default(),
            target: text("target").unwrap_or_default(),
            status: Status::parse(&text("status").unwrap_or_default()),
            sha256: text("sha256").unwrap_or_default(),
            attempted_at: time("attempted_at").unwrap_or(DateTime::UNIX_EPOCH),
            published_at: time("published_at"),
            published_sha256: text("published_sha256"),
            seconds: record.get("seconds").and_then(Value::as_f64).unwrap_or_default(),
            bytes: record.get("bytes").and_then(Value::as_u64).unwrap_or_default(),
            error: text("error"),
            detail: record.get("detail").and_then(Value::as_object).cloned().unwrap_or_default(),
        }
    }
}

/// All publications of a project.
pub struct Outcomes(Journal);

impl Outcomes {
    /// Reads what is known.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub async fn open(project: &Project, lake: &Lake, settings: &Settings) -> Result<Self> {
        Ok(Self(Journal::open(project, lake, settings, ENDPOINT).await?))
    }

    /// The present time.
    pub fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    /// The start of this invocation; its UTC date is the snapshot date of what it publishes.
    pub fn run_at(&self) -> DateTime<Utc> {
        self.0.run_at()
    }

    /// The newest attempt at this publication.
    pub fn find(&self, kind: &str, key: &str) -> Option<Outcome> {
        self.0.find(&[kind, key]).map(Outcome::of_record)
    }

    /// Claims the attempt at this publication that follows the newest known one. Of several publishers that know the same past
    /// only one gets it, so what cannot be asked for is sent by one of them.
    ///
    /// # Errors
    /// As [`Journal::claim`].
    pub async fn claim(&self, kind: &str, key: &str) -> Result<bool> {
        self.0.claim(&claims::attempt(kind, key, self.find(kind, key).as_ref())).await
    }

    /// Records attempts, as one pull. What an earlier attempt published stays known when a later one fails.
    ///
    /// # Errors
    /// [`crate::error::Kind::Lake`]: then nothing of it is recorded.
    pub async fn record(&mut self, mut outcomes: Vec<Outcome>) -> Result<()> {
        for outcome in &mut outcomes {
            let former = self.find(&outcome.kind, &outcome.key);
            if outcome.status == Status::Published {
                outcome.published_at.get_or_insert(self.0.now());
                outcome.published_sha256.get_or_insert_with(|| outcome.sha256.clone());
            } else if let Some(former) = former {
                outcome.published_at = outcome.published_at.or(former.published_at);
                outcome.published_sha256 = outcome.published_sha256.take().or(former.published_sha256);
            }
        }
        self.0.append(outcomes.iter().map(Outcome::to_record).collect()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Env;

    async fn open(folder: &std::path::Path, now: &str) -> Outcomes {
        let project = Project::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        let lake = Lake::open(folder.to_str().unwrap()).unwrap();
        let settings = Settings::read(folder, Env::of([("ETL_NOW", now)])).unwrap();
        Outcomes::open(&project, &lake, &settings).await.unwrap()
    }

    #[tokio::test]
    async fn outcomes_are_found_again_by_kind_and_key() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = open(folder.path(), "2026-01-02T03:04:05Z").await;
        assert!(first.find("slack", "fenix").is_none());
        let mut started = Outcome::begin("slack", "fenix", "#a", "abc", first.now());
        first.record(vec![started.clone()]).await.unwrap();
        assert!(first.find("slack", "fenix").unwrap().is_unsure());
        started.status = Status::Published;
        started.detail.insert("ts".to_owned(), "1.2".into());
        let other =
            Outcome { status: Status::Failed, error: Some("x 🦊".to_owned()), ..Outcome::begin("slack", "focus", "#b", "def", first.now()) };
        first.record(vec![started, other.clone()]).await.unwrap();
        // Another process, whose clock is behind.
        let mut second = open(folder.path(), "2026-01-02T03:04:04Z").await;
        let found = second.find("slack", "fenix").unwrap();
        assert!(found.is_published() && found.status == Status::Published && found.published_sha256.as_deref() == Some("abc"), "{found:?}");
        assert_eq!(found.detail["ts"], "1.2");
        assert_eq!(second.find("slack", "focus"), Some(other));
        let failed = Outcome { status: Status::Failed, ..Outcome::begin("slack", "fenix", "#a", "new", second.now()) };
        second.record(vec![failed]).await.unwrap();
        let found = open(folder.path(), "2026-01-02T03:04:04Z").await.find("slack", "fenix").unwrap();
        assert_eq!((found.status, found.sha256.as_str(), found.published_sha256.as_deref()), (Status::Failed, "new", Some("abc")));
        assert!(found.is_published() && !found.is_unsure(), "a failed attempt does not hide that it was published");
    }
    #[tokio::test]
    async fn of_two_publishers_at_once_one_makes_each_attempt() {
        let folder = tempfile::tempdir().unwrap();
        let (one, mut other) = (open(folder.path(), "2026-01-02T03:04:05Z").await, open(folder.path(), "2026-01-02T03:04:05Z").await);
        assert!(one.claim("slack", "fenix").await.unwrap() && one.claim("slack", "focus").await.unwrap());
        assert!(one.claim("slack", "fenix").await.unwrap(), "asked for again: the answer may have been lost");
        assert!(!other.claim("slack", "fenix").await.unwrap());
        // It failed, as far as they know: the next attempt is another one.
        let failed = Outcome { status: Status::Failed, ..Outcome::begin("slack", "fenix", "#a", "abc", other.now()) };
        other.record(vec![failed]).await.unwrap();
        let (third, fourth) = (open(folder.path(), "2026-01-02T03:05:00Z").await, open(folder.path(), "2026-01-02T03:05:00Z").await);
        assert!(third.claim("slack", "fenix").await.unwrap() && !fourth.claim("slack", "fenix").await.unwrap());
    }
}
