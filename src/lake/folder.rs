//! A lake in a folder of this machine; also what is left of a bucket when it is read offline: its mirror.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use object_store::{ObjectStore, local::LocalFileSystem};

use crate::error::{Error, Kind, OrFail, Result};

/// The folder, opened when it is first needed.
pub(super) struct Folder {
    path: PathBuf,
    store: OnceLock<Arc<LocalFileSystem>>,
    offline: bool,
}

impl Folder {
    /// The lake is this folder.
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path, store: OnceLock::new(), offline: false }
    }

    /// The folder is the mirror of a bucket that is not to be asked. It is only read.
    pub(super) fn mirror_of_a_bucket(path: PathBuf) -> Self {
        Self { path, store: OnceLock::new(), offline: true }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn is_offline(&self) -> bool {
        self.offline
    }

    pub(super) fn not_mirrored(&self, path: &str, location: &str) -> Error {
        Error::new(Kind::Lake, format!("`{path}` of the lake `{location}` is not mirrored in `{}`", self.path.display()))
            .hint("run the command once without `--offline`: what it reads stays on this disk")
    }

    /// `None` while the folder does not exist: an empty lake.
    pub(super) fn reading(&self, location: &str) -> Result<Option<Arc<dyn ObjectStore>>> {
        if self.store.get().is_none() && !self.path.is_dir() {
            if self.offline {
                return Err(Error::new(Kind::Lake, format!("nothing of the lake `{location}` is mirrored in `{}`", self.path.display()))
                    .hint("run the command once without `--offline`: what it reads stays on this disk"));
            }
            return Ok(None);
        }
        self.connected(location).map(Some)
    }

    /// Creates the folder where it is missing.
    pub(super) fn writing(&self, location: &str) -> Result<Arc<dyn ObjectStore>> {
        if self.offline {
            return Err(Error::new(Kind::Usage, format!("the lake `{location}` is read offline, and this would write to it"))
                .hint("leave out `--offline` (and `ETL_OFFLINE`)"));
        }
        if self.store.get().is_none() {
            fs_err::create_dir_all(&self.path).or_fail(Kind::Lake, || format!("cannot create the lake `{location}`"))?;
        }
        self.connected(location)
    }

    fn connected(&self, location: &str) -> Result<Arc<dyn ObjectStore>> {
        if self.store.get().is_none() {
            let store = LocalFileSystem::new_with_prefix(&self.path).or_fail(Kind::Lake, || format!("cannot open the lake `{location}`"))?;
            // Off by default: without it a power cut may keep a receipt and lose the records it names.
            let _ = self.store.set(Arc::new(store.with_fsync(true)));
        }
        Ok(self.store.get().expect("set above, or by another thread just before").clone())
    }
}
