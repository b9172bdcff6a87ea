//! BigQuery's REST API, as far as views need it: look at a dataset and a view, run a statement.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{account::Account, place::Place, view::LABEL};
use crate::{
    catalog::Auth,
    error::{Error, Kind, Result},
    events::Observer,
    http::{Body, HttpClient, Outgoing, Repeat, Verb, encode},
    publish::site,
    secret::Secret,
    settings::Settings,
};

/// The API of every project.
const BASE: &str = "https://bigquery.googleapis.com/bigquery/v2/";
/// How long one statement may take.
const LIMIT: Duration = Duration::from_secs(300);

/// The API, spoken to as a service account.
pub(super) struct Api<'a> {
    http: HttpClient,
    authorization: Secret,
    place: &'a Place,
}

/// A view as BigQuery has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Existing {
    /// `VIEW`, or what else has the name.
    pub(super) kind: String,
    pub(super) query: String,
    /// The label that says which definition it has.
    pub(super) definition: Option<String>,
}

impl<'a> Api<'a> {
    /// Exchanges the account's signed word for a token.
    ///
    /// # Errors
    /// [`Kind::MissingVariable`], [`Kind::Config`], and [`Kind::Unauthorized`] where the account is not taken.
    pub(super) async fn open(place: &'a Place, settings: &Settings, observer: Arc<dyn Observer>) -> Result<Self> {
        let account = Account::of(&settings.env)?;
        let token = token(&account, settings, Arc::clone(&observer)).await?;
        let http = site::client("bigquery", BASE, Auth::None, settings, observer)?;
        Ok(Self { http, authorization: Secret::new(format!("Bearer {}", token.expose())), place })
    }

    /// The location of the dataset, in lower case.
    pub(super) async fn location(&self) -> Result<String> {
        let dataset = &self.place.dataset;
        let path = format!("{}datasets/{}", self.project(), segment(dataset));
        match self.get(&format!("dataset `{dataset}`"), &path, &[]).await? {
            Some(found) => Ok(found["location"].as_str().unwrap_or_default().to_ascii_lowercase()),
            None => Err(Error::new(Kind::NotFound, format!("there is no dataset `{dataset}` in project `{}`", self.place.project))
                .hint("create it in the connection's location, and let the service account be its editor")),
        }
    }

    /// The view, or whatever has its name.
    pub(super) async fn existing(&self, view: &str) -> Result<Option<Existing>> {
        let path = format!("{}datasets/{}/tables/{}", self.project(), segment(&self.place.dataset), segment(view));
        let found = self.get(&format!("view `{view}`"), &path, &[]).await?;
        Ok(found.map(|found| Existing {
            kind: found["type"].as_str().unwrap_or_default().to_owned(),
            query: found["view"]["query"].as_str().unwrap_or_default().to_owned(),
            definition: found["labels"][LABEL].as_str().map(str::to_owned),
        }))
    }

    /// Runs one statement to its end.
    pub(super) async fn run(&self, what: &str, statement: &str) -> Result<()> {
        // The same id for every attempt: BigQuery runs it once.
        let body = json!({
            "query": statement,
            "useLegacySql": false,
            "location": self.place.location(),
            "timeoutMs": 30_000,
            "requestId": Uuid::now_v7().to_string(),
        });
        let begin = Instant::now();
        let mut pause = Duration::from_millis(20);
        let mut answer = self.send(what, Verb::Post, &format!("{}queries", self.project()), &[], Body::Json(&body)).await?.unwrap_or_default();
        while answer["jobComplete"] != true {
            let Some(job) = answer["jobReference"]["jobId"].as_str().map(str::to_owned) else {
                return Err(Error::new(Kind::BadResponse, format!("{what}: the answer names no job")));
            };
            if begin.elapsed() > LIMIT {
                return Err(Error::new(Kind::TimedOut, format!("{what}: job `{job}` did not end in {} s", LIMIT.as_secs())));
            }
            // The question itself waits for the job, so the pause only keeps questions apart that are answered at once.
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
            let query = [("location", self.place.location()), ("maxResults", "0"), ("timeoutMs", "10000")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()));
            answer = self.get(what, &format!("{}queries/{}", self.project(), segment(&job)), &query).await?.unwrap_or_default();
        }
        match answer["errors"][0]["message"].as_str() {
            Some(message) => Err(Error::new(Kind::Refused, format!("{what}: BigQuery refused the statement")).because(message.to_owned())),
            None => Ok(()),
        }
    }

    fn project(&self) -> String {
        format!("projects/{}/", segment(&self.place.project))
    }

    async fn get(&self, what: &str, path: &str, query: &[(String, String)]) -> Result<Option<Value>> {
        self.send(what, Verb::Get, path, query, Body::Nothing).await
    }

    /// The answer as JSON; `None` where there is no such thing.
    async fn send(&self, what: &str, verb: Verb, path: &str, query: &[(String, String)], body: Body<'_>) -> Result<Option<Value>> {
        let outgoing = Outgoing {
            what,
            verb,
            path,
            query,
            headers: &[("Authorization", self.authorization.expose())],
            body,
            repeat: Repeat::Always,
            accept: if verb == Verb::Get { &[404] } else { &[] },
        };
        let sent = self.http.send(&outgoing).await?;
        let answer = sent.json()?;
        Ok((sent.status != 404).then_some(answer))
    }
}

fn segment(text: &str) -> String {
    let mut out = String::new();
    encode(text, &mut out);
    out
}

/// The account whose key the environment names, if Google takes the key.
///
/// # Errors
/// [`Kind::MissingVariable`] where there is none; else what is wrong with it.
pub async fn account(settings: &Settings, observer: Arc<dyn Observer>) -> Result<String> {
    let account = Account::of(&settings.env)?;
    token(&account, settings, observer).await?;
    Ok(account.email)
}

async fn token(account: &Account, settings: &Settings, observer: Arc<dyn Observer>) -> Result<Secret> {
    let assertion = account.assertion(settings.clock.now())?;
    let http = site::client("google_token", &account.token_uri, Auth::None, settings, observer)?;
    let form = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion.expose())];
    let outgoing = Outgoing {
        what: "token of the service account",
        verb: Verb::Post,
        path: "",
        query: &[],
        headers: &[],
        body: Body::Form(&form),
        repeat: Repeat::Always,
        accept: &[400, 401],
    };
    let sent = http.send(&outgoing).await?;
    let answer = sent.json()?;
    match answer["access_token"].as_str().filter(|_| sent.status == 200) {
        Some(token) => Ok(Secret::known(token)),
        None => {
            let why = answer["error_description"].as_str().or(answer["error"].as_str()).unwrap_or("no reason given").to_owned();
            Err(Error::new(Kind::Unauthorized, "the service account was not given a token")
                .because(why)
                .hint("check the key that `GCLOUD_AUTH` names, and this machine's clock"))
        }
    }
}
