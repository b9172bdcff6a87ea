//! `[publish]` of etl.toml, as far as messages and exports go: products, links, channels.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Env;
use crate::{
    error::{Error, Kind, Result},
    names,
    secret::Secret,
};

/// The kinds of messages.
pub const MESSAGES: [&str; 6] = ["rates", "new-issues", "github-issues", "deep-dive", "status", "alerts"];
/// Stands for every project in a table of channels.
pub const ANY: &str = "any";

/// What messages are made with and where they go.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Messages {
    /// Before headings about health.
    pub health_icon: String,
    /// Rows with more adoption than this are shown, in percent.
    pub adoption_above: f64,
    /// An issue with more events or users than this is significant.
    pub significant_above: i64,
    /// So many significant issues of a version are shown.
    pub issues_shown: usize,
    /// Titles are cut after so many characters.
    pub title_length: usize,
    /// The last line of a long thread.
    pub footer: Footer,
    /// The sites that links lead to.
    pub sites: Sites,
    /// Who receives what: message, project, channel.
    pub to: BTreeMap<String, BTreeMap<String, String>>,
    /// Channels by the names that `to` uses.
    pub channels: BTreeMap<String, Channel>,
}

/// Who made it, from what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Footer {
    /// Address of a picture; empty for none.
    pub logo: String,
    /// Who made the message.
    pub made_by: String,
    /// Where the data is from.
    pub data_source: String,
}

/// The sites that links lead to, without a slash at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sites {
    /// Sentry's pages of the organization.
    pub sentry: String,
    /// Looker.
    pub looker: String,
    /// Confluence, up to `/wiki`.
    pub confluence: String,
    /// GitHub.
    pub github: String,
}

/// A channel: for a bot its id, without one a webhook. Both name variables as `${NAME}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Channel {
    /// The channel's id, for a bot.
    pub id: String,
    /// An incoming webhook's address: whoever has it can post, so it is a secret.
    pub webhook: String,
}

/// A product as people know it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// Its name.
    pub name: String,
    /// Its emoji in Slack.
    #[serde(default)]
    pub icon: String,
    /// A crash-free rate below this is low, in percent: `LOW_CRASH_FREE_RATE_THRESHOLD` of the former rules.yml.
    #[serde(default = "usual_threshold")]
    pub low_crash_free_rate_threshold: f64,
    /// The dashboard in Looker about its health.
    #[serde(default)]
    pub looker_dashboard: Option<u64>,
    /// The page in Confluence about its health.
    #[serde(default)]
    pub confluence_page: Option<String>,
}

impl Product {
    /// A product of which etl.toml says nothing.
    pub fn unnamed(project: &str) -> Self {
        Self {
            name: project.to_owned(),
            icon: String::new(),
            low_crash_free_rate_threshold: usual_threshold(),
            looker_dashboard: None,
            confluence_page: None,
        }
    }
}

fn usual_threshold() -> f64 {
    99.5
}

/// How a channel is reached.
#[derive(Clone, Debug)]
pub enum Transport {
    /// `chat.postMessage`.
    Bot {
        /// The bot's token.
        token: Secret,
        /// The channel's id.
        channel: String,
    },
    /// An incoming webhook.
    Webhook(Secret),
}

impl Messages {
    /// What is wrong with the table, if anything is.
    pub(super) fn check(&self, products: &BTreeMap<String, Product>) -> Result<(), String> {
        for (message, receivers) in &self.to {
            if !MESSAGES.contains(&message.as_str()) {
                return Err(format!(
                    "publish.slack.to: there is no message `{message}`{}; known are {}",
                    names::did_you_mean(message, MESSAGES),
                    MESSAGES.join(", ")
                ));
            }
            for (project, channel) in receivers {
                if !self.channels.contains_key(channel) {
                    return Err(format!("publish.slack.to.{message}.{project}: there is no channel `{channel}` in publish.slack.channels"));
                }
            }
        }
        if !(0.0..=100.0).contains(&self.adoption_above) {
            return Err("publish.slack.adoption_above is no percentage".to_owned());
        }
        for (project, product) in products {
            if !(0.0..=100.0).contains(&product.low_crash_free_rate_threshold) {
                return Err(format!("publish.products.{project}.low_crash_free_rate_threshold is no percentage"));
            }
        }
        for (name, site) in
            [("sentry", &self.sites.sentry), ("looker", &self.sites.looker), ("confluence", &self.sites.confluence), ("github", &self.sites.github)]
        {
            if !site.is_empty() && (!site.starts_with("https://") || site.ends_with('/')) {
                return Err(format!("publish.slack.sites.{name} is no https:// address without a slash at its end"));
            }
        }
        Ok(())
    }

    /// The name of the channel that a message about a project goes to.
    ///
    /// # Errors
    /// [`Kind::Config`] where etl.toml names none.
    pub fn receiver(&self, message: &str, project: Option<&str>) -> Result<&str> {
        let receivers = self.to.get(message);
        let found = receivers.and_then(|receivers| project.and_then(|project| receivers.get(project)).or_else(|| receivers.get(ANY)));
        found.map(String::as_str).ok_or_else(|| {
            let about = project.map(|project| format!(" about `{project}`")).unwrap_or_default();
            Error::new(Kind::Config, format!("etl.toml names no channel for the message `{message}`{about}"))
                .hint(format!("add it to `publish.slack.to.{message}`, or name a channel with `--channel`"))
        })
    }

    /// How the channel of this name is reached: by the bot where there is a token, else by the webhook.
    ///
    /// # Errors
    /// [`Kind::Usage`] for an unknown channel; [`Kind::MissingVariable`] that names what is missing.
    pub fn transport(&self, name: &str, env: &Env) -> Result<Transport> {
        let Some(channel) = self.channels.get(name) else {
            let known: Vec<&str> = self.channels.keys().map(String::as_str).collect();
            return Err(Error::new(Kind::Usage, format!("there is no channel `{name}`{}", names::did_you_mean(name, known.iter().copied())))
                .hint(format!("`publish.slack.channels` in etl.toml has {}", known.join(", "))));
        };
        let within = |error: Error| error.within(format!("channel `{name}` of etl.toml"));
        if let Some(token) = env.get("SLACK_BOT_TOKEN").filter(|_| !channel.id.is_empty()) {
            return Ok(Transport::Bot { token: Secret::known(token), channel: env.expand(&channel.id).map_err(within)? });
        }
        if channel.webhook.is_empty() {
            return Err(Error::new(
                Kind::MissingVariable,
                format!("environment variable `SLACK_BOT_TOKEN` is not set, and channel `{name}` has no webhook"),
            ));
        }
        let webhook = env
            .expand_secret(&channel.webhook)
            .map_err(|error| within(error).hint("set the webhook's variable, or `SLACK_BOT_TOKEN` and the variable of the channel's id"))?;
        Ok(Transport::Webhook(webhook))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages() -> Messages {
        let channel = Channel { id: "${ID}".into(), webhook: "${HOOK}".into() };
        let to = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
        Messages {
            to: BTreeMap::from([("rates".to_owned(), to(&[("fenix", "a"), (ANY, "b")])), ("status".to_owned(), to(&[]))]),
            channels: BTreeMap::from([("a".to_owned(), channel.clone()), ("b".to_owned(), channel)]),
            ..Messages::default()
        }
    }

    #[test]
    fn receivers() {
        let messages = messages();
        assert_eq!(messages.receiver("rates", Some("fenix")).unwrap(), "a");
        assert_eq!(messages.receiver("rates", Some("firefox-ios")).unwrap(), "b");
        assert_eq!(messages.receiver("status", None).unwrap_err().to_string(), "etl.toml names no channel for the message `status`");
    }

    #[test]
    fn a_bot_is_preferred_and_what_is_missing_is_named() {
        let messages = messages();
        let bot = messages.transport("a", &Env::of([("SLACK_BOT_TOKEN", "t"), ("ID", "C1"), ("HOOK", "https://h/")])).unwrap();
        assert!(matches!(bot, Transport::Bot { channel, .. } if channel == "C1"));
        assert!(matches!(messages.transport("a", &Env::of([("HOOK", "https://h/")])).unwrap(), Transport::Webhook(_)));
        let error = messages.transport("a", &Env::default()).unwrap_err();
        assert_eq!((error.kind(), format!("{error:?}").contains("`HOOK`")), (Kind::MissingVariable, true));
        assert_eq!(messages.transport("c", &Env::default()).unwrap_err().kind(), Kind::Usage);
    }

    #[test]
    fn a_table_that_does_not_fit_together_is_refused() {
        let mut wrong = messages();
        wrong.to.insert("rate".to_owned(), BTreeMap::new());
        assert!(wrong.check(&BTreeMap::new()).unwrap_err().contains("did you mean `rates`"));
        let mut wrong = messages();
        wrong.channels.remove("b");
        assert!(wrong.check(&BTreeMap::new()).unwrap_err().contains("no channel `b`"));
        let mut wrong = messages();
        wrong.sites.looker = "http://h".to_owned();
        assert!(wrong.check(&BTreeMap::new()).unwrap_err().contains("sites.looker"));
        assert_eq!(messages().check(&BTreeMap::new()), Ok(()));
    }
}
