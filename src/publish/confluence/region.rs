//! The managed region of a page: what lies between the block with the anchor `managed-region-start` and the block with
//! `managed-region-end`. Everything else is a person's and stays byte for byte.
//!
//! Anchors survive Confluence's editor. Marks of the tool that `etl` replaces (a div, comments, a heading "Notes" with a rule)
//! may not, and only serve to find what that tool once generated.

use std::ops::Range;

use super::storage::{Broken, Kind, Storage};

const START: &str = "managed-region-start";
const END: &str = "managed-region-end";
/// Begins the anchor that says what the region was made from.
const HASH: &str = "managed-region-sha256-";

/// Where blocks may stand. Between the cells of a layout or inside a paragraph there is no place for a region.
const CONTAINERS: [&str; 6] = ["ac:layout-cell", "ac:rich-text-body", "div", "td", "th", "ac:task-body"];

/// What a page is, seen from the region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// One region.
    Ok {
        /// What it was made from, where it says so.
        hash: Option<String>,
    },
    /// No region yet.
    Missing,
    /// The former tool wrote here.
    Old,
}

/// Why a page must not be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage(pub String);

/// A page with the region in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// What it was before.
    pub state: State,
    /// The text.
    pub page: String,
    /// The bytes of the former page that were replaced.
    pub replaced: Range<usize>,
}

/// An anchor macro.
struct Anchor {
    node: usize,
    name: String,
}

/// A region that is there.
struct Found {
    /// The bytes between the two blocks.
    between: Range<usize>,
    /// What it was made from, where it says so.
    hash: Option<String>,
}

/// Puts a region made from `hash` in its place. `sections` are the headings that the former tool generated tables under.
///
/// # Errors
/// Why the page must not be written: one anchor alone, two pairs, the wrong order, tags that do not match.
pub fn merge(page: &str, content: &str, hash: &str, sections: &[&str]) -> Result<Merged, Damage> {
    let storage = Storage::parse(page).map_err(|Broken { at, what }| Damage(format!("the page is not well-formed: {what} (byte {at})")))?;
    let inside = format!("{}{content}", anchor(&format!("{HASH}{hash}")));
    let whole = || format!("{}{inside}{}", anchor(START), anchor(END));
    let (state, replaced, text) = match find(&storage)? {
        Some(Found { between, hash }) => (State::Ok { hash }, between, inside),
        None => match old(&storage, sections)? {
            Some(block) => (State::Old, block, whole()),
            None => (State::Missing, page.len()..page.len(), format!("<h2>Notes</h2><p><br /></p><hr />{}", whole())),
        },
    };
    let merged = format!("{}{text}{}", &page[..replaced.start], &page[replaced.end..]);
    // Nobody's work depends on this code being right: what it made is read again before anything is written.
    let again = Storage::parse(&merged).map_err(|broken| Damage(format!("the merged page would not be well-formed: {}", broken.what)))?;
    match find(&again)? {
        Some(Found { hash: Some(own), .. }) if own == hash => Ok(Merged { state, page: merged, replaced }),
        _ => Err(Damage("the merged page would have no region".to_owned())),
    }
}

/// A page that is `etl`'s as a whole, with what it was made from.
pub fn marked(content: &str, hash: &str) -> String {
    format!("{}{content}", anchor(&format!("{HASH}{hash}")))
}

/// What a page, or its region, says that it was made from.
pub fn mark(page: &str) -> Option<String> {
    let storage = Storage::parse(page).ok()?;
    anchors(&storage).iter().find_map(|anchor| anchor.name.strip_prefix(HASH)).map(str::to_owned)
}

/// The macro that people cannot see and the editor keeps.
fn anchor(name: &str) -> String {
    format!(
        "<p><ac:structured-macro ac:name=\"anchor\" ac:schema-version=\"1\"><ac:parameter ac:name=\"\">{name}</ac:parameter></ac:structured-macro></p>"
    )
}

/// All anchors whose names are ours.
fn anchors(storage: &Storage<'_>) -> Vec<Anchor> {
    let macros = (0..storage.nodes.len())
        .filter(|node| matches!(storage.name(*node), "ac:structured-macro" | "ac:macro") && storage.attribute(*node, "ac:name") == Some("anchor"));
    macros
        .filter_map(|node| {
            let parameters = storage.children(Some(node)).filter(|child| matches!(storage.name(*child), "ac:parameter" | "ac:default-parameter"));
            let name = parameters.map(|parameter| storage.words(parameter)).find(|name| name.starts_with("managed-region-"))?;
            Some(Anchor { node, name })
        })
        .collect()
}

/// The region that is there; none without anchors.
fn find(storage: &Storage<'_>) -> Result<Option<Found>, Damage> {
    let anchors = anchors(storage);
    let named = |name: &str| -> Vec<usize> { anchors.iter().filter(|anchor| anchor.name == name).map(|anchor| anchor.node).collect() };
    let (start, end) = match (named(START).as_slice(), named(END).as_slice()) {
        ([], []) => return Ok(None),
        ([start], [end]) => (*start, *end),
        (starts, ends) => {
            return Err(Damage(format!("the page has {} anchors `{START}` and {} `{END}`; it needs one of each", starts.len(), ends.len())));
        }
    };
    if start > end {
        return Err(Damage(format!("the anchor `{END}` stands before `{START}`")));
    }
    let around: Vec<usize> = storage.ancestors(end).collect();
    let container = storage.ancestors(start).find(|above| around.contains(above));
    if let Some(container) = container
        && !CONTAINERS.contains(&storage.name(container))
    {
        return Err(Damage(format!("both anchors stand in one `{}`, where no region has a place", storage.name(container))));
    }
    let block = |anchor: usize| std::iter::once(anchor).chain(storage.ancestors(anchor)).find(|node| storage.nodes[*node].parent == container);
    let (Some(first), Some(last)) = (block(start), block(end)) else { return Err(Damage("the anchors stand in no block".to_owned())) };
    if first == last {
        return Err(Damage("both anchors are one".to_owned()));
    }
    let between = storage.nodes[first].range.end..storage.nodes[last].range.start;
    let inside = |anchor: &&Anchor| storage.nodes[anchor.node].range.start >= between.start && storage.nodes[anchor.node].range.end <= between.end;
    let hash = anchors.iter().filter(inside).find_map(|anchor| anchor.name.strip_prefix(HASH)).map(str::to_owned);
    Ok(Some(Found { between, hash }))
}

/// The bytes that the former tool generated, if its marks are there. An empty range is a place.
fn old(storage: &Storage<'_>, sections: &[&str]) -> Result<Option<Range<usize>>, Damage> {
    let comment = |word: &str| -> Vec<usize> {
        let is = |kind: &Kind<'_>| matches!(kind, Kind::Comment(text) if text.trim_start().starts_with(word));
        (0..storage.nodes.len()).filter(|node| is(&storage.nodes[*node].kind)).collect()
    };
    let comments = match (comment("BEGIN MANAGED").as_slice(), comment("END MANAGED").as_slice()) {
        ([], []) => None,
        ([begin], [end]) if begin < end && storage.nodes[*begin].parent == storage.nodes[*end].parent => {
            Some((storage.nodes[*begin].parent, storage.nodes[*begin].range.start..storage.nodes[*end].range.end))
        }
        _ => return Err(Damage("the comments BEGIN MANAGED and END MANAGED are no pair".to_owned())),
    };
    let is_managed = |node: &usize| {
        let class = storage.attribute(*node, "class").unwrap_or_default();
        storage.name(*node) == "div"
            && (storage.attribute(*node, "data-managed-region").is_some() || class.split_whitespace().any(|word| word == "auto-managed-region"))
    };
    let divs: Vec<usize> =
        (0..storage.nodes.len()).filter(is_managed).filter(|node| !storage.ancestors(*node).any(|above| is_managed(&above))).collect();
    let (parent, block) = match (comments, divs.as_slice()) {
        (None, []) => return notes(storage, sections),
        (None, [div]) => (storage.nodes[*div].parent, storage.nodes[*div].range.clone()),
        (Some((parent, block)), divs) => {
            // The comments may stand around the div or inside it: the outer one of the two is what was generated.
            match divs {
                [] => (parent, block),
                [div] if block.start <= storage.nodes[*div].range.start && storage.nodes[*div].range.end <= block.end => (parent, block),
                [div] if storage.nodes[*div].range.start <= block.start && block.end <= storage.nodes[*div].range.end => {
                    (storage.nodes[*div].parent, storage.nodes[*div].range.clone())
                }
                _ => return Err(Damage("marks of a managed region stand in several places".to_owned())),
            }
        }
        (None, _) => return Err(Damage("the page has several managed regions of the former tool".to_owned())),
    };
    match parent.map(|parent| storage.name(parent)) {
        Some(name) if !CONTAINERS.contains(&name) => Err(Damage(format!("the old region stands in a `{name}`, where none has a place"))),
        _ => Ok(Some(block)),
    }
}

/// A heading "Notes", a div and a rule: behind it stand the tables of `sections`, if the former tool filled the page.
fn notes(storage: &Storage<'_>, sections: &[&str]) -> Result<Option<Range<usize>>, Damage> {
    let mut places: Vec<Range<usize>> = Vec::new();
    for heading in (0..storage.nodes.len()).filter(|node| storage.name(*node) == "h3" && storage.words(*node) == "Notes") {
        let parent = storage.nodes[heading].parent;
        if parent.is_some_and(|parent| !CONTAINERS.contains(&storage.name(parent))) {
            continue;
        }
        let behind: Vec<usize> = storage.children(parent).filter(|node| *node > heading && !storage.is_blank(*node)).collect();
        let [div, rule, generated @ ..] = behind.as_slice() else { continue };
        if storage.name(*div) != "div" || storage.name(*rule) != "hr" {
            continue;
        }
        let from = storage.nodes[*rule].range.end;
        // Only tables under headings that are generated again: anything else may be a person's.
        let is_own = |pair: &&[usize]| {
            matches!(storage.name(pair[0]), "h1" | "h2") && sections.contains(&storage.words(pair[0]).as_str()) && storage.name(pair[1]) == "table"
        };
        let run = generated.chunks_exact(2).take_while(is_own).last();
        places.push(run.map_or(from..from, |pair| from..storage.nodes[pair[1]].range.end));
    }
    let filled: Vec<&Range<usize>> = places.iter().filter(|place| !place.is_empty()).collect();
    match (filled.as_slice(), places.as_slice()) {
        ([one], _) => Ok(Some((*one).clone())),
        ([], []) => Ok(None),
        ([], [one]) => Ok(Some(one.clone())),
        _ => Err(Damage("the page has several headings \"Notes\" with a rule".to_owned())),
    }
}

#[cfg(test)]
mod tests;
