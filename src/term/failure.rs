//! The one way an error is shown: what failed, why, and what to do.

use super::color::{Style, tame};
use crate::error::Error;

/// Errors that belong together: of each `error: …` and a `Caused by:` line for each cause, then a blank line and `hint: …`; what helps
/// against several is said once. Ends with a line break.
///
/// A cause whose text the line above already holds is left out: some libraries repeat their source in their message.
pub(super) fn render(errors: &[Error], colored: bool) -> String {
    let mut out = String::new();
    let mut hints: Vec<&str> = Vec::new();
    for error in errors {
        out.push_str(&format!("{} {}\n", Style::Error.paint("error:", colored), indented(&error.to_string(), "  ")));
        for cause in error.chain().iter().skip(1) {
            out.push_str(&format!("  Caused by: {}\n", indented(cause, "    ")));
        }
        hints.extend(error.remedy().filter(|hint| !hints.contains(hint)));
    }
    for hint in hints {
        out.push_str(&format!("\n{} {}\n", Style::Hint.paint("hint:", colored), indented(hint, "  ")));
    }
    out
}

/// Later lines are indented, so that they cannot pass for lines of their own.
fn indented(text: &str, by: &str) -> String {
    tame(text.trim()).replace('\n', &format!("\n{by}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn message_causes_and_hint() {
        let io = std::io::Error::other("disk is full");
        let error = Error::new(Kind::Lake, "cannot write `a.parquet`").because(io).within("pull of `testrail_cases` failed").hint("free some space");
        insta::assert_snapshot!(render(&[error], false), @r"
        error: pull of `testrail_cases` failed
          Caused by: cannot write `a.parquet`
          Caused by: disk is full

        hint: free some space
        ");
    }

    #[test]
    fn what_helps_against_several_is_said_once() {
        let late = |table: &str| Error::new(Kind::Incomplete, format!("`{table}` is late")).hint("run it");
        let errors = [late("a"), Error::new(Kind::Io, "broken").hint("mend it"), late("b")];
        insta::assert_snapshot!(render(&errors, false), @r"
        error: `a` is late
        error: broken
        error: `b` is late

        hint: run it

        hint: mend it
        ");
        assert_eq!(render(&[], false), "");
    }

    #[test]
    fn a_cause_that_stands_above_is_left_out() {
        let inner = Error::new(Kind::Io, "no such file");
        let error = Error::new(Kind::Io, "cannot open `x`: no such file").because(inner);
        assert_eq!(render(&[error], false), "error: cannot open `x`: no such file\n");
    }

    #[test]
    fn foreign_text_cannot_forge_lines_or_colours() {
        let error = Error::new(Kind::Io, "answer was\n::error::x\x1b[31m");
        assert_eq!(render(&[error], true), "\x1b[1;31merror:\x1b[0m answer was\n  ::error::x\\u{1b}[31m\n");
    }
}
