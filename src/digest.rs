//! SHA-256 and hexadecimal: what files are known by, and what says that two definitions are the same.

use std::fmt::Write;

use aws_lc_rs::digest::{Context, SHA256, digest};

/// SHA-256 of what comes piece by piece.
#[derive(Clone)]
pub struct Sha256(Context);

impl Sha256 {
    /// Of nothing so far.
    pub fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    /// Takes the next piece.
    pub fn update(&mut self, piece: impl AsRef<[u8]>) {
        self.0.update(piece.as_ref());
    }

    /// The digest of all pieces, lower-case hex.
    pub fn finish(self) -> String {
        hex(self.0.finish().as_ref())
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

/// SHA-256 of `bytes`, lower-case hex.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex(digest(&SHA256, bytes.as_ref()).as_ref())
}

/// The first `bytes` bytes of the SHA-256 of `text`, lower-case hex: a name for it, where nobody tries to forge one.
pub fn short(text: &str, bytes: usize) -> String {
    let mut name = sha256(text);
    name.truncate(2 * bytes);
    name
}

/// The bytes that pairs of hex digits stand for; what is not a pair is left out.
pub fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_digests() {
        assert_eq!(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(short("abc", 4), "ba7816bf");
        let mut pieces = Sha256::new();
        pieces.update("a");
        pieces.update(b"bc");
        assert_eq!(pieces.finish(), sha256("abc"));
    }
}
