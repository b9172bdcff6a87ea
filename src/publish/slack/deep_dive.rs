//! The weekly deep dive into a project's health (reports.md 2.1 e), and the alert about a source that failed.

use chrono::NaiveDate;

use super::{
    block::Block,
    github_issues::OpenIssues,
    links,
    message::Message,
    new_issues::NewIssues,
    rates::Rates,
    text::{cut, escape, link},
};
use crate::publish::standing::Standing;

/// The head of the thread, the dashboard, rates in their short form, new issues in theirs, issues on GitHub.
pub fn deep_dive(rates: &Rates<'_>, new_issues: &NewIssues<'_>, open_issues: &OpenIssues<'_>) -> Vec<Message> {
    let icon = rates.messages.health_icon.as_str();
    let heading = format!("Health Monitoring Deep Dive: {} ({})", escape(&rates.product.name), rates.day);
    let mut messages = vec![Message::new(heading.clone(), vec![Block::Section(format!("{icon} *{heading}* :thread:").trim().to_owned())])];
    let site = &rates.messages.sites.looker;
    if let Some(dashboard) = rates.product.looker_dashboard.filter(|_| !site.is_empty()) {
        let url = links::trends(site, dashboard, &rates.subject.sentry_project_id);
        let line = format!(":chart_with_upwards_trend: {}", link(&url, "Health dashboard"));
        messages.push(Message::new("Health dashboard", vec![Block::Section(line)]));
    }
    messages.push(rates.short());
    messages.extend(new_issues.short());
    messages.push(open_issues.message());
    messages
}

/// A short message about what is missing, for those who look after the pump.
pub fn alert(about: &str, day: NaiveDate, standing: &Standing) -> Message {
    let heading = format!("{} ({day})", escape(about));
    let mut lines = vec![format!(":rotating_light: *{heading} is incomplete*")];
    lines.extend(standing.gaps.iter().take(10).map(|gap| format!("• {}", escape(&cut(gap, 300)))));
    Message::new(format!("{heading} is incomplete"), vec![Block::Section(lines.join("\n"))])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::{publish::slack::sample, simulator::slack_refusal};

    #[test]
    fn the_thread() {
        let (messages, product, subject, standing) = (sample::messages(), sample::product(), sample::subject(), sample::broken());
        let coming = BTreeSet::new();
        let day = sample::day();
        let rates =
            Rates { messages: &messages, product: &product, subject: &subject, day, rates: &[], none: None, coming: &coming, standing: &standing };
        let issues = NewIssues { messages: &messages, product: &product, subject: &subject, day, versions: &[], standing: &standing };
        let whole = sample::whole();
        let open = OpenIssues { messages: &messages, subject: &subject, name: &product.name, own_authors: &[], day, issues: &[], standing: &whole };
        let mut thread = deep_dive(&rates, &issues, &open);
        thread.push(alert("Weekly deep dive: Firefox iOS", day, &standing));
        let payloads: Vec<Value> = thread.into_iter().flat_map(Message::parts).map(|message| message.payload()).collect();
        assert!(payloads.iter().all(|payload| slack_refusal(payload).is_none()));
        insta::assert_snapshot!(sample::shown(&payloads.into()));
    }
}
