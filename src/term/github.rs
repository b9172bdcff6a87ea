//! What a GitHub workflow understands: annotations and the job's summary.

use std::{io::Write as _, path::PathBuf};

use fs_err::OpenOptions;

use super::color::tame;
use crate::{
    error::{Kind, OrFail, Result},
    settings::Env,
};

/// Present where a job's summary is kept, or inside a GitHub workflow.
#[derive(Clone, Debug)]
pub(super) struct GitHub {
    /// Whether the log understands annotations.
    annotates: bool,
    /// `$GITHUB_STEP_SUMMARY`.
    summary: Option<PathBuf>,
}

impl GitHub {
    pub(super) fn detect(env: &Env) -> Option<Self> {
        let annotates = env.get("GITHUB_ACTIONS") == Some("true");
        let summary = env.get("GITHUB_STEP_SUMMARY").map(PathBuf::from);
        (annotates || summary.is_some()).then_some(Self { annotates, summary })
    }

    pub(super) fn annotates(&self) -> bool {
        self.annotates
    }

    /// An annotation; `level` is `error`, `warning` or `notice`.
    pub(super) fn annotation(level: &str, message: &str) -> String {
        format!("::{level} title=etl::{}", escaped(&tame(message)))
    }

    /// Appends Markdown to the job's summary, if the workflow keeps one.
    pub(super) fn summarize(&self, markdown: &str) -> Result<()> {
        let Some(path) = &self.summary else { return Ok(()) };
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(markdown.as_bytes()).or_fail(Kind::Io, || "cannot append to the job's summary")
    }
}

/// As the runner wants the text of a command: one line.
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_are_one_line() {
        assert_eq!(GitHub::annotation("error", "100% wrong\n::add-mask::x"), "::error title=etl::100%25 wrong%0A::add-mask::x");
    }

    #[test]
    fn summary_is_appended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary.md");
        let env = Env::of([("GITHUB_ACTIONS", "true"), ("GITHUB_STEP_SUMMARY", path.to_str().unwrap())]);
        let github = GitHub::detect(&env).unwrap();
        github.summarize("a\n").unwrap();
        github.summarize("b\n").unwrap();
        assert_eq!(fs_err::read_to_string(path).unwrap(), "a\nb\n");
        assert!(GitHub::detect(&Env::default()).is_none());
    }
}
