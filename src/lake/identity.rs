//! The identity of a lake: `lake.json`, which the first process that writes to the lake creates.
//!
//! A load records it beside the rows, so that a lake at another place (a mistyped address, a lost and refilled bucket) is told
//! from the one that the tables were loaded from.

use object_store::ObjectStoreExt;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    document,
    layout::{self, LAYOUT_VERSION},
    store::{Backend, Lake, object_path},
};
use crate::error::{Error, Kind, OrFail, Result};

/// Version of the file's format; readers refuse a newer one.
pub const IDENTITY_VERSION: u32 = 1;

/// The content of `lake.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// [`IDENTITY_VERSION`].
    pub version: u32,
    /// A UUID of its own.
    pub lake_id: Uuid,
    /// [`LAYOUT_VERSION`] of the `etl` that created the lake.
    pub layout: u32,
    /// Version of `etl`.
    pub etl: String,
}

impl Lake {
    /// Returns the lake's identity; `None` if nothing has been written since lakes have one.
    ///
    /// # Errors
    /// [`Kind::Lake`] if the store cannot be read or the file is damaged or too new.
    pub async fn identity(&self) -> Result<Option<Uuid>> {
        if let Some(known) = self.known_identity().get() {
            return Ok(Some(*known));
        }
        let Some(found) = self.read_identity().await? else { return Ok(None) };
        Ok(Some(*self.known_identity().get_or_init(|| found.lake_id)))
    }

    /// Returns the lake's identity, which is created if there is none. Of several processes that create it at once, the first
    /// one's counts for all.
    ///
    /// # Errors
    /// As [`Lake::identity`], and [`Kind::Lake`] if the file cannot be written.
    pub async fn ensure_identity(&self) -> Result<Uuid> {
        if let Some(known) = self.identity().await? {
            return Ok(known);
        }
        let own = Identity { version: IDENTITY_VERSION, lake_id: Uuid::now_v7(), layout: LAYOUT_VERSION, etl: env!("CARGO_PKG_VERSION").to_owned() };
        let mut text = serde_json::to_vec(&own).or_fail(Kind::Internal, || format!("cannot write `{}` as JSON", layout::IDENTITY))?;
        document::sign(&mut text);
        text.push(b'\n');
        self.put_new(layout::IDENTITY, text.into()).await?.accept_existing();
        // Read back, whether the write won or not: what the store holds is what everyone else sees.
        let missing = || Error::new(Kind::Lake, format!("`{}` was written and cannot be found", layout::IDENTITY));
        let found = self.read_identity().await?.ok_or_else(missing)?;
        Ok(*self.known_identity().get_or_init(|| found.lake_id))
    }

    /// Reads the file from the bucket itself: a mirror may still hold the one of an earlier lake at this address.
    async fn read_identity(&self) -> Result<Option<Identity>> {
        let bytes = match self.backend() {
            Backend::Folder(_) => self.find(layout::IDENTITY).await?,
            Backend::Bucket(bucket) => match bucket.store().get(&object_path(layout::IDENTITY)?).await {
                Ok(found) => {
                    let bytes = found.bytes().await.map_err(|error| self.failed("read", layout::IDENTITY, error))?;
                    bucket.mirror().replace(layout::IDENTITY, &bytes);
                    Some(bytes)
                }
                Err(error) if self.is_absence(&error) => None,
                Err(error) => return Err(self.failed("read", layout::IDENTITY, error)),
            },
        };
        bytes.map(|bytes| document::parse(&bytes, layout::IDENTITY, IDENTITY_VERSION)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::sample;

    #[tokio::test]
    async fn every_process_sees_the_same_identity() {
        let (_folder, lake) = sample::lake();
        assert_eq!(lake.identity().await.unwrap(), None);
        let handles: Vec<Lake> = (0..8).map(|_| Lake::open(lake.location()).unwrap()).collect();
        let ids = futures::future::join_all(handles.iter().map(Lake::ensure_identity)).await;
        let first = *ids[0].as_ref().unwrap();
        assert!(ids.iter().all(|id| *id.as_ref().unwrap() == first), "{ids:?}");
        assert_eq!(lake.identity().await.unwrap(), Some(first));
        let (_other_folder, other) = sample::lake();
        assert_ne!(other.ensure_identity().await.unwrap(), first);
    }

    #[tokio::test]
    async fn first_commit_gives_a_lake_its_identity() {
        let (_folder, lake) = sample::lake();
        lake.commit(&sample::receipt("2026-01-02T00:00:00Z")).await.unwrap();
        assert!(lake.identity().await.unwrap().is_some());
    }

    #[tokio::test]
    async fn damaged_or_newer_identity_is_an_error() {
        for (text, want) in [("{", "`lake.json` is damaged"), (r#"{"version":2}"#, "`lake.json` has version 2; this `etl` reads up to 1")] {
            let (_folder, lake) = sample::lake();
            lake.put_new(layout::IDENTITY, text.into()).await.unwrap().accept_existing();
            assert_eq!(lake.ensure_identity().await.unwrap_err().to_string(), want);
        }
    }
}
