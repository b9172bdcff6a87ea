//! Writing objects: each once, whole or not at all, never over another.
//!
//! A bucket takes a small file in one conditional request. `object_store` has no streaming upload that refuses to replace an
//! object, so the others are made of three of its calls: a multipart upload to a fresh name under `.uploads/` (on a folder:
//! fsynced), a copy that fails if the target exists (on a folder: one hard link and an fsync of the folder; S3 completes a
//! multipart copy under `If-None-Match: *`; Google and Azure copy under a precondition), a delete of the first name. A kill
//! between any two leaves a file under `.uploads/`, which no listing shows and [`super::gc`] removes.
//!
//! Each of these calls can fail after the store has carried it out: the response is lost, and the repeated request gets 404
//! NoSuchUpload, 409 or 412. After any such failure the object is inspected (size and SHA-256); the write is done if the bytes
//! are there, and repeated if there is no object.

use std::{path::Path as FilePath, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, stream::FuturesUnordered};
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload, path::Path};
use tokio::{
    io::{AsyncReadExt, AsyncSeekExt},
    time::{Instant, sleep},
};
use uuid::Uuid;

use super::{
    created::Created,
    layout::Place,
    refused,
    store::{Backend, Lake, object_path},
};
use crate::{
    digest::Sha256,
    error::{Kind, OrFail, Result},
};

/// Bytes of one part of a streamed upload, and of what a bucket takes in one request.
pub(super) const CHUNK: usize = 8 << 20;

/// Parts of one file that are under way to a bucket at once.
const PARTS_AT_ONCE: usize = 3;

/// Attempts at one write, each with the retries of `object_store` inside.
const ATTEMPTS: u32 = 8;

/// No attempt begins later than this after the first one.
const MAX_ELAPSED: Duration = Duration::from_secs(120);

/// The bytes of a write, to send and to compare.
enum Content<'a> {
    Bytes(&'a Bytes),
    File(&'a FilePath),
}

/// What is at the target after a write failed.
enum Inspected {
    Object(Created),
    Nothing,
    /// It cannot be read, or the failure leaves no doubt.
    Unknown,
}

/// The attempts at one write.
struct Attempts {
    made: u32,
    begin: Instant,
}

impl Lake {
    /// Writes a small object unless the path is taken.
    ///
    /// # Errors
    /// [`Kind::Lake`] if it cannot be written; then it is not visible.
    pub async fn put_new(&self, path: &str, bytes: Bytes) -> Result<Created> {
        let created = self.put(path, &bytes).await?;
        if let (true, Backend::Bucket(bucket)) = (created.is_written(), self.backend()) {
            bucket.created(path, bytes.len() as u64);
            bucket.mirror().keep(path, &bytes);
        }
        Ok(created)
    }

    async fn put(&self, path: &str, bytes: &Bytes) -> Result<Created> {
        let (target, store) = (object_path(path)?, self.writing()?);
        let mut attempts = Attempts::new();
        loop {
            let put = store.put_opts(&target, PutPayload::from(bytes.clone()), PutMode::Create.into()).await;
            let Err(error) = put.map(drop) else { return Ok(Created::New) };
            match self.inspect(&*store, &target, &Content::Bytes(bytes), &error).await {
                Inspected::Object(created) => return Ok(created),
                Inspected::Nothing if attempts.another().await => {}
                Inspected::Nothing | Inspected::Unknown => return Err(self.failed("write", path, error)),
            }
        }
    }

    /// Copies a local file into the lake, in bounded memory, unless the path is taken.
    ///
    /// # Errors
    /// [`Kind::Io`] if the file cannot be read, [`Kind::Lake`] if the object cannot be written; then it is not visible.
    pub async fn upload_new(&self, path: &str, local: &FilePath) -> Result<Created> {
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
            self.put(path, &bytes.into()).await?
        } else {
            self.stream(path, &target, &*store, &mut file, local).await?
        };
        if created.is_written() {
            bucket.created(path, size);
            bucket.mirror().keep_file(path, local);
        }
        Ok(created)
    }

    async fn stream(&self, path: &str, target: &Path, store: &dyn ObjectStore, file: &mut tokio::fs::File, local: &FilePath) -> Result<Created> {
        let upload = self.send(path, store, file, local).await?;
        let mut attempts = Attempts::new();
        let published = loop {
            let Err(error) = store.copy_if_not_exists(&upload, target).await else { break Ok(Created::New) };
            match self.inspect(store, target, &Content::File(local), &error).await {
                Inspected::Object(created) => break Ok(created),
                Inspected::Nothing if attempts.another().await => {}
                Inspected::Nothing | Inspected::Unknown => break Err(self.failed("write", path, error)),
            }
        };
        // What stays behind here is garbage for gc; it must not turn a published object into a failure.
        let _ = store.delete(&upload).await;
        published
    }

    /// Sends the file under a name of its own, and returns that name.
    async fn send(&self, path: &str, store: &dyn ObjectStore, file: &mut tokio::fs::File, local: &FilePath) -> Result<Path> {
        let unreadable = || format!("cannot read `{}`", local.display());
        let size = file.metadata().await.or_fail(Kind::Io, unreadable)?.len();
        let mut attempts = Attempts::new();
        loop {
            let upload = object_path(&Place::Upload { upload_id: Uuid::now_v7() }.to_string())?;
            file.rewind().await.or_fail(Kind::Io, unreadable)?;
            let Err(error) = self.send_parts(&upload, store, file, local).await? else { return Ok(upload) };
            // Nobody else knows the name, and it appears as a whole: the size is proof enough.
            match store.head(&upload).await {
                Ok(found) if found.size == size => return Ok(upload),
                Err(object_store::Error::NotFound { .. }) if !self.is_final(&error) && attempts.another().await => {}
                _ => return Err(self.failed("write", path, error)),
            }
        }
    }

    /// The inner error is the store's, after which the outcome may be unknown.
    async fn send_parts(
        &self,
        upload: &Path,
        store: &dyn ObjectStore,
        file: &mut tokio::fs::File,
        local: &FilePath,
    ) -> Result<object_store::Result<()>> {
        let mut parts = match store.put_multipart(upload).await {
            Ok(parts) => parts,
            Err(error) => return Ok(Err(error)),
        };
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
                    && let Some(Err(error)) = under_way.next().await
                {
                    return Ok(Err(error));
                }
            }
            while let Some(done) = under_way.next().await {
                if let Err(error) = done {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        };
        let sent: Result<object_store::Result<()>> = sent.await;
        if !matches!(sent, Ok(Ok(()))) {
            // Parts of an upload that is never completed cost money and are shown nowhere.
            let _ = parts.abort().await;
            return sent;
        }
        Ok(parts.complete().await.map(drop))
    }

    async fn inspect(&self, store: &dyn ObjectStore, target: &Path, content: &Content<'_>, error: &object_store::Error) -> Inspected {
        if self.is_final(error) {
            return Inspected::Unknown;
        }
        match store.head(target).await {
            Ok(found) => content.compare(store, target, found.size).await.map_or(Inspected::Unknown, Inspected::Object),
            Err(object_store::Error::NotFound { .. }) => Inspected::Nothing,
            Err(_) => Inspected::Unknown,
        }
    }

    /// Whether the failure proves that nothing was written. On a folder only a name that is taken leaves a question.
    fn is_final(&self, error: &object_store::Error) -> bool {
        match self.backend() {
            Backend::Folder(_) => !matches!(error, object_store::Error::AlreadyExists { .. }),
            Backend::Bucket(_) => refused::is_final(error),
        }
    }
}

impl Content<'_> {
    /// Compares an object of `size` bytes with this; `None` if one of the two cannot be read.
    async fn compare(&self, store: &dyn ObjectStore, target: &Path, size: u64) -> Option<Created> {
        if self.size().await? != size {
            return Some(Created::Different);
        }
        let (mut digest, mut pieces) = (Sha256::new(), store.get(target).await.ok()?.into_stream());
        while let Some(piece) = pieces.next().await {
            digest.update(&piece.ok()?);
        }
        Some(if self.sha256().await? == digest.finish() { Created::Identical } else { Created::Different })
    }

    async fn size(&self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::File(path) => Some(tokio::fs::metadata(path).await.ok()?.len()),
        }
    }

    async fn sha256(&self) -> Option<String> {
        match self {
            Self::Bytes(bytes) => Some(crate::digest::sha256(bytes)),
            Self::File(path) => {
                let mut file = tokio::fs::File::open(path).await.ok()?;
                let (mut digest, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
                loop {
                    match file.read(&mut buffer).await.ok()? {
                        0 => return Some(digest.finish()),
                        read => digest.update(&buffer[..read]),
                    }
                }
            }
        }
    }
}

impl Attempts {
    fn new() -> Self {
        Self { made: 1, begin: Instant::now() }
    }

    /// Waits before the next attempt; `false` if there should not be one.
    async fn another(&mut self) -> bool {
        let wait = Duration::from_millis(50 << self.made.min(7)).mul_f64(0.5 + rand::random::<f64>());
        if self.made == ATTEMPTS || self.begin.elapsed() + wait > MAX_ELAPSED {
            return false;
        }
        self.made += 1;
        sleep(wait).await;
        true
    }
}
