//! The lake as a set of objects: create-only writes that survive a power cut, reads, listings.
//!
//! Everything goes through `object_store`, so that a bucket can stand where a folder stands now. `object_store` has no
//! streaming upload that refuses to replace an object, so [`Lake::upload_new`] is made of three of its calls: a multipart
//! upload to a fresh name under `.uploads/` (fsynced), a copy that fails if the target exists (on a folder: one hard link
//! and an fsync of the folder), a delete of the first name. A kill between any two leaves a file under `.uploads/`, which
//! no listing shows and [`super::gc`] removes.

use std::{
    path::{Path as FilePath, PathBuf},
    sync::{Arc, Mutex, OnceLock},
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload, local::LocalFileSystem, path::Path};
use tokio::io::AsyncReadExt;
use uuid::Uuid;

use super::{
    checkpoint::Known,
    layout::{Place, UPLOADS},
};
use crate::error::{Error, Kind, OrFail, Result};

/// Bytes of one part of a streamed upload, and about what an upload holds in memory.
const CHUNK: usize = 8 << 20;

/// A lake. Cheap to clone; clones share the connection and what is known about checkpoints.
#[derive(Clone)]
pub struct Lake(Arc<Shared>);

struct Shared {
    location: String,
    folder: PathBuf,
    store: OnceLock<Arc<LocalFileSystem>>,
    known: Mutex<Known>,
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
        let folder = match location.split_once("://") {
            None if location.is_empty() => {
                return Err(Error::new(Kind::Config, "the lake's location is empty").hint("set `lake` in etl.toml or `ETL_LAKE`"));
            }
            None => PathBuf::from(location),
            Some(("file", _)) => url::Url::parse(location)
                .ok()
                .and_then(|url| url.to_file_path().ok())
                .ok_or_else(|| Error::new(Kind::Config, format!("lake `{location}` is no valid file URL; write it as `file:///folder`")))?,
            Some((scheme, _)) => {
                return Err(Error::new(Kind::Config, format!("lake `{location}`: `{scheme}://` comes later; name a folder"))
                    .hint("set `lake` in etl.toml or `ETL_LAKE` to a folder"));
            }
        };
        let folder = std::path::absolute(&folder).or_fail(Kind::Config, || format!("lake `{location}` is no usable path"))?;
        Ok(Self(Arc::new(Shared { location: location.to_owned(), folder, store: OnceLock::new(), known: Mutex::default() })))
    }

    /// The location as it was given.
    pub fn location(&self) -> &str {
        &self.0.location
    }

    /// The absolute path of an object, for DuckDB. Says nothing about whether it exists.
    ///
    /// # Errors
    /// [`Kind::Internal`] for a path that could leave the lake.
    pub fn local_path(&self, path: &str) -> Result<PathBuf> {
        Ok(self.0.folder.join(object_path(path)?.as_ref()))
    }

    /// Writes a small object unless the path is taken. `false` = it was there already, and was left as it is.
    ///
    /// # Errors
    /// [`Kind::Lake`] if it cannot be written; then it is not visible.
    pub async fn put_new(&self, path: &str, bytes: Bytes) -> Result<bool> {
        let target = object_path(path)?;
        match self.writing()?.put_opts(&target, PutPayload::from(bytes), PutMode::Create.into()).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(self.failed("write", path, error)),
        }
    }

    /// Copies a local file into the lake, in bounded memory, unless the path is taken. `false` = it was there already.
    ///
    /// # Errors
    /// [`Kind::Io`] if the file cannot be read, [`Kind::Lake`] if the object cannot be written; then it is not visible.
    pub async fn upload_new(&self, path: &str, local: &FilePath) -> Result<bool> {
        let target = object_path(path)?;
        let store = self.writing()?;
        let upload = object_path(&Place::Upload { upload_id: Uuid::now_v7() }.to_string())?;
        let mut file = tokio::fs::File::open(local).await.or_fail(Kind::Io, || format!("cannot open `{}`", local.display()))?;
        let mut parts = store.put_multipart(&upload).await.map_err(|error| self.failed("write", path, error))?;
        loop {
            let mut part = Vec::with_capacity(CHUNK);
            let read = (&mut file).take(CHUNK as u64).read_to_end(&mut part).await;
            if read.or_fail(Kind::Io, || format!("cannot read `{}`", local.display()))? == 0 {
                break;
            }
            parts.put_part(PutPayload::from(part)).await.map_err(|error| self.failed("write", path, error))?;
        }
        parts.complete().await.map_err(|error| self.failed("write", path, error))?;
        let published = match store.copy_if_not_exists(&upload, &target).await {
            Ok(()) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(self.failed("write", path, error)),
        };
        // What stays behind here is garbage for gc; it must not turn a published object into a failure.
        let _ = store.delete(&upload).await;
        published
    }

    /// Reads a whole object.
    ///
    /// # Errors
    /// [`Kind::Lake`] if it does not exist or cannot be read.
    pub async fn get(&self, path: &str) -> Result<Bytes> {
        self.find(path).await?.ok_or_else(|| self.missing(path))
    }

    /// Reads a whole object, if there is one.
    pub(super) async fn find(&self, path: &str) -> Result<Option<Bytes>> {
        let Some(store) = self.reading()? else { return Ok(None) };
        let found = match store.get(&object_path(path)?).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(self.failed("read", path, error)),
        };
        found.bytes().await.map(Some).map_err(|error| self.failed("read", path, error))
    }

    /// Reads the bytes `start..end` of an object.
    pub(super) async fn get_range(&self, path: &str, range: std::ops::Range<u64>) -> Result<Bytes> {
        let store = self.reading()?.ok_or_else(|| self.missing(path))?;
        store.get_range(&object_path(path)?, range).await.map_err(|error| self.failed("read", path, error))
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
            Err(object_store::Error::NotFound { .. }) => Ok(None),
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

    /// All objects below `prefix` whose path comes after `after`. One request series on a bucket, however much lies before.
    pub(super) async fn list_after(&self, prefix: &str, after: &str) -> Result<Vec<Object>> {
        self.list_raw(prefix, Some(after)).await
    }

    pub(super) async fn list_raw(&self, prefix: &str, after: Option<&str>) -> Result<Vec<Object>> {
        let Some(store) = self.reading()? else { return Ok(Vec::new()) };
        let folder = object_path(prefix)?;
        let folder = (!prefix.is_empty()).then_some(&folder);
        let listing = match after {
            None => store.list(folder),
            Some(after) => store.list_with_offset(folder, &object_path(after)?),
        };
        let mut objects: Vec<Object> = listing.map_ok(Object::from).try_collect().await.map_err(|error| self.failed("list", prefix, error))?;
        objects.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(objects)
    }

    /// The objects directly in the folder `prefix`, ordered by path.
    pub(super) async fn list_flat(&self, prefix: &str) -> Result<Vec<Object>> {
        let Some(store) = self.reading()? else { return Ok(Vec::new()) };
        let listing = store.list_with_delimiter(Some(&object_path(prefix)?)).await.map_err(|error| self.failed("list", prefix, error))?;
        let mut objects: Vec<Object> = listing.objects.into_iter().map(Object::from).collect();
        objects.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(objects)
    }

    /// The names (not paths) of the folders directly in the folder `prefix`, in order; hidden ones are left out.
    ///
    /// # Errors
    /// [`Kind::Lake`] if the store cannot be listed.
    pub async fn list_folders(&self, prefix: &str) -> Result<Vec<String>> {
        let Some(store) = self.reading()? else { return Ok(Vec::new()) };
        let folder = object_path(prefix)?;
        let folder = (!prefix.is_empty()).then_some(&folder);
        let listing = store.list_with_delimiter(folder).await.map_err(|error| self.failed("list", prefix, error))?;
        let names = listing.common_prefixes.iter().filter_map(Path::filename).filter(|name| !name.starts_with('.'));
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Reads many objects, some at a time, in the order of `paths`.
    pub(super) async fn get_all(&self, paths: Vec<String>) -> Result<Vec<(String, Bytes)>> {
        let reads = paths.into_iter().map(|path| async move { self.get(&path).await.map(|bytes| (path, bytes)) });
        futures::stream::iter(reads).buffered(16).try_collect().await
    }

    /// Removes an object; one that is gone already is fine. For gc only.
    pub(super) async fn remove(&self, path: &str) -> Result<()> {
        let Some(store) = self.reading()? else { return Ok(()) };
        match store.delete(&object_path(path)?).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed("remove", path, error)),
        }
    }

    pub(super) fn folder(&self) -> &FilePath {
        &self.0.folder
    }

    pub(super) fn known(&self) -> &Mutex<Known> {
        &self.0.known
    }

    pub(super) fn missing(&self, path: &str) -> Error {
        Error::new(Kind::Lake, format!("`{path}` is not in the lake `{}`", self.0.location))
    }

    /// The store for reading; `None` while the folder does not exist, which reads as an empty lake.
    fn reading(&self) -> Result<Option<&Arc<LocalFileSystem>>> {
        if self.0.store.get().is_none() && !self.0.folder.is_dir() {
            return Ok(None);
        }
        self.connected().map(Some)
    }

    /// The store for writing; creates the folder.
    fn writing(&self) -> Result<&Arc<LocalFileSystem>> {
        if self.0.store.get().is_none() {
            fs_err::create_dir_all(&self.0.folder).or_fail(Kind::Lake, || format!("cannot create the lake `{}`", self.0.location))?;
        }
        self.connected()
    }

    fn connected(&self) -> Result<&Arc<LocalFileSystem>> {
        if self.0.store.get().is_none() {
            let store =
                LocalFileSystem::new_with_prefix(&self.0.folder).or_fail(Kind::Lake, || format!("cannot open the lake `{}`", self.0.location))?;
            // Off by default: without it a power cut may keep a receipt and lose the records it names.
            let _ = self.0.store.set(Arc::new(store.with_fsync(true)));
        }
        Ok(self.0.store.get().expect("set above, or by another thread just before"))
    }

    fn failed(&self, what: &str, path: &str, source: object_store::Error) -> Error {
        Error::new(Kind::Lake, format!("cannot {what} `{path}` in the lake `{}`", self.0.location)).because(source)
    }
}

impl From<object_store::ObjectMeta> for Object {
    fn from(meta: object_store::ObjectMeta) -> Self {
        Self { path: meta.location.to_string(), bytes: meta.size, modified: meta.last_modified }
    }
}

fn object_path(path: &str) -> Result<Path> {
    Path::parse(path).or_fail(Kind::Internal, || format!("`{path}` is no path inside a lake"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(!lake.folder().exists(), "reading creates nothing");
        assert!(lake.put_new("x/y/a", Bytes::from_static(b"1")).await.unwrap());
        assert_eq!(lake.get("x/y/a").await.unwrap(), "1");
        assert_eq!(fs_err::read(lake.local_path("x/y/a").unwrap()).unwrap(), b"1");
    }

    #[tokio::test]
    async fn nothing_is_ever_replaced() {
        let (folder, lake) = lake();
        let local = folder.path().join("file");
        fs_err::write(&local, "second").unwrap();
        assert!(lake.put_new("a/b", Bytes::from_static(b"first")).await.unwrap());
        assert!(!lake.put_new("a/b", Bytes::from_static(b"second")).await.unwrap());
        assert!(!lake.upload_new("a/b", &local).await.unwrap());
        assert_eq!(lake.get("a/b").await.unwrap(), "first");
        assert!(lake.upload_new("a/c", &local).await.unwrap());
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
                    let streamed = lake.upload_new("streamed", &local).await.unwrap();
                    (streamed, lake.put_new("put", Bytes::from(vec![writer; 1_000_000])).await.unwrap())
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
            lake.put_new(path, Bytes::from_static(b"12")).await.unwrap();
        }
        // What a kill inside `object_store` leaves behind.
        fs_err::write(lake.folder().join("b/3#1"), "cut").unwrap();
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
        for (location, message) in [
            ("", "the lake's location is empty"),
            ("gs://bucket/lake", "lake `gs://bucket/lake`: `gs://` comes later; name a folder"),
            ("file://host.example/lake", "lake `file://host.example/lake` is no valid file URL; write it as `file:///folder`"),
        ] {
            let error = Lake::open(location).err().unwrap();
            assert_eq!((error.kind(), error.to_string().as_str()), (Kind::Config, message));
        }
        assert_eq!(Lake::open("file:///tmp/my%20lake").unwrap().local_path("a/b").unwrap(), FilePath::new("/tmp/my lake/a/b"));
        for path in ["../a", "a//b", "a/./b"] {
            assert_eq!(Lake::open("/tmp/x").unwrap().local_path(path).unwrap_err().kind(), Kind::Internal, "{path}");
        }
    }
}
