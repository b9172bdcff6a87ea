//! The summary of a GitHub job: what failed comes first, then what the command did. No command can forget its failure: the
//! summary is collected by the printer and written once, when the exit code is known.

use super::report::in_line;
use crate::error::Error;

/// What a job's summary will hold.
#[derive(Default)]
pub(super) struct JobSummary {
    stage: Option<&'static str>,
    tables: Vec<String>,
    failures: Vec<Failure>,
    reports: Vec<String>,
}

struct Failure {
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
    stage: Option<&'static str>,
}

impl JobSummary {
    pub(super) fn stage(&mut self, stage: &'static str, tables: &[String]) {
        (self.stage, self.tables) = (Some(stage), tables.to_vec());
    }

    pub(super) fn failure(&mut self, error: &Error) {
        let mut chain = error.chain().into_iter();
        let message = chain.next().unwrap_or_default();
        if self.failures.iter().all(|known| known.message != message) {
            self.failures.push(Failure { message, causes: chain.collect(), hint: error.remedy().map(str::to_owned), stage: self.stage });
        }
    }

    pub(super) fn report(&mut self, markdown: String, lists_tables: bool) {
        self.reports.push(markdown);
        if lists_tables {
            self.tables.clear();
        }
    }

    /// The Markdown of `command`, which ended with `exit_code`; empty if there is nothing to report.
    pub(super) fn to_markdown(&self, command: &str, exit_code: u8) -> String {
        let mut text = String::new();
        if exit_code != 0 {
            text.push_str(&self.heading(command, exit_code));
        }
        self.reports.iter().for_each(|report| text.push_str(report));
        text
    }

    fn heading(&self, command: &str, exit_code: u8) -> String {
        let (mark, verb) = match exit_code {
            3 => ("⚠️", "is incomplete"),
            4 => ("⚠️", "did nothing"),
            _ => ("❌", "failed"),
        };
        let mut text = format!("### {mark} {command} {verb}");
        let Some(first) = self.failures.first() else {
            // The report below has the problems.
            text.push_str(&format!(" (exit code {exit_code})\n\n"));
            return text;
        };
        if let Some(stage) = first.stage.filter(|stage| !command.ends_with(stage)) {
            text.push_str(&format!(" in {stage}"));
        }
        text.push_str(&format!(": {}\n\n", in_line(&first.message)));
        let mut line = |line: &str| text.push_str(&format!("- {line}\n"));
        first.causes.iter().for_each(|cause| line(&in_line(cause)));
        for other in self.failures.iter().skip(1) {
            line(&in_line(&[std::slice::from_ref(&other.message), &other.causes].concat().join(": ")));
        }
        if !self.tables.is_empty() {
            let names: Vec<String> = self.tables.iter().map(|table| in_line(table)).collect();
            line(&format!("not loaded: {}", names.join(", ")));
        }
        match first.stage {
            Some("transform") => line("extract is safe: run `etl transform`, then `etl load`"),
            Some("load") => line("extract and transform are safe: run `etl load`"),
            _ => {}
        }
        let mut hints: Vec<&str> = Vec::new();
        for hint in self.failures.iter().filter_map(|failure| failure.hint.as_deref()) {
            if !hints.contains(&hint) {
                hints.push(hint);
                line(&format!("hint: {}", in_line(hint)));
            }
        }
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn failure_comes_before_the_report() {
        let mut summary = JobSummary::default();
        summary.stage("load", &["report_a".to_owned()]);
        let refused = std::io::Error::other("connection refused");
        summary.failure(&Error::new(Kind::Database, "cannot connect").because(refused).hint("start the proxy"));
        insta::assert_snapshot!(summary.to_markdown("etl run", 1), @r"
        ### ❌ etl run failed in load: cannot connect

        - connection refused
        - not loaded: report\_a
        - extract and transform are safe: run `etl load`
        - hint: start the proxy
        ");
        summary.report("### etl run: 9 pulls\n".to_owned(), false);
        assert!(summary.to_markdown("etl run", 1).ends_with("hint: start the proxy\n\n### etl run: 9 pulls\n"));
        assert_eq!(summary.to_markdown("etl run", 0), "### etl run: 9 pulls\n");
    }

    #[test]
    fn failing_without_an_error_is_reported() {
        assert_eq!(JobSummary::default().to_markdown("etl load", 3), "### ⚠️ etl load is incomplete (exit code 3)\n\n");
    }
}
