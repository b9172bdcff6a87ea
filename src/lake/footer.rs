//! Reads back what a Parquet object of the lake says about itself, from its last bytes only.

use bytes::Bytes;
use parquet::{
    errors::ParquetError,
    file::metadata::{ParquetMetaData, ParquetMetaDataReader},
};

use super::{
    layout::{LAYOUT_KEY, LAYOUT_VERSION},
    local::Local,
    store::Lake,
};
use crate::error::{Error, Kind, Result};

/// Bytes that are read first; most footers fit.
const TAIL: u64 = 64 << 10;

/// What a footer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footer {
    /// Rows of the file.
    pub rows: u64,
    /// Row groups of the file.
    pub row_groups: usize,
    /// Size of the object in bytes.
    pub bytes: u64,
    pairs: Vec<(String, String)>,
}

impl Footer {
    /// A value of the key-value metadata.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    fn of(metadata: &ParquetMetaData, bytes: u64) -> Self {
        let file = metadata.file_metadata();
        let pairs = file.key_value_metadata().into_iter().flatten();
        Self {
            rows: u64::try_from(file.num_rows()).unwrap_or(0),
            row_groups: metadata.num_row_groups(),
            bytes,
            pairs: pairs.map(|pair| (pair.key.clone(), pair.value.clone().unwrap_or_default())).collect(),
        }
    }
}

impl Lake {
    /// Reads the footer of a Parquet object.
    ///
    /// # Errors
    /// [`Kind::Lake`] if the object does not exist, is torn, or was written under a newer layout.
    pub async fn footer(&self, path: &str) -> Result<Footer> {
        let size = self.size(path).await?.ok_or_else(|| self.missing(path))?;
        let torn = |source: ParquetError| Error::new(Kind::Lake, format!("`{path}` ({size} bytes) is no whole Parquet file")).because(source);
        if size == 0 {
            return Err(torn(ParquetError::EOF("the object is empty".into())));
        }
        let tail = self.get_range(path, size.saturating_sub(TAIL)..size).await?;
        self.parsed(path, size, tail).await
    }

    /// The same for an object that should have `size` bytes: one request less, if it has.
    pub(super) async fn footer_of(&self, path: &str, size: u64) -> Result<Footer> {
        match self.tail(path, size, TAIL).await? {
            Some(tail) => self.parsed(path, size, tail).await,
            None => self.footer(path).await,
        }
    }

    /// The same, of an object that lies on this disk.
    ///
    /// # Errors
    /// As [`Lake::footer`].
    pub fn local_footer(&self, path: &str, file: &Local) -> Result<Footer> {
        let file = fs_err::File::open(file.paths().first().ok_or_else(|| self.missing(path))?)?.into_file();
        let size = file.metadata()?.len();
        let torn = |source: ParquetError| Error::new(Kind::Lake, format!("`{path}` ({size} bytes) is no whole Parquet file")).because(source);
        let footer = Footer::of(&ParquetMetaDataReader::new().parse_and_finish(&file).map_err(torn)?, size);
        refuse_newer(path, footer.value(LAYOUT_KEY))?;
        Ok(footer)
    }

    async fn parsed(&self, path: &str, size: u64, mut tail: Bytes) -> Result<Footer> {
        let torn = |source: ParquetError| Error::new(Kind::Lake, format!("`{path}` ({size} bytes) is no whole Parquet file")).because(source);
        let mut reader = ParquetMetaDataReader::new();
        if let Err(error) = reader.try_parse_sized(&tail, size) {
            let ParquetError::NeedMoreData(needed) = error else { return Err(torn(error)) };
            tail = self.get_range(path, size.saturating_sub(needed as u64)..size).await?;
            reader.try_parse_sized(&tail, size).map_err(torn)?;
        }
        let footer = Footer::of(&reader.finish().map_err(torn)?, size);
        refuse_newer(path, footer.value(LAYOUT_KEY))?;
        Ok(footer)
    }
}

fn refuse_newer(path: &str, layout: Option<&str>) -> Result<()> {
    match layout.map(str::parse::<u32>) {
        Some(Ok(version)) if version <= LAYOUT_VERSION => Ok(()),
        // Staged files and marts are written by DuckDB; their manifest or path carries the version.
        None => Ok(()),
        Some(Ok(version)) => Err(Error::new(Kind::Lake, format!("`{path}` has layout version {version}; this `etl` reads up to {LAYOUT_VERSION}"))
            .hint("a newer `etl` wrote it; install that version")),
        Some(Err(_)) => Err(Error::new(Kind::Lake, format!("`{path}` has no valid `{LAYOUT_KEY}` in its footer; it was not written by `etl`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::sample;

    #[tokio::test]
    async fn a_whole_file_says_what_it_holds() {
        let (_folder, lake) = sample::lake();
        let file = sample::records(&["{}", "[]"]);
        lake.upload_new("a.parquet", &file.path).await.unwrap().accept_existing();
        let footer = lake.footer("a.parquet").await.unwrap();
        assert_eq!((footer.rows, footer.row_groups, footer.bytes), (2, 1, file.bytes));
        assert_eq!(footer.value(LAYOUT_KEY), Some("1"));
        assert_eq!(footer.value("etl.endpoint"), Some("testrail_cases"));
        assert_eq!(footer.value("nothing"), None);
    }

    #[tokio::test]
    async fn a_file_cut_anywhere_is_refused() {
        let (_folder, lake) = sample::lake();
        let bytes = fs_err::read(&sample::records(&["{}"; 500]).path).unwrap();
        for length in [0, 1, 11, 12, bytes.len() / 2, bytes.len() - 1] {
            let path = format!("cut/{length}.parquet");
            lake.put_new(&path, Bytes::copy_from_slice(&bytes[..length])).await.unwrap().accept_existing();
            let error = lake.footer(&path).await.unwrap_err();
            assert_eq!((error.kind(), error.to_string()), (Kind::Lake, format!("`{path}` ({length} bytes) is no whole Parquet file")));
        }
        assert!(lake.footer("none.parquet").await.unwrap_err().to_string().starts_with("`none.parquet` is not in the lake"));
    }

    #[tokio::test]
    async fn a_footer_beyond_the_first_read_is_found() {
        let (_folder, lake) = sample::lake();
        let file = sample::records_with(&["{}"], &[("long", "x".repeat(3 * usize::try_from(TAIL).unwrap()))]);
        lake.upload_new("a.parquet", &file.path).await.unwrap().accept_existing();
        assert_eq!(lake.footer("a.parquet").await.unwrap().rows, 1);
    }

    #[test]
    fn newer_layouts_and_foreign_files_are_refused() {
        assert!(refuse_newer("a", Some("1")).is_ok() && refuse_newer("a", None).is_ok());
        assert_eq!(refuse_newer("a", Some("2")).unwrap_err().to_string(), "`a` has layout version 2; this `etl` reads up to 1");
        let message = refuse_newer("a", Some("x")).unwrap_err().to_string();
        assert_eq!(message, "`a` has no valid `etl.layout` in its footer; it was not written by `etl`");
    }
}
