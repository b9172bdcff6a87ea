//! Crash-free rates and adoption of a project's live versions (reports.md 2.1 b).

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::{
    block::{Block, Button, Cell, Table},
    links,
    message::Message,
    parts,
    text::{escape, link},
};
use crate::{
    publish::{product::Subject, standing::Standing},
    settings::{Messages, Product},
};

/// The rates of one version; `None` = not known.
#[derive(Clone, Debug, PartialEq)]
pub struct Rate {
    pub(crate) version: String,
    pub(crate) sessions: Option<f64>,
    pub(crate) users: Option<f64>,
    pub(crate) adoption: Option<f64>,
}

/// All that a message about rates needs.
#[derive(Clone, Debug)]
pub struct Rates<'a> {
    pub(crate) messages: &'a Messages,
    pub(crate) product: &'a Product,
    pub(crate) subject: &'a Subject,
    /// The day of the run.
    pub(crate) day: NaiveDate,
    /// The rates of that day, newest version first.
    pub(crate) rates: &'a [Rate],
    /// Why there are none, if that is known.
    pub(crate) none: Option<&'a str>,
    /// Versions that are coming.
    pub(crate) coming: &'a BTreeSet<String>,
    pub(crate) standing: &'a Standing,
}

/// Rows of the short form.
const SHORT: usize = 2;

impl Rates<'_> {
    /// With heading, all versions and buttons.
    pub fn full(&self) -> Message {
        let product = escape(&self.product.name);
        let icons = format!("{}{}", self.messages.health_icon, parts::after_blank(&self.product.icon));
        let heading = format!("*{icons}{} ({})*", parts::after_blank(&format!("Product Health: {product}")), self.day);
        let mut message = Message::new(format!("Product Health: {product} ({})", self.day), vec![Block::Section(heading.trim().to_owned())]);
        let shown = self.shown();
        message.push(self.body(&shown));
        message.push(self.buttons());
        message.push(self.low(&shown));
        message.push([parts::as_of(self.standing)]);
        message
    }

    /// The two newest versions, under a link to Sentry.
    pub fn short(&self) -> Message {
        let releases = links::releases(&self.messages.sites.sentry, self.subject);
        let heading = format!(":bar_chart: *{}*", link(&releases, "Release Monitoring"));
        let mut message = Message::new(format!("Release Monitoring: {}", escape(&self.product.name)), vec![Block::Section(heading)]);
        let mut shown = self.shown();
        shown.truncate(SHORT);
        message.push(self.body(&shown));
        message.push(self.low(&shown));
        message.push([parts::as_of(self.standing)]);
        message
    }

    /// The versions with enough adoption, strictly more than the limit.
    fn shown(&self) -> Vec<&Rate> {
        self.rates.iter().filter(|rate| rate.adoption.is_some_and(|adoption| adoption > self.messages.adoption_above)).collect()
    }

    fn body(&self, shown: &[&Rate]) -> Vec<Block> {
        let mut blocks: Vec<Block> = parts::gaps(self.standing).into_iter().collect();
        if !shown.is_empty() {
            blocks.push(Block::Table(self.table(shown)));
        } else if self.standing.is_whole() {
            let limit = self.messages.adoption_above;
            blocks.push(Block::Section(if self.rates.is_empty() {
                format!(":warning: No data available{}", self.none.map(|why| format!(": {}", escape(why))).unwrap_or_default())
            } else if self.rates.iter().all(|rate| rate.adoption.is_some()) {
                format!(":information_source: All versions are below {limit} % adoption")
            } else {
                ":warning: Adoption unknown".to_owned()
            }));
        }
        blocks
    }

    fn table(&self, shown: &[&Rate]) -> Table {
        let percent = |value: Option<f64>, places: usize| Cell::Text(value.map_or_else(|| "n/a".to_owned(), |value| format!("{value:.places$}%")));
        let rows = shown.iter().map(|rate| {
            let coming = if self.coming.contains(&rate.version) { " (Beta)" } else { "" };
            vec![Cell::Text(format!("{}{coming}", rate.version)), percent(rate.sessions, 4), percent(rate.users, 4), percent(rate.adoption, 2)]
        });
        Table { columns: ["Version", "Crash-Free Sessions", "Crash-Free Users", "Adoption Rate"].map(str::to_owned).to_vec(), rows: rows.collect() }
    }

    /// Only what is shown can be low: a reader must find the figure.
    fn low(&self, shown: &[&Rate]) -> Option<Block> {
        let threshold = self.product.low_crash_free_rate_threshold;
        let low = |rate: &&Rate| [rate.sessions, rate.users].into_iter().flatten().any(|value| value < threshold);
        shown.iter().any(low).then(|| Block::note(format!("❗ Low crash-free rate(s) (&lt;{threshold}%) detected")))
    }

    fn buttons(&self) -> Option<Block> {
        let sites = &self.messages.sites;
        let trends = self.product.looker_dashboard.filter(|_| !sites.looker.is_empty()).map(|dashboard| Button {
            id: "trends",
            label: ":chart_with_upwards_trend: Trends".to_owned(),
            url: links::trends(&sites.looker, dashboard, &self.subject.sentry_project_id),
        });
        let report = self.product.confluence_page.as_ref().filter(|_| !sites.confluence.is_empty()).map(|page| Button {
            id: "report",
            label: ":scroll: Report".to_owned(),
            url: links::page(&sites.confluence, page),
        });
        let buttons: Vec<Button> = trends.into_iter().chain(report).collect();
        (!buttons.is_empty()).then_some(Block::Buttons(buttons))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{publish::slack::sample, simulator::slack_refusal};

    fn rate(version: &str, sessions: Option<f64>, users: Option<f64>, adoption: Option<f64>) -> Rate {
        Rate { version: version.to_owned(), sessions, users, adoption }
    }

    fn made(rates: &[Rate], standing: &Standing, short: bool) -> Value {
        let (messages, product, subject) = (sample::messages(), sample::product(), sample::subject());
        let coming = BTreeSet::from(["144.0".to_owned()]);
        let rates =
            Rates { messages: &messages, product: &product, subject: &subject, day: sample::day(), rates, none: None, coming: &coming, standing };
        let message = if short { rates.short() } else { rates.full() };
        let [message] = &message.parts()[..] else { panic!("one message") };
        assert_eq!(slack_refusal(&message.payload()), None);
        message.payload()
    }

    fn table(payload: &Value) -> Vec<Vec<String>> {
        let Some(table) = payload["blocks"].as_array().unwrap().iter().find(|block| block["type"] == "table") else { return Vec::new() };
        let rows = table["rows"].as_array().unwrap();
        rows[1..].iter().map(|row| row.as_array().unwrap().iter().map(|cell| cell["text"].as_str().unwrap().to_owned()).collect()).collect()
    }

    fn says(payload: &Value, part: &str) -> bool {
        payload.to_string().contains(part)
    }

    fn some() -> Vec<Rate> {
        vec![
            rate("144.0", Some(99.987_654), Some(99.6), Some(3.456)),
            rate("143.0.2", None, Some(99.5), Some(60.0)),
            rate("143.0.1", Some(99.4), Some(99.9), Some(12.0)),
            rate("142.0", Some(50.0), Some(50.0), Some(1.0)),
            rate("141.0", Some(50.0), Some(50.0), None),
        ]
    }

    #[test]
    fn the_full_form() {
        insta::assert_snapshot!(sample::shown(&made(&some(), &sample::whole(), false)));
    }

    #[test]
    fn the_short_form() {
        insta::assert_snapshot!(sample::shown(&made(&some(), &sample::whole(), true)));
    }

    #[test]
    fn only_versions_above_the_limit_are_shown_and_nothing_is_nan() {
        let payload = made(&some(), &sample::whole(), false);
        let rows = table(&payload);
        assert_eq!(rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["144.0 (Beta)", "143.0.2", "143.0.1"]);
        assert_eq!(rows[0], ["144.0 (Beta)", "99.9877%", "99.6000%", "3.46%"]);
        assert_eq!(rows[1], ["143.0.2", "n/a", "99.5000%", "60.00%"]);
        assert!(!says(&payload, "NaN"));
    }

    #[test]
    fn a_flaw_the_warning_of_the_short_form_is_about_a_version_that_it_shows() {
        // 143.0.1 is low, and is the third row.
        assert!(says(&made(&some(), &sample::whole(), false), "Low crash-free rate"));
        let short = made(&some(), &sample::whole(), true);
        assert_eq!(table(&short).len(), 2);
        assert!(!says(&short, "Low crash-free rate"));
        assert!(!says(&made(&[rate("1", Some(99.5), None, Some(50.0))], &sample::whole(), true), "Low"), "at the threshold is not below");
    }

    #[test]
    fn a_flaw_unknown_adoption_is_not_announced_as_low() {
        let unknown = [rate("1", None, None, Some(0.5)), rate("2", None, None, None)];
        for (rates, expected) in [
            (&unknown[..], ":warning: Adoption unknown"),
            (&unknown[..1], ":information_source: All versions are below 1 % adoption"),
            (&[], ":warning: No data available"),
        ] {
            for short in [false, true] {
                assert!(says(&made(rates, &sample::whole(), short), expected), "{expected}");
            }
        }
    }

    #[test]
    fn why_there_is_nothing_is_said_unless_something_is_missing() {
        let (messages, product, subject, coming) = (sample::messages(), sample::product(), sample::subject(), BTreeSet::new());
        for (standing, expected) in [(sample::whole(), true), (sample::broken(), false)] {
            let none = Some("no release is live");
            let rates = Rates {
                messages: &messages,
                product: &product,
                subject: &subject,
                day: sample::day(),
                rates: &[],
                none,
                coming: &coming,
                standing: &standing,
            };
            for message in [rates.short(), rates.full()] {
                assert_eq!(says(&message.payload(), ":warning: No data available: no release is live"), expected);
            }
        }
    }

    #[test]
    fn an_incomplete_report_says_so_and_clears_nothing() {
        for rates in [&[][..], &some()] {
            let payload = made(rates, &sample::broken(), true);
            assert!(says(&payload, "*Incomplete:*") && says(&payload, "sentry_sessions of firefox-ios: answered 503"));
            assert!(!says(&payload, "All versions are below") && !says(&payload, "No data available"));
        }
    }

    #[test]
    fn buttons_stand_only_where_they_lead_somewhere() {
        let (messages, subject, standing) = (sample::messages(), sample::subject(), sample::whole());
        let product = Product { looker_dashboard: None, confluence_page: None, ..sample::product() };
        let coming = BTreeSet::new();
        let rates = Rates {
            messages: &messages,
            product: &product,
            subject: &subject,
            day: sample::day(),
            rates: &[],
            none: None,
            coming: &coming,
            standing: &standing,
        };
        assert!(!says(&rates.full().payload(), "actions"));
        let payload = made(&[], &standing, false);
        let buttons = payload["blocks"].as_array().unwrap().iter().find(|block| block["type"] == "actions").unwrap();
        assert_eq!(
            buttons["elements"][0]["url"],
            json!("https://looker.example/dashboards/2667?Sentry%20Project%20ID=6176941&Created%20Month=30%20days")
        );
    }
}
