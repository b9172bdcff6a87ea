//! Can what `etl publish` needs be used? For `etl doctor`: nothing is posted or written.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    context::Context,
    reach::{Line, Mark},
};
use crate::{
    error::{Error, Kind, Result},
    publish::{bigquery, slack},
    settings::Transport,
};

/// A line for each publisher. Looker and Confluence are sources, and asked as such.
pub(super) async fn check(context: &Context) -> Vec<Line> {
    let started = Instant::now();
    let (slack, bigquery) = futures::join!(slack(context), bigquery(context));
    let line = |name: &str, seconds: f64, result: Result<Option<String>>, missing: &str| {
        let (mark, detail) = match result {
            Ok(Some(detail)) => (Mark::Ok, detail),
            Ok(None) => (Mark::Skipped, format!("not configured: {missing}")),
            Err(error) => (Mark::Failed(error.kind()), error.told()),
        };
        Line { name: name.to_owned(), mark, seconds, detail }
    };
    vec![
        line(
            "publish slack",
            started.elapsed().as_secs_f64(),
            slack,
            "set `SLACK_BOT_TOKEN` and the channels' ids, or webhooks (docs/publishing.md)",
        ),
        line("publish bigquery", started.elapsed().as_secs_f64(), bigquery, "set `GCLOUD_AUTH`"),
    ]
}

/// The bot, or the webhooks, and the channels of etl.toml that have none.
async fn slack(context: &Context) -> Result<Option<String>> {
    let (settings, env) = (&context.settings, &context.settings.env);
    let (mut ready, mut missing, mut bot) = (Vec::new(), Vec::new(), None);
    for name in settings.messages.channels.keys() {
        match settings.messages.transport(name, env) {
            Ok(transport) => {
                ready.push(name.as_str());
                if bot.is_none() && matches!(transport, Transport::Bot { .. }) {
                    bot = Some(transport);
                }
            }
            Err(error) if error.kind() == Kind::MissingVariable => missing.push(name.as_str()),
            Err(error) => return Err(error),
        }
    }
    if ready.is_empty() {
        // A token alone reaches nobody.
        return match env.get("SLACK_BOT_TOKEN") {
            Some(_) => Err(Error::new(Kind::MissingVariable, format!("`SLACK_BOT_TOKEN` is set, and no id of a channel ({})", missing.join(", ")))),
            None => Ok(None),
        };
    }
    let who = match bot {
        Some(transport) => slack::who(&transport, settings, Arc::clone(&context.observer)).await?,
        None => "webhooks, which only a message can try".to_owned(),
    };
    let without = if missing.is_empty() { String::new() } else { format!("; without a way: {}", missing.join(", ")) };
    Ok(Some(format!("{who}; channels: {}{without}", ready.join(", "))))
}

async fn bigquery(context: &Context) -> Result<Option<String>> {
    match bigquery::account(&context.settings, Arc::clone(&context.observer)).await {
        Ok(email) => Ok(Some(format!("Google takes the key of {email}; `etl publish bigquery --plan` tries its rights"))),
        Err(error) if error.kind() == Kind::MissingVariable => Ok(None),
        Err(error) => Err(error),
    }
}
