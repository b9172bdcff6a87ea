//! The two ways to Slack: `chat.postMessage` with a bot's token, and incoming webhooks.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    catalog::Auth,
    error::{Error, Kind, Result},
    events::Observer,
    http::{Body, HttpClient, Outgoing, Repeat, SendFailure, Verb},
    publish::site,
    secret::Secret,
    settings::{Settings, Transport},
};

/// Where the Web API is.
const BASE: &str = "https://slack.com/api/";
/// A message is tried again so often after Slack said, with status 200, that there were too many.
const LIMITED: u32 = 5;

/// An open way to one channel.
pub(super) struct Line {
    http: HttpClient,
    way: Way,
}

enum Way {
    Bot {
        channel: String,
    },
    /// The path of the address: whoever has it can post.
    Webhook {
        path: Secret,
    },
}

/// What Slack gave for a message.
pub(super) struct Receipt {
    /// The message's id; a webhook gives none.
    pub(super) ts: Option<String>,
}

/// A message that was not posted, or perhaps not.
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) maybe_arrived: bool,
}

impl Line {
    /// Prepares a way; nothing is sent yet.
    pub(super) fn open(transport: &Transport, settings: &Settings, observer: Arc<dyn Observer>) -> Result<Self> {
        match transport {
            Transport::Bot { channel, .. } => {
                let auth = Auth::Header { name: "Authorization".to_owned(), value: "Bearer ${SLACK_BOT_TOKEN}".to_owned() };
                Ok(Self { http: site::client("slack", BASE, auth, settings, observer)?, way: Way::Bot { channel: channel.clone() } })
            }
            Transport::Webhook(address) => {
                let broken = || Error::new(Kind::Config, "the variable of a webhook holds no https:// address");
                let url = url::Url::parse(address.expose()).map_err(|_| broken())?;
                let path = Secret::known(url.path().trim_start_matches('/'));
                if path.expose().is_empty() || url.query().is_some() {
                    return Err(broken());
                }
                let origin = url.origin().ascii_serialization();
                let http = site::client("slack_webhook", &origin, Auth::None, settings, observer)?;
                Ok(Self { http, way: Way::Webhook { path } })
            }
        }
    }

    /// Whether messages get ids that others can reply to.
    pub(super) fn gives_ids(&self) -> bool {
        matches!(self.way, Way::Bot { .. })
    }

    /// Posts one message, as a reply where `thread` is given.
    pub(super) async fn post(&self, payload: &Value, thread: Option<&str>) -> Result<Receipt, Failure> {
        match &self.way {
            Way::Bot { channel } => {
                let mut payload = payload.clone();
                payload["channel"] = channel.as_str().into();
                // A link to a page must not grow a picture of it.
                payload["unfurl_links"] = false.into();
                payload["unfurl_media"] = false.into();
                if let Some(thread) = thread {
                    payload["thread_ts"] = thread.into();
                }
                self.call(&payload).await
            }
            Way::Webhook { path } => {
                let sent = self.send(path.expose(), payload).await.map_err(|failure| webhook_failure(*failure))?;
                let answer = String::from_utf8_lossy(&sent.body).trim().to_owned();
                if answer == "ok" {
                    return Ok(Receipt { ts: None });
                }
                // Slack returns a bare word, such as `no_service` for a webhook that was removed.
                let is_word = !answer.is_empty() && answer.len() <= 60 && answer.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
                let error = if is_word {
                    Error::new(Kind::Refused, format!("Slack refused the message: {answer}")).hint(WEBHOOK_HINT)
                } else {
                    Error::new(Kind::BadResponse, "the webhook's response is not `ok`, so the address is not one of Slack")
                        .hint("check the variable that holds the webhook's address")
                };
                Err(Failure { error, maybe_arrived: false })
            }
        }
    }

    /// `chat.postMessage`. Status 200 says nothing yet.
    async fn call(&self, payload: &Value) -> Result<Receipt, Failure> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let sent = self.send("chat.postMessage", payload).await.map_err(|failure| explained(*failure))?;
            let answer = sent.json().map_err(|error| Failure { error, maybe_arrived: false })?;
            if answer["ok"] == true {
                let ts = answer["ts"].as_str().map(str::to_owned);
                return match ts {
                    Some(_) => Ok(Receipt { ts }),
                    None => Err(Failure { error: Error::new(Kind::BadResponse, "Slack took the message and gave no `ts`"), maybe_arrived: true }),
                };
            }
            let code = answer["error"].as_str().unwrap_or("no reason given").to_owned();
            if code == "ratelimited" && attempt < LIMITED {
                tokio::time::sleep(sent.retry_after.unwrap_or(std::time::Duration::from_secs(1))).await;
                continue;
            }
            return Err(refused(&code, &answer));
        }
    }

    async fn send(&self, path: &str, payload: &Value) -> Result<crate::http::Sent, Box<SendFailure>> {
        let outgoing = Outgoing {
            what: "message to Slack",
            verb: Verb::Post,
            path,
            query: &[],
            headers: &[],
            body: Body::Json(payload),
            repeat: Repeat::OnlyUnseen,
            accept: &[],
        };
        self.http.send(&outgoing).await
    }
}

/// Who the bot is, as Slack says; nothing is posted.
///
/// # Errors
/// [`Kind::Unauthorized`] for a token that Slack does not take.
pub async fn who(transport: &Transport, settings: &Settings, observer: Arc<dyn Observer>) -> Result<String> {
    let line = Line::open(transport, settings, observer)?;
    let sent = line.send("auth.test", &serde_json::json!({})).await.map_err(|failure| failure.error)?;
    let answer = sent.json()?;
    if answer["ok"] != true {
        return Err(refused(answer["error"].as_str().unwrap_or("no reason given"), &answer).error.within("Slack does not take the bot's token"));
    }
    let name = |member: &str| answer[member].as_str().unwrap_or("?").to_owned();
    Ok(format!("the bot is {} of {}", name("user"), name("team")))
}

/// What to do about a webhook that Slack does not accept.
const WEBHOOK_HINT: &str = "check whether the webhook, its channel and its app still exist; if not, create a new webhook and update its variable";

fn webhook_failure(failure: SendFailure) -> Failure {
    let is_gone = matches!(failure.status, Some(403 | 404 | 410));
    let failure = explained(failure);
    if is_gone { Failure { error: failure.error.hint(WEBHOOK_HINT), ..failure } } else { failure }
}

fn explained(failure: SendFailure) -> Failure {
    Failure { error: failure.error, maybe_arrived: failure.maybe_done }
}

/// An error of the Web API, with Slack's own words about blocks where there are any.
fn refused(code: &str, answer: &Value) -> Failure {
    let (kind, hint) = match code {
        "ratelimited" | "rate_limited" => (Kind::RateLimited, "run the command again later: what was posted is not posted twice"),
        "not_authed" | "invalid_auth" | "token_revoked" | "token_expired" | "account_inactive" => (Kind::Unauthorized, "check `SLACK_BOT_TOKEN`"),
        "missing_scope" | "no_permission" | "restricted_action" => (Kind::Unauthorized, "give the bot the scope `chat:write`"),
        "channel_not_found" | "not_in_channel" | "is_archived" => {
            (Kind::NotFound, "check the channel's id in its variable, and invite the bot into the channel")
        }
        _ => (Kind::Refused, "`etl publish slack … --plan` shows what was sent"),
    };
    let mut error = Error::new(kind, format!("Slack refused it: {code}")).hint(hint);
    if let Some(words) = answer["response_metadata"]["messages"][0].as_str() {
        error = error.because(words.chars().take(300).collect::<String>());
    }
    // These say that something broke in the middle.
    Failure { error, maybe_arrived: matches!(code, "fatal_error" | "internal_error" | "service_unavailable" | "request_timeout") }
}
