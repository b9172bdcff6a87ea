//! The seal of a cache file: a SHA-256 of the file in the file itself.
//!
//! Receipts and manifests hold the SHA-256 of the files that they name. Nothing names a cache (`staged/`, `packed/`,
//! `checkpoints/`), so each carries its own: 40 bytes between the last page and the footer, where Parquet readers, which find
//! everything by offset, do not look. Files of earlier versions have none and are taken as they are.

use std::{
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
};

use crate::{
    digest::{Sha256, unhex},
    error::{Error, Kind, Result},
};

/// What a seal begins with; 32 bytes of SHA-256 follow. The hash is of all bytes of the file but those of the seal.
const MARK: &[u8; 8] = b"ETLSEAL1";

/// Bytes of a seal.
const SEAL: usize = 40;

/// Length of the footer and magic bytes: what a Parquet file ends with.
const END: u64 = 8;

/// Bytes that are read at once.
const PIECE: usize = 128 << 10;

/// Seals a finished Parquet file of this disk.
///
/// # Errors
/// [`Kind::Io`] if it cannot be read or written, [`Kind::Internal`] if it is not a Parquet file.
pub fn seal(path: &Path) -> Result<()> {
    let mut file = fs_err::OpenOptions::new().read(true).write(true).open(path)?;
    let not_parquet = || Error::new(Kind::Internal, format!("`{}` is not a Parquet file", path.display()));
    let footer = footer_start(&mut file)?.ok_or_else(not_parquet)?;
    let mut hash = Sha256::new();
    file.rewind()?;
    hash_bytes(&mut file, footer, &mut hash)?;
    let mut rest = Vec::new();
    file.read_to_end(&mut rest)?;
    hash.update(&rest);
    file.seek(SeekFrom::Start(footer))?;
    let mut end = MARK.to_vec();
    end.extend(unhex(&hash.finish()));
    end.extend(rest);
    Ok(file.write_all(&end)?)
}

/// What is wrong with a Parquet file of this disk, as far as its seal shows it; `None` if nothing is, or if it has no seal.
///
/// # Errors
/// [`Kind::Io`] if it cannot be read.
pub(super) fn broken_seal(path: &Path) -> Result<Option<String>> {
    let mut file = fs_err::File::open(path)?;
    let Some(footer) = footer_start(&mut file)? else { return Ok(Some("it is not a complete Parquet file".to_owned())) };
    let Some(start) = footer.checked_sub(SEAL as u64) else { return Ok(None) };
    let mut seal = [0; SEAL];
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(&mut seal)?;
    let Some(expected) = seal.strip_prefix(MARK) else { return Ok(None) };
    let mut hash = Sha256::new();
    file.rewind()?;
    hash_bytes(&mut file, start, &mut hash)?;
    file.seek(SeekFrom::Start(footer))?;
    hash_bytes(&mut file, u64::MAX, &mut hash)?;
    Ok((unhex(&hash.finish()) != expected).then(|| "its checksum does not match".to_owned()))
}

/// SHA-256 of a file, lower-case hex.
pub(super) fn sha256_of(path: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    hash_bytes(&mut fs_err::File::open(path)?, u64::MAX, &mut hash)?;
    Ok(hash.finish())
}

/// Hashes up to `count` bytes from the file's position on.
fn hash_bytes(file: &mut fs_err::File, count: u64, hash: &mut Sha256) -> Result<()> {
    let mut piece = vec![0; PIECE];
    let mut left = count;
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let read = file.read(&mut piece[..most])?;
        if read == 0 {
            break;
        }
        hash.update(&piece[..read]);
        left -= read as u64;
    }
    Ok(())
}

/// Where the footer of a Parquet file begins; `None` if the file does not end like one.
fn footer_start(file: &mut fs_err::File) -> Result<Option<u64>> {
    let size = file.metadata()?.len();
    let Some(length_at) = size.checked_sub(END) else { return Ok(None) };
    file.seek(SeekFrom::Start(length_at))?;
    let mut end = [0; END as usize];
    file.read_exact(&mut end)?;
    let Some(length) = end.strip_suffix(b"PAR1") else { return Ok(None) };
    let length = u32::from_le_bytes(length.try_into().unwrap_or_default());
    Ok(length_at.checked_sub(length.into()).filter(|start| *start >= 4))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{Int32Array, RecordBatch},
        datatypes::{DataType, Field, Schema},
    };

    use super::*;
    use crate::lake::{
        WriteBudget,
        rows::read_batches,
        spool::{Finished, Spool, properties},
    };

    fn file() -> Finished {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int32, false)]));
        let mut spool = Spool::create(&WriteBudget::new(1 << 20, std::env::temp_dir()), schema.clone(), properties(&[])).unwrap();
        spool.write(&RecordBatch::try_new(schema, vec![Arc::new(Int32Array::from_iter_values(0..2_000))]).unwrap()).unwrap();
        spool.finish().unwrap()
    }

    #[test]
    fn sealed_files_are_read_by_everyone() {
        let file = file();
        assert_eq!(broken_seal(&file.path).unwrap(), None, "a file without a seal");
        seal(&file.path).unwrap();
        assert_eq!(fs_err::metadata(&file.path).unwrap().len(), file.bytes + SEAL as u64);
        assert_eq!(broken_seal(&file.path).unwrap(), None);
        let rows: usize = read_batches(&file.path, None).unwrap().map(|batch| batch.unwrap().num_rows()).sum();
        assert_eq!(rows, 2_000);
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let file = file();
        seal(&file.path).unwrap();
        let sound = fs_err::read(&file.path).unwrap();
        let mark = sound.windows(MARK.len()).position(|window| window == MARK).unwrap();
        for bit in (0..sound.len() * 8).step_by(13) {
            let mut flipped = sound.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs_err::write(&file.path, &flipped).unwrap();
            // In the mark itself it hides the seal, and harms nothing else. In the last bytes the footer is lost.
            let in_mark = (mark..mark + MARK.len()).contains(&(bit / 8));
            let in_length = bit / 8 >= sound.len() - 8;
            let found = broken_seal(&file.path).unwrap();
            assert!(found.is_some() || in_mark || (in_length && read_batches(&file.path, None).is_err()), "bit {bit}");
        }
        for length in [0, 1, 7, 8, 20, sound.len() - 1] {
            fs_err::write(&file.path, &sound[..length]).unwrap();
            assert!(broken_seal(&file.path).unwrap().is_some(), "{length} bytes");
        }
    }
}
