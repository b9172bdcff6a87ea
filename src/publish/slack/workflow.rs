//! How a workflow ended (reports.md 2.1 d): what its steps say, and what the lake says about the reports.

use super::{
    block::Block,
    message::Message,
    parts,
    text::{cut, escape, link},
};
use crate::settings::Footer;

/// How the workflow's own steps ended, as GitHub says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// All steps were done.
    Success,
    /// A step failed.
    Failure,
    /// Somebody stopped it, or it was skipped.
    Cancelled,
}

/// A report that did not come out whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Its name.
    pub(crate) report: String,
    /// There is nothing new of it at all; otherwise a part is missing.
    pub(crate) failed: bool,
    /// Why.
    pub(crate) reason: String,
}

/// All that the message needs.
#[derive(Clone, Debug)]
pub struct Workflow<'a> {
    pub(crate) name: &'a str,
    pub(crate) branch: &'a str,
    pub(crate) log_url: &'a str,
    pub(crate) conclusion: Conclusion,
    pub(crate) troubles: &'a [Trouble],
    pub(crate) footer: &'a Footer,
}

/// What it comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Done,
    Failed,
    Partial,
    Cancelled,
}

impl Status {
    fn color(self) -> &'static str {
        match self {
            Self::Done => "#36a64f",
            Self::Failed => "#FF0000",
            Self::Partial | Self::Cancelled => "#FFA500",
        }
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Done => (":white_check_mark:", "done"),
            Self::Failed => (":x:", "failed"),
            Self::Partial => (":warning:", "partly done"),
            Self::Cancelled => (":no_entry_sign:", "cancelled"),
        }
    }
}

impl Workflow<'_> {
    fn status(&self) -> Status {
        match self.conclusion {
            Conclusion::Cancelled => Status::Cancelled,
            Conclusion::Failure => Status::Failed,
            // A step that may fail hides its failure from the workflow; the lake does not.
            Conclusion::Success if self.troubles.iter().any(|trouble| trouble.failed) => Status::Failed,
            Conclusion::Success if !self.troubles.is_empty() => Status::Partial,
            Conclusion::Success => Status::Done,
        }
    }

    /// The message.
    pub fn message(&self) -> Message {
        let status = self.status();
        let (icon, word) = status.words();
        let mut line = format!("{icon} *{word}*");
        if !self.log_url.is_empty() {
            line.push_str(&format!(" · {}", link(self.log_url, "log")));
        }
        if !self.branch.is_empty() {
            line.push_str(&format!(" · branch {}", escape(&cut(self.branch, 100))));
        }
        let text = format!("{}: {word}", escape(self.name));
        let mut message = Message::new(text, vec![Block::Header(self.name.to_owned()), Block::Section(line)]).colored(status.color());
        if !self.troubles.is_empty() {
            let lines: Vec<String> = self.troubles.iter().map(line_of).collect();
            message.push([Block::Section(lines.join("\n"))]);
        }
        message.push(parts::footer(self.footer));
        message
    }
}

fn line_of(trouble: &Trouble) -> String {
    let word = if trouble.failed { ":x: failed" } else { ":warning: incomplete" };
    format!("{word}: *{}* {}", escape(&trouble.report), escape(&cut(&trouble.reason, 250)))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{publish::slack::sample, simulator::slack_refusal};

    fn made(conclusion: Conclusion, troubles: &[Trouble]) -> Value {
        let footer = sample::messages().footer;
        let workflow = Workflow {
            name: "Weekly — production",
            branch: "feature/<x>",
            log_url: "https://github.example/o/r/actions/runs/1",
            conclusion,
            troubles,
            footer: &footer,
        };
        let [message] = &workflow.message().parts()[..] else { panic!("one message") };
        assert_eq!(slack_refusal(&message.payload()), None);
        message.payload()
    }

    fn trouble(failed: bool) -> Trouble {
        Trouble { report: "sentry-rates".into(), failed, reason: "sentry_sessions of fenix: answered 503 <html> & more".into() }
    }

    #[test]
    fn a_partly_done_workflow() {
        insta::assert_snapshot!(sample::shown(&made(Conclusion::Success, &[trouble(false)])));
    }

    #[test]
    fn a_flaw_green_steps_hide_no_failed_report() {
        for (conclusion, troubles, color) in [
            (Conclusion::Success, vec![], "#36a64f"),
            (Conclusion::Success, vec![trouble(false)], "#FFA500"),
            (Conclusion::Success, vec![trouble(false), trouble(true)], "#FF0000"),
            (Conclusion::Failure, vec![], "#FF0000"),
            (Conclusion::Cancelled, vec![trouble(true)], "#FFA500"),
        ] {
            assert_eq!(made(conclusion, &troubles)["attachments"][0]["color"], color, "{conclusion:?} {troubles:?}");
        }
    }

    #[test]
    fn many_troubles_fit() {
        let troubles: Vec<Trouble> = (0..300).map(|_| trouble(true)).collect();
        let footer = Footer::default();
        let workflow = Workflow { name: "", branch: "", log_url: "", conclusion: Conclusion::Failure, troubles: &troubles, footer: &footer };
        for message in workflow.message().parts() {
            assert_eq!(slack_refusal(&message.payload()), None);
        }
    }
}
