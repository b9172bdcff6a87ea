//! The canonical byte form of a row and its hash. Public and versioned: `docs/load.md` has it with the vectors below.
//!
//! ```text
//! row    = version:u8 value*          values in the contract's order, `insert_only` columns left out
//! value  = 00                         NULL
//!        | 01 i64                     SMALLINT, INTEGER, BIGINT
//!        | 02 f64 bits                DOUBLE
//!        | 03 length:u32 bytes        VARCHAR, TEXT: UTF-8
//!        | 04 i64                     DATE: days since 1970-01-01
//!        | 05 i64                     TIMESTAMP: seconds since 1970-01-01 00:00:00 UTC
//! ```
//! All numbers are big-endian. The hash is the first 8 bytes of the SHA-256 of that, as a big-endian i64.

use sha2::block_api::compress256;

use super::value::Value;

/// Version of the canonical form; the first byte of every row and a column of the ledger.
pub const HASH_VERSION: u8 = 1;

/// Builds the canonical form of one row after another in one buffer.
#[derive(Debug, Default)]
pub(super) struct Canonical {
    bytes: Vec<u8>,
}

impl Canonical {
    /// Starts a row.
    pub(super) fn start(&mut self) {
        self.bytes.clear();
        self.bytes.push(HASH_VERSION);
    }

    /// Appends one value.
    pub(super) fn push(&mut self, value: &Value<'_>) {
        match value {
            Value::Null => self.bytes.push(0),
            Value::Int(number) => self.number(1, *number),
            Value::Double(number) => self.number(2, number.to_bits().cast_signed()),
            Value::Text(text) => {
                self.bytes.push(3);
                // A Parquet value cannot reach 4 GB.
                self.bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
                self.bytes.extend_from_slice(text.as_bytes());
            }
            Value::Date(days) => self.number(4, i64::from(*days)),
            Value::Timestamp(seconds) => self.number(5, *seconds),
        }
    }

    fn number(&mut self, tag: u8, number: i64) {
        self.bytes.push(tag);
        self.bytes.extend_from_slice(&number.to_be_bytes());
    }

    /// The row's hash, as `_row_hash` holds it. Ends the row.
    pub(super) fn hash(&mut self) -> i64 {
        self.hash_and_digest().0
    }

    /// The row's hash, and 16 bytes of the same digest that stand for its values in memory. Ends the row.
    pub(super) fn hash_and_digest(&mut self) -> (i64, u128) {
        let words = self.sha256();
        let digest = words[..4].iter().fold(0, |digest, word| digest << 32 | u128::from(*word));
        let hash = u64::from(words[0]) << 32 | u64::from(words[1]);
        (hash.cast_signed(), digest)
    }

    /// What stands for a key in memory: a short row as it is, behind its length, 16 bytes of the digest of a longer one. Ends the row.
    pub(super) fn fingerprint(&mut self) -> u128 {
        if self.bytes.len() >= 16 {
            return self.hash_and_digest().1;
        }
        self.bytes.iter().fold(self.bytes.len() as u128, |print, byte| print << 8 | u128::from(*byte))
    }

    /// SHA-256 of the buffer. The padding is put right behind the row and the compression function is called once: without
    /// optimisation the convenient interface takes longer around the compression than the compression itself.
    fn sha256(&mut self) -> [u32; 8] {
        let bits = self.bytes.len() as u64 * 8;
        self.bytes.push(0x80);
        let padded = (self.bytes.len() + 8).next_multiple_of(64);
        self.bytes.resize(padded - 8, 0);
        self.bytes.extend_from_slice(&bits.to_be_bytes());
        let mut state = SHA256_START;
        compress256(&mut state, self.bytes.as_chunks().0);
        state
    }
}

/// FIPS 180-4, 5.3.3.
const SHA256_START: [u32; 8] = [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The hash of the values of one row.
pub fn row_hash(values: &[Value<'_>]) -> i64 {
    let mut canonical = Canonical::default();
    canonical.start();
    values.iter().for_each(|value| canonical.push(value));
    canonical.hash()
}

/// What a set of rows comes to: equal digests mean equal rows, because keys are hashed too and are unique.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SetDigest {
    pub(super) rows: u64,
    /// Sum of the low 32 bits of every hash.
    pub(super) low: u64,
    /// Sum of the high 32 bits of every hash, unsigned.
    pub(super) high: u64,
}

impl SetDigest {
    /// As the server gave it: three numbers.
    pub(super) fn of(columns: &[Value<'_>]) -> Self {
        let number = |index: usize| match columns.get(index) {
            Some(Value::Int(number)) => number.cast_unsigned(),
            _ => 0,
        };
        Self { rows: number(0), low: number(1), high: number(2) }
    }

    /// Adds all of another set.
    pub(super) fn add_all(&mut self, other: Self) {
        self.rows += other.rows;
        self.low += other.low;
        self.high += other.high;
    }

    /// Takes away a part of it; `None` = it is no part.
    pub(super) fn without(self, part: Self) -> Option<Self> {
        Some(Self { rows: self.rows.checked_sub(part.rows)?, low: self.low.checked_sub(part.low)?, high: self.high.checked_sub(part.high)? })
    }

    /// Adds a row.
    pub(super) fn add(&mut self, hash: i64) {
        let hash = hash.cast_unsigned();
        self.rows += 1;
        self.low += hash & 0xffff_ffff;
        self.high += hash >> 32;
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn hex(values: &[Value<'_>]) -> (String, i64) {
        let mut canonical = Canonical::default();
        canonical.start();
        values.iter().for_each(|value| canonical.push(value));
        (crate::digest::hex(&canonical.bytes), canonical.hash())
    }

    /// The golden vectors of docs/load.md. A change here needs a new [`HASH_VERSION`].
    #[test]
    fn golden_vectors() {
        let vectors: &[(&[Value<'_>], &str, i64)] = &[
            (&[], "01", 5_473_300_916_088_427_717),
            (&[Value::Null], "0100", 5_178_106_084_582_143_748),
            (&[Value::Text("".into())], "010300000000", 7_517_619_401_751_938_669),
            (&[Value::Int(1)], "01010000000000000001", -1_489_919_977_436_823_492),
            (&[Value::Int(-1)], "0101ffffffffffffffff", -977_347_672_923_228_673),
            (&[Value::Double(1.5)], "01023ff8000000000000", 6_634_358_492_198_835_073),
            (&[Value::Text("é😀".into())], "010300000006c3a9f09f9880", 268_806_728_753_335_657),
            (&[Value::Date(20_089)], "01040000000000004e79", -946_744_910_135_100_754),
            (&[Value::Timestamp(-1)], "0105ffffffffffffffff", 6_542_029_320_251_521_259),
            (&[Value::Int(17), Value::Null, Value::Text("a".into())], "0101000000000000001100030000000161", -513_180_911_049_223_206),
        ];
        for (values, bytes, hash) in vectors {
            let (got_bytes, got_hash) = hex(values);
            assert_eq!((got_bytes.as_str(), got_hash), (*bytes, *hash), "{values:?}");
        }
    }

    #[test]
    fn the_digest_is_sha256_at_every_length() {
        for length in 0..300 {
            let mut canonical = Canonical { bytes: vec![0xa5; length] };
            let want = Sha256::digest(&canonical.bytes);
            let (hash, digest) = canonical.hash_and_digest();
            assert_eq!(hash.to_be_bytes(), want[..8], "{length}");
            assert_eq!(digest.to_be_bytes(), want[..16], "{length}");
        }
    }

    #[test]
    fn short_keys_stand_for_themselves() {
        let print = |values: &[Value<'_>]| {
            let mut canonical = Canonical::default();
            canonical.start();
            values.iter().for_each(|value| canonical.push(value));
            canonical.fingerprint()
        };
        assert_eq!(print(&[Value::Int(1)]), 0x0a_0101_0000_0000_0000_0001);
        let keys: [&[Value<'_>]; 7] = [
            &[],
            &[Value::Null],
            &[Value::Null, Value::Null],
            &[Value::Int(0)],
            &[Value::Text("".into())],
            &[Value::Text("abcdefghi".into())],
            &[Value::Text("abcdefghij".into())],
        ];
        let prints: std::collections::BTreeSet<u128> = keys.iter().map(|key| print(key)).collect();
        assert_eq!(prints.len(), keys.len());
    }

    #[test]
    fn what_differs_hashes_differently() {
        assert_ne!(row_hash(&[Value::Null]), row_hash(&[Value::Text("".into())]));
        assert_ne!(row_hash(&[Value::Text("ab".into()), Value::Text("c".into())]), row_hash(&[Value::Text("a".into()), Value::Text("bc".into())]));
        assert_ne!(row_hash(&[Value::Int(1)]), row_hash(&[Value::Date(1)]));
    }
}
