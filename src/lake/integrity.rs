//! Whether files of this disk still hold what was written: before rows are trusted, files are compared with the SHA-256 of their
//! receipt or manifest, caches with their seal.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::PoisonError,
    time::SystemTime,
};

use super::{
    layout::{self, Place},
    local::{Local, Wanted},
    seal::{broken_seal, sha256_of},
    store::{Backend, Lake},
};
use crate::{
    error::{Error, Kind, OrFail, Result},
    events::Event,
    parallel,
};

/// The files that this process has compared, with the size and time of change that they had.
pub(super) type Verified = HashMap<PathBuf, Version>;

/// Size of a file, and when it was changed. The copies of a bucket are marked as used by that time, so there it says nothing.
pub(super) type Version = (u64, Option<SystemTime>);

impl Lake {
    /// The objects among these that are damaged or missing, each with what is wrong. A copy of a bucket's object that is damaged
    /// is fetched again first.
    ///
    /// # Errors
    /// [`Kind::Lake`] or [`Kind::Io`] if one cannot be read.
    pub async fn damaged(&self, wanted: Vec<Wanted>) -> Result<Vec<(Wanted, String)>> {
        self.checked(wanted).await.map(|(_, damaged)| damaged)
    }

    /// The objects as files, and those that are damaged.
    pub(super) async fn checked(&self, wanted: Vec<Wanted>) -> Result<(Local, Vec<(Wanted, String)>)> {
        let local = self.at_hand(wanted.clone()).await?;
        let damaged = self.compare(wanted.clone(), local.paths().to_vec()).await?;
        let Backend::Bucket(bucket) = self.backend() else { return Ok((local, damaged)) };
        if damaged.is_empty() {
            return Ok((local, damaged));
        }
        damaged.iter().for_each(|(object, _)| bucket.mirror().remove(&object.path));
        let local = self.at_hand(wanted.clone()).await?;
        let damaged = self.compare(wanted, local.paths().to_vec()).await?;
        Ok((local, damaged))
    }

    /// Compares files on all cores; those that were compared before are left out.
    async fn compare(&self, wanted: Vec<Wanted>, paths: Vec<PathBuf>) -> Result<Vec<(Wanted, String)>> {
        let by_time = matches!(self.backend(), Backend::Folder(_));
        let mut unknown = Vec::new();
        {
            let verified = self.verified().lock().unwrap_or_else(PoisonError::into_inner);
            for (object, path) in wanted.into_iter().zip(paths) {
                let version = version(&path, by_time);
                if version.is_none() || verified.get(&path) != version.as_ref() {
                    unknown.push((object, path, version));
                }
            }
        }
        if unknown.is_empty() {
            return Ok(Vec::new());
        }
        let compared = move || {
            let results = parallel::map_init(&unknown, || (), |(), (object, path, version)| what_is_wrong(object, path, *version));
            (unknown, results)
        };
        let (unknown, results) = tokio::task::spawn_blocking(compared).await.or_fail(Kind::Internal, || "reading files was cut off")?;
        let mut verified = self.verified().lock().unwrap_or_else(PoisonError::into_inner);
        let mut damaged = Vec::new();
        for ((object, path, version), result) in unknown.into_iter().zip(results) {
            match (result?, version) {
                (Some(what), _) => damaged.push((object, what)),
                (None, Some(version)) => drop(verified.insert(path, version)),
                (None, None) => {}
            }
        }
        Ok(damaged)
    }

    /// Removes a damaged cache, so that it can be written again.
    ///
    /// # Errors
    /// [`Kind::Lake`] if it cannot be removed, or if the lake is only read.
    pub async fn discard(&self, path: &str) -> Result<()> {
        if self.is_offline() {
            return Err(self.is_damaged(path, "the copy on this disk cannot be used"));
        }
        self.remove(path).await
    }

    /// Warns that a cache is rebuilt.
    pub(super) fn warn(&self, text: String) {
        if let Some(observer) = self.observer() {
            observer.on(&Event::Warning(text));
        }
    }

    /// The error for a file whose rows must not be used.
    pub(super) fn is_damaged(&self, path: &str, what: &str) -> Error {
        let place = if self.is_offline() { "the mirror of the lake" } else { "the lake" };
        let error = Error::new(Kind::Lake, format!("`{path}` in {place} `{}` is damaged: {what}", self.location()));
        if self.is_offline() {
            return error.hint("run the command once without `--offline`, which fetches the file again");
        }
        error.hint(match layout::parse(path) {
            Some(Place::MartPart { table, .. }) if self.is_remote() => {
                format!("run `etl transform --full-refresh {table}`, which computes the table again")
            }
            Some(Place::MartPart { table, .. }) => format!("run `etl transform {table}`, which computes the table again"),
            Some(Place::Records { source, endpoint, day, pull_id } | Place::Requests { source, endpoint, day, pull_id }) => format!(
                "restore the file from a copy, or move `{}` away: nothing of that pull is read then, and the next `etl extract` requests it again",
                layout::receipt(&source, &endpoint, day, pull_id)
            ),
            _ => "delete the file: it is a cache and is computed again".to_owned(),
        })
    }
}

fn version(path: &Path, by_time: bool) -> Option<Version> {
    let found = fs_err::metadata(path).ok().filter(|found| found.is_file())?;
    Some((found.len(), if by_time { found.modified().ok() } else { None }))
}

fn what_is_wrong(object: &Wanted, path: &Path, version: Option<Version>) -> Result<Option<String>> {
    let Some((bytes, _)) = version else {
        return Ok(Some(if path.exists() { "it is not a file" } else { "it does not exist" }.to_owned()));
    };
    if let Some(expected) = object.bytes.filter(|expected| *expected != bytes) {
        return Ok(Some(format!("it has {bytes} bytes, not {expected}")));
    }
    if let Some(expected) = &object.sha256 {
        let found = sha256_of(path)?;
        return Ok((found != *expected).then(|| format!("its SHA-256 is {found}, not {expected}")));
    }
    if object.sealed { broken_seal(path) } else { Ok(None) }
}
