//! Objects as files of this disk, for what reads files: DuckDB and the Parquet reader.
//!
//! For a lake in a folder that is its own file. What lies in a bucket is brought into the mirror first, and stays there at
//! least as long as the [`Local`] that was given for it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use futures::{StreamExt, TryStreamExt};

use super::{
    File, Part,
    mirror::Pin,
    store::{Backend, Lake},
    traffic::Traffic,
};
use crate::error::Result;

/// Requests to a bucket at once.
pub(super) const AT_ONCE: usize = 16;

/// An object that is needed as a file, and what is known of it.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Path below the lake.
    pub path: String,
    /// Its size.
    pub bytes: Option<u64>,
    /// Of its bytes, lower-case hex.
    pub sha256: Option<String>,
    /// It is a cache, which carries its own checksum.
    pub sealed: bool,
}

impl Wanted {
    /// An object of which nothing but the path is known.
    pub fn at(path: &str) -> Self {
        Self { path: path.to_owned(), bytes: None, sha256: None, sealed: false }
    }

    /// A cache of which nothing but the path is known.
    pub fn sealed(path: &str) -> Self {
        Self { sealed: true, ..Self::at(path) }
    }
}

impl From<&File> for Wanted {
    fn from(file: &File) -> Self {
        Self { path: file.path.clone(), bytes: Some(file.bytes), sha256: Some(file.sha256.clone()), sealed: false }
    }
}

impl From<&Part> for Wanted {
    fn from(part: &Part) -> Self {
        Self { path: part.path.clone(), bytes: Some(part.bytes), sha256: Some(part.sha256.clone()), sealed: false }
    }
}

/// Files of this disk. Those of a mirror are not evicted while it lives.
#[derive(Debug, Default)]
#[must_use = "the files may be evicted when it is dropped"]
pub struct Local {
    paths: Vec<PathBuf>,
    pins: Vec<Pin>,
}

impl Local {
    /// Files that lie on this disk and in no lake.
    pub fn of(paths: Vec<PathBuf>) -> Self {
        Self { paths, pins: Vec::new() }
    }

    /// The files, in the order in which they were asked for.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Adds the files of another.
    pub fn extend(&mut self, other: Self) {
        self.paths.extend(other.paths);
        self.pins.extend(other.pins);
    }
}

impl Lake {
    /// Makes sure that the objects lie on this disk and hold what was written.
    ///
    /// # Errors
    /// [`crate::error::Kind::Lake`] if one is missing, cannot be read or is not what its receipt, manifest or seal says.
    pub async fn local(&self, wanted: Vec<Wanted>) -> Result<Local> {
        let (local, damaged) = self.checked(wanted).await?;
        match damaged.first() {
            None => Ok(local),
            Some((object, what)) => Err(self.is_damaged(&object.path, what)),
        }
    }

    /// Makes sure that the objects lie on this disk. Says nothing about whether they exist where the lake is a folder.
    pub(super) async fn at_hand(&self, wanted: Vec<Wanted>) -> Result<Local> {
        let mut local = Local::default();
        for object in &wanted {
            local.paths.push(self.local_path(&object.path)?);
        }
        match self.backend() {
            Backend::Folder(folder) if folder.is_offline() => {
                for (object, path) in wanted.iter().zip(&local.paths) {
                    if !path.is_file() {
                        return Err(self.missing(&object.path));
                    }
                }
            }
            Backend::Folder(_) => {}
            Backend::Bucket(bucket) => {
                let pins = wanted.into_iter().map(|object| async move { bucket.fetch(self, &object).await });
                local.pins = futures::stream::iter(pins).buffered(AT_ONCE).try_collect().await?;
                bucket.mirror().make_room();
            }
        }
        Ok(local)
    }

    /// The objects as files, if all of them lie on this disk already; asks nobody.
    ///
    /// # Errors
    /// [`crate::error::Kind::Internal`] for a path that could leave the lake.
    pub fn already_local(&self, wanted: impl IntoIterator<Item = impl Into<Wanted>>) -> Result<Option<Local>> {
        let mut local = Local::default();
        for object in wanted {
            let object: Wanted = object.into();
            let path = self.local_path(&object.path)?;
            match self.backend() {
                Backend::Folder(folder) if folder.is_offline() && !path.is_file() => return Ok(None),
                Backend::Folder(_) => {}
                Backend::Bucket(bucket) => match bucket.mirror().take(&object.path, object.bytes) {
                    Some(pin) => local.pins.push(pin),
                    None => return Ok(None),
                },
            }
            local.paths.push(path);
        }
        Ok(Some(local))
    }

    /// The paths of all objects directly in `folder`, where they lie on this disk anyway; `None` for a bucket, which is to be listed.
    /// A listing asks for size and time of each, which takes ten times as long.
    ///
    /// # Errors
    /// [`crate::error::Kind::Io`] if the folder cannot be read.
    pub fn names_in(&self, folder: &str) -> Result<Option<BTreeSet<String>>> {
        if self.is_remote() {
            return Ok(None);
        }
        let path = self.local_path(folder)?;
        if !path.is_dir() {
            return Ok(Some(BTreeSet::new()));
        }
        let mut names = BTreeSet::new();
        for entry in fs_err::read_dir(path)? {
            names.extend(entry?.file_name().to_str().map(|name| format!("{folder}/{name}")));
        }
        Ok(Some(names))
    }

    /// Says that `reader`, a file of this disk, opens these files without asking: they stay as long as it exists.
    ///
    /// # Errors
    /// [`crate::error::Kind::Io`] if the mirror cannot be written.
    pub fn keep_for(&self, reader: &Path, files: &Local) -> Result<()> {
        match self.backend() {
            Backend::Folder(_) => Ok(()),
            Backend::Bucket(bucket) => bucket.mirror().keep_for(reader, files.paths()),
        }
    }

    /// What was exchanged with the bucket so far; nothing for a folder.
    pub fn traffic(&self) -> Option<Traffic> {
        match self.backend() {
            Backend::Folder(_) => None,
            Backend::Bucket(bucket) => Some(bucket.traffic()),
        }
    }

    /// The folder below which all that [`Lake::local`] gives lies.
    pub fn local_folder(&self) -> Result<PathBuf> {
        self.local_path("")
    }

    /// Whether only what is on this disk is read, and nothing written.
    pub fn is_offline(&self) -> bool {
        matches!(self.backend(), Backend::Folder(folder) if folder.is_offline())
    }

    /// Whether reading what is not on this disk costs requests.
    pub fn is_remote(&self) -> bool {
        matches!(self.backend(), Backend::Bucket(_)) || matches!(self.backend(), Backend::Folder(folder) if folder.is_offline())
    }
}
