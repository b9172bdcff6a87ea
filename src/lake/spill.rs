//! The folder on the local disk where a process makes files: those that go into the lake when they are whole, and what DuckDB
//! does not hold in memory. It lies in the data folder, so that a memory file system at `/tmp` is not filled.
//!
//! It goes with the process. One that was killed leaves it behind, and the next command removes it: each living process keeps
//! its folder locked.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::error::{Kind, OrFail, Result};

/// Start of the names.
const PREFIX: &str = ".etl-";

/// What nobody has touched for so long is taken for left behind where no lock tells (some network file systems have none).
const FORGOTTEN: Duration = Duration::from_secs(86_400);

/// A folder for unfinished files. Dropping it removes it.
#[derive(Debug)]
pub struct SpillFolder {
    folder: tempfile::TempDir,
    // After the folder: nobody else removes it meanwhile.
    _alive: Option<fs_err::File>,
}

impl SpillFolder {
    /// Makes one in `data`, which is created where it is missing. Removes those that killed processes left there.
    ///
    /// # Errors
    /// [`Kind::Io`] if the data folder cannot be written.
    pub fn new(data: &Path) -> Result<Self> {
        let failed = || format!("cannot make a folder for unfinished files in `{}`", data.display());
        let hint = "let this account write there, or name another folder by `ETL_DATA`";
        fs_err::create_dir_all(data).or_fail(Kind::Io, failed).map_err(|error| error.hint(hint))?;
        // One after another: between its making and its lock a folder would look left behind.
        let turn = fs_err::File::open(data).ok().filter(|turn| turn.lock().is_ok());
        for folder in left_behind(data, turn.is_some()) {
            // What is left then goes next time.
            let _ = fs_err::remove_dir_all(folder);
        }
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(data).or_fail(Kind::Io, failed).map_err(|error| error.hint(hint))?;
        let alive = fs_err::File::open(folder.path()).ok().filter(|folder| folder.try_lock().is_ok());
        Ok(Self { folder, _alive: alive })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn left_behind(data: &Path, locks: bool) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(data).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)).map(|entry| entry.path());
    folders.filter(|folder| if locks { is_free(folder) } else { is_forgotten(folder) }).collect()
}

fn is_free(folder: &Path) -> bool {
    fs_err::File::open(folder).is_ok_and(|folder| folder.try_lock().is_ok())
}

/// Whether nobody has touched a file or folder for a day.
pub(super) fn is_forgotten(path: &Path) -> bool {
    let modified = fs_err::metadata(path).and_then(|metadata| metadata.modified());
    modified.ok().and_then(|modified| modified.elapsed().ok()).is_some_and(|age| age > FORGOTTEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(data: &Path) -> Vec<PathBuf> {
        fs_err::read_dir(data).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn it_goes_when_it_is_dropped_and_stays_while_it_is_used() {
        let data = tempfile::tempdir().unwrap();
        let first = SpillFolder::new(&data.path().join("new")).unwrap();
        fs_err::write(first.path().join("file"), "unfinished").unwrap();
        let second = SpillFolder::new(&data.path().join("new")).unwrap();
        assert!(first.path().join("file").exists(), "of a living process");
        drop((first, second));
        assert_eq!(names(&data.path().join("new")), Vec::<PathBuf>::new());
    }

    #[test]
    fn what_killed_processes_left_goes_with_the_next() {
        let data = tempfile::tempdir().unwrap();
        for name in [".etl-killed", "lake", "etl.sqlite"] {
            fs_err::create_dir(data.path().join(name)).unwrap();
        }
        fs_err::write(data.path().join(".etl-killed/etl-1.parquet"), "half").unwrap();
        drop(SpillFolder::new(data.path()).unwrap());
        let mut left = names(data.path());
        left.sort();
        assert_eq!(left, ["etl.sqlite", "lake"].map(|name| data.path().join(name)));
    }

    #[test]
    fn without_locks_only_what_is_old_counts_as_left_behind() {
        let data = tempfile::tempdir().unwrap();
        let [new, old] = [".etl-new", ".etl-old"].map(|name| data.path().join(name));
        for folder in [&new, &old] {
            fs_err::create_dir(folder).unwrap();
        }
        let long_ago = fs_err::metadata(&old).unwrap().modified().unwrap() - FORGOTTEN - Duration::from_secs(1);
        fs_err::File::open(&old).unwrap().into_file().set_modified(long_ago).unwrap();
        assert_eq!(left_behind(data.path(), false), [old]);
    }
}
