//! Slack: incoming webhooks and `chat.postMessage`, with what they refuse. What arrived is kept for tests to look at.

mod limits;

use axum::http::Method;
use serde_json::{Value, json};

use super::answer::Answer;

pub use limits::refusal;

/// The bot token that Slack accepts.
pub const SLACK_TOKEN: &str = "xoxb-simulated-token";
/// The part of a webhook's address that must stay secret.
pub const SLACK_WEBHOOK_SECRET: &str = "simulatedWebhookSecret";
/// The channels there are, by id.
pub const SLACK_CHANNELS: [&str; 3] = ["C0IOS", "C0HEALTH", "C0SANDBOX"];

/// A message that arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct SlackMessage {
    /// The channel; that of the webhook where one was used.
    pub channel: String,
    /// Its id.
    pub ts: String,
    /// The message that it replies to.
    pub thread: Option<String>,
    /// The whole payload.
    pub payload: Value,
}

impl SlackMessage {
    /// All text in it, in order, for tests that look for a part.
    pub fn all_text(&self) -> String {
        let mut out = String::new();
        gather(&self.payload, &mut out);
        out
    }
}

fn gather(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if matches!(name.as_str(), "text" | "fallback" | "url") => {
                        out.push_str(text);
                        out.push('\n');
                    }
                    other => gather(other, out),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, out)),
        _ => {}
    }
}

/// What one request asks.
pub(super) struct Call<'a> {
    pub(super) method: &'a Method,
    /// Below `/slack/`.
    pub(super) path: &'a str,
    pub(super) authorization: Option<&'a str>,
    pub(super) content_type: Option<&'a str>,
    pub(super) body: &'a [u8],
    /// A fault answers in place of Slack, which then does not get the message.
    pub(super) spoilt: bool,
}

/// Answers below `/slack/`; a message that is taken is added to `arrived`.
pub(super) fn answer(call: &Call<'_>, arrived: &mut Vec<SlackMessage>) -> Answer {
    if call.method != Method::POST {
        return Answer::text(405, "method_not_allowed");
    }
    match call.path.strip_prefix("services/") {
        Some(hook) => webhook(call, hook, arrived),
        None => api(call, arrived),
    }
}

/// Webhooks answer in plain text, and with a status.
fn webhook(call: &Call<'_>, hook: &str, arrived: &mut Vec<SlackMessage>) -> Answer {
    let channel = match hook.split('/').collect::<Vec<_>>()[..] {
        ["T0", channel, SLACK_WEBHOOK_SECRET] if SLACK_CHANNELS.contains(&channel) => channel,
        ["T0", _, SLACK_WEBHOOK_SECRET] => return Answer::text(404, "channel_not_found"),
        _ => return Answer::text(404, "no_service"),
    };
    let Ok(payload) = serde_json::from_slice::<Value>(call.body) else { return Answer::text(400, "invalid_payload") };
    // A webhook gives no id to reply to, and does not know threads by what this project sends.
    match refusal(&payload) {
        Some(error) => Answer::text(400, &error),
        None => {
            take(call, arrived, channel, None, payload);
            Answer::text(200, "ok")
        }
    }
}

/// The Web API answers with status 200 whatever happened; `ok` tells.
fn api(call: &Call<'_>, arrived: &mut Vec<SlackMessage>) -> Answer {
    let refuse = |error: &str| {
        let error = error.split_once(':').map_or(error, |(code, _)| code);
        Answer::json(200, json!({"ok": false, "error": error, "response_metadata": {"messages": ["[ERROR] simulated"]}}).to_string())
    };
    if !["api/chat.postMessage", "api/auth.test"].contains(&call.path) {
        return refuse("unknown_method");
    }
    match call.authorization {
        None => return refuse("not_authed"),
        Some(given) if given.strip_prefix("Bearer ") != Some(SLACK_TOKEN) => return refuse("invalid_auth"),
        Some(_) if call.path == "api/auth.test" => return Answer::json(200, json!({"ok": true, "team": "Testers", "user": "etl"}).to_string()),
        Some(_) => {}
    }
    if !call.content_type.is_some_and(|media| media.starts_with("application/json")) {
        return refuse("invalid_post_type");
    }
    let Ok(mut payload) = serde_json::from_slice::<Value>(call.body) else { return refuse("invalid_json") };
    let Some(members) = payload.as_object_mut() else { return refuse("json_not_object") };
    let channel = match members.remove("channel") {
        Some(Value::String(channel)) if SLACK_CHANNELS.contains(&channel.as_str()) => channel,
        _ => return refuse("channel_not_found"),
    };
    let thread = match members.remove("thread_ts") {
        None => None,
        Some(Value::String(ts)) if arrived.iter().any(|message| message.channel == channel && message.ts == ts) => Some(ts),
        Some(_) => return refuse("thread_not_found"),
    };
    if let Some(error) = refusal(&payload) {
        return refuse(&error);
    }
    let ts = take(call, arrived, &channel, thread, payload);
    Answer::json(200, json!({"ok": true, "channel": channel, "ts": ts, "message": {"type": "message", "ts": ts}}).to_string())
}

fn take(call: &Call<'_>, arrived: &mut Vec<SlackMessage>, channel: &str, thread: Option<String>, payload: Value) -> String {
    let ts = format!("1700000000.{:06}", arrived.len() + 1);
    if !call.spoilt {
        arrived.push(SlackMessage { channel: channel.to_owned(), ts: ts.clone(), thread, payload });
    }
    ts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(path: &str, token: Option<&str>, body: &Value, arrived: &mut Vec<SlackMessage>) -> (u16, String) {
        let token = token.map(|token| format!("Bearer {token}"));
        let body = body.to_string();
        let call = Call {
            method: &Method::POST,
            path,
            authorization: token.as_deref(),
            content_type: Some("application/json; charset=utf-8"),
            body: body.as_bytes(),
            spoilt: false,
        };
        let answer = answer(&call, arrived);
        (answer.status, String::from_utf8(answer.body).unwrap())
    }

    #[test]
    fn refusals_of_the_web_api_have_status_200() {
        let method = "api/chat.postMessage";
        let mut arrived = Vec::new();
        for (token, body, error) in [
            (None, json!({}), "not_authed"),
            (Some("x"), json!({}), "invalid_auth"),
            (Some(SLACK_TOKEN), json!({"channel": "C1", "text": "a"}), "channel_not_found"),
            (Some(SLACK_TOKEN), json!({"channel": "C0IOS"}), "no_text"),
            (Some(SLACK_TOKEN), json!({"channel": "C0IOS", "text": "a", "thread_ts": "1.2"}), "thread_not_found"),
            (Some(SLACK_TOKEN), json!({"channel": "C0IOS", "text": "x".repeat(40_001)}), "msg_too_long"),
        ] {
            let (status, answer) = post(method, token, &body, &mut arrived);
            assert_eq!(status, 200);
            assert!(answer.contains(&format!("\"error\":\"{error}\"")), "{body}: {answer}");
        }
        assert!(arrived.is_empty());
        assert!(post(method, Some(SLACK_TOKEN), &json!({"channel": "C0IOS", "text": "a"}), &mut arrived).1.contains("\"ok\":true"));
        let reply = json!({"channel": "C0IOS", "text": "b", "thread_ts": arrived[0].ts});
        assert!(post(method, Some(SLACK_TOKEN), &reply, &mut arrived).1.contains("\"ok\":true"));
        assert_eq!(arrived[1].thread.as_deref(), Some(arrived[0].ts.as_str()));
    }

    #[test]
    fn webhooks_answer_in_plain_text() {
        let mut arrived = Vec::new();
        let hook = format!("services/T0/C0IOS/{SLACK_WEBHOOK_SECRET}");
        assert_eq!(post(&hook, None, &json!({"text": "a"}), &mut arrived), (200, "ok".to_owned()));
        assert_eq!(post(&hook, None, &json!({}), &mut arrived), (400, "no_text".to_owned()));
        assert_eq!(post("services/T0/C0IOS/other", None, &json!({"text": "a"}), &mut arrived), (404, "no_service".to_owned()));
        assert_eq!(arrived.len(), 1);
    }
}
