//! Column chunks of Parquet whose pages are assembled here, where Arrow's writer would copy and look at every value several times.
//!
//! Two kinds are enough: [`Texts`], large texts one after the other, and [`constant`], one text for all rows. Everything else
//! of a file (the other columns, row groups, footer) is left to the `parquet` crate, which also writes the page headers.

use std::io::Write;

use bytes::Bytes;
use parquet::{
    basic::{Compression, Encoding},
    column::{
        page::{CompressedPage, Page, PageWriter},
        writer::ColumnCloseResult,
    },
    data_type::ByteArray,
    errors::{ParquetError, Result},
    file::{
        metadata::{ColumnChunkMetaData, ColumnChunkMetaDataBuilder},
        statistics::{Statistics, ValueStatistics},
        writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite},
    },
    schema::types::ColumnDescPtr,
};

use super::spool::{ZSTD_LEVEL, compression};

/// Bytes of text in one page. A quarter of it is no quicker and takes 3% more room.
const PAGE: usize = 1 << 20;

/// A finished chunk: what [`parquet::file::writer::SerializedRowGroupWriter::append_column`] takes.
pub(super) type Chunk = (Bytes, ColumnCloseResult);

/// A column of texts without nulls, dictionary or statistics. Each text is copied once, into the page that zstd then reads;
/// the page's memory and zstd's are used again for the next one.
pub(super) struct Texts {
    column: ColumnDescPtr,
    /// The page in the making: each text behind its length.
    page: Vec<u8>,
    page_values: u32,
    compressed: Vec<u8>,
    zstd: zstd::bulk::Compressor<'static>,
    chunk: Pages,
}

impl Texts {
    /// The column at `index` of `file`.
    pub(super) fn new<W: Write + Send>(file: &SerializedFileWriter<W>, index: usize) -> Result<Self> {
        Ok(Self {
            column: file.schema_descr().column(index),
            page: Vec::new(),
            page_values: 0,
            compressed: Vec::new(),
            zstd: zstd::bulk::Compressor::new(ZSTD_LEVEL)?,
            chunk: Pages::new(),
        })
    }

    /// Adds a text.
    pub(super) fn push(&mut self, text: &str) -> Result<()> {
        if self.page_values > 0 && self.page.len() + text.len() > PAGE {
            self.end_page()?;
        }
        let length = u32::try_from(text.len()).map_err(|_| ParquetError::General("a text of over 4 GB".to_owned()))?;
        self.page.extend_from_slice(&length.to_le_bytes());
        self.page.extend_from_slice(text.as_bytes());
        self.page_values += 1;
        Ok(())
    }

    /// Bytes that are held for the chunk.
    pub(super) fn memory_size(&self) -> usize {
        self.page.len() + self.chunk.bytes()
    }

    /// Ends the chunk; the next text begins another.
    pub(super) fn finish(&mut self) -> Result<Chunk> {
        self.end_page()?;
        let about = ColumnChunkMetaData::builder(self.column.clone())
            .set_compression(compression())
            .set_encodings(vec![Encoding::PLAIN, Encoding::RLE])
            .set_data_page_offset(0);
        std::mem::replace(&mut self.chunk, Pages::new()).finish(about)
    }

    fn end_page(&mut self) -> Result<()> {
        if self.page_values == 0 {
            return Ok(());
        }
        self.compressed.clear();
        self.compressed.reserve(zstd::zstd_safe::compress_bound(self.page.len()));
        self.zstd.compress_to_buffer(&self.page, &mut self.compressed)?;
        self.chunk.data(Bytes::copy_from_slice(&self.compressed), self.page.len(), self.page_values, Encoding::PLAIN)?;
        self.page.clear();
        self.page_values = 0;
        // One huge text must not keep its memory for the rest of the file.
        self.page.shrink_to(2 * PAGE);
        self.compressed.shrink_to(2 * PAGE);
        Ok(())
    }
}

/// A chunk of `rows` times the same text: a dictionary of one entry and one run of it. With `bounds` it has the statistics of
/// a column that can be filtered by.
pub(super) fn constant(column: ColumnDescPtr, text: &str, rows: u32, bounds: bool) -> Result<Chunk> {
    let mut pages = Pages::new();
    let entry = [&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes(), text.as_bytes()].concat();
    let uncompressed = entry.len();
    pages.write(Page::DictionaryPage { buf: entry.into(), num_values: 1, encoding: Encoding::PLAIN, is_sorted: false }, uncompressed)?;
    let after_dictionary = pages.bytes();
    // Indices of one entry need no bits: a width of 0, then the length of the run shifted by one (a set lowest bit would
    // mean packed bits) in groups of seven bits, the lowest first.
    let mut run = vec![0];
    let mut length = u64::from(rows) << 1;
    while length >= 0x80 {
        run.push(length.to_le_bytes()[0] | 0x80);
        length >>= 7;
    }
    run.push(length.to_le_bytes()[0]);
    let uncompressed = run.len();
    pages.data(run.into(), uncompressed, rows, Encoding::RLE_DICTIONARY)?;
    let mut about = ColumnChunkMetaData::builder(column)
        .set_compression(Compression::UNCOMPRESSED)
        .set_encodings(vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY])
        .set_dictionary_page_offset(Some(0))
        .set_data_page_offset(i64::try_from(after_dictionary).unwrap_or(i64::MAX));
    if bounds {
        let bound = Some(ByteArray::from(text));
        about = about.set_statistics(Statistics::ByteArray(ValueStatistics::new(bound.clone(), bound, None, Some(0), false)));
    }
    pages.finish(about)
}

/// Pages one after the other, in memory.
struct Pages {
    sink: TrackedWrite<Vec<u8>>,
    uncompressed: usize,
    rows: u32,
}

impl Pages {
    fn new() -> Self {
        Self { sink: TrackedWrite::new(Vec::new()), uncompressed: 0, rows: 0 }
    }

    fn bytes(&self) -> usize {
        self.sink.bytes_written()
    }

    /// Adds a page of values without nulls.
    fn data(&mut self, buf: Bytes, uncompressed: usize, num_values: u32, encoding: Encoding) -> Result<()> {
        self.rows += num_values;
        let (def_level_encoding, rep_level_encoding) = (Encoding::RLE, Encoding::RLE);
        self.write(Page::DataPage { buf, num_values, encoding, def_level_encoding, rep_level_encoding, statistics: None }, uncompressed)
    }

    fn write(&mut self, page: Page, uncompressed: usize) -> Result<()> {
        let written = SerializedPageWriter::new(&mut self.sink).write_page(CompressedPage::new(page, uncompressed))?;
        // With the header.
        self.uncompressed += written.uncompressed_size;
        Ok(())
    }

    fn finish(self, about: ColumnChunkMetaDataBuilder) -> Result<Chunk> {
        let data = self.sink.into_inner()?;
        let count = |bytes: usize| i64::try_from(bytes).unwrap_or(i64::MAX);
        let metadata = about
            .set_total_compressed_size(count(data.len()))
            .set_total_uncompressed_size(count(self.uncompressed))
            .set_num_values(i64::from(self.rows))
            .build()?;
        let close = ColumnCloseResult {
            bytes_written: data.len() as u64,
            rows_written: u64::from(self.rows),
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        Ok((data.into(), close))
    }
}
