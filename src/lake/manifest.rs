//! Manifests: what one transform run published of a mart. A mart's rows are those of its newest manifest's parts.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    document,
    layout::{self, Place},
    scope_read::ScopeRead,
    store::{Backend, Lake},
};
use crate::error::{Error, Kind, Result};

/// Version of the manifest format; readers refuse a newer one.
pub const MANIFEST_VERSION: u32 = 1;

/// Manifests that are read together while the newest one is looked for.
const READ_AT_ONCE: usize = 4;

/// Days within which the newest manifest of a bucket is looked for first, and then. Older ones are not listed, if it is there.
const RECENT: [i64; 2] = [3, 40];

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
    /// Hash of the models that the result was computed by; older manifests have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// How completely each scope behind it was read; older manifests have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<ScopeRead>,
    /// Hash of all that `scopes` was computed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes_fingerprint: Option<String>,
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
    /// Of a day: the scopes that had not been read completely by its end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<ScopeRead>,
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
        self.check_parts(manifest).await.map_err(|error| error.within(format!("cannot publish `{path}`")))?;
        self.ensure_identity().await?;
        self.put_document(&path, manifest).await
    }

    /// What a transform published of a mart; `None`: nothing, or it is gone.
    ///
    /// # Errors
    /// [`Kind::Lake`] if the store cannot be read or the manifest is damaged or too new.
    pub async fn manifest(&self, table: &str, transform_id: Uuid) -> Result<Option<Manifest>> {
        let path = layout::manifest(table, transform_id);
        match self.find(&path).await? {
            Some(bytes) => Ok(Some(document::parse(&bytes, &path, MANIFEST_VERSION)?)),
            None => Ok(None),
        }
    }

    /// All manifests of a mart, ordered by (`created`, `transform_id`): the newest comes last. Replays are among them.
    ///
    /// # Errors
    /// [`Kind::Lake`] if the store cannot be read or a manifest is damaged or too new.
    pub async fn manifests(&self, table: &str) -> Result<Vec<Manifest>> {
        let paths = self.manifest_paths(table, None).await?.into_iter().map(|(_, path)| path).collect();
        let mut manifests = self.read_manifests(paths).await?;
        manifests.sort_by_key(age);
        Ok(manifests)
    }

    /// The newest manifest of a mart that is no replay: the last one of [`Lake::manifests`] that is none. Few are read: ids are
    /// in the order in which transforms began, so one that began a day before another was published before it.
    ///
    /// # Errors
    /// As [`Lake::manifests`], for the manifests that are read.
    pub async fn newest_manifest(&self, table: &str) -> Result<Option<Manifest>> {
        if let Backend::Bucket(bucket) = self.backend() {
            // A page of the listing is paid for and waited for, and after a year it is mostly of what is long past.
            for days in RECENT {
                let since = first_id(bucket.now() - Duration::days(days));
                let newest = self.newest_among(&self.manifest_paths(table, Some(since)).await?).await?;
                if newest.as_ref().is_some_and(|newest| is_a_day_older(since, newest.transform_id)) {
                    return Ok(newest);
                }
            }
        }
        self.newest_among(&self.manifest_paths(table, None).await?).await
    }

    /// The newest of these that is no replay.
    async fn newest_among(&self, mut paths: &[(Uuid, String)]) -> Result<Option<Manifest>> {
        let mut newest: Option<Manifest> = None;
        // The last one alone: mostly it is the one, and what lies before it is a day older.
        let mut at_once = 1;
        while let Some((last, _)) = paths.last() {
            if newest.as_ref().is_some_and(|newest| is_a_day_older(*last, newest.transform_id)) {
                break;
            }
            let (before, some) = paths.split_at(paths.len().saturating_sub(at_once));
            (paths, at_once) = (before, READ_AT_ONCE);
            let may_be = some.iter().filter(|(id, _)| newest.as_ref().is_none_or(|newest| !is_a_day_older(*id, newest.transform_id)));
            for manifest in self.read_manifests(may_be.map(|(_, path)| path.clone()).collect()).await? {
                if !manifest.replay && newest.as_ref().is_none_or(|newest| age(newest) < age(&manifest)) {
                    newest = Some(manifest);
                }
            }
        }
        Ok(newest)
    }

    /// Transforms that published a mart, or those that come after an id, and where their manifests are, in the order of their ids.
    async fn manifest_paths(&self, table: &str, after: Option<Uuid>) -> Result<Vec<(Uuid, String)>> {
        let folder = format!("marts/{table}");
        let objects = match after {
            None => self.list_flat(&folder).await?,
            Some(after) => self.list_after(&folder, &format!("{folder}/{after}")).await?,
        };
        let mut paths: Vec<(Uuid, String)> = objects
            .into_iter()
            .filter_map(|object| match layout::parse(&object.path) {
                Some(Place::Manifest { transform_id, .. }) => Some((transform_id, object.path)),
                _ => None,
            })
            .collect();
        paths.sort_unstable();
        Ok(paths)
    }

    async fn read_manifests(&self, paths: Vec<String>) -> Result<Vec<Manifest>> {
        self.get_all(paths).await?.into_iter().map(|(path, bytes)| document::parse(&bytes, &path, MANIFEST_VERSION)).collect()
    }

    async fn check_parts(&self, manifest: &Manifest) -> Result<()> {
        let own = |part: &Part| part.path == layout::mart_part(&manifest.table, manifest.transform_id, part.day);
        for part in manifest.parts.iter().filter(|part| own(part)) {
            self.check_file(&part.path, part.bytes, part.rows).await?;
        }
        if manifest.parts.iter().all(own) {
            return Ok(());
        }
        // What is published already was looked at when it was, and nobody removes it. Else one listing for all days.
        let newest = self.newest_manifest(&manifest.table).await?;
        let known: HashSet<(&str, u64)> = newest.iter().flat_map(|newest| &newest.parts).map(|part| (part.path.as_str(), part.bytes)).collect();
        let is_known = |part: &Part| own(part) || known.contains(&(part.path.as_str(), part.bytes));
        if manifest.parts.iter().all(is_known) {
            return Ok(());
        }
        let listed = self.list(&format!("marts/{}", manifest.table)).await?;
        let sizes: HashMap<&str, u64> = listed.iter().map(|object| (object.path.as_str(), object.bytes)).collect();
        for part in manifest.parts.iter().filter(|part| !is_known(part)) {
            match sizes.get(part.path.as_str()) {
                Some(bytes) if *bytes == part.bytes => {}
                Some(bytes) => return Err(Error::new(Kind::Lake, format!("`{}` has {bytes} bytes, not {}", part.path, part.bytes))),
                None => return Err(self.missing(&part.path)),
            }
        }
        Ok(())
    }
}

/// The first id of a transform that begins at `at` or later.
fn first_id(at: DateTime<Utc>) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(at.timestamp_millis()).unwrap_or_default(), &[0; 10]).into_uuid()
}

/// What manifests are ordered by.
fn age(manifest: &Manifest) -> (DateTime<Utc>, Uuid) {
    (manifest.created, manifest.transform_id)
}

/// Whether a transform began a day or more before another one. Unknown: no.
fn is_a_day_older(id: Uuid, than: Uuid) -> bool {
    let began = |id: Uuid| id.get_timestamp().map(|at| at.to_unix().0);
    began(id).zip(began(than)).is_some_and(|(id, than)| id + 86_400 <= than)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::sample::{self, at};

    /// Writes a part of the transform run `id`, and says what it is.
    async fn part(lake: &Lake, id: u128, day: Option<NaiveDate>, rows: &[&str]) -> Part {
        let file = sample::records(rows);
        let path = layout::mart_part("plans", Uuid::from_u128(id), day);
        lake.upload_new(&path, &file.path).await.unwrap().accept_existing();
        Part {
            day,
            path,
            rows: file.rows,
            bytes: file.bytes,
            sha256: file.sha256.clone(),
            fingerprint: "f".into(),
            inputs: vec![Uuid::from_u128(9)],
            unread: vec![],
        }
    }

    fn manifest(id: u128, created: &str, parts: Vec<Part>) -> Manifest {
        Manifest {
            version: MANIFEST_VERSION,
            table: "plans".into(),
            transform_id: Uuid::from_u128(id),
            as_of: at("2026-01-01T00:00:00Z"),
            replay: false,
            created: at(created),
            fingerprint: "f".into(),
            columns: vec![("id".into(), "integer".into())],
            rows: parts.iter().map(|part| part.rows).sum(),
            parts,
            definition: None,
            scopes: vec![],
            scopes_fingerprint: None,
            etl: "0.1.0".into(),
            duckdb: "1.5.6".into(),
        }
    }

    #[tokio::test]
    async fn the_newest_comes_last_whatever_its_id() {
        let (_folder, lake) = sample::lake();
        assert_eq!(lake.manifests("plans").await.unwrap(), []);
        let early = manifest(7, "2026-01-01T00:00:00Z", vec![part(&lake, 7, None, &["1"]).await]);
        let late = manifest(3, "2026-01-02T00:00:00Z", vec![part(&lake, 3, None, &["1", "2"]).await]);
        for manifest in [&late, &early, &late] {
            lake.publish(manifest).await.unwrap();
        }
        assert_eq!(lake.manifests("plans").await.unwrap(), [early, late.clone()]);
        let other = Manifest { replay: true, ..late };
        assert!(lake.publish(&other).await.unwrap_err().to_string().ends_with("exists and says something else"));
    }

    #[tokio::test]
    async fn the_newest_is_found_by_few_reads() {
        let (_folder, lake) = sample::lake();
        let publish = async |hours: u64, created: &str, replay: bool| {
            let id = Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, hours * 3_600, 0));
            let part = part(&lake, id.as_u128(), None, &["1"]).await;
            lake.publish(&Manifest { replay, ..manifest(id.as_u128(), created, vec![part]) }).await.unwrap();
            id
        };
        assert_eq!(lake.newest_manifest("plans").await.unwrap(), None);
        let old = publish(0, "2026-01-01T00:00:00Z", false).await;
        for hours in 30..36 {
            publish(hours, "2026-01-02T00:00:00Z", true).await;
        }
        let newest = async || lake.newest_manifest("plans").await.unwrap().map(|manifest| manifest.transform_id);
        assert_eq!(newest().await, Some(old), "behind many replays");
        // The one that began first was published last.
        let slow = publish(50, "2026-01-03T09:00:00Z", false).await;
        for hours in 51..56 {
            publish(hours, "2026-01-03T08:00:00Z", false).await;
        }
        assert_eq!(newest().await, Some(slow));
        assert_eq!(newest().await, lake.manifests("plans").await.unwrap().iter().rfind(|manifest| !manifest.replay).map(|last| last.transform_id));
        // What is long past is not read.
        fs_err::write(lake.local_path(&layout::manifest("plans", old)).unwrap(), "torn").unwrap();
        assert_eq!(newest().await, Some(slow));
        assert!(lake.manifests("plans").await.is_err());
    }

    #[tokio::test]
    async fn days_may_come_from_earlier_runs() {
        let (_folder, lake) = sample::lake();
        let day = |text: &str| Some(text.parse().unwrap());
        let first = part(&lake, 1, day("2026-01-01"), &["1"]).await;
        let second = part(&lake, 2, day("2026-01-02"), &["1", "2"]).await;
        let both = manifest(2, "2026-01-02T05:00:00Z", vec![first, second]);
        lake.publish(&both).await.unwrap();
        assert_eq!(lake.manifests("plans").await.unwrap()[0].parts[0].path, format!("marts/plans/{}/2026-01-01.parquet", Uuid::from_u128(1)));
    }

    #[tokio::test]
    async fn what_does_not_hold_is_not_published() {
        let (_folder, lake) = sample::lake();
        let whole = part(&lake, 1, None, &["1"]).await;
        let earlier = part(&lake, 2, None, &["1"]).await;
        let with = |part: Part| manifest(1, "2026-01-01T00:00:00Z", vec![part]);
        let nowhere = layout::mart_part("plans", Uuid::from_u128(5), None);
        for (manifest, message) in [
            (with(Part { rows: 2, ..whole.clone() }), "has 1 rows in"),
            (with(Part { bytes: 1, ..earlier.clone() }), "bytes, not 1"),
            (with(Part { path: nowhere, ..earlier.clone() }), "is not in the lake"),
            (with(Part { path: "landed/x".into(), ..earlier.clone() }), "`landed/x` is no part of `plans`"),
            (Manifest { rows: 5, ..with(whole.clone()) }, "the manifest counts 5 rows, its parts 1"),
            (Manifest { version: 2, ..with(whole.clone()) }, "the manifest has version 2, not 1"),
        ] {
            let error = lake.publish(&manifest).await.unwrap_err();
            assert!(format!("{error:?}").contains(message), "{error:?}");
        }
        assert_eq!(lake.manifests("plans").await.unwrap(), []);
    }
}
