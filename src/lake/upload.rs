//! Writing objects: each once, whole or not at all, never over another.
//!
//! A bucket takes a small file in one conditional request. `object_store` has no streaming upload that refuses to replace an
//! object, so the others are made of three of its calls: a multipart upload to a fresh name under `.uploads/` (on a folder:
//! fsynced), a copy that fails if the target exists (on a folder: one hard link and an fsync of the folder; S3 completes a
//! multipart copy under `If-None-Match: *`; Google and Azure copy under a precondition), a delete of the first name. A kill
//! between any two leaves a file under `.uploads/`, which no listing shows and [`super::gc`] removes.

use std::path::Path as FilePath;

use bytes::Bytes;
use futures::{StreamExt, stream::FuturesUnordered};
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload, path::Path};
use tokio::io::AsyncReadExt;
use uuid::Uuid;

use super::{
    layout::Place,
    store::{Backend, Lake, object_path},
};
use crate::error::{Kind, OrFail, Result};

/// Bytes of one part of a streamed upload, and of what a bucket takes in one request.
pub(super) const CHUNK: usize = 8 << 20;

/// Parts of one file that are under way to a bucket at once.
const PARTS_AT_ONCE: usize = 3;

impl Lake {
    /// Writes a small object unless the path is taken. `false` = it was there already, and was left as it is.
    ///
    /// # Errors
    /// [`Kind::Lake`] if it cannot be written; then it is not visible.
    pub async fn put_new(&self, path: &str, bytes: Bytes) -> Result<bool> {
        let created = self.put(path, bytes.clone()).await?;
        if let (true, Backend::Bucket(bucket)) = (created, self.backend()) {
            bucket.created(path, bytes.len() as u64);
            bucket.mirror().keep(path, &bytes);
        }
        Ok(created)
    }

    async fn put(&self, path: &str, bytes: Bytes) -> Result<bool> {
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
        let mut file = tokio::fs::File::open(local).await.or_fail(Kind::Io, || format!("cannot open `{}`", local.display()))?;
        let Backend::Bucket(bucket) = self.backend() else {
            return self.stream(path, &target, &*store, &mut file, local).await;
        };
        // What many pulls hold in memory together is bounded here.
        let _turn = bucket.turn().await;
        let size = file.metadata().await.or_fail(Kind::Io, || format!("cannot read `{}`", local.display()))?.len();
        let created = if size <= CHUNK as u64 {
            let mut bytes = Vec::with_capacity(CHUNK.min(usize::try_from(size).unwrap_or(CHUNK)));
            file.read_to_end(&mut bytes).await.or_fail(Kind::Io, || format!("cannot read `{}`", local.display()))?;
            self.put(path, bytes.into()).await?
        } else {
            self.stream(path, &target, &*store, &mut file, local).await?
        };
        if created {
            bucket.created(path, size);
            bucket.mirror().keep_file(path, local);
        }
        Ok(created)
    }

    async fn stream(&self, path: &str, target: &Path, store: &dyn ObjectStore, file: &mut tokio::fs::File, local: &FilePath) -> Result<bool> {
        let upload = object_path(&Place::Upload { upload_id: Uuid::now_v7() }.to_string())?;
        self.send_parts(path, &upload, store, file, local).await?;
        let published = match store.copy_if_not_exists(&upload, target).await {
            Ok(()) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(self.failed("write", path, error)),
        };
        // What stays behind here is garbage for gc; it must not turn a published object into a failure.
        let _ = store.delete(&upload).await;
        published
    }

    async fn send_parts(&self, path: &str, upload: &Path, store: &dyn ObjectStore, file: &mut tokio::fs::File, local: &FilePath) -> Result<()> {
        let failed = |error| self.failed("write", path, error);
        let mut parts = store.put_multipart(upload).await.map_err(failed)?;
        let mut under_way = FuturesUnordered::new();
        let sent = async {
            loop {
                let mut part = Vec::with_capacity(CHUNK);
                let read = (&mut *file).take(CHUNK as u64).read_to_end(&mut part).await;
                if read.or_fail(Kind::Io, || format!("cannot read `{}`", local.display()))? == 0 {
                    break;
                }
                under_way.push(parts.put_part(PutPayload::from(part)));
                if under_way.len() == PARTS_AT_ONCE
                    && let Some(done) = under_way.next().await
                {
                    done.map_err(failed)?;
                }
            }
            while let Some(done) = under_way.next().await {
                done.map_err(failed)?;
            }
            Ok(())
        };
        let sent: Result<()> = sent.await;
        if sent.is_err() {
            // Parts of an upload that is never completed cost money and are shown nowhere.
            let _ = parts.abort().await;
            return sent;
        }
        parts.complete().await.map(drop).map_err(failed)
    }
}
