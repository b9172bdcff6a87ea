//! Text for Slack: what an API wrote is cleaned, cut and escaped before it stands in a message.

/// The longest text of a section, in the units that are counted strictest: UTF-16, after escaping.
pub(super) const SECTION: usize = 3_000;
/// Stands in for a text that is empty: Slack refuses empty texts.
pub(super) const NONE: &str = "(none)";

/// How long Slack takes a text to be. It may count code points; UTF-16 units are never fewer.
pub(super) fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Every run of white space and control characters as one blank, none at the ends: a line break in a title would end its line.
/// What only looks empty (zero-width characters) counts as it is.
pub(super) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// The first `most` code points of a cleaned text, and `…` where there were more.
pub(super) fn cut(text: &str, most: usize) -> String {
    let text = clean(text);
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Cleaned, with the three characters that mean something to Slack written as it asks: no mention, no link, no channel
/// comes out of what an API wrote.
pub(super) fn escape(text: &str) -> String {
    clean(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A link: `|` would end the address, and `>` the link.
pub(super) fn link(url: &str, label: &str) -> String {
    let label = label_of(label);
    match address(url) {
        Some(url) => format!("<{}|{label}>", url.replace('&', "&amp;")),
        None => label,
    }
}

/// The text of a link.
fn label_of(label: &str) -> String {
    let label = escape(&label.replace('|', "¦"));
    if label.is_empty() { NONE.to_owned() } else { label }
}

/// The address as Slack can take it, if it is one: a link to anything but the web is shown as text.
pub(super) fn address(url: &str) -> Option<String> {
    let url = url::Url::parse(url.trim()).ok().filter(|url| matches!(url.scheme(), "https" | "http"))?;
    let text = url.to_string().replace('|', "%7C").replace('<', "%3C").replace('>', "%3E");
    (length(&text) <= SECTION - 200).then_some(text)
}

/// Lines as texts of sections: as many lines in each as fit. A line that fits into none is broken, but never inside of a link
/// or of an escaped character.
pub(super) fn sections(lines: &[String]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut size = 0;
    for piece in lines.iter().flat_map(|line| pieces(line)) {
        let own = length(&piece);
        match out.last_mut() {
            Some(open) if size + 1 + own <= SECTION => {
                open.push('\n');
                open.push_str(&piece);
                size += 1 + own;
            }
            _ => {
                out.push(piece);
                size = own;
            }
        }
    }
    out
}

/// A line in pieces that each fit into a section.
fn pieces(line: &str) -> Vec<String> {
    if length(line) <= SECTION {
        return if line.is_empty() { Vec::new() } else { vec![line.to_owned()] };
    }
    let (mut out, mut open, mut size) = (Vec::new(), String::new(), 0);
    let mut rest = line;
    while !rest.is_empty() {
        let end = match rest.as_bytes()[0] {
            b'<' => rest.find('>').map(|at| at + 1),
            b'&' => rest.find(';').filter(|at| *at <= 5).map(|at| at + 1),
            _ => None,
        };
        let end = end.filter(|end| length(&rest[..*end]) <= SECTION).unwrap_or_else(|| rest.chars().next().map_or(rest.len(), char::len_utf8));
        let (atom, after) = rest.split_at(end);
        let own = length(atom);
        if size + own > SECTION {
            out.push(std::mem::take(&mut open));
            size = 0;
        }
        open.push_str(atom);
        size += own;
        rest = after;
    }
    out.push(open);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_an_api_wrote_is_harmless() {
        for (text, expected) in [
            ("Crash in <T> & \"U\"", "Crash in &lt;T&gt; &amp; \"U\""),
            ("<!channel> now", "&lt;!channel&gt; now"),
            ("<@U1|a>\r\n\u{0}b\t c ", "&lt;@U1|a&gt; b c"),
            ("&amp;", "&amp;amp;"),
            ("", ""),
            (" \n", ""),
            ("😀", "😀"),
        ] {
            assert_eq!(escape(text), expected);
        }
    }

    #[test]
    fn links() {
        for (url, label, expected) in [
            ("https://h/a?b=1&c=2", "x|y", "<https://h/a?b=1&amp;c=2|x¦y>"),
            ("https://h/a|b> c", "", "<https://h/a%7Cb%3E%20c|(none)>"),
            ("javascript:alert(1)", "x", "x"),
            ("", "<!here>", "&lt;!here&gt;"),
        ] {
            assert_eq!(link(url, label), expected);
        }
    }

    #[test]
    fn titles_are_cut_by_code_points() {
        assert_eq!(cut(&"😀".repeat(50), 50), "😀".repeat(50));
        assert_eq!(cut(&"😀".repeat(51), 50), format!("{}…", "😀".repeat(50)));
        assert_eq!(cut("a\nb", 50), "a b");
    }

    #[test]
    fn lines_fill_sections() {
        let line = "x".repeat(1_000);
        assert_eq!(sections(&vec![line.clone(); 5]).iter().map(|text| text.len()).collect::<Vec<_>>(), [2_001, 2_001, 1_000]);
        assert!(sections(&[String::new()]).is_empty());
        let long = format!("{}<https://h/|a b>&amp;", "x".repeat(2_995));
        assert_eq!(sections(&[long]), ["x".repeat(2_995), "<https://h/|a b>&amp;".to_owned()]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn sections_lose_nothing_and_fit(lines in proptest::collection::vec(("(\\PC|[<>&|😀]|<!channel>){0,12}", 0usize..400), 0..8)) {
            let lines: Vec<String> = lines.into_iter().map(|(text, times)| text.repeat(times)).collect();
            let lines: Vec<String> = lines.iter().map(|line| format!("• {}", escape(line))).collect();
            let made = sections(&lines);
            prop_assert!(made.iter().all(|text| length(text) <= SECTION && !text.is_empty()));
            prop_assert_eq!(made.concat().replace('\n', ""), lines.concat());
            for text in &made {
                prop_assert!(!text.contains('<') && !text.contains('>'));
                // Every `&` begins one of the three escapes, whole.
                for part in text.split('&').skip(1) {
                    prop_assert!(["amp;", "lt;", "gt;"].iter().any(|escape| part.starts_with(escape)), "{}", part);
                }
            }
        }
    }
}
