//! The parameters of a request: `a=1&b=two+words&b=%C3%A9`.

/// Parameters in the order in which they were sent; a name may come several times.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads what stands after the `?`. A part without `=` is a name with an empty value.
    pub(super) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|part| !part.is_empty()).map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decoded(name), decoded(value))
        });
        Self(pairs.collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter().filter(move |(other, _)| *other == name).map(|(_, value)| value)
    }

    /// The parameters as they are written into a URL, `name` with this value.
    pub(super) fn with(&self, name: &str, value: &str) -> String {
        let mut written = url::form_urlencoded::Serializer::new(String::new());
        written.extend_pairs(self.iter().filter(|(own, _)| *own != name)).append_pair(name, value);
        written.finish()
    }

    /// The value of `name` as a number; text that is no number counts as absent.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.trim().parse().ok()
    }

    /// All values of `name`, each of which may itself be a list with commas.
    pub(super) fn words(&self, name: &str) -> Vec<String> {
        let parts = self.all(name).flat_map(|value| value.split(','));
        parts.map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
    }
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match (bytes[at], hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
                continue;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_escapes_blanks_and_repeated_names() {
        let query = Query::parse("id=1%2C2&id=3&q=a+b%C3%A9&flag&bad=%zz%");
        assert_eq!(query.words("id"), ["1", "2", "3"]);
        assert_eq!(query.get("q"), Some("a bé"));
        assert_eq!(query.get("flag"), Some(""));
        assert_eq!(query.get("bad"), Some("%zz%"));
        assert_eq!(query.number("q"), None);
        assert_eq!(query.get("absent"), None);
    }
}
