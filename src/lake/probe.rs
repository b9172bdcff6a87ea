//! Whether a lake can be used as `etl` uses it, for `etl doctor`.

use bytes::Bytes;
use object_store::{ObjectStoreExt, PutMode, PutPayload};
use uuid::Uuid;

use super::{
    layout::Place,
    store::{Backend, Lake, object_path},
};
use crate::error::Result;

impl Lake {
    /// Tries on a bucket what a run needs: to list, to create under `.uploads/`, to read that back, to remove it. A folder is
    /// only listed. Says what lies on this disk.
    ///
    /// # Errors
    /// The first refusal, with what is needed.
    pub async fn probe(&self) -> Result<String> {
        self.list_folders("").await?;
        let Backend::Bucket(bucket) = self.backend() else { return Ok(String::new()) };
        let path = Place::Upload { upload_id: Uuid::now_v7() }.to_string();
        let (target, store) = (object_path(&path)?, bucket.store());
        let put = store.put_opts(&target, PutPayload::from(Bytes::from_static(b"etl doctor")), PutMode::Create.into()).await;
        put.map_err(|error| self.failed("write", &path, error))?;
        let read = store.get(&target).await.map_err(|error| self.failed("read", &path, error));
        let removed = store.delete(&target).await.map_err(|error| self.failed("remove", &path, error));
        read?;
        removed?;
        let (bytes, limit) = bucket.mirror().bytes();
        Ok(format!(
            "; create, read and remove are allowed; mirror `{}` holds {} of {} MB",
            bucket.mirror().folder().display(),
            bytes / 1_000_000,
            limit / 1_000_000
        ))
    }
}
