//! A Parquet file that grows on the local disk in bounded memory, hashed while it is written.

use std::io::{self, BufWriter, Write};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use parquet::{
    arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions},
    basic::{Compression, ZstdLevel},
    file::{
        metadata::KeyValue,
        properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder},
    },
};
use tempfile::TempPath;

use super::{
    budget::{Lease, WriteBudget},
    layout::{LAYOUT_KEY, LAYOUT_VERSION},
    receipt::{File, FileKind},
};
use crate::{
    digest::Sha256,
    error::{Error, Kind, OrFail, Result},
};

/// Bytes in memory at which a row group is flushed. Measured: a million records of 800 bytes peak at 26 MB so, and at
/// 320 MB as one row group.
pub(super) const ROW_GROUP: usize = 8 << 20;

/// Level of zstd. A higher one takes longer than everything else together, and what the lake reads back is read from there seldom.
pub(super) const ZSTD_LEVEL: i32 = 1;

/// Bytes that go to the disk at once; `parquet` hands them over 8 kB at a time.
const WRITE: usize = 128 << 10;

/// A finished local Parquet file. Dropping it removes the file.
#[derive(Debug)]
pub struct Finished {
    /// The file.
    pub path: TempPath,
    /// Its rows.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// Of its bytes, lower-case hex.
    pub sha256: String,
}

impl Finished {
    /// The entry in a receipt for this file, once it lies at `path` in the lake.
    pub fn file(&self, path: &str, kind: FileKind) -> File {
        File { path: path.to_owned(), kind, rows: self.rows, bytes: self.bytes, sha256: self.sha256.clone() }
    }
}

/// The writer of the smaller files: takes Arrow's batches, cuts row groups. [`super::RecordWriter`] does the same for records in its
/// own, quicker way, with what stands below.
pub(super) struct Spool {
    writer: ArrowWriter<SpoolFile>,
    lease: Lease,
    row_group: usize,
    rows: u64,
}

impl Spool {
    pub(super) fn create(budget: &WriteBudget, schema: SchemaRef, properties: WriterPropertiesBuilder) -> Result<Self> {
        Ok(Self { writer: arrow_writer(budget, schema, properties)?, lease: budget.lease(), row_group: ROW_GROUP, rows: 0 })
    }

    /// Cuts row groups at so many bytes in memory.
    pub(super) fn with_row_groups_of(mut self, bytes: usize) -> Self {
        self.row_group = bytes;
        self
    }

    /// Adds a batch; cuts a row group when this file or all files together hold enough.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch).map_err(|error| self.writer.inner().failed(error))?;
        let held = self.writer.memory_size();
        if self.lease.hold(held as u64) || held >= self.row_group {
            self.writer.flush().map_err(|error| self.writer.inner().failed(error))?;
            self.lease.hold(self.writer.memory_size() as u64);
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Finished> {
        self.writer.finish().map_err(|error| self.writer.inner().failed(error))?;
        self.writer.inner_mut().finished(self.rows)
    }
}

/// Begins a Parquet file in the budget's spool folder.
pub(super) fn arrow_writer(budget: &WriteBudget, schema: SchemaRef, properties: WriterPropertiesBuilder) -> Result<ArrowWriter<SpoolFile>> {
    // The Arrow schema is not embedded: Parquet's own types say everything (JSON, UTC timestamps), and readers of
    // other engines then see plain types where they know no Arrow extension.
    let options = ArrowWriterOptions::new().with_properties(properties.build()).with_skip_arrow_metadata(true);
    ArrowWriter::try_new_with_options(SpoolFile::create(budget)?, schema, options).or_fail(Kind::Internal, || "cannot begin a Parquet file")
}

/// What every Parquet file of the lake has in common: zstd level 1, no dictionary, coarse statistics, the versions.
///
/// Dictionaries cost a hash per value and are switched on where a column is constant. Payload columns must not have
/// statistics: a minimum and a maximum of documents helps nobody.
pub(super) fn properties(more: &[(&str, String)]) -> WriterPropertiesBuilder {
    let versions = [(LAYOUT_KEY, LAYOUT_VERSION.to_string()), ("etl.version", env!("CARGO_PKG_VERSION").to_owned())];
    let pairs = versions.iter().chain(more).map(|(key, value)| KeyValue::new((*key).to_owned(), value.clone()));
    WriterProperties::builder()
        .set_created_by(format!("etl {}", env!("CARGO_PKG_VERSION")))
        .set_compression(compression())
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_key_value_metadata(Some(pairs.collect()))
}

/// How every column with many values is compressed.
pub(super) fn compression() -> Compression {
    Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL).expect("it is a level of zstd"))
}

/// A new file on the local disk that hashes and counts what is written. Dropping it removes the file.
pub(super) struct SpoolFile {
    inner: BufWriter<fs_err::File>,
    path: Option<TempPath>,
    digest: Sha256,
    bytes: u64,
}

impl SpoolFile {
    fn create(budget: &WriteBudget) -> Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("").suffix(".part");
        let file = builder.tempfile_in(budget.folder());
        let (file, path) = file.or_fail(Kind::Io, || format!("cannot create a file in `{}`", budget.folder().display()))?.into_parts();
        let inner = BufWriter::with_capacity(WRITE, fs_err::File::from_parts(file, &*path));
        Ok(Self { inner, path: Some(path), digest: Sha256::new(), bytes: 0 })
    }

    /// Gives the file away, whose writer has written everything.
    pub(super) fn finished(&mut self, rows: u64) -> Result<Finished> {
        self.inner.flush().map_err(|error| self.failed(error.into()))?;
        let path = self.path.take().ok_or_else(|| Error::new(Kind::Internal, "a file was finished twice"))?;
        Ok(Finished { path, rows, bytes: self.bytes, sha256: self.digest.clone().finish() })
    }

    /// What a failure to write it means.
    pub(super) fn failed(&self, error: parquet::errors::ParquetError) -> Error {
        Error::new(Kind::Io, format!("cannot write `{}`", self.inner.get_ref().path().display()))
            .because(error)
            .hint("check the free space there; `ETL_DATA` chooses another data folder")
    }
}

impl Write for SpoolFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.digest.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::StringArray,
        datatypes::{DataType, Field, Schema},
    };

    use super::*;
    use crate::{digest::sha256, lake::rows::read_batches};

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("text", DataType::Utf8, false)]))
    }

    fn batch(rows: usize, length: usize) -> RecordBatch {
        // Text that does not compress: pseudo-random letters.
        let mut state = 7_u64;
        let mut letter = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'!' + u8::try_from((state >> 33) % 90).unwrap())
        };
        let values: Vec<String> = (0..rows).map(|_| (0..length).map(|_| letter()).collect()).collect();
        RecordBatch::try_new(schema(), vec![Arc::new(StringArray::from(values))]).unwrap()
    }

    #[test]
    fn size_and_hash_are_those_of_the_file() {
        let mut spool = Spool::create(&WriteBudget::new(1 << 20, std::env::temp_dir()), schema(), properties(&[])).unwrap();
        spool.write(&batch(10, 10)).unwrap();
        let finished = spool.finish().unwrap();
        let bytes = fs_err::read(&finished.path).unwrap();
        assert_eq!(finished.bytes, bytes.len() as u64);
        assert_eq!(finished.sha256, sha256(&bytes));
        assert_eq!(finished.rows, 10);
    }

    #[test]
    fn many_writers_keep_to_one_budget() {
        let limit = 8 << 20;
        let budget = WriteBudget::new(limit, std::env::temp_dir());
        let mut spools: Vec<_> = (0..8).map(|_| Spool::create(&budget, schema(), properties(&[])).unwrap()).collect();
        let batch = batch(100, 5_000);
        let mut peak = 0;
        for _ in 0..12 {
            for spool in &mut spools {
                spool.write(&batch).unwrap();
                peak = peak.max(budget.used());
            }
        }
        assert!(peak <= 2 * limit, "{peak}");
        assert!(peak >= limit / 2, "the budget is made use of: {peak}");
        for spool in spools {
            let finished = spool.finish().unwrap();
            let rows: usize = read_batches(&finished.path, None).unwrap().map(|batch| batch.unwrap().num_rows()).sum();
            assert_eq!(rows, 1_200);
        }
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_dropped_spool_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let budget = WriteBudget::new(1 << 20, folder.path());
        let mut spool = Spool::create(&budget, schema(), properties(&[])).unwrap();
        spool.write(&batch(10, 10)).unwrap();
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);
        drop(spool);
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 0);
    }
}
