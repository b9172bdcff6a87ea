//! What several messages have in common: what is missing, of when the data is, the footer.

use super::{
    block::Block,
    text::{address, clean, cut, escape},
};
use crate::{publish::standing::Standing, settings::Footer};

/// A report's gaps at the top of its message: no reader may take it for an all-clear.
pub(super) fn gaps(standing: &Standing) -> Option<Block> {
    /// More are a failure of everything; the log has them all.
    const SHOWN: usize = 5;
    if standing.is_whole() {
        return None;
    }
    let mut lines = vec![":warning: *Incomplete:* what is missing here is not known to be fine.".to_owned()];
    lines.extend(standing.gaps.iter().take(SHOWN).map(|gap| format!("• {}", escape(&cut(gap, 300)))));
    if standing.gaps.len() > SHOWN {
        lines.push(format!("• and {} more", standing.gaps.len() - SHOWN));
    }
    Some(Block::Section(lines.join("\n")))
}

/// Of when the data is.
pub(super) fn as_of(standing: &Standing) -> Block {
    match standing.as_of {
        Some(at) => Block::note(format!("Data as of {}", at.format("%F %H:%M UTC"))),
        None => Block::note("There is no data yet"),
    }
}

/// A line, and who made this from what.
pub(super) fn footer(footer: &Footer) -> Vec<Block> {
    let parts: Vec<String> = [("Created by ", &footer.made_by), ("Data from ", &footer.data_source)]
        .into_iter()
        .filter(|(_, text)| !clean(text).is_empty())
        .map(|(before, text)| format!("{before}{}", escape(text)))
        .collect();
    if parts.is_empty() {
        return Vec::new();
    }
    let image = address(&footer.logo).map(|url| (url, "Logo".to_owned()));
    vec![Block::Divider, Block::Note { image, text: parts.join(" | ") }]
}

/// ` text` or nothing, for icons that need not be there.
pub(super) fn after_blank(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" {text}") }
}
