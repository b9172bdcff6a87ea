//! A page as storage format: valid XHTML with everything escaped that came from a file or an API.

use std::{collections::BTreeMap, fmt::Write};

use chrono::{DateTime, TimeDelta, Utc};

use super::page_file::{Row, WikiPage};

/// The picture that stands where one is missing.
pub const PLACEHOLDER: &str = "404.png";

/// A rendered region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The text.
    pub content: String,
    /// Names of the files that it shows, once each, in order.
    pub files: Vec<String>,
    /// Pictures that are missing, once each.
    pub missing: Vec<String>,
}

/// Whether a metric was approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Badge {
    Approved,
    Pending,
    Informational,
    /// Nothing is shown.
    None,
}

impl Badge {
    /// The badge of a status, if it is a known one.
    pub fn parse(status: &str) -> Option<Self> {
        match status.trim().to_lowercase().as_str() {
            "approved" => Some(Self::Approved),
            "pending" => Some(Self::Pending),
            "informational" => Some(Self::Informational),
            "none" => Some(Self::None),
            _ => None,
        }
    }

    /// Colour and text.
    fn panel(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Approved => Some(("#E3FCEF", "Approved")),
            Self::Pending => Some(("#DEEBFF", "Pending Review")),
            Self::Informational => Some(("#FFFAE6", "Informational Metric")),
            Self::None => None,
        }
    }
}

/// Renders the region of a page. `exists` says whether there is a picture of a name.
pub fn region(page: &WikiPage, exists: impl Fn(&str) -> bool) -> Rendered {
    let mut rendered = Rendered::default();
    for section in &page.sections {
        let _ = write!(rendered.content, "<h1>{}</h1><table><tbody>", escape(section.name.trim()));
        for row in &section.reports {
            let file = if exists(&row.attachment_filename) {
                row.attachment_filename.as_str()
            } else {
                remember(&mut rendered.missing, &row.attachment_filename);
                PLACEHOLDER
            };
            remember(&mut rendered.files, file);
            let cells = cells(row, file, page.show_approval_status);
            let _ = write!(rendered.content, "<tr>{cells}</tr>");
        }
        rendered.content.push_str("</tbody></table>");
    }
    rendered
}

/// A line that says of when the pictures are: what is true of all of them, but for those that are named because they are older.
/// None where nobody knows of any.
pub fn as_of(page: &WikiPage, rendered_at: impl Fn(&str) -> Option<DateTime<Utc>>) -> Option<String> {
    /// More are a failure of everything.
    const NAMED: usize = 5;
    /// Pictures are made within some minutes, once a day.
    const TOGETHER: TimeDelta = TimeDelta::hours(12);
    let rows = page.sections.iter().flat_map(|section| &section.reports);
    let times: BTreeMap<&str, (DateTime<Utc>, &str)> =
        rows.filter_map(|row| Some((row.attachment_filename.as_str(), (rendered_at(&row.attachment_filename)?, row.report_title.trim())))).collect();
    let newest = times.values().map(|(at, _)| *at).max()?;
    let (mut older, together): (Vec<_>, Vec<_>) = times.into_values().partition(|(at, _)| newest - *at > TOGETHER);
    let written = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%M UTC").to_string();
    let mut line = format!("Data as of {}", written(together.iter().map(|(at, _)| *at).min()?));
    older.sort_unstable();
    let mut named: Vec<String> = older.iter().take(NAMED).map(|(at, title)| format!("{} ({})", escape(title), written(*at))).collect();
    if older.len() > NAMED {
        named.push(format!("and {} more", older.len() - NAMED));
    }
    if !named.is_empty() {
        let _ = write!(line, "; older: {}", named.join(", "));
    }
    Some(format!("<p><em>{line}</em></p>"))
}

fn remember(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}

fn cells(row: &Row, file: &str, with_badge: bool) -> String {
    let mut cells = format!(
        "<td><p><strong>{}</strong></p></td><td>{}</td><td><p><a href=\"{}\"><ac:image ac:alt=\"{}\"><ri:attachment ri:filename=\"{}\" /></ac:image></a></p></td>",
        escape(row.report_title.trim()),
        description(&row.report_description),
        escape(&row.looker_graph_url),
        escape(row.report_title.trim()),
        escape(file),
    );
    if with_badge {
        let badge = row.approval_status.as_deref().and_then(Badge::parse).unwrap_or(Badge::Pending);
        let panel = badge.panel().map_or_else(
            || "<p />".to_owned(),
            |(colour, text)| {
                format!(
                    "<ac:structured-macro ac:name=\"panel\" ac:schema-version=\"1\"><ac:parameter ac:name=\"bgColor\">{colour}</ac:parameter><ac:rich-text-body><p>{text}</p></ac:rich-text-body></ac:structured-macro>"
                )
            },
        );
        let _ = write!(cells, "<td>{panel}</td>");
    }
    cells
}

/// Paragraphs at blank lines, `**bold**`, everything else as it is written.
pub fn description(text: &str) -> String {
    let mut paragraphs = String::new();
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().chain([""]) {
        if !line.trim().is_empty() {
            lines.push(line.trim());
        } else if !lines.is_empty() {
            let _ = write!(paragraphs, "<p>{}</p>", bold(&escape(&lines.join(" "))));
            lines.clear();
        }
    }
    if paragraphs.is_empty() { "<p />".to_owned() } else { paragraphs }
}

/// Pairs of `**` with something between them.
fn bold(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(open) = rest.find("**") {
        let inside = &rest[open + 2..];
        match inside.find("**") {
            Some(length) if !inside[..length].trim().is_empty() => {
                let _ = write!(out, "{}<strong>{}</strong>", &rest[..open], &inside[..length]);
                rest = &inside[length + 2..];
            }
            _ => {
                out.push_str(&rest[..open + 2]);
                rest = inside;
            }
        }
    }
    out + rest
}

/// Text as XML takes it, in content and in attributes. Characters that XML cannot hold are left out.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(character),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::publish::confluence::{page_file::Section, storage::Storage};

    fn page(title: &str, text: &str, status: Option<&str>, shown: bool) -> WikiPage {
        let row = Row {
            report_title: title.to_owned(),
            report_description: text.to_owned(),
            attachment_filename: "a.png".to_owned(),
            looker_graph_url: "https://l/looks/1?a=1&b=2".to_owned(),
            approval_status: status.map(str::to_owned),
        };
        let reports = vec![row.clone(), Row { attachment_filename: "missing.png".to_owned(), ..row }];
        WikiPage {
            page_id: "1".to_owned(),
            page_title: "x".to_owned(),
            show_approval_status: shown,
            sections: vec![Section { name: title.to_owned(), reports }],
        }
    }

    #[test]
    fn a_page_with_badges_and_a_placeholder() {
        let rendered = region(&page("A & B", "one\ntwo\n\n**three** < 4 ** 5", Some(" Approved "), true), |name| name == "a.png");
        let row = |file: &str| {
            format!(
                "<tr><td><p><strong>A &amp; B</strong></p></td><td><p>one two</p><p><strong>three</strong> &lt; 4 ** 5</p></td><td><p><a href=\"https://l/looks/1?a=1&amp;b=2\"><ac:image ac:alt=\"A &amp; B\"><ri:attachment ri:filename=\"{file}\" /></ac:image></a></p></td><td><ac:structured-macro ac:name=\"panel\" ac:schema-version=\"1\"><ac:parameter ac:name=\"bgColor\">#E3FCEF</ac:parameter><ac:rich-text-body><p>Approved</p></ac:rich-text-body></ac:structured-macro></td></tr>"
            )
        };
        assert_eq!(rendered.content, format!("<h1>A &amp; B</h1><table><tbody>{}{}</tbody></table>", row("a.png"), row("404.png")));
        assert_eq!((rendered.files, rendered.missing), (vec!["a.png".to_owned(), "404.png".to_owned()], vec!["missing.png".to_owned()]));
    }

    #[test]
    fn of_when_the_pictures_are() {
        let at = |text: &str| format!("2026-03-{text}:00Z").parse::<DateTime<Utc>>().unwrap();
        let row = |title: &str, file: &str| Row {
            report_title: title.to_owned(),
            report_description: String::new(),
            attachment_filename: file.to_owned(),
            looker_graph_url: String::new(),
            approval_status: None,
        };
        let line = |times: &[(&str, DateTime<Utc>)]| {
            let reports = times.iter().map(|(file, _)| row(&format!("<{file}>"), file)).chain([row("By hand", "by-hand.png")]).collect();
            let page = WikiPage { sections: vec![Section { name: "s".to_owned(), reports }], ..page("", "", None, true) };
            as_of(&page, |name| times.iter().find(|(file, _)| *file == name).map(|(_, at)| *at))
        };
        let whole = |text: &str| Some(format!("<p><em>Data as of {text}</em></p>"));
        assert_eq!(line(&[]), None, "nobody knows");
        assert_eq!(line(&[("a", at("03T02:10")), ("b", at("03T02:05"))]), whole("2026-03-03 02:05 UTC"));
        assert_eq!(
            line(&[("a", at("03T02:10")), ("b", at("02T02:05")), ("c", at("01T02:05"))]),
            whole("2026-03-03 02:10 UTC; older: &lt;c&gt; (2026-03-01 02:05 UTC), &lt;b&gt; (2026-03-02 02:05 UTC)")
        );
        let stale = ["b", "c", "d", "e", "f", "g", "h"].map(|file| (file, at("01T00:00")));
        let told = line(&[&[("a", at("03T00:00"))], &stale[..]].concat()).unwrap();
        assert!(told.ends_with("&lt;f&gt; (2026-03-01 00:00 UTC), and 2 more</em></p>"), "{told}");
    }

    #[test]
    fn badges() {
        for (status, shown, expected) in [
            (None, true, "Pending Review"),
            (Some("unheard of"), true, "Pending Review"),
            (Some("INFORMATIONAL"), true, "Informational Metric"),
            (Some("approved"), false, ""),
            (Some("none"), true, ""),
        ] {
            let content = region(&page("a", "b", status, shown), |_| true).content;
            let found = ["Approved", "Pending Review", "Informational Metric"].into_iter().find(|text| content.contains(text)).unwrap_or_default();
            assert_eq!(found, expected, "{status:?} {shown}");
            assert_eq!(content.matches("<td>").count(), if shown { 8 } else { 6 });
        }
    }

    proptest! {
        #[test]
        fn whatever_a_file_says_the_region_is_well_formed(title in "\\PC{0,20}", text in "[a<>&\"'*\n \u{0}\u{1b}🦊]{0,40}") {
            let content = region(&page(&title, &text, None, true), |_| true).content;
            let storage = Storage::parse(&content).map_err(|broken| TestCaseError::fail(format!("{broken:?}: {content}")))?;
            prop_assert_eq!(storage.children(None).count(), 2);
            let mut reader = quick_xml::Reader::from_str(&content);
            loop {
                match reader.read_event() {
                    Ok(quick_xml::events::Event::Eof) => break,
                    Ok(_) => {}
                    Err(error) => return Err(TestCaseError::fail(format!("{error}: {content}"))),
                }
            }
        }
    }
}
