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
    document,
    layout::{self, Place, UPLOADS},
    store::{Backend, Lake, Object},
    walk::walk,
};
use crate::{
    clock::Clock,
    error::{Error, Kind, OrFail, Result},
};

/// Checkpoints of an endpoint, and packs of a view, that are kept: the newest, and one for readers that just chose it.
const NEWEST_KEPT: usize = 2;

/// Receipts of the endpoint that tells of pictures.
const RENDERS: &str = "receipts/etl/looker_renders/";

/// Which staged files are in use: model and definition hash. A model that is not in it loses all its staged files.
pub type StagedKeep = BTreeSet<(String, String)>;

/// What the lake itself cannot tell about its objects.
#[derive(Clone, Debug, Default)]
pub struct GcHints {
    /// The staged files in use; `None` leaves all of them.
    pub staged: Option<StagedKeep>,
    /// Claims of attempts that have ended, by hash, and when that was recorded. All others stay: nobody knows of them.
    pub ended_claims: BTreeMap<String, DateTime<Utc>>,
}

/// What [`gc`] removed, or would remove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GcReport {
    /// The objects, ordered by path.
    pub removed: Vec<Removed>,
    /// What a folder holds that cannot belong to a lake, and why it was left out.
    pub skipped: Vec<String>,
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
/// remove.
///
/// # Errors
/// [`Kind::Lake`] if the lake cannot be read, or a receipt or manifest cannot be understood: then nothing is removed.
pub async fn gc(lake: &Lake, hints: &GcHints, now: DateTime<Utc>, min_age: Duration, dry_run: bool) -> Result<GcReport> {
    let before = now.min(Clock::system().now()) - chrono::Duration::from_std(min_age).or_fail(Kind::Usage, || "the minimum age is too long")?;
    // First the garbage candidates, then what is named: a pull that commits in between is named by then.
    let mut candidates: Vec<Object> = lake.list("").await?;
    candidates.extend(lake.list_raw(UPLOADS, None).await?);
    candidates.extend(leftovers(lake)?);
    candidates.retain(|object| object.modified <= before);
    let named = named(lake).await?;
    let superseded = superseded(&candidates, lake).await?;
    let is_obsolete = |model: &String, hash: &String| hints.staged.as_ref().is_some_and(|keep| !keep.contains(&(model.clone(), hash.clone())));
    let has_ended = |claim: &String| hints.ended_claims.get(claim).is_some_and(|recorded| *recorded <= before);
    let mut report = GcReport::default();
    if let Backend::Folder(root) = lake.backend() {
        report.skipped = walk(root.path(), "")?.skipped;
    }
    for object in candidates {
        let reason = match layout::parse(&object.path) {
            Some(Place::Records { pull_id, .. } | Place::Requests { pull_id, .. }) if !named.pulls.contains(&pull_id.to_string()) => {
                "of a pull that was never committed"
            }
            Some(Place::MartPart { .. }) => "of a transform that was never published",
            Some(Place::Staged { model, hash, .. } | Place::Packed { model, hash, .. }) if is_obsolete(&model, &hash) => {
                "of an earlier definition of the model"
            }
            Some(Place::Packed { .. }) if superseded.contains(&object.path) => "a newer pack holds what is needed",
            Some(Place::Checkpoint { .. }) if superseded.contains(&object.path) => "a newer checkpoint holds the same",
            Some(Place::Image { sha256 }) if !named.pictures.values().any(|(_, known)| *known == sha256) => "a picture that no look has any more",
            Some(Place::Claim { sha256 }) if has_ended(&sha256) => "the attempt to publish has ended",
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
    /// The picture of each look, by its content, and the end of the pull that says so.
    pictures: BTreeMap<String, (String, String)>,
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
    let mut named = Named { files: HashSet::new(), pulls: HashSet::new(), pictures: BTreeMap::new() };
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
            if !document::is_intact(&bytes) {
                return Err(Error::new(Kind::Lake, format!("`{path}` is damaged, so nothing is removed")));
            }
            let names: Names = serde_json::from_slice(&bytes).or_fail(Kind::Lake, || format!("`{path}` is damaged, so nothing is removed"))?;
            if path.starts_with(RENDERS) {
                note_pictures(&bytes, &mut named.pictures);
            }
            named.files.extend(names.files.into_iter().chain(names.parts).map(|entry| entry.path));
        }
    }
    Ok(named)
}

/// Keeps the newest picture of each look that a receipt tells of. What cannot be read tells of none, and has failed already.
fn note_pictures(receipt: &[u8], pictures: &mut BTreeMap<String, (String, String)>) {
    let Ok(receipt) = serde_json::from_slice::<serde_json::Value>(receipt) else { return };
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let Some(finished) = text(&receipt["finished"]) else { return };
    for partition in receipt["partitions"].as_array().into_iter().flatten() {
        if let (Some(look), Some(sha256)) = (text(&partition["params"]["look_id"]), text(&partition["params"]["image_sha256"])) {
            let newest = pictures.entry(look).or_default();
            if newest.0 <= finished {
                *newest = (finished.clone(), sha256);
            }
        }
    }
}

/// The checkpoints and packs that are not among the newest of their kind: those in one folder, by number or time.
async fn superseded(candidates: &[Object], lake: &Lake) -> Result<HashSet<String>> {
    let mut by_folder: BTreeMap<String, BTreeSet<(u128, String)>> = BTreeMap::new();
    for top in ["checkpoints", "packed"] {
        if !candidates.iter().any(|object| object.path.strip_prefix(top).is_some_and(|rest| rest.starts_with('/'))) {
            continue;
        }
        for object in lake.list(top).await? {
            let number = match layout::parse(&object.path) {
                Some(Place::Checkpoint { receipts, .. }) => receipts.into(),
                Some(Place::Packed { pull_id, .. }) => pull_id.as_u128(),
                _ => continue,
            };
            let folder = object.path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
            by_folder.entry(folder).or_default().insert((number, object.path));
        }
    }
    Ok(by_folder.into_values().flat_map(|numbered| numbered.into_iter().rev().skip(NEWEST_KEPT)).map(|(_, path)| path).collect())
}

/// Files that `object_store` leaves in a folder when it is killed while it writes: the target's name, `#` and a number.
/// It hides them from its listings and refuses to delete them, so this looks at the folder itself.
fn leftovers(lake: &Lake) -> Result<Vec<Object>> {
    let mut found = Vec::new();
    let Backend::Folder(root) = lake.backend() else { return Ok(found) };
    let mut folders = vec![root.path().to_owned()];
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
            let below = path.strip_prefix(root.path()).ok().and_then(|below| below.to_str());
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
    match fs_err::remove_file(lake.local_path("")?.join(path)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::*;
    use crate::lake::{MANIFEST_VERSION, Manifest, Part, sample};

    const DAY: Duration = Duration::from_secs(24 * 3_600);

    fn now() -> DateTime<Utc> {
        Clock::system().now()
    }

    /// Puts an object that looks `age` old.
    async fn put(lake: &Lake, path: &str, age: TimeDelta) {
        lake.put_new(path, "123".into()).await.unwrap().accept_existing();
        sample::backdate(lake, path, now() - age);
    }

    fn old() -> TimeDelta {
        TimeDelta::hours(25)
    }

    fn paths(report: &GcReport) -> Vec<&str> {
        report.removed.iter().map(|removed| removed.path.as_str()).collect()
    }

    fn landed(id: u128) -> String {
        layout::records("testrail", "cases", "2026-01-01".parse().unwrap(), Uuid::from_u128(id))
    }

    #[tokio::test]
    async fn files_of_killed_runs_go_when_they_are_old_enough() {
        let (_folder, lake) = sample::lake();
        let requests = layout::requests("testrail", "cases", "2026-01-01".parse().unwrap(), Uuid::from_u128(1));
        put(&lake, &landed(1), old()).await;
        put(&lake, &requests, old()).await;
        put(&lake, &landed(2), TimeDelta::hours(23)).await;
        put(&lake, "landed/notes.txt", old()).await;
        let report = gc(&lake, &GcHints::default(), now(), DAY, true).await.unwrap();
        assert_eq!(paths(&report), [landed(1), requests.clone()]);
        assert_eq!((report.bytes(), report.removed[0].reason), (6, "of a pull that was never committed"));
        assert!(lake.exists(&landed(1)).await.unwrap(), "a dry run removes nothing");
        assert_eq!(gc(&lake, &GcHints::default(), now(), DAY, false).await.unwrap(), report);
        assert!(!lake.exists(&landed(1)).await.unwrap() && !lake.exists(&requests).await.unwrap());
        assert!(lake.exists(&landed(2)).await.unwrap() && lake.exists("landed/notes.txt").await.unwrap());
        assert_eq!(gc(&lake, &GcHints::default(), now(), DAY, false).await.unwrap(), GcReport::default());
    }

    #[tokio::test]
    async fn a_set_clock_makes_nothing_older() {
        let (_folder, lake) = sample::lake();
        put(&lake, &landed(1), TimeDelta::minutes(5)).await;
        assert_eq!(gc(&lake, &GcHints::default(), now() + TimeDelta::days(400), DAY, false).await.unwrap(), GcReport::default());
        assert_eq!(gc(&lake, &GcHints::default(), now() - TimeDelta::days(400), Duration::ZERO, false).await.unwrap(), GcReport::default());
        assert_eq!(paths(&gc(&lake, &GcHints::default(), now(), Duration::ZERO, false).await.unwrap()), [landed(1)]);
    }

    #[tokio::test]
    async fn what_a_receipt_names_stays_also_of_an_incomplete_pull_and_a_newer_version() {
        let (_folder, lake) = sample::lake();
        let mut receipt = sample::receipt("2026-01-01T00:00:00Z");
        sample::land(&lake, &mut receipt, &["{}"]).await;
        receipt.outcome = crate::lake::Outcome::Incomplete;
        lake.commit(&receipt).await.unwrap();
        sample::backdate(&lake, &receipt.files[0].path, now() - old());
        put(&lake, &landed(1), old()).await;
        lake.put_new(
            &layout::receipt("testrail", "cases", "2026-01-01".parse().unwrap(), Uuid::from_u128(3)),
            format!(r#"{{"version":9,"files":[{{"path":"{}"}}]}}"#, landed(1)).into(),
        )
        .await
        .unwrap()
        .accept_existing();
        assert_eq!(gc(&lake, &GcHints::default(), now(), DAY, false).await.unwrap(), GcReport::default());
    }

    #[tokio::test]
    async fn pictures_go_when_their_looks_have_others() {
        let (_folder, lake) = sample::lake();
        let hash = |digit: &str| digit.repeat(64);
        for (no, (at, look, picture)) in [("01", "1", "a"), ("03", "1", "b"), ("02", "1", "c"), ("02", "2", "d")].into_iter().enumerate() {
            let params = serde_json::json!({ "look_id": look, "image_sha256": hash(picture) });
            let partition = crate::lake::Partition {
                no: 0,
                params: params.as_object().unwrap().clone().into(),
                status: crate::lake::PartitionStatus::Ok,
                records: 0,
                error: None,
            };
            let mut receipt = sample::receipt(&format!("2026-01-{at}T00:00:00Z"));
            (receipt.source, receipt.endpoint) = ("etl".to_owned(), "etl_looker_renders".to_owned());
            receipt.pull_id = Uuid::from_u128(no as u128 + 1);
            receipt.partitions = vec![partition];
            lake.commit(&receipt).await.unwrap();
        }
        for picture in ["a", "b", "c", "d", "e"] {
            put(&lake, &layout::image(&hash(picture)), old()).await;
        }
        put(&lake, &layout::image(&hash("f")), TimeDelta::hours(1)).await;
        let report = gc(&lake, &GcHints::default(), now(), DAY, false).await.unwrap();
        assert_eq!(paths(&report), ["a", "c", "e"].map(|picture| layout::image(&hash(picture))));
        assert_eq!(report.removed[0].reason, "a picture that no look has any more");
    }

    #[tokio::test]
    async fn parts_that_no_manifest_names_go() {
        let (_folder, lake) = sample::lake();
        let id = Uuid::from_u128(1);
        let file = sample::records(&["1"]);
        let day = Some("2026-01-01".parse().unwrap());
        let path = layout::mart_part("plans", id, day);
        lake.upload_new(&path, &file.path).await.unwrap().accept_existing();
        let part = Part {
            day,
            path: path.clone(),
            rows: 1,
            bytes: file.bytes,
            sha256: file.sha256.clone(),
            fingerprint: String::new(),
            inputs: vec![],
            unread: vec![],
        };
        let manifest = Manifest {
            version: MANIFEST_VERSION,
            table: "plans".into(),
            transform_id: id,
            as_of: now(),
            replay: false,
            created: now(),
            fingerprint: String::new(),
            columns: vec![],
            parts: vec![part],
            rows: 1,
            definition: None,
            scopes: vec![],
            scopes_fingerprint: None,
            etl: String::new(),
            duckdb: String::new(),
        };
        lake.publish(&manifest).await.unwrap();
        sample::backdate(&lake, &path, now() - old());
        let orphan = layout::mart_part("plans", Uuid::from_u128(2), day);
        put(&lake, &orphan, old()).await;
        assert_eq!(paths(&gc(&lake, &GcHints::default(), now(), DAY, false).await.unwrap()), [orphan]);
        assert!(lake.exists(&path).await.unwrap());
    }

    #[tokio::test]
    async fn staged_files_go_by_the_keep_set() {
        let (_folder, lake) = sample::lake();
        let staged = |model: &str, hash: &str| layout::staged(model, hash, Uuid::from_u128(1));
        for (model, hash) in [("testrail_cases", "aa"), ("testrail_cases", "bb"), ("gone", "aa")] {
            put(&lake, &staged(model, hash), old()).await;
        }
        put(&lake, &staged("testrail_cases", "cc"), TimeDelta::hours(1)).await;
        assert_eq!(gc(&lake, &GcHints::default(), now(), DAY, false).await.unwrap(), GcReport::default(), "without a keep-set all stay");
        let keep = StagedKeep::from([("testrail_cases".to_owned(), "bb".to_owned())]);
        let hints = GcHints { staged: Some(keep), ..GcHints::default() };
        let report = gc(&lake, &hints, now(), DAY, false).await.unwrap();
        assert_eq!(paths(&report), [staged("gone", "aa"), staged("testrail_cases", "aa")]);
    }

    #[tokio::test]
    async fn claims_go_long_after_their_attempts_have_ended() {
        let (_folder, lake) = sample::lake();
        let claim = |digit: &str| layout::claim(&digit.repeat(64));
        // Ended long ago; ended now; young, whatever is said of it; nobody knows how it ended.
        for (digit, age) in [("a", old()), ("b", old()), ("c", TimeDelta::hours(1)), ("d", TimeDelta::days(400))] {
            put(&lake, &claim(digit), age).await;
        }
        let ended = [("a", old()), ("b", TimeDelta::hours(1)), ("c", old()), ("e", old())];
        let ended_claims = ended.map(|(digit, age)| (digit.repeat(64), now() - age)).into();
        let report = gc(&lake, &GcHints { ended_claims, ..GcHints::default() }, now(), DAY, false).await.unwrap();
        assert_eq!(paths(&report), [claim("a")]);
        assert_eq!(gc(&lake, &GcHints::default(), now(), DAY, false).await.unwrap(), GcReport::default());
    }

    #[tokio::test]
    async fn the_two_newest_packs_of_each_view_stay() {
        let (_folder, lake) = sample::lake();
        let packed = |hash: &str, view: &str, id: u128| layout::packed("testrail_cases", hash, view, Uuid::from_u128(id));
        for id in 1..5 {
            put(&lake, &packed("bb", "latest", id), old()).await;
        }
        for path in [packed("bb", "history", 1), packed("bb", "history", 2), packed("aa", "history", 9)] {
            put(&lake, &path, old()).await;
        }
        let keep = StagedKeep::from([("testrail_cases".to_owned(), "bb".to_owned())]);
        let hints = GcHints { staged: Some(keep), ..GcHints::default() };
        let report = gc(&lake, &hints, now(), DAY, false).await.unwrap();
        assert_eq!(paths(&report), [packed("aa", "history", 9), packed("bb", "latest", 1), packed("bb", "latest", 2)]);
    }

    #[tokio::test]
    async fn the_two_newest_checkpoints_of_each_endpoint_stay() {
        let (_folder, lake) = sample::lake();
        for receipts in [9, 70, 140, 1_000] {
            put(&lake, &layout::checkpoint("testrail", "cases", receipts), old()).await;
        }
        put(&lake, &layout::checkpoint("testrail", "plans", 5), old()).await;
        let report = gc(&lake, &GcHints::default(), now(), DAY, false).await.unwrap();
        assert_eq!(paths(&report), ["checkpoints/testrail/cases/70.parquet", "checkpoints/testrail/cases/9.parquet"]);
    }

    #[tokio::test]
    async fn leftovers_of_uploads_go_also_those_that_the_store_hides() {
        let (_folder, lake) = sample::lake();
        let upload = Place::Upload { upload_id: Uuid::from_u128(1) }.to_string();
        put(&lake, &upload, old()).await;
        put(&lake, "runs/date=2026-01-01/notes.json", old()).await;
        let hidden = [format!("{upload}#1"), format!("{}#12", landed(1))];
        fs_err::create_dir_all(lake.local_path("").unwrap().join("landed/testrail/cases/date=2026-01-01")).unwrap();
        for name in hidden.iter().map(String::as_str).chain(["notes#1"]) {
            fs_err::write(lake.local_path("").unwrap().join(name), "12").unwrap();
            sample::backdate(&lake, name, now() - old());
        }
        fs_err::write(lake.local_path("").unwrap().join(format!("{}#1", landed(2))), "12").unwrap();
        let report = gc(&lake, &GcHints::default(), now(), DAY, false).await.unwrap();
        assert_eq!(paths(&report), [upload.as_str(), hidden[0].as_str(), hidden[1].as_str()]);
        assert!(hidden.iter().all(|name| !lake.local_path("").unwrap().join(name).exists()));
        assert!(lake.local_path("").unwrap().join("notes#1").exists(), "no file of the lake");
        assert!(lake.local_path("").unwrap().join(format!("{}#1", landed(2))).exists(), "still being written");
    }

    #[tokio::test]
    async fn a_receipt_that_cannot_be_read_stops_everything() {
        let (_folder, lake) = sample::lake();
        put(&lake, &landed(1), old()).await;
        let path = layout::receipt("testrail", "cases", "2026-01-01".parse().unwrap(), Uuid::from_u128(3));
        lake.put_new(&path, "{".into()).await.unwrap().accept_existing();
        let error = gc(&lake, &GcHints::default(), now(), DAY, false).await.unwrap_err();
        assert_eq!(error.to_string(), format!("`{path}` is damaged, so nothing is removed"));
        assert!(lake.exists(&landed(1)).await.unwrap());
    }

    #[tokio::test]
    async fn a_lake_that_does_not_exist_has_no_garbage() {
        let lake = Lake::open("/tmp/etl-no-such-lake").unwrap();
        assert_eq!(gc(&lake, &GcHints::default(), now(), DAY, false).await.unwrap(), GcReport::default());
    }
}
