//! Manifests: what one transform run published of a mart. A mart's rows are those of its newest manifest's parts.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    document,
    layout::{self, Place},
    store::Lake,
};
use crate::error::{Error, Kind, Result};

/// Version of the manifest format; readers refuse a newer one.
pub const MANIFEST_VERSION: u32 = 1;

/// One published result of a mart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_VERSION`].
    pub version: u32,
    /// The mart, which is also its destination table.
    pub table: String,
    /// The transform run.
    pub transform_id: Uuid,
    /// The moment that the result shows.
    pub as_of: DateTime<Utc>,
    /// Computed for a past moment on request: not the present state.
    pub replay: bool,
    /// When it was published.
    pub created: DateTime<Utc>,
    /// Hash of all that decides the result: SQL, contract, inputs, versions.
    pub fingerprint: String,
    /// Column names and portable types, in order.
    pub columns: Vec<(String, String)>,
    /// The files; for a snapshot one per day. A part may have been written by an earlier transform run.
    pub parts: Vec<Part>,
    /// Rows of all parts.
    pub rows: u64,
    /// Version of `etl`.
    pub etl: String,
    /// Version of DuckDB.
    pub duckdb: String,
}

/// One file of a mart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The day, for a snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<NaiveDate>,
    /// Path below the lake.
    pub path: String,
    /// Its rows.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// Of the whole object, lower-case hex.
    pub sha256: String,
    /// Hash of all that decides this part.
    pub fingerprint: String,
    /// The pulls that it was computed from.
    pub inputs: Vec<Uuid>,
}

impl Lake {
    /// Publishes a mart. The parts must lie in the lake already; size and footer of those that this run wrote are read
    /// back first, those of earlier runs (a manifest named them already) must exist with their size. Publishing the same
    /// manifest twice is fine.
    ///
    /// # Errors
    /// [`Kind::Lake`] if a part is missing, torn or not as the manifest says, or another manifest has this id;
    /// [`Kind::Internal`] if the manifest contradicts itself. Nothing is visible then.
    pub async fn publish(&self, manifest: &Manifest) -> Result<()> {
        let path = layout::manifest(&manifest.table, manifest.transform_id);
        consistent(manifest).map_err(|error| error.within(format!("cannot publish `{path}`")))?;
        for part in &manifest.parts {
            self.check_part(manifest, part).await.map_err(|error| error.within(format!("cannot publish `{path}`")))?;
        }
        self.put_document(&path, manifest).await
    }

    /// All manifests of a mart, ordered by (`created`, `transform_id`): the newest comes last. Replays are among them.
    ///
    /// # Errors
    /// [`Kind::Lake`] if the store cannot be read or a manifest is damaged or too new.
    pub async fn manifests(&self, table: &str) -> Result<Vec<Manifest>> {
        let objects = self.list_flat(&format!("marts/{table}")).await?;
        let paths = objects.into_iter().filter(|object| matches!(layout::parse(&object.path), Some(Place::Manifest { .. })));
        let mut manifests = Vec::new();
        for (path, bytes) in self.get_all(paths.map(|object| object.path).collect()).await? {
            manifests.push(document::parse(&bytes, &path, MANIFEST_VERSION)?);
        }
        manifests.sort_by_key(|manifest: &Manifest| (manifest.created, manifest.transform_id));
        Ok(manifests)
    }

    async fn check_part(&self, manifest: &Manifest, part: &Part) -> Result<()> {
        let own = layout::mart_part(&manifest.table, manifest.transform_id, part.day);
        if part.path == own {
            return self.check_file(&part.path, part.bytes, part.rows).await;
        }
        match self.size(&part.path).await? {
            Some(bytes) if bytes == part.bytes => Ok(()),
            Some(bytes) => Err(Error::new(Kind::Lake, format!("`{}` has {bytes} bytes, not {}", part.path, part.bytes))),
            None => Err(self.missing(&part.path)),
        }
    }
}

fn consistent(manifest: &Manifest) -> Result<()> {
    let refuse = |message: String| Err(Error::new(Kind::Internal, message));
    if manifest.version != MANIFEST_VERSION {
        return refuse(format!("the manifest has version {}, not {MANIFEST_VERSION}", manifest.version));
    }
    let rows: u64 = manifest.parts.iter().map(|part| part.rows).sum();
    if rows != manifest.rows {
        return refuse(format!("the manifest counts {} rows, its parts {rows}", manifest.rows));
    }
    for part in &manifest.parts {
        match layout::parse(&part.path) {
            Some(Place::MartPart { table, day, .. }) if table == manifest.table && day == part.day => {}
            _ => return refuse(format!("`{}` is no part of `{}` for day {:?}", part.path, manifest.table, part.day)),
        }
    }
    Ok(())
}
