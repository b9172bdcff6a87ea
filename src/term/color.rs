//! Whether to colour, and the few styles there are.

use clap::ValueEnum;

use crate::settings::Env;

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    /// Whether a stream gets colour.
    pub(super) fn decide(self, env: &Env, is_terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto if env.get("NO_COLOR").is_some() => false,
            Self::Auto if env.get("CLICOLOR_FORCE").is_some_and(|force| force != "0") => true,
            Self::Auto => is_terminal && env.get("TERM") != Some("dumb"),
        }
    }
}

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Error,
    Warning,
    Hint,
}

impl Style {
    /// The text with the escape sequences of the style, if `colored`.
    pub(super) fn paint(self, text: &str, colored: bool) -> String {
        if !colored {
            return text.to_owned();
        }
        let code = match self {
            Self::Error => "1;31",
            Self::Warning => "1;33",
            Self::Hint => "1;36",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// The text with control characters made visible, so that data of others cannot steer the terminal. Tabs become blanks.
pub(super) fn tame(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains(|c: char| c.is_control() && c != '\n') {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => out.push(c),
            '\t' => out.push(' '),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_color_wins_over_the_terminal_and_an_option_over_both() {
        let none = Env::default();
        let no_color = Env::of([("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]);
        assert!(Color::Auto.decide(&none, true));
        assert!(!Color::Auto.decide(&none, false));
        assert!(!Color::Auto.decide(&no_color, true));
        assert!(Color::Auto.decide(&Env::of([("CLICOLOR_FORCE", "1")]), false));
        assert!(!Color::Auto.decide(&Env::of([("TERM", "dumb")]), true));
        assert!(Color::Always.decide(&no_color, false));
        assert!(!Color::Never.decide(&none, true));
    }

    #[test]
    fn control_characters_become_visible() {
        assert_eq!(tame("a\x1b[2Jb\tc\nd"), "a\\u{1b}[2Jb c\nd");
        assert_eq!(tame("plain ✓"), "plain ✓");
    }
}
