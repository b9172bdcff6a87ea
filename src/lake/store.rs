//! The lake as a set of objects: create-only writes that survive a power cut, reads, listings.
//!
//! Everything goes through `object_store`: a folder of this machine or a bucket ([`super::bucket`]). What other programs must
//! read as files (DuckDB, the Parquet reader) is asked for with [`Lake::local`]; writing is in [`super::upload`].

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock},
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectStore, ObjectStoreExt, path::Path};
use uuid::Uuid;

use super::{bucket::Bucket, checkpoint::Known, document, folder::Folder, integrity::Verified, layout::UPLOADS, location::Location};
use crate::{
    error::{Error, Kind, OrFail, Result},
    events::Observer,
    settings::Settings,
};

/// A lake. Cheap to clone; clones share the connection and what is known about checkpoints.
#[derive(Clone)]
pub struct Lake(Arc<Shared>);

struct Shared {
    location: String,
    backend: Backend,
    known: Mutex<Known>,
    verified: Mutex<Verified>,
    observer: OnceLock<Arc<dyn Observer>>,
    identity: OnceLock<Uuid>,
}

/// Where the objects lie.
pub(super) enum Backend {
    /// On this disk.
    Folder(Folder),
    /// Elsewhere, with a mirror on this disk.
    Bucket(Box<Bucket>),
}

/// An object as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Path below the lake, with `/`.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// When it was created, by the store's clock.
    pub modified: DateTime<Utc>,
}

impl Lake {
    /// Opens a lake in a folder (also as `file://` URL). The folder is created on the first write.
    ///
    /// # Errors
    /// [`Kind::Config`] for a location that is no folder.
    pub fn open(location: &str) -> Result<Self> {
        match Location::parse(location)? {
            Location::Folder(folder) => Ok(Self::with(location, Backend::Folder(Folder::at(folder)))),
            Location::Bucket { .. } => Err(Error::new(Kind::Config, format!("lake `{location}`: only a folder can be used here"))),
        }
    }

    /// Opens the lake that the settings name: a folder, or a bucket with the credentials of the environment.
    ///
    /// # Errors
    /// [`Kind::Config`] for a location, an endpoint or credentials that cannot be used. Nothing is asked of a bucket yet.
    pub fn of(settings: &Settings) -> Result<Self> {
        let location = &settings.lake;
        let backend = match Location::parse(location)? {
            Location::Folder(folder) => Backend::Folder(Folder::at(folder)),
            Location::Bucket { provider, bucket, prefix } => Bucket::backend(settings, provider, &bucket, &prefix)?,
        };
        Ok(Self::with(location, backend))
    }

    fn with(location: &str, backend: Backend) -> Self {
        Self(Arc::new(Shared {
            location: location.to_owned(),
            backend,
            known: Mutex::default(),
            verified: Mutex::default(),
            observer: OnceLock::new(),
            identity: OnceLock::new(),
        }))
    }

    /// The location as it was given.
    pub fn location(&self) -> &str {
        &self.0.location
    }

    /// Tells `observer` of caches that are rebuilt; only the first one counts.
    pub fn report_to(&self, observer: Arc<dyn Observer>) {
        let _ = self.0.observer.set(observer);
    }

    pub(super) fn observer(&self) -> Option<&Arc<dyn Observer>> {
        self.0.observer.get()
    }

    pub(super) fn verified(&self) -> &Mutex<Verified> {
        &self.0.verified
    }

    pub(super) fn backend(&self) -> &Backend {
        &self.0.backend
    }

    /// Where an object lies on this disk, or would if it were mirrored. Says nothing about whether it does.
    ///
    /// # Errors
    /// [`Kind::Internal`] for a path that could leave the lake.
    pub fn local_path(&self, path: &str) -> Result<PathBuf> {
        let below = object_path(path)?;
        Ok(match self.backend() {
            Backend::Folder(folder) => folder.path().join(below.as_ref()),
            Backend::Bucket(bucket) => bucket.mirror().folder().join(below.as_ref()),
        })
    }

    /// Reads a whole object.
    ///
    /// # Errors
    /// [`Kind::Lake`] if it does not exist or cannot be read.
    pub async fn get(&self, path: &str) -> Result<Bytes> {
        self.find(path).await?.ok_or_else(|| self.missing(path))
    }

    /// Reads a whole object, if there is one. Objects never change, so the mirror's copy is as good as the bucket's.
    pub(super) async fn find(&self, path: &str) -> Result<Option<Bytes>> {
        if let Backend::Bucket(bucket) = self.backend()
            && let Some(bytes) = bucket.mirror().read(path)
        {
            if document::is_intact(&bytes) {
                return Ok(Some(bytes));
            }
            bucket.mirror().remove(path);
        }
        let Some(store) = self.reading()? else { return Ok(None) };
        let found = match store.get(&object_path(path)?).await {
            Ok(found) => found.bytes().await,
            Err(error) => Err(error),
        };
        match found {
            Ok(bytes) => {
                if let Backend::Bucket(bucket) = self.backend() {
                    bucket.mirror().keep(path, &bytes);
                }
                Ok(Some(bytes))
            }
            Err(error) if self.is_absence(&error) => Ok(None),
            Err(error) => Err(self.failed("read", path, error)),
        }
    }

    /// Reads the bytes `start..end` of an object.
    pub(super) async fn get_range(&self, path: &str, range: std::ops::Range<u64>) -> Result<Bytes> {
        let store = self.reading()?.ok_or_else(|| self.missing(path))?;
        store.get_range(&object_path(path)?, range).await.map_err(|error| self.failed("read", path, error))
    }

    /// The last `length` bytes of an object of `size` bytes; `None` if it has another size or cannot be read so.
    pub(super) async fn tail(&self, path: &str, size: u64, length: u64) -> Result<Option<Bytes>> {
        let Some(store) = self.reading()?.filter(|_| size > 0) else { return Ok(None) };
        let range = object_store::GetRange::Bounded(size.saturating_sub(length)..size);
        let options = object_store::GetOptions { range: Some(range), ..object_store::GetOptions::default() };
        match store.get_opts(&object_path(path)?, options).await {
            Ok(found) if found.meta.size == size => found.bytes().await.map(Some).map_err(|error| self.failed("read", path, error)),
            _ => Ok(None),
        }
    }

    /// Whether an object exists.
    ///
    /// # Errors
    /// [`Kind::Lake`] if that cannot be found out.
    pub async fn exists(&self, path: &str) -> Result<bool> {
        Ok(self.size(path).await?.is_some())
    }

    /// The size of an object in bytes, if there is one.
    pub(super) async fn size(&self, path: &str) -> Result<Option<u64>> {
        let Some(store) = self.reading()? else { return Ok(None) };
        match store.head(&object_path(path)?).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(error) if self.is_absence(&error) => Ok(None),
            Err(error) => Err(self.failed("look at", path, error)),
        }
    }

    /// All objects below the folder `prefix` (`""` = the whole lake), ordered by path. Unfinished uploads are not shown.
    ///
    /// # Errors
    /// [`Kind::Lake`] if the store cannot be listed.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Object>> {
        let mut objects = self.list_raw(prefix, None).await?;
        objects.retain(|object| !object.path.starts_with(UPLOADS));
        Ok(objects)
    }

    /// All objects below the folder `prefix` whose path comes after `after`, ordered by path. One request series on a bucket,
    /// however much lies before.
    ///
    /// # Errors
    /// [`Kind::Lake`] if the store cannot be listed.
    pub async fn list_after(&self, prefix: &str, after: &str) -> Result<Vec<Object>> {
        self.list_raw(prefix, Some(after)).await
    }

    pub(super) async fn list_raw(&self, prefix: &str, after: Option<&str>) -> Result<Vec<Object>> {
        let Some(store) = self.reading()? else { return Ok(Vec::new()) };
        let folder = object_path(prefix)?;
        if let Backend::Folder(root) = self.backend() {
            let mut objects = super::walk::walk(root.path(), folder.as_ref())?.objects;
            objects.retain(|object| after.is_none_or(|after| object.path.as_str() > after));
            objects.sort_unstable_by(|a, b| a.path.cmp(&b.path));
            return Ok(objects);
        }
        let folder = (!prefix.is_empty()).then_some(&folder);
        let after_path = after.map(object_path).transpose()?;
        let (store, after_path) = (&*store, after_path.as_ref());
        let listed = retry_cut(move || {
            let listing = match after_path {
                None => store.list(folder),
                Some(after) => store.list_with_offset(folder, after),
            };
            listing.map_ok(Object::from).try_collect::<Vec<Object>>()
        });
        let objects = listed.await.map_err(|error| self.failed("list", prefix, error))?;
        let below = |object: &Object| prefix.is_empty() || object.path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
        Ok(self.with_own(objects, |object| below(object) && after.is_none_or(|after| object.path.as_str() > after)))
    }

    /// The objects directly in the folder `prefix`, ordered by path.
    pub(super) async fn list_flat(&self, prefix: &str) -> Result<Vec<Object>> {
        let Some(store) = self.reading()? else { return Ok(Vec::new()) };
        let folder = object_path(prefix)?;
        let (store, folder) = (&*store, Some(&folder));
        let listing = retry_cut(move || store.list_with_delimiter(folder)).await;
        let listing = listing.map_err(|error| self.failed("list", prefix, error))?;
        let objects: Vec<Object> = listing.objects.into_iter().map(Object::from).collect();
        Ok(self.with_own(objects, |object| object.path.rsplit_once('/').is_some_and(|(folder, _)| folder == prefix)))
    }

    /// Adds what this process wrote and a listing does not show yet, as some buckets' listings lag; orders by path.
    fn with_own(&self, mut objects: Vec<Object>, wanted: impl Fn(&Object) -> bool) -> Vec<Object> {
        if let Backend::Bucket(bucket) = self.backend() {
            let listed: std::collections::HashSet<&str> = objects.iter().map(|object| object.path.as_str()).collect();
            let own: Vec<Object> = bucket.own().into_iter().filter(|object| wanted(object) && !listed.contains(object.path.as_str())).collect();
            drop(listed);
            objects.extend(own);
        }
        objects.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        objects
    }

    /// The names (not paths) of the folders directly in the folder `prefix`, in order; hidden ones are left out.
    ///
    /// # Errors
    /// [`Kind::Lake`] if the store cannot be listed.
    pub async fn list_folders(&self, prefix: &str) -> Result<Vec<String>> {
        let Some(store) = self.reading()? else { return Ok(Vec::new()) };
        let folder = object_path(prefix)?;
        let folder = (!prefix.is_empty()).then_some(&folder);
        let store = &*store;
        let listing = retry_cut(move || store.list_with_delimiter(folder)).await;
        let listing = listing.map_err(|error| self.failed("list", prefix, error))?;
        let mut names: Vec<String> = listing.common_prefixes.iter().filter_map(Path::filename).map(str::to_owned).collect();
        if let Backend::Bucket(bucket) = self.backend() {
            let below = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
            let own = bucket.own();
            names.extend(own.iter().filter_map(|object| object.path.strip_prefix(&below)?.split_once('/')).map(|(name, _)| name.to_owned()));
        }
        names.retain(|name| !name.starts_with('.'));
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// Reads many objects, some at a time, in the order of `paths`.
    pub(super) async fn get_all(&self, paths: Vec<String>) -> Result<Vec<(String, Bytes)>> {
        let reads = paths.into_iter().map(|path| async move { self.get(&path).await.map(|bytes| (path, bytes)) });
        futures::stream::iter(reads).buffered(super::local::AT_ONCE).try_collect().await
    }

    /// Removes an object; one that is gone already is fine. For gc only.
    pub(super) async fn remove(&self, path: &str) -> Result<()> {
        let Some(store) = self.reading()? else { return Ok(()) };
        if let Backend::Bucket(bucket) = self.backend() {
            bucket.forget(path);
        }
        match store.delete(&object_path(path)?).await {
            Ok(()) => Ok(()),
            Err(error) if self.is_absence(&error) => Ok(()),
            Err(error) => Err(self.failed("remove", path, error)),
        }
    }

    pub(super) fn known(&self) -> &Mutex<Known> {
        &self.0.known
    }

    /// The lake's identity, once it was read.
    pub(super) fn known_identity(&self) -> &OnceLock<Uuid> {
        &self.0.identity
    }

    pub(super) fn missing(&self, path: &str) -> Error {
        match self.backend() {
            Backend::Folder(folder) if folder.is_offline() => folder.not_mirrored(path, self.location()),
            _ => Error::new(Kind::Lake, format!("`{path}` is not in the lake `{}`", self.0.location)),
        }
    }

    /// The store for reading; `None` while the folder does not exist, which reads as an empty lake.
    pub(super) fn reading(&self) -> Result<Option<Arc<dyn ObjectStore>>> {
        match self.backend() {
            Backend::Folder(folder) => folder.reading(self.location()),
            Backend::Bucket(bucket) => Ok(Some(bucket.store())),
        }
    }

    /// The store for writing; creates the folder.
    pub(super) fn writing(&self) -> Result<Arc<dyn ObjectStore>> {
        match self.backend() {
            Backend::Folder(folder) => folder.writing(self.location()),
            Backend::Bucket(bucket) => Ok(bucket.store()),
        }
    }

    /// Whether the error says that there is no such object. A bucket that does not exist is another matter.
    pub(super) fn is_absence(&self, error: &object_store::Error) -> bool {
        matches!(error, object_store::Error::NotFound { .. }) && !super::refused::is_missing_bucket(error)
    }

    pub(super) fn failed(&self, what: &str, path: &str, source: object_store::Error) -> Error {
        let message = format!("cannot {what} `{path}` in the lake `{}`", self.0.location);
        match self.backend() {
            Backend::Folder(_) => Error::new(Kind::Lake, message).because(source),
            Backend::Bucket(bucket) => super::refused::error(bucket.provider(), bucket.name(), what, message, source, bucket.mirror().seen()),
        }
    }
}

impl From<object_store::ObjectMeta> for Object {
    fn from(meta: object_store::ObjectMeta) -> Self {
        Self { path: meta.location.to_string(), bytes: meta.size, modified: meta.last_modified }
    }
}

/// Repeats a listing whose response is cut off, which `object_store` does for objects only.
async fn retry_cut<T, F: Future<Output = object_store::Result<T>>>(list: impl Fn() -> F) -> object_store::Result<T> {
    for attempt in 1..5 {
        match list().await {
            Err(error) if super::refused::is_cut(&error) => tokio::time::sleep(std::time::Duration::from_millis(50 << attempt)).await,
            result => return result,
        }
    }
    list().await
}

pub(super) fn object_path(path: &str) -> Result<Path> {
    Path::parse(path).or_fail(Kind::Internal, || format!("`{path}` is no path inside a lake"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::upload::CHUNK;

    fn lake() -> (tempfile::TempDir, Lake) {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path().join("new").to_str().unwrap()).unwrap();
        (folder, lake)
    }

    #[tokio::test]
    async fn a_lake_that_does_not_exist_reads_as_empty_and_is_created_by_a_write() {
        let (_folder, lake) = lake();
        assert_eq!(lake.list("").await.unwrap(), []);
        assert_eq!(lake.list_folders("landed").await.unwrap(), Vec::<String>::new());
        assert!(!lake.exists("a").await.unwrap());
        assert!(lake.get("a").await.unwrap_err().to_string().starts_with("`a` is not in the lake"));
        assert!(!lake.local_path("").unwrap().exists(), "reading creates nothing");
        assert!(lake.put_new("x/y/a", Bytes::from_static(b"1")).await.unwrap().is_new());
        assert_eq!(lake.get("x/y/a").await.unwrap(), "1");
        assert_eq!(fs_err::read(lake.local_path("x/y/a").unwrap()).unwrap(), b"1");
    }

    #[tokio::test]
    async fn nothing_is_ever_replaced() {
        let (folder, lake) = lake();
        let local = folder.path().join("file");
        fs_err::write(&local, "second").unwrap();
        assert!(lake.put_new("a/b", Bytes::from_static(b"first")).await.unwrap().is_new());
        assert!(!lake.put_new("a/b", Bytes::from_static(b"second")).await.unwrap().is_new());
        assert!(!lake.upload_new("a/b", &local).await.unwrap().is_new());
        assert_eq!(lake.get("a/b").await.unwrap(), "first");
        assert!(lake.upload_new("a/c", &local).await.unwrap().is_new());
        assert_eq!(lake.get("a/c").await.unwrap(), "second");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn of_many_writers_one_wins_and_readers_see_whole_objects_only() {
        let (folder, lake) = lake();
        let writers: Vec<_> = (0..16_u8)
            .map(|writer| {
                // Two handles, as two processes would have.
                let lake = Lake::open(lake.location()).unwrap();
                let local = folder.path().join(format!("{writer}"));
                fs_err::write(&local, vec![writer; CHUNK + 100_000]).unwrap();
                tokio::spawn(async move {
                    let streamed = lake.upload_new("streamed", &local).await.unwrap().is_new();
                    (streamed, lake.put_new("put", Bytes::from(vec![writer; 1_000_000])).await.unwrap().is_new())
                })
            })
            .collect();
        let (mut streamed, mut put) = (0, 0);
        for writer in writers {
            while !writer.is_finished() {
                for (path, size) in [("streamed", CHUNK + 100_000), ("put", 1_000_000)] {
                    if let Some(bytes) = lake.find(path).await.unwrap() {
                        assert_eq!(bytes.len(), size);
                        assert!(bytes.iter().all(|byte| *byte == bytes[0]));
                    }
                }
            }
            let won = writer.await.unwrap();
            streamed += u32::from(won.0);
            put += u32::from(won.1);
        }
        assert_eq!((streamed, put), (1, 1));
        assert_eq!(lake.list_raw("", None).await.unwrap().len(), 2, "no leftovers");
    }

    #[tokio::test]
    async fn listings_are_ordered_and_hide_unfinished_uploads() {
        let (_folder, lake) = lake();
        for path in ["b/2", "b/10", "a/x/1", "a/y/1", ".uploads/0198c0de-0000-7000-8000-000000000000"] {
            lake.put_new(path, Bytes::from_static(b"12")).await.unwrap().accept_existing();
        }
        // What a kill inside `object_store` leaves behind.
        fs_err::write(lake.local_path("").unwrap().join("b/3#1"), "cut").unwrap();
        let paths = |objects: Vec<Object>| objects.into_iter().map(|object| object.path).collect::<Vec<_>>();
        assert_eq!(paths(lake.list("").await.unwrap()), ["a/x/1", "a/y/1", "b/10", "b/2"]);
        assert_eq!(paths(lake.list("a").await.unwrap()), ["a/x/1", "a/y/1"]);
        assert_eq!(paths(lake.list_after("a", "a/x").await.unwrap()), ["a/x/1", "a/y/1"]);
        assert_eq!(paths(lake.list_after("a", "a/y").await.unwrap()), ["a/y/1"]);
        assert_eq!(paths(lake.list_flat("b").await.unwrap()), ["b/10", "b/2"]);
        assert_eq!(lake.list_folders("").await.unwrap(), ["a", "b"]);
        assert_eq!(lake.list_folders("a").await.unwrap(), ["x", "y"]);
        assert_eq!(lake.list("b").await.unwrap()[0].bytes, 2);
        assert_eq!(lake.list("nowhere").await.unwrap(), []);
    }

    #[test]
    fn locations() {
        assert_eq!(Lake::open("gs://bucket/lake").err().unwrap().to_string(), "lake `gs://bucket/lake`: only a folder can be used here");
        assert_eq!(Lake::open("file:///tmp/my%20lake").unwrap().local_path("a/b").unwrap(), std::path::Path::new("/tmp/my lake/a/b"));
        for path in ["../a", "a//b", "a/./b"] {
            assert_eq!(Lake::open("/tmp/x").unwrap().local_path(path).unwrap_err().kind(), Kind::Internal, "{path}");
        }
    }
}
