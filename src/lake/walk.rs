//! Lists the files of a folder lake. Names that no lake has, and symbolic links that lead nowhere or back, are left out: one stray
//! file must not stop every reader.

use std::path::{Path, PathBuf};

use super::store::Object;
use crate::error::Result;

/// What lies below a folder.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Its files, in no order.
    pub(super) objects: Vec<Object>,
    /// What was left out, and why.
    pub(super) skipped: Vec<String>,
}

/// Lists all files below `prefix` in the lake that lies in `root`.
///
/// # Errors
/// [`crate::error::Kind::Io`] if a folder cannot be read.
pub(super) fn walk(root: &Path, prefix: &str) -> Result<Walk> {
    let mut walk = Walk::default();
    let mut folders = vec![(root.join(prefix), prefix.trim_end_matches('/').to_owned())];
    while let Some((folder, below)) = folders.pop() {
        let entries = match fs_err::read_dir(&folder) {
            Ok(entries) => entries,
            // Nothing was written there, or it was removed while this walked.
            Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => continue,
            Err(error) => return Err(error.into()),
        };
        for entry in entries {
            let entry = entry?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                walk.skipped.push(format!("`{}`: its name is not UTF-8", entry.path().display()));
                continue;
            };
            if is_unfinished(&name) {
                continue;
            }
            let path = if below.is_empty() { name } else { format!("{below}/{name}") };
            match fs_err::metadata(entry.path()) {
                Ok(found) if found.is_dir() => {
                    if entry.file_type().is_ok_and(|kind| kind.is_symlink()) && leads_back(&folder, &entry.path()) {
                        walk.skipped.push(format!("`{path}`: the symbolic link leads back to a folder above it"));
                    } else {
                        folders.push((entry.path(), path));
                    }
                }
                Ok(found) => walk.objects.push(Object { path, bytes: found.len(), modified: found.modified()?.into() }),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) if entry.file_type().is_ok_and(|kind| kind.is_symlink()) => {
                    walk.skipped.push(format!("`{path}`: the symbolic link leads nowhere ({})", error.kind()));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(walk)
}

/// Whether `object_store` is still writing the file: it ends with `#` and a number until it has its name.
fn is_unfinished(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether `folder` lies in what the link at `link` names.
fn leads_back(folder: &Path, link: &Path) -> bool {
    let real = |path: &Path| -> Option<PathBuf> { fs_err::canonicalize(path).ok() };
    real(folder).zip(real(link)).is_none_or(|(folder, target)| folder.starts_with(target))
}

#[cfg(all(test, unix))]
mod tests {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    use super::*;

    #[test]
    fn strange_names_and_loops_are_skipped() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = folder.path();
        fs_err::create_dir_all(root.join("a/b")).unwrap();
        fs_err::write(elsewhere.path().join("far"), "123").unwrap();
        for name in ["a/b/one", "two", "a/cut#12"] {
            fs_err::write(root.join(name), "12").unwrap();
        }
        fs_err::write(root.join(OsStr::from_bytes(b"a/\xff")), "12").unwrap();
        for (link, target) in [("a/up", ".."), ("self", "self"), ("gone", "nothing")] {
            std::os::unix::fs::symlink(target, root.join(link)).unwrap();
        }
        std::os::unix::fs::symlink(elsewhere.path(), root.join("a/linked")).unwrap();
        let mut found = walk(root, "").unwrap();
        found.objects.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        found.skipped.sort_unstable();
        let paths: Vec<(&str, u64)> = found.objects.iter().map(|object| (object.path.as_str(), object.bytes)).collect();
        assert_eq!(paths, [("a/b/one", 2), ("a/linked/far", 3), ("two", 2)]);
        assert_eq!(found.skipped.len(), 3, "{:?}", found.skipped);
        assert_eq!(walk(root, "a/b").unwrap().objects[0].path, "a/b/one");
        assert!(walk(root, "no/such").unwrap().objects.is_empty());
    }
}
