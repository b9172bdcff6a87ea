//! Files for others, in a folder or a bucket: what `etl publish csv` makes. Unlike the lake's objects they are replaced.
//!
//! A bucket is asked for what lies there. Equal bytes are left alone; others are replaced under the condition that nobody has
//! written there since, and looked at again if somebody has. A reader sees the former file or the new one, never a part.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload, UpdateVersion};

use super::{
    bucket,
    location::{Location, Provider},
    refused,
    store::object_path,
};
use crate::{
    error::{Error, Kind, Result},
    settings::Settings,
};

/// Attempts where others write the same file.
const ATTEMPTS: usize = 5;

/// A place for such files.
pub struct Exports {
    location: String,
    target: Target,
}

enum Target {
    Folder(PathBuf),
    Bucket { provider: Provider, name: String, store: Arc<dyn ObjectStore> },
}

/// What became of a file, or would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// There was none.
    Created,
    /// There was another one.
    Replaced,
    /// The same is there already.
    Unchanged,
}

impl Written {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "new",
            Self::Replaced => "replaced",
            Self::Unchanged => "unchanged",
        }
    }
}

impl Exports {
    /// A folder (also as `file://` URL) or a bucket, with the credentials that a lake there would have. Nothing is asked yet.
    ///
    /// # Errors
    /// [`Kind::Config`] for a location or credentials that cannot be used, [`Kind::Usage`] for a bucket when offline.
    pub fn open(settings: &Settings, location: &str) -> Result<Self> {
        let target = match Location::parse(location).map_err(|error| error.within("cannot export"))? {
            // As it was given: names are shown to people.
            Location::Folder(folder) => Target::Folder(if location.contains("://") { folder } else { PathBuf::from(location) }),
            Location::Bucket { .. } if settings.offline => {
                return Err(Error::new(Kind::Usage, format!("`{location}` is a bucket, and `--offline` asks none"))
                    .hint("leave out `--offline` (and `ETL_OFFLINE`), or name a folder"));
            }
            Location::Bucket { provider, bucket, prefix } => {
                let store = bucket::alone(settings, provider, &bucket, &prefix)
                    .map_err(|error| error.within(format!("`{location}`: the {provider} bucket cannot be used")))?;
                Target::Bucket { provider, name: bucket, store }
            }
        };
        Ok(Self { location: location.trim_end_matches('/').to_owned(), target })
    }

    /// Where the file of this path lies, for people.
    pub fn shown(&self, path: &str) -> String {
        match &self.target {
            Target::Folder(folder) => folder.join(path).display().to_string(),
            Target::Bucket { .. } => format!("{}/{path}", self.location),
        }
    }

    /// Makes the file hold `text`; with `plan` it only says what would become of it.
    ///
    /// # Errors
    /// [`Kind::Io`], and for a bucket what it refuses.
    pub async fn put(&self, path: &str, text: &str, plan: bool) -> Result<Written> {
        match &self.target {
            Target::Folder(folder) => in_folder(&folder.join(path), text, plan),
            Target::Bucket { provider, name, store } => {
                let failed = |what: &str, source| {
                    refused::error(*provider, name, what, format!("cannot {what} `{path}` in `{}`", self.location), source, None)
                };
                in_bucket(&**store, path, text, plan, failed).await
            }
        }
    }
}

fn in_folder(path: &Path, text: &str, plan: bool) -> Result<Written> {
    let written = match fs_err::read(path) {
        Ok(there) if there == text.as_bytes() => return Ok(Written::Unchanged),
        Ok(_) => Written::Replaced,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Written::Created,
        Err(error) => return Err(error.into()),
    };
    if !plan {
        let folder = path.parent().unwrap_or(Path::new(""));
        fs_err::create_dir_all(folder)?;
        // Under another name first, so that nobody reads half of it.
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let part = folder.join(format!(".{name}.part"));
        fs_err::write(&part, text)?;
        fs_err::rename(&part, path)?;
    }
    Ok(written)
}

async fn in_bucket(
    store: &dyn ObjectStore,
    path: &str,
    text: &str,
    plan: bool,
    failed: impl Fn(&str, object_store::Error) -> Error,
) -> Result<Written> {
    let target = object_path(path)?;
    let mut last = None;
    for attempt in 1.. {
        let (written, mode) = match store.get(&target).await {
            Ok(found) => {
                let version = UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
                if found.bytes().await.map_err(|error| failed("read", error))? == text.as_bytes() {
                    // Also after a write whose answer was lost.
                    return Ok(last.unwrap_or(Written::Unchanged));
                }
                (Written::Replaced, PutMode::Update(version))
            }
            Err(error @ object_store::Error::NotFound { .. }) if refused::is_missing_bucket(&error) => return Err(failed("read", error)),
            Err(object_store::Error::NotFound { .. }) => (Written::Created, PutMode::Create),
            Err(error) => return Err(failed("read", error)),
        };
        if plan {
            return Ok(written);
        }
        match store.put_opts(&target, PutPayload::from(Bytes::copy_from_slice(text.as_bytes())), mode.into()).await {
            Ok(_) => return Ok(written),
            Err(error) if refused::is_final(&error) => return Err(failed("write", error)),
            Err(error) if attempt == ATTEMPTS => return Err(failed("write", error)),
            // Somebody was faster, or the write is done and its response was lost: the next look says which.
            Err(_) => last = Some(written),
        }
        tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
    }
    unreachable!("the loop returns")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_replaces_the_former_one_and_leaves_no_part() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sentry/fenix/a.csv");
        assert_eq!(in_folder(&path, "1", true).unwrap(), Written::Created);
        assert!(!path.exists(), "a plan writes nothing");
        for (text, written) in [("1", Written::Created), ("1", Written::Unchanged), ("2", Written::Replaced)] {
            assert_eq!(in_folder(&path, text, false).unwrap(), written);
            assert_eq!(fs_err::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs_err::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
