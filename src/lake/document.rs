//! The JSON documents of the lake (receipts, manifests, run log): one line, written once, with a version.

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::store::Lake;
use crate::{
    digest::{Sha256, sha256},
    error::{Error, Kind, OrFail, Result},
};

impl Lake {
    /// Writes a document unless there is one. The same one again is fine: the answer to the first write may have been lost.
    pub(super) async fn put_document(&self, path: &str, document: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_vec(document).or_fail(Kind::Internal, || format!("cannot write `{path}` as JSON"))?;
        sign(&mut text);
        text.push(b'\n');
        if self.put_new(path, Bytes::from(text)).await?.is_written() {
            return Ok(());
        }
        Err(Error::new(Kind::Lake, format!("`{path}` exists and says something else")).hint("two processes used the same id; nothing was replaced"))
    }
}

/// Parses the document found at `path`; `newest` is the newest version that this program knows.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8], path: &str, newest: u32) -> Result<T> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    if !is_intact(bytes) {
        return Err(Error::new(Kind::Lake, format!("`{path}` is damaged: its checksum does not match")).hint(remedy(path)));
    }
    // The version first: a newer document may have another shape altogether.
    let damaged = |error: serde_json::Error| Error::new(Kind::Lake, format!("`{path}` is damaged")).because(error).hint(remedy(path));
    let Version { version } = serde_json::from_slice(bytes).map_err(damaged)?;
    if version > newest {
        return Err(Error::new(Kind::Lake, format!("`{path}` has version {version}; this `etl` reads up to {newest}"))
            .hint("a newer `etl` wrote it; install that version"));
    }
    serde_json::from_slice(bytes).map_err(damaged)
}

/// What the last member of a document begins and ends with. Between them is the SHA-256 of the document without that member.
const CHECK: (&[u8], &[u8]) = (b",\"check\":\"", b"\"}");

/// Characters of a SHA-256.
const HEX: usize = 64;

/// Adds the checksum to a JSON object.
pub(super) fn sign(text: &mut Vec<u8>) {
    let check = sha256(&*text);
    text.pop();
    text.extend_from_slice(CHECK.0);
    text.extend_from_slice(check.as_bytes());
    text.extend_from_slice(CHECK.1);
}

/// Whether a document is as it was written, as far as it has a checksum: those of earlier versions have none.
pub(super) fn is_intact(text: &[u8]) -> bool {
    let text = text.trim_ascii_end();
    let Some(start) = text.len().checked_sub(CHECK.0.len() + HEX + CHECK.1.len()) else { return true };
    let (document, member) = text.split_at(start);
    match member.strip_prefix(CHECK.0).and_then(|rest| rest.strip_suffix(CHECK.1)) {
        Some(check) => {
            let mut hash = Sha256::new();
            hash.update(document);
            hash.update(b"}");
            hash.finish().as_bytes() == check
        }
        None => true,
    }
}

/// What to do about a document that was damaged after it was written.
fn remedy(path: &str) -> &'static str {
    match path.split_once('/') {
        Some(("receipts", _)) => "bring it back, or move it away: nothing of its pull is read then, and the next `etl extract` asks again",
        Some(("marts", _)) => "move it away and run `etl transform`, which computes the table again",
        Some(("runs", _)) => "move it away: it is part of the run log, which no table depends on",
        _ => "bring it back, or move it away",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Note {
        version: u32,
        text: String,
    }

    #[tokio::test]
    async fn the_same_document_twice_is_fine_another_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path().to_str().unwrap()).unwrap();
        let note = |text: &str| Note { version: 1, text: text.into() };
        lake.put_document("a.json", &note("first")).await.unwrap();
        lake.put_document("a.json", &note("first")).await.unwrap();
        let error = lake.put_document("a.json", &note("second")).await.unwrap_err();
        assert_eq!(error.to_string(), "`a.json` exists and says something else");
        let check = sha256("{\"version\":1,\"text\":\"first\"}");
        let text = format!("{{\"version\":1,\"text\":\"first\",\"check\":\"{check}\"}}\n");
        assert_eq!(lake.get("a.json").await.unwrap(), text);
        assert_eq!(parse::<Note>(text.as_bytes(), "a.json", 1).unwrap(), note("first"));
        for bit in 0..text.len() * 8 {
            let mut flipped = text.clone().into_bytes();
            flipped[bit / 8] ^= 1 << (bit % 8);
            match parse::<Note>(&flipped, "a.json", 1) {
                Ok(read) => assert_eq!(read, note("first"), "bit {bit}"),
                Err(error) => assert!(error.to_string().starts_with("`a.json` "), "bit {bit}: {error}"),
            }
        }
    }

    #[test]
    fn newer_and_damaged_documents_are_refused() {
        let parse = |text: &str| parse::<Note>(text.as_bytes(), "a.json", 1);
        assert_eq!(parse(r#"{"version":1,"text":"x"}"#).unwrap().text, "x");
        let newer = parse(r#"{"version":2,"words":[]}"#).unwrap_err();
        assert_eq!(newer.to_string(), "`a.json` has version 2; this `etl` reads up to 1");
        assert_eq!(newer.remedy(), Some("a newer `etl` wrote it; install that version"));
        for text in ["", "{", "{}", r#"{"version":1}"#] {
            assert_eq!(parse(text).unwrap_err().to_string(), "`a.json` is damaged");
        }
    }
}
