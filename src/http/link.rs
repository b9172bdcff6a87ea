//! The header `Link` (RFC 8288). Pure.

/// One link of the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Absolute or relative URL.
    pub target: String,
    attributes: Vec<(String, String)>,
}

impl Link {
    /// The first attribute of this name, in any case.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// The first link with the relation `next`.
///
/// # Errors
/// What is wrong with the header: a list must not end early because its header cannot be read.
pub fn next_link(header: &str) -> Result<Option<Link>, String> {
    let is_next = |link: &Link| link.attribute("rel").is_some_and(|rel| rel.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("next")));
    Ok(links(header)?.into_iter().find(is_next))
}

fn links(header: &str) -> Result<Vec<Link>, String> {
    let wrong = |what: &str| format!("the header `Link` {what}: `{}`", header.chars().take(200).collect::<String>());
    let mut links = Vec::new();
    // Empty elements are allowed: `, <a>`.
    let mut rest = header.trim_start_matches([' ', '\t', ',']);
    while !rest.is_empty() {
        let inside = rest.strip_prefix('<').ok_or_else(|| wrong("has something before a `<`"))?;
        let (target, after) = inside.split_once('>').ok_or_else(|| wrong("has a `<` without a `>`"))?;
        let mut link = Link { target: target.trim().to_owned(), attributes: Vec::new() };
        rest = after.trim_start();
        while let Some(after) = rest.strip_prefix(';') {
            let after = after.trim_start();
            let end = after.find([';', ',', '=']).unwrap_or(after.len());
            let (name, mut value) = (after[..end].trim(), String::new());
            rest = &after[end..];
            if let Some(after) = rest.strip_prefix('=') {
                (value, rest) = attribute_value(after.trim_start()).ok_or_else(|| wrong("has a quote without an end"))?;
            }
            rest = rest.trim_start();
            if !name.is_empty() {
                link.attributes.push((name.to_owned(), value));
            }
        }
        if !rest.is_empty() && !rest.starts_with(',') {
            return Err(wrong("has something after a value"));
        }
        rest = rest.trim_start_matches([' ', '\t', ',']);
        links.push(link);
    }
    Ok(links)
}

/// A value, quoted or not, and what follows it.
fn attribute_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',']).unwrap_or(text.len());
        return Some((text[..end].trim().to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_next_one() {
        let github = r#"<https://api.github.com/repositories/617210/issues?page=2>; rel="next", <https://api.github.com/repositories/617210/issues?page=21>; rel="last""#;
        let cases = [
            (github, Some("https://api.github.com/repositories/617210/issues?page=2")),
            (r#"<a>; rel="prev", <b>; rel="last""#, None),
            ("<a>;rel=next", Some("a")),
            (r#"<a>; REL="first NEXT""#, Some("a")),
            // A comma and a semicolon inside a URL or a quoted text separate nothing.
            (r#"<a?x=1,2;3>; title="x, <y>; rel=\"next\""; rel="prev", , <b,c>; rel="next""#, Some("b,c")),
            (r#"<a>; rel="next"; rel="prev""#, Some("a")),
            (r#"<a>; rel="prev"; rel="next""#, None),
            ("<a>; rel", None),
            ("", None),
        ];
        for (header, expected) in cases {
            assert_eq!(next_link(header).unwrap().map(|link| link.target).as_deref(), expected, "{header}");
        }
        let link = next_link(r#"<a>; rel="next"; Results="tr\"ue""#).unwrap().unwrap();
        assert_eq!(link.attribute("results"), Some("tr\"ue"));
    }

    #[test]
    fn what_cannot_be_read_is_no_end() {
        for (header, part) in [
            ("a; rel=next", "something before a `<`"),
            ("<a; rel=next", "without a `>`"),
            (r#"<a>; rel="next"#, "quote without an end"),
            (r#"<a>; rel="next" x"#, "something after a value"),
        ] {
            let message = next_link(header).unwrap_err();
            assert!(message.contains(part), "{header}: {message}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_read_without_panic(header in "[<>;,=\"\\\\ a-z/é\t]{0,40}") {
            if let Err(message) = next_link(&header) {
                proptest::prop_assert!(message.starts_with("the header `Link` "), "{}", message);
            }
        }
    }
}
