//! New issues from outside that nobody has taken up (reports.md 2.1 a).

use chrono::NaiveDate;

use super::{
    block::Block,
    links,
    message::Message,
    parts,
    text::{cut, escape, link},
};
use crate::{
    publish::{product::Subject, standing::Standing},
    settings::Messages,
};

/// An issue that is new, open and unassigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenIssue {
    pub(crate) title: String,
    pub(crate) url: String,
    /// `None` = the account was deleted.
    pub(crate) author: Option<String>,
}

/// All that the message needs.
#[derive(Clone, Debug)]
pub struct OpenIssues<'a> {
    pub(crate) messages: &'a Messages,
    pub(crate) subject: &'a Subject,
    /// The product's name, or the project's.
    pub(crate) name: &'a str,
    /// Accounts whose issues are the team's own.
    pub(crate) own_authors: &'a [String],
    /// The day of the run.
    pub(crate) day: NaiveDate,
    /// Newest first.
    pub(crate) issues: &'a [OpenIssue],
    pub(crate) standing: &'a Standing,
}

impl OpenIssues<'_> {
    /// The message; its sections are split where they grow too long.
    pub fn message(&self) -> Message {
        let list = links::open_issues(&self.messages.sites.github, &self.subject.repository, self.own_authors);
        let name = escape(self.name);
        let heading = format!(":github: *{}* {name} ({})", link(&list, "New GitHub issues"), self.day);
        let mut message = Message::new(format!("New GitHub issues: {name} ({})", self.day), vec![Block::Section(heading)]);
        message.push(parts::gaps(self.standing));
        let bullets: Vec<String> = self.issues.iter().map(|issue| self.bullet(issue)).collect();
        if !bullets.is_empty() {
            message.push([Block::Section(bullets.join("\n"))]);
        } else if self.standing.is_whole() {
            message.push([Block::Section(":white_check_mark: No new GitHub issues".to_owned())]);
        } else {
            message.push([Block::Section(":warning: Whether there are new GitHub issues is not known.".to_owned())]);
        }
        message.push([parts::as_of(self.standing)]);
        message
    }

    fn bullet(&self, issue: &OpenIssue) -> String {
        let author = issue.author.as_deref().map(escape).filter(|login| !login.is_empty()).unwrap_or_else(|| "deleted account".to_owned());
        format!("• {} ({author})", link(&issue.url, &cut(&issue.title, self.messages.title_length)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{publish::slack::sample, simulator::slack_refusal};

    fn issue(number: u64, title: &str, author: Option<&str>) -> OpenIssue {
        OpenIssue { title: title.to_owned(), url: format!("https://github.example/o/r/issues/{number}"), author: author.map(str::to_owned) }
    }

    fn made(issues: &[OpenIssue], standing: &Standing, subject: &Subject) -> Vec<Value> {
        let messages = sample::messages();
        let own = vec!["data-sync-user".to_owned()];
        let open = OpenIssues { messages: &messages, subject, name: "Firefox iOS", own_authors: &own, day: sample::day(), issues, standing };
        let payloads: Vec<Value> = open.message().parts().iter().map(Message::payload).collect();
        assert!(payloads.iter().all(|payload| slack_refusal(payload).is_none()), "{payloads:?}");
        payloads
    }

    #[test]
    fn a_few() {
        let issues = [
            issue(9, "Crash in <b> & Co|", Some("a_b")),
            issue(8, "<!channel> look", None),
            issue(7, "", Some("")),
            issue(6, &"😀".repeat(60), Some("c")),
        ];
        insta::assert_snapshot!(sample::shown(&made(&issues, &sample::whole(), &sample::subject()).into()));
    }

    #[test]
    fn none() {
        insta::assert_snapshot!(sample::shown(&made(&[], &sample::whole(), &sample::subject()).into()));
    }

    #[test]
    fn a_flaw_a_failed_search_is_no_all_clear() {
        let all = Value::from(made(&[], &sample::broken(), &sample::subject())).to_string();
        assert!(!all.contains("No new GitHub issues") && all.contains("is not known") && all.contains("*Incomplete:*"), "{all}");
    }

    #[test]
    fn a_flaw_the_link_leads_to_the_projects_own_repository() {
        let fenix = Subject { project: "fenix".into(), repository: "mozilla-mobile/fenix".into(), ..Subject::default() };
        let all = Value::from(made(&[], &sample::whole(), &fenix)).to_string();
        assert!(all.contains("github.example/mozilla-mobile/fenix/issues?q=is:open%20is:issue%20no:assignee%20-author:data-sync-user"), "{all}");
    }

    #[test]
    fn a_flaw_many_issues_are_split_and_none_is_lost() {
        let issues: Vec<OpenIssue> =
            (0..900).map(|number| issue(number, &format!("Title {number} & <more> of it, and then some"), Some("somebody"))).collect();
        let payloads = made(&issues, &sample::whole(), &sample::subject());
        assert!(payloads.len() > 1, "one section for all would be refused");
        let all = Value::from(payloads).to_string();
        for number in 0..900 {
            assert!(all.contains(&format!("|Title {number} &amp; &lt;more&gt; of it")), "{number}");
        }
    }
}
