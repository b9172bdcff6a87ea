//! Removes what nobody can read any more: files of runs that were killed, superseded caches.
//!
//! Three rules keep it safe. It never removes what a receipt or a manifest names, and it learns the names from the objects
//! themselves, not through checkpoints. It never removes anything younger than `min_age`, so a pull that is about to commit
//! keeps its files. And ages are taken on the machine's clock even when `ETL_NOW` sets another: a run that plays the future
//! must not see the files of its neighbours as old.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    time::Duration,
};

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{
    layout::{self, Place, UPLOADS},
    store::{Lake, Object},
};
use crate::{
    clock::Clock,
    error::{Kind, OrFail, Result},
};

/// Checkpoints of an endpoint that are kept: the newest, and one for readers that just chose it.
const CHECKPOINTS_KEPT: usize = 2;

/// Which staged files are in use: model and definition hash. A model that is not in it loses all its staged files.
pub type StagedKeep = BTreeSet<(String, String)>;

/// What [`gc`] removed, or would remove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GcReport {
    /// The objects, ordered by path.
    pub removed: Vec<Removed>,
}

/// One removed object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Path below the lake.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Why nobody needs it.
    pub reason: &'static str,
}

impl GcReport {
    /// Bytes of all removed objects.
    pub fn bytes(&self) -> u64 {
        self.removed.iter().map(|removed| removed.bytes).sum()
    }
}

/// Removes garbage that is at least `min_age` old at `now` (a day is a good age); with `dry_run` it only says what it would
/// remove. `staged` names the staged files in use; `None` leaves all of them.
///
/// # Errors
/// [`Kind::Lake`] if the lake cannot be read, or a receipt or manifest cannot be understood: then nothing is removed.
pub async fn gc(lake: &Lake, staged: Option<&StagedKeep>, now: DateTime<Utc>, min_age: Duration, dry_run: bool) -> Result<GcReport> {
    let before = now.min(Clock::system().now()) - chrono::Duration::from_std(min_age).or_fail(Kind::Usage, || "the minimum age is too long")?;
    // First the garbage candidates, then what is named: a pull that commits in between is named by then.
    let mut candidates: Vec<Object> = lake.list("").await?;
    candidates.extend(lake.list_raw(UPLOADS, None).await?);
    candidates.extend(leftovers(lake)?);
    candidates.retain(|object| object.modified <= before);
    let named = named(lake).await?;
    let superseded = superseded(&candidates, lake).await?;
    let mut report = GcReport::default();
    for object in candidates {
        let reason = match layout::parse(&object.path) {
            Some(Place::Records { pull_id, .. } | Place::Requests { pull_id, .. }) if !named.pulls.contains(&pull_id.to_string()) => {
                "of a pull that was never committed"
            }
            Some(Place::MartPart { .. }) => "of a transform that was never published",
            Some(Place::Staged { model, hash, .. }) if staged.is_some_and(|keep| !keep.contains(&(model.clone(), hash.clone()))) => {
                "of an earlier definition of the model"
            }
            Some(Place::Checkpoint { .. }) if superseded.contains(&object.path) => "a newer checkpoint holds the same",
            Some(Place::Upload { .. }) => "an upload that was cut off",
            None if is_leftover(&object.path) => "a write that was cut off",
            _ => continue,
        };
        if !named.files.contains(&object.path) {
            report.removed.push(Removed { path: object.path, bytes: object.bytes, reason });
        }
    }
    report.removed.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    if !dry_run {
        for removed in &report.removed {
            remove(lake, &removed.path).await?;
        }
    }
    Ok(report)
}

struct Named {
    /// Every path in a receipt or manifest.
    files: HashSet<String>,
    /// Every pull that has a receipt.
    pulls: HashSet<String>,
}

/// Reads every receipt and manifest, as little of each as is needed, so that newer versions are understood too.
async fn named(lake: &Lake) -> Result<Named> {
    #[derive(Deserialize)]
    struct Names {
        #[serde(default)]
        files: Vec<Entry>,
        #[serde(default)]
        parts: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        path: String,
    }
    let mut named = Named { files: HashSet::new(), pulls: HashSet::new() };
    let mut documents = Vec::new();
    for object in lake.list("receipts").await?.into_iter().chain(lake.list("marts").await?) {
        match layout::parse(&object.path) {
            Some(Place::Receipt { pull_id, .. }) => {
                named.pulls.insert(pull_id.to_string());
                documents.push(object.path);
            }
            Some(Place::Manifest { .. }) => documents.push(object.path),
            _ => {}
        }
    }
    for some in documents.chunks(256) {
        for (path, bytes) in lake.get_all(some.to_vec()).await? {
            let names: Names = serde_json::from_slice(&bytes).or_fail(Kind::Lake, || format!("`{path}` is damaged, so nothing is removed"))?;
            named.files.extend(names.files.into_iter().chain(names.parts).map(|entry| entry.path));
        }
    }
    Ok(named)
}

/// The checkpoints that are not among the newest of their endpoint.
async fn superseded(candidates: &[Object], lake: &Lake) -> Result<HashSet<String>> {
    if !candidates.iter().any(|object| object.path.starts_with("checkpoints/")) {
        return Ok(HashSet::new());
    }
    let mut by_endpoint: BTreeMap<(String, String), BTreeSet<(u64, String)>> = BTreeMap::new();
    for object in lake.list("checkpoints").await? {
        if let Some(Place::Checkpoint { source, endpoint, receipts }) = layout::parse(&object.path) {
            by_endpoint.entry((source, endpoint)).or_default().insert((receipts, object.path));
        }
    }
    Ok(by_endpoint.into_values().flat_map(|numbered| numbered.into_iter().rev().skip(CHECKPOINTS_KEPT)).map(|(_, path)| path).collect())
}

/// Files that `object_store` leaves in a folder when it is killed while it writes: the target's name, `#` and a number.
/// It hides them from its listings and refuses to delete them, so this looks at the folder itself.
fn leftovers(lake: &Lake) -> Result<Vec<Object>> {
    let mut found = Vec::new();
    let mut folders = vec![lake.folder().to_owned()];
    while let Some(folder) = folders.pop() {
        if !folder.is_dir() {
            continue;
        }
        for entry in fs_err::read_dir(&folder)? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                folders.push(path);
                continue;
            }
            let below = path.strip_prefix(lake.folder()).ok().and_then(|below| below.to_str());
            if let Some(below) = below.filter(|below| is_leftover(below)) {
                // It may have been finished and renamed since.
                let Ok(metadata) = entry.metadata() else { continue };
                found.push(Object { path: below.to_owned(), bytes: metadata.len(), modified: metadata.modified()?.into() });
            }
        }
    }
    Ok(found)
}

fn is_leftover(path: &str) -> bool {
    let of_the_lake = |target: &str| layout::parse(target).is_some();
    path.rsplit_once('#').is_some_and(|(target, number)| number.parse::<u64>().is_ok() && of_the_lake(target))
}

async fn remove(lake: &Lake, path: &str) -> Result<()> {
    if !is_leftover(path) {
        return lake.remove(path).await;
    }
    match fs_err::remove_file(lake.folder().join(path)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
