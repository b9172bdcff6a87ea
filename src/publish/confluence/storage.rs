//! Confluence's storage format as a tree of byte ranges over the text itself: nothing is ever written from it, so whatever a
//! page holds (CDATA, macros, entities, comments, case, self-closing tags) stays byte for byte.

use std::ops::Range;

/// A page that is not well-formed: where, in bytes, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Offset into the text.
    pub at: usize,
    /// What is wrong there.
    pub what: String,
}

/// A node of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node<'t> {
    /// What it is.
    pub kind: Kind<'t>,
    /// The element that it stands in; `None` at the top.
    pub parent: Option<usize>,
    /// All of it, tags included.
    pub range: Range<usize>,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind<'t> {
    /// An element: its name, the text between name and `>`, and what stands between its tags.
    Element { name: &'t str, attributes: &'t str, inner: Range<usize> },
    /// Text, entities as they are written.
    Text,
    /// `<!-- … -->`; the text inside.
    Comment(&'t str),
    /// `<![CDATA[ … ]]>`; the text inside.
    CData(&'t str),
    /// A processing instruction or a declaration.
    Other,
}

/// All nodes of a page, each before those inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage<'t> {
    /// The text.
    pub text: &'t str,
    /// In the order in which they begin.
    pub nodes: Vec<Node<'t>>,
}

impl<'t> Storage<'t> {
    /// Reads a page.
    ///
    /// # Errors
    /// Where tags do not match or something is not closed.
    pub fn parse(text: &'t str) -> Result<Self, Broken> {
        let mut nodes: Vec<Node<'t>> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let parent = open.last().copied();
            let rest = &text[at..];
            let mut add = |kind, end: usize| {
                nodes.push(Node { kind, parent, range: at..end });
                end
            };
            at = if !rest.starts_with('<') {
                add(Kind::Text, at + rest.find('<').unwrap_or(rest.len()))
            } else if let Some(body) = rest.strip_prefix("<!--") {
                let length = until(body, "-->", at, "a comment")?;
                add(Kind::Comment(&body[..length]), at + 4 + length + 3)
            } else if let Some(body) = rest.strip_prefix("<![CDATA[") {
                let length = until(body, "]]>", at, "a CDATA section")?;
                add(Kind::CData(&body[..length]), at + 9 + length + 3)
            } else if rest.starts_with("<?") {
                let length = until(rest, "?>", at, "a processing instruction")?;
                add(Kind::Other, at + length + 2)
            } else if rest.starts_with("<!") {
                let length = until(rest, ">", at, "a declaration")?;
                add(Kind::Other, at + length + 1)
            } else if rest.starts_with("</") {
                let length = until(rest, ">", at, "a closing tag")?;
                let name = rest[2..length].trim_end();
                let end = at + length + 1;
                let Some(element) = open.pop() else { return Err(broken(at, format!("`</{name}>` closes nothing"))) };
                let node = &mut nodes[element];
                if let Kind::Element { name: opened, inner, .. } = &mut node.kind {
                    if *opened != name {
                        return Err(broken(at, format!("`</{name}>` stands where `</{opened}>` is due")));
                    }
                    inner.end = at;
                }
                node.range.end = end;
                end
            } else {
                let (name, attributes, end, empty) = tag(text, at)?;
                let kind = Kind::Element { name, attributes, inner: end..end };
                add(kind, end);
                if !empty {
                    open.push(nodes.len() - 1);
                }
                end
            };
        }
        match open.pop() {
            Some(element) => Err(broken(nodes[element].range.start, "an element is never closed")),
            None => Ok(Self { text, nodes }),
        }
    }

    /// The nodes that stand directly in `parent`.
    pub fn children(&self, parent: Option<usize>) -> impl Iterator<Item = usize> {
        (0..self.nodes.len()).filter(move |index| self.nodes[*index].parent == parent)
    }

    /// The name of an element; empty for anything else.
    pub fn name(&self, node: usize) -> &'t str {
        match &self.nodes[node].kind {
            Kind::Element { name, .. } => name,
            _ => "",
        }
    }

    /// The value of an attribute, as it is written.
    pub fn attribute(&self, node: usize, wanted: &str) -> Option<&'t str> {
        let Kind::Element { attributes, .. } = &self.nodes[node].kind else { return None };
        pairs(attributes).find(|(name, _)| *name == wanted).map(|(_, value)| value)
    }

    /// The text inside an element: of text and CDATA, tags left out, trimmed.
    pub fn words(&self, node: usize) -> String {
        let Kind::Element { inner, .. } = &self.nodes[node].kind else { return String::new() };
        let mut words = String::new();
        for inside in self.nodes.iter().filter(|inside| inside.range.start >= inner.start && inside.range.end <= inner.end) {
            match inside.kind {
                Kind::Text => words.push_str(&self.text[inside.range.clone()]),
                Kind::CData(text) => words.push_str(text),
                _ => {}
            }
        }
        words.trim().to_owned()
    }

    /// The elements around a node, the innermost first.
    pub fn ancestors(&self, node: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.nodes[node].parent, |above| self.nodes[*above].parent)
    }

    /// Whether a node says nothing: white space, a comment.
    pub fn is_blank(&self, node: usize) -> bool {
        match self.nodes[node].kind {
            Kind::Text => self.text[self.nodes[node].range.clone()].trim().is_empty(),
            Kind::Comment(_) => true,
            _ => false,
        }
    }
}

fn broken(at: usize, what: impl Into<String>) -> Broken {
    Broken { at, what: what.into() }
}

fn until(text: &str, end: &str, at: usize, what: &str) -> Result<usize, Broken> {
    text.find(end).ok_or_else(|| broken(at, format!("{what} is never closed")))
}

/// Reads an opening tag: name, attributes, the end of the tag, and whether it closes itself.
fn tag(text: &str, at: usize) -> Result<(&str, &str, usize, bool), Broken> {
    let inside = &text[at + 1..];
    let length = inside.find(|c: char| c.is_whitespace() || matches!(c, '/' | '>' | '<' | '"' | '\'' | '=')).unwrap_or(inside.len());
    let name = &inside[..length];
    if !name.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | ':')) {
        return Err(broken(at, "a `<` begins no tag"));
    }
    let mut quote = None;
    for (offset, byte) in inside.bytes().enumerate().skip(length) {
        match (quote, byte) {
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'<') => break,
            (None, b'>') => {
                let within = &inside[length..offset];
                let empty = within.ends_with('/');
                return Ok((name, within.strip_suffix('/').unwrap_or(within), at + 1 + offset + 1, empty));
            }
            _ => {}
        }
    }
    Err(broken(at, format!("`<{name}` is never closed")))
}

/// Names and values of attributes; what is none is passed over.
fn pairs(attributes: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = attributes;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start();
            let equals = rest.find('=')?;
            let name = rest[..equals].trim_end();
            let value = rest[equals + 1..].trim_start();
            let quote = value.chars().next()?;
            if !matches!(quote, '"' | '\'') {
                rest = value;
                continue;
            }
            let length = value[1..].find(quote)?;
            let found = (name.rsplit(char::is_whitespace).next().unwrap_or(name), &value[1..=length]);
            rest = &value[length + 2..];
            return Some(found);
        }
    })
}
