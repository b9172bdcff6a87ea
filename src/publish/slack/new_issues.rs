//! The top new issues of a project's two newest live versions (reports.md 2.1 c).

use chrono::NaiveDate;

use super::{
    block::{Block, Cell, Table},
    links,
    message::Message,
    parts,
    text::{cut, escape, link},
};
use crate::{
    publish::{product::Subject, standing::Standing},
    settings::{Messages, Product},
};

/// One new issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    pub(crate) id: String,
    /// Its name for people.
    pub(crate) short_id: Option<String>,
    pub(crate) title: String,
    pub(crate) events: i64,
    pub(crate) users: i64,
    pub(crate) url: Option<String>,
    /// Its place in Sentry's answer.
    pub(crate) rank: i64,
}

/// A live version with its new issues, which may be none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub(crate) version: String,
    /// The names of all its builds, joined by commas.
    pub(crate) releases: String,
    pub(crate) issues: Vec<Issue>,
}

/// All that the messages need.
#[derive(Clone, Debug)]
pub struct NewIssues<'a> {
    pub(crate) messages: &'a Messages,
    pub(crate) product: &'a Product,
    pub(crate) subject: &'a Subject,
    /// The day of the run.
    pub(crate) day: NaiveDate,
    /// The two newest live versions, newest first.
    pub(crate) versions: &'a [Version],
    pub(crate) standing: &'a Standing,
}

impl NewIssues<'_> {
    /// A heading, then one message per version, in Sentry's order: a message takes one table only.
    pub fn short(&self) -> Vec<Message> {
        let heading = format!("Top New Sentry Issues ({})", self.day);
        let mut messages = vec![self.head(&heading, format!("*:sentry: {heading}*"))];
        messages.extend(self.versions.iter().map(|version| self.version(version, |issue| (issue.rank, 0, 0))));
        messages
    }

    /// The head of a thread, then one reply per version, the issues with most events first; the last one ends with a footer.
    pub fn long(&self) -> Vec<Message> {
        let product = escape(&self.product.name);
        let heading = format!("Top New Sentry Issues: {product} ({})", self.day);
        let icon = parts::after_blank(&self.product.icon);
        let mut messages = vec![self.head(&heading, format!("*:sentry:{icon} {heading}* :thread:"))];
        messages.extend(self.versions.iter().map(|version| self.version(version, |issue| (-issue.events, -issue.users, issue.rank))));
        if let Some(last) = messages.last_mut() {
            last.push(parts::footer(&self.messages.footer));
        }
        messages
    }

    fn head(&self, text: &str, heading: String) -> Message {
        let mut message = Message::new(text, vec![Block::Section(heading)]);
        message.push(parts::gaps(self.standing));
        if self.versions.is_empty() && self.standing.is_whole() {
            message.push([Block::Section(":warning: No live version is known, so its issues are not either.".to_owned())]);
        }
        message.push([parts::as_of(self.standing)]);
        message
    }

    fn version<K: Ord>(&self, version: &Version, order: impl Fn(&Issue) -> K) -> Message {
        let limit = self.messages.significant_above;
        let url = links::new_issues(&self.messages.sites.sentry, self.subject, &version.releases);
        let name = format!("v{}", version.version);
        let mut message = Message::new(format!("New issues of {}", escape(&name)), vec![Block::Section(format!("*{}*", link(&url, &name)))]);
        let mut significant: Vec<&Issue> = version.issues.iter().filter(|issue| issue.events > limit || issue.users > limit).collect();
        significant.sort_by_key(|issue| (order(issue), issue.id.clone()));
        significant.truncate(self.messages.issues_shown);
        message.push([if !significant.is_empty() {
            Block::Table(self.table(&significant))
        } else if self.standing.is_whole() {
            Block::Section("No significant new issue to report.".to_owned())
        } else {
            Block::Section(":warning: Not known: the report is incomplete.".to_owned())
        }]);
        message
    }

    fn table(&self, issues: &[&Issue]) -> Table {
        let rows = issues.iter().map(|issue| {
            let label = issue.short_id.clone().unwrap_or_else(|| issue.id.clone());
            vec![
                match &issue.url {
                    Some(url) => Cell::Link { url: url.clone(), label },
                    None => Cell::Text(label),
                },
                Cell::Text(cut(&issue.title, self.messages.title_length)),
                Cell::Text(thousands(issue.events)),
                Cell::Text(thousands(issue.users)),
            ]
        });
        Table { columns: ["Issue ID", "Issue", "Events", "Users Affected"].map(str::to_owned).to_vec(), rows: rows.collect() }
    }
}

/// As it is below 1000, in thousands from there, half up.
fn thousands(count: i64) -> String {
    if count < 1_000 { count.to_string() } else { format!("{}k", count / 1_000 + i64::from(count % 1_000 >= 500)) }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{publish::slack::sample, simulator::slack_refusal};

    fn issue(rank: i64, events: i64, users: i64) -> Issue {
        Issue {
            id: format!("{rank}"),
            short_id: Some(format!("FIREFOX-IOS-{rank}")),
            title: format!("Crash <{rank}> & more"),
            events,
            users,
            url: Some(format!("https://sentry.example/issues/{rank}/")),
            rank,
        }
    }

    fn versions() -> Vec<Version> {
        vec![
            Version { version: "143.0.1".into(), releases: "org.mozilla.ios.Firefox@143.0.1+5".into(), issues: Vec::new() },
            Version {
                version: "143.0".into(),
                releases: "org.mozilla.ios.Firefox@143.0+1,org.mozilla.ios.Firefox@143.0+2".into(),
                issues: vec![issue(4, 900, 0), issue(1, 501, 1), issue(2, 500, 500), issue(3, 20_499, 501), issue(5, 900, 7), issue(6, 20_500, 1)],
            },
        ]
    }

    fn made(versions: &[Version], standing: &Standing, long: bool) -> Vec<Value> {
        let (messages, product, subject) = (sample::messages(), sample::product(), sample::subject());
        let issues = NewIssues { messages: &messages, product: &product, subject: &subject, day: sample::day(), versions, standing };
        let made = if long { issues.long() } else { issues.short() };
        let payloads: Vec<Value> = made.into_iter().flat_map(Message::parts).map(|message| message.payload()).collect();
        assert!(payloads.iter().all(|payload| slack_refusal(payload).is_none()), "{payloads:?}");
        payloads
    }

    fn ids(payload: &Value) -> Vec<String> {
        let Some(table) = payload["blocks"].as_array().unwrap().iter().find(|block| block["type"] == "table") else { return Vec::new() };
        table["rows"].as_array().unwrap()[1..].iter().map(|row| row[0]["elements"][0]["elements"][0]["text"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_short_form() {
        insta::assert_snapshot!(sample::shown(&made(&versions(), &sample::whole(), false).into()));
    }

    #[test]
    fn the_long_form() {
        insta::assert_snapshot!(sample::shown(&made(&versions(), &sample::whole(), true).into()));
    }

    #[test]
    fn a_flaw_each_version_has_a_message_of_its_own_for_its_table() {
        let mut two = versions();
        two[0].issues = two[1].issues.clone();
        let payloads = made(&two, &sample::whole(), false);
        assert_eq!(payloads.len(), 3);
        assert_eq!(payloads.iter().map(|payload| payload.to_string().matches("\"table\"").count()).collect::<Vec<_>>(), [0, 1, 1]);
    }

    #[test]
    fn a_flaw_a_live_version_without_issues_stays() {
        let payloads = made(&versions(), &sample::whole(), false);
        assert!(payloads[1].to_string().contains("v143.0.1") && payloads[1].to_string().contains("No significant new issue to report."));
    }

    #[test]
    fn three_significant_ones_in_the_order_of_each_form() {
        // 500 is not more than 500.
        assert_eq!(ids(&made(&versions(), &sample::whole(), false)[2]), ["FIREFOX-IOS-1", "FIREFOX-IOS-3", "FIREFOX-IOS-4"]);
        assert_eq!(ids(&made(&versions(), &sample::whole(), true)[2]), ["FIREFOX-IOS-6", "FIREFOX-IOS-3", "FIREFOX-IOS-5"]);
    }

    #[test]
    fn counts_are_rounded_half_up_from_a_thousand_on() {
        for (count, expected) in [(0, "0"), (999, "999"), (1_000, "1k"), (1_499, "1k"), (1_500, "2k"), (2_500, "3k"), (1_234_567, "1235k")] {
            assert_eq!(thousands(count), expected);
        }
    }

    #[test]
    fn an_incomplete_report_clears_nothing() {
        for payloads in [made(&versions(), &sample::broken(), false), made(&[], &sample::broken(), true)] {
            let all = Value::from(payloads).to_string();
            assert!(all.contains("*Incomplete:*") && !all.contains("No significant") && !all.contains("No live version"), "{all}");
        }
        assert!(Value::from(made(&[], &sample::whole(), true)).to_string().contains("No live version is known"));
    }

    #[test]
    fn hostile_issues_do_no_harm() {
        let mut hostile = issue(1, i64::MAX, 0);
        hostile.title = "😀<!channel>|".repeat(40);
        hostile.short_id = Some(String::new());
        hostile.url = Some("not an address".into());
        let version = Version { version: "<!here>|".into(), releases: "x".repeat(9_000), issues: vec![hostile] };
        let payloads = made(&[version], &sample::whole(), true);
        let title = payloads[1]["blocks"][1]["rows"][1][1]["text"].as_str().unwrap();
        assert_eq!(title.chars().count(), 51);
        assert!(title.ends_with('…'));
    }
}
