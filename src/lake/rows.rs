//! Reads a local Parquet file batch by batch, as a whole or one row group after another.

use std::path::{Path, PathBuf};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder},
};

use crate::error::{Error, Kind, OrFail, Result};

/// Rows of one batch.
const BATCH_ROWS: usize = 4096;

/// The batches of a file, in its order. See [`read_batches`].
pub struct Batches {
    reader: ParquetRecordBatchReader,
    schema: SchemaRef,
    order: Vec<usize>,
    name: String,
}

impl Batches {
    /// The columns that the batches have.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }
}

/// A local Parquet file whose row groups are read by themselves, from several threads if need be.
pub struct RowGroups {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
}

impl RowGroups {
    /// Opens a file and reads its footer.
    ///
    /// # Errors
    /// [`Kind::Io`] if the file cannot be opened, [`Kind::Lake`] if it is no whole Parquet file.
    pub fn open(path: &Path) -> Result<Self> {
        let file = fs_err::File::open(path)?.into_file();
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::default())
            .or_fail(Kind::Lake, || format!("`{}` is no whole Parquet file", path.display()))?;
        Ok(Self { path: path.to_owned(), metadata })
    }

    /// The rows of each group.
    pub fn rows(&self) -> Vec<usize> {
        // A count of rows is never negative.
        self.metadata.metadata().row_groups().iter().map(|group| usize::try_from(group.num_rows()).unwrap_or(0)).collect()
    }

    /// The batches of one group; `columns` as in [`read_batches`].
    ///
    /// # Errors
    /// As [`read_batches`].
    pub fn read(&self, group: usize, columns: Option<&[&str]>) -> Result<Batches> {
        self.batches(Some(group), columns)
    }

    fn batches(&self, group: Option<usize>, columns: Option<&[&str]>) -> Result<Batches> {
        let name = self.path.display().to_string();
        let file = fs_err::File::open(&self.path)?.into_file();
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone()).with_batch_size(BATCH_ROWS);
        let builder = match group {
            None => builder,
            Some(group) => builder.with_row_groups(vec![group]),
        };
        let all = builder.schema().clone();
        let wanted: Vec<usize> = match columns {
            None => (0..all.fields().len()).collect(),
            Some(columns) => columns
                .iter()
                .map(|column| {
                    all.index_of(column).map_err(|_| {
                        let there: Vec<&str> = all.fields().iter().map(|field| field.name().as_str()).collect();
                        Error::new(Kind::Lake, format!("`{name}` has no column `{column}`; it has `{}`", there.join("`, `")))
                    })
                })
                .collect::<Result<_>>()?,
        };
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted.iter().copied());
        let reader = builder.with_projection(mask).build().or_fail(Kind::Lake, || format!("cannot read `{name}`"))?;
        // The reader keeps the file's order; `order` brings the columns into the caller's.
        let mut kept = wanted.clone();
        kept.sort_unstable();
        kept.dedup();
        let order = wanted.iter().filter_map(|column| kept.binary_search(column).ok()).collect();
        let schema = all.project(&wanted).or_fail(Kind::Internal, || "cannot project a schema")?.into();
        Ok(Batches { reader, schema, order, name })
    }
}

/// Opens a local Parquet file; `columns` names the ones wanted, in the order wanted (`None` = all, as they lie).
///
/// # Errors
/// [`Kind::Io`] if the file cannot be opened, [`Kind::Lake`] if it is no whole Parquet file or lacks a column. The items
/// fail with [`Kind::Lake`] where the file is damaged.
pub fn read_batches(path: &Path, columns: Option<&[&str]>) -> Result<Batches> {
    RowGroups::open(path)?.batches(None, columns)
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(batch.and_then(|batch| batch.project(&self.order)).or_fail(Kind::Lake, || format!("cannot read `{}`", self.name)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{AsArray, Int32Array, StringArray},
        datatypes::{DataType, Field, Int32Type, Schema},
    };

    use super::*;
    use crate::lake::{WriteBudget, spool};

    fn file(rows: i32) -> spool::Finished {
        let schema = Arc::new(Schema::new(vec![
            Field::new("a", DataType::Int32, false),
            Field::new("b", DataType::Utf8, false),
            Field::new("c", DataType::Int32, false),
        ]));
        let mut spool = spool::Spool::create(&WriteBudget::new(1 << 20, std::env::temp_dir()), schema.clone(), spool::properties(&[])).unwrap();
        let numbers = Int32Array::from_iter_values(0..rows);
        let texts = StringArray::from_iter_values((0..rows).map(|row| row.to_string()));
        let squares = Int32Array::from_iter_values((0..rows).map(|row| row * 2));
        spool.write(&RecordBatch::try_new(schema, vec![Arc::new(numbers), Arc::new(texts), Arc::new(squares)]).unwrap()).unwrap();
        spool.finish().unwrap()
    }

    #[test]
    fn columns_come_in_the_order_asked_for() {
        let file = file(10_000);
        let mut rows = 0;
        for batch in read_batches(&file.path, Some(&["c", "a"])).unwrap() {
            let batch = batch.unwrap();
            assert_eq!(batch.num_columns(), 2);
            let (doubled, plain) = (batch.column(0).as_primitive::<Int32Type>(), batch.column(1).as_primitive::<Int32Type>());
            assert!(doubled.values().iter().zip(plain.values()).all(|(double, single)| *double == 2 * *single));
            rows += batch.num_rows();
        }
        assert_eq!(rows, 10_000);
        assert_eq!(read_batches(&file.path, Some(&["c", "a"])).unwrap().schema().field(0).name(), "c");
        assert_eq!(read_batches(&file.path, None).unwrap().schema().fields().len(), 3);
    }

    #[test]
    fn row_groups_are_read_by_themselves() {
        let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int32, false)]));
        let path = tempfile::NamedTempFile::new().unwrap();
        let properties = parquet::file::properties::WriterProperties::builder().set_max_row_group_row_count(Some(5_000)).build();
        let mut writer = parquet::arrow::ArrowWriter::try_new(path.as_file(), Arc::clone(&schema), Some(properties)).unwrap();
        writer.write(&RecordBatch::try_new(schema, vec![Arc::new(Int32Array::from_iter_values(0..12_000))]).unwrap()).unwrap();
        writer.close().unwrap();
        let groups = RowGroups::open(path.path()).unwrap();
        assert_eq!(groups.rows(), [5_000, 5_000, 2_000]);
        let last: Vec<i32> =
            groups.read(2, Some(&["a"])).unwrap().flat_map(|batch| batch.unwrap().column(0).as_primitive::<Int32Type>().values().to_vec()).collect();
        assert_eq!(last, (10_000..12_000).collect::<Vec<_>>());
    }

    #[test]
    fn unknown_columns_and_torn_files_are_named() {
        let file = file(10);
        let name = file.path.display().to_string();
        let error = read_batches(&file.path, Some(&["d"])).err().unwrap();
        assert_eq!(error.to_string(), format!("`{name}` has no column `d`; it has `a`, `b`, `c`"));
        let bytes = fs_err::read(&file.path).unwrap();
        fs_err::write(&file.path, &bytes[..bytes.len() - 1]).unwrap();
        let error = read_batches(&file.path, None).err().unwrap();
        assert_eq!((error.kind(), error.to_string()), (Kind::Lake, format!("`{name}` is no whole Parquet file")));
    }
}
