//! The one way an error is shown: what failed, why, and what to do.

use super::color::{Style, tame};
use crate::error::Error;

/// `error: …`, a `Caused by:` line for each cause, a blank line, `hint: …`. Ends with a line break.
///
/// Of several errors, a hint that is the same for some in a row stands once, below them.
pub fn render(errors: &[Error], colored: bool) -> String {
    let mut out = String::new();
    for (index, error) in errors.iter().enumerate() {
        out.push_str(&format!("{} {}\n", Style::Error.paint("error:", colored), indented(&error.to_string(), "  ")));
        for cause in error.chain().iter().skip(1) {
            out.push_str(&format!("  Caused by: {}\n", indented(cause, "    ")));
        }
        let next = errors.get(index + 1);
        if let Some(hint) = error.remedy().filter(|hint| next.and_then(Error::remedy) != Some(hint)) {
            let end = if next.is_some() { "\n\n" } else { "\n" };
            out.push_str(&format!("\n{} {}{end}", Style::Hint.paint("hint:", colored), indented(hint, "  ")));
        }
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
    fn what_several_have_in_common_stands_once() {
        let late = |name: &str| Error::new(Kind::Incomplete, format!("{name} is late")).hint("run it");
        let errors = [late("a"), late("b"), Error::new(Kind::Io, "c cannot be read"), late("d")];
        insta::assert_snapshot!(render(&errors, false), @r"
        error: a is late
        error: b is late

        hint: run it

        error: c cannot be read
        error: d is late

        hint: run it
        ");
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
