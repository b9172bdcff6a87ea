//! A file that the user names for a result: there whole or not at all, and what was there before is kept until then.

use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, OrFail, Result};

/// Being written under another name beside its place. Dropping it unfinished removes it.
pub(super) struct OutputFile {
    place: PathBuf,
    /// None: the place is no file (a pipe, `/dev/null`) and is written to as it is.
    part: Option<PathBuf>,
    finished: bool,
}

impl OutputFile {
    /// Begins the file.
    ///
    /// # Errors
    /// [`Kind::Usage`] for a folder and for one that does not exist, [`Kind::Io`] if nothing can be written there.
    pub(super) fn create(place: &Path) -> Result<Self> {
        let refused =
            |why: String| Err(Error::new(Kind::Usage, format!("cannot write to `{}`: {why}", place.display())).hint("name a file after `-o`"));
        // The name may be a link to the file.
        let place = fs_err::canonicalize(place).unwrap_or_else(|_| place.to_owned());
        match fs_err::metadata(&place) {
            Ok(there) if there.is_dir() => return refused("it is a folder".to_owned()),
            Ok(there) if !there.is_file() => return Ok(Self { place, part: None, finished: false }),
            _ => {}
        }
        if let Some(folder) = place.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
            return refused(format!("there is no folder `{}`", folder.display()));
        }
        let Some(name) = place.file_name() else { return refused("it names no file".to_owned()) };
        let mut name = name.to_owned();
        name.push(".part");
        let part = place.with_file_name(name);
        fs_err::File::create(&part).or_fail(Kind::Io, || format!("cannot write to `{}`", place.display()))?;
        Ok(Self { place, part: Some(part), finished: false })
    }

    /// What to open for writing.
    pub(super) fn path(&self) -> &Path {
        self.part.as_deref().unwrap_or(&self.place)
    }

    /// Whether it is a file that can be put in its place at the end.
    pub(super) fn is_file(&self) -> bool {
        self.part.is_some()
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// [`Kind::Io`].
    pub(super) fn finish(mut self) -> Result<()> {
        if let Some(part) = &self.part {
            fs_err::rename(part, &self.place)?;
        }
        self.finished = true;
        Ok(())
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if let (Some(part), false) = (&self.part, self.finished) {
            let _ = fs_err::remove_file(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_stays_until_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let (place, link) = (folder.path().join("a.csv"), folder.path().join("b.csv"));
        fs_err::write(&place, "old").unwrap();
        std::os::unix::fs::symlink(&place, &link).unwrap();
        let begun = OutputFile::create(&link).unwrap();
        fs_err::write(begun.path(), "half").unwrap();
        drop(begun);
        assert_eq!(fs_err::read_to_string(&link).unwrap(), "old");
        let begun = OutputFile::create(&link).unwrap();
        fs_err::write(begun.path(), "new").unwrap();
        begun.finish().unwrap();
        assert_eq!(fs_err::read_to_string(&place).unwrap(), "new");
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside it");
    }

    #[test]
    fn what_is_no_file_is_written_to_as_it_is() {
        let null = OutputFile::create(Path::new("/dev/null")).unwrap();
        assert_eq!((null.path(), null.is_file()), (Path::new("/dev/null"), false));
        null.finish().unwrap();
    }

    #[test]
    fn a_place_that_cannot_be_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for (place, why) in [(folder.path().to_owned(), "it is a folder"), (folder.path().join("no/a.csv"), "there is no folder")] {
            let error = OutputFile::create(&place).err().unwrap();
            assert!(error.kind() == Kind::Usage && error.to_string().contains(why), "{error:?}");
        }
    }
}
