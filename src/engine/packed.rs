//! Packs: the staged rows of many pulls in one file of the lake.
//!
//! Where a pull replaces only a part (`replaces = "partition"`, or `"keys"` between full lists), live rows lie in hundreds of
//! pulls after a year, and a job on an empty disk would fetch as many files. So whoever has read more than [`EVERY`] files beside
//! the newest pack writes the next one: of all the pulls that the view is made of, for `latest` only the live partitions.
//!
//! A pack is a cache and decides nothing. It says itself which pulls, and of these which partitions, it holds whole. A reader
//! takes from it the pulls that it holds as far as they are needed, and of all others their own files. What is live can only
//! become less with later pulls, so the newest pack serves every later moment. For an earlier one it may lack a part of a
//! pull: then it is left alone. Rows that nobody asked for fall out of the view by its join with what is live, as the dead
//! rows of a pull's own file do.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::PoisonError,
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    base::Engine,
    live::Cover,
    session::{self, execute, literal, parquet},
    staged,
    typed::View,
};
use crate::{
    catalog::Model,
    error::{Error, Kind, OrFail, Result},
    events::Event,
    lake::{
        Created, Local, Receipt, Wanted,
        layout::{self, Place},
        seal,
    },
};

/// Files beside the newest pack that make a reader write the next.
const EVERY: usize = 16;

/// Of so few pulls the files are read without a look for a pack.
const FEW: usize = 4;

/// Version of [`Contents`]; of another one nothing is taken.
const VERSION: u32 = 1;

/// Key of [`Contents`] in the footer.
const KEY: &str = "etl.pack";

/// What a pack holds.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Contents {
    version: u32,
    /// Each pull with the numbers of its partitions that are here whole; none = all its rows.
    pulls: BTreeMap<Uuid, Option<BTreeSet<u32>>>,
}

/// What a pack holds of each pull, and its file.
type Pack = (BTreeMap<Uuid, Option<BTreeSet<u32>>>, Local);

/// A pull with rows, and the partitions that a view needs of it; none = all its rows.
type Needed<'r> = (&'r Receipt, Option<BTreeSet<u32>>);

/// Files with all rows that the view needs of `pulls`, perhaps among others: `cover` says which. `present`: the view is of now,
/// and a pack that is made of it serves others.
pub(super) fn files(engine: &Engine, model: &Model, view: View, cover: &Cover, pulls: &[&Receipt], present: bool) -> Result<Local> {
    let needed = needed(view, cover, pulls);
    if needed.len() <= FEW {
        return staged::files(engine, model, pulls);
    }
    // Two marts that are computed at once may need the same: the second finds what the first has made.
    let lock = engine.staging_lock(&format!("{} {}", view.schema(), model.name));
    let _held = lock.lock().unwrap_or_else(PoisonError::into_inner);
    // One that cannot be read, or was removed just now, is as good as none.
    let (contents, mut files) = newest(engine, model, view, &needed).ok().flatten().unwrap_or_default();
    let others = lacking(&contents, &needed);
    files.extend(staged::files(engine, model, &others)?);
    if present && others.len() > EVERY && !engine.lake().is_offline() {
        // A cache: that it could not be written is no reason to fail.
        let _ = write(engine, model, view, &needed, files.paths());
    }
    Ok(files)
}

/// The same, if all of them are on this disk; computes and fetches nothing.
pub(super) fn files_at_hand(engine: &Engine, model: &Model, view: View, cover: &Cover, pulls: &[&Receipt]) -> Result<Option<Local>> {
    let needed = needed(view, cover, pulls);
    let folder = engine.lake().local_path(&folder(model, view))?;
    let names = fs_err::read_dir(folder).into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let here = names.map(|name| Wanted::at(&format!("{}/{name}", self::folder(model, view)))).collect();
    let held = match youngest(here, &needed) {
        Some(pack) => engine.lake().already_local([pack.clone()])?.and_then(|file| serves(engine, &pack.path, file, &needed).ok().flatten()),
        None => None,
    };
    let (contents, mut files) = held.unwrap_or_default();
    let others = lacking(&contents, &needed);
    let Some(own) = staged::files_at_hand(engine, model, &others)? else { return Ok(None) };
    files.extend(own);
    Ok(Some(files))
}

/// The pulls with rows.
fn needed<'r>(view: View, cover: &Cover, pulls: &[&'r Receipt]) -> Vec<Needed<'r>> {
    let mut parts: BTreeMap<Uuid, BTreeSet<u32>> = BTreeMap::new();
    if view == View::Latest {
        for (pull, no, _) in &cover.partitions {
            parts.entry(*pull).or_default().insert(*no);
        }
    }
    let with_rows = pulls.iter().filter(|pull| pull.records_file().is_some_and(|file| file.rows > 0));
    with_rows.map(|pull| (*pull, parts.remove(&pull.pull_id))).collect()
}

/// The pulls that a pack with these contents lacks.
fn lacking<'r>(contents: &BTreeMap<Uuid, Option<BTreeSet<u32>>>, needed: &[Needed<'r>]) -> Vec<&'r Receipt> {
    needed.iter().filter(|(pull, _)| !contents.contains_key(&pull.pull_id)).map(|(pull, _)| *pull).collect()
}

/// The newest pack up to the newest of these pulls; `None`: there is none, or it lacks a part of one.
fn newest(engine: &Engine, model: &Model, view: View, needed: &[Needed<'_>]) -> Result<Option<Pack>> {
    let objects = engine.block_on(engine.lake().list(&folder(model, view)))?;
    let packs = objects.into_iter().map(|object| Wanted { bytes: Some(object.bytes), ..Wanted::sealed(&object.path) }).collect();
    let Some(pack) = youngest(packs, needed) else { return Ok(None) };
    if engine.refreshed().as_mut().is_some_and(|refreshed| refreshed.insert(pack.path.clone())) {
        engine.block_on(engine.lake().discard(&pack.path))?;
        return newest(engine, model, view, needed);
    }
    if let Some((_, what)) = engine.block_on(engine.lake().damaged(vec![pack.clone()]))?.first() {
        engine.observer().on(&Event::Warning(format!("`{}` is damaged ({what}); the cached files of its pulls are read instead", pack.path)));
        engine.block_on(engine.lake().discard(&pack.path))?;
        return newest(engine, model, view, needed);
    }
    let file = engine.local([pack.clone()])?;
    serves(engine, &pack.path, file, needed)
}

fn youngest(packs: Vec<Wanted>, needed: &[Needed<'_>]) -> Option<Wanted> {
    let last = needed.iter().map(|(pull, _)| pull.pull_id).max();
    let named = packs.into_iter().filter_map(|pack| match layout::parse(&pack.path) {
        Some(Place::Packed { pull_id, .. }) if Some(pull_id) <= last => Some((pull_id, pack)),
        _ => None,
    });
    named.max_by_key(|(pull_id, _)| *pull_id).map(|(_, pack)| pack)
}

/// The pack, unless it lacks a part of a pull that it holds.
fn serves(engine: &Engine, path: &str, file: Local, needed: &[Needed<'_>]) -> Result<Option<Pack>> {
    let contents = contents(engine, path, &file)?;
    let lacks = |(pull, parts): &Needed<'_>| match (contents.get(&pull.pull_id), parts) {
        (None | Some(None), _) => false,
        (Some(Some(held)), Some(parts)) => !parts.is_subset(held),
        (Some(Some(_)), None) => true,
    };
    Ok((!needed.iter().any(lacks)).then_some((contents, file)))
}

fn contents(engine: &Engine, path: &str, file: &Local) -> Result<BTreeMap<Uuid, Option<BTreeSet<u32>>>> {
    let footer = engine.lake().local_footer(path, file)?;
    let unknown = || Error::new(Kind::Lake, format!("`{path}` does not say what it holds"));
    let contents: Contents = serde_json::from_str(footer.value(KEY).ok_or_else(unknown)?).or_fail(Kind::Lake, || format!("`{path}` is damaged"))?;
    if contents.version == VERSION { Ok(contents.pulls) } else { Err(unknown()) }
}

fn folder(model: &Model, view: View) -> String {
    let path = path(model, view, Uuid::nil());
    path.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned())
}

fn path(model: &Model, view: View, pull_id: Uuid) -> String {
    layout::packed(&model.name, &staged::definition(model), view.schema(), pull_id)
}

/// Writes a pack of what is needed out of `files`, which hold it.
fn write(engine: &Engine, model: &Model, view: View, needed: &[Needed<'_>], files: &[PathBuf]) -> Result<()> {
    let Some(last) = needed.iter().map(|(pull, _)| pull.pull_id).max() else { return Ok(()) };
    let session = engine.session()?;
    execute(&session, "create table wanted (pull_id varchar, partition_no integer)")?;
    let rows: Vec<String> = needed
        .iter()
        .flat_map(|(pull, parts)| match parts {
            None => vec![format!("('{}', null)", pull.pull_id)],
            Some(parts) => parts.iter().map(|no| format!("('{}', {no})", pull.pull_id)).collect(),
        })
        .collect();
    for rows in rows.chunks(1_000) {
        execute(&session, &format!("insert into wanted values {}", rows.join(", ")))?;
    }
    let by_part = if needed.iter().any(|(_, parts)| parts.is_some()) { " and wanted.partition_no = version._partition_no" } else { "" };
    let pulls = needed.iter().map(|(pull, parts)| (pull.pull_id, parts.clone())).collect();
    let contents = serde_json::to_string(&Contents { version: VERSION, pulls }).or_fail(Kind::Internal, || "cannot say what a pack holds")?;
    let spool = tempfile::Builder::new().prefix("packed-").suffix(".parquet").tempfile_in(engine.temp())?.into_temp_path();
    // Written once and read by every job.
    let sql = format!(
        "copy (select version.* from {} as version semi join wanted on wanted.pull_id = version._pull_id{by_part}) to {} \
         (format parquet, compression zstd, compression_level 6, kv_metadata {{'{KEY}': {}}})",
        parquet(files, ", union_by_name = true"),
        literal(&spool.display().to_string()),
        literal(&contents)
    );
    let rows = session.execute(&sql, []).map_err(|error| session::refused(error, &sql))? as u64;
    let expected: u64 = needed.iter().map(rows_of).sum();
    if rows != expected {
        return Err(Error::new(Kind::Internal, format!("a pack of `{}` has {rows} rows, not {expected}", model.name)));
    }
    seal(&spool)?;
    let path = path(model, view, last);
    // Another process may have packed these pulls or others up to the same one: the footer says which.
    engine.block_on(engine.lake().upload_new(&path, &spool)).map(Created::accept_existing)?;
    if let Some(refreshed) = engine.refreshed().as_mut() {
        refreshed.insert(path);
    }
    Ok(())
}

/// The rows that are needed, as the receipt counts them.
fn rows_of((pull, parts): &Needed<'_>) -> u64 {
    match parts {
        None => pull.records_file().map_or(0, |file| file.rows),
        Some(parts) => pull.partitions.iter().filter(|partition| parts.contains(&partition.no)).map(|partition| partition.records).sum(),
    }
}
