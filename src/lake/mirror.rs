//! The mirror of a bucket on this disk: objects never change, so a copy is good for ever.
//!
//! Copies lie under their own path below a folder for each bucket. All buckets share one size limit: above it the files that
//! were not used for longest go. Three rules keep eviction safe, also between processes that share the folder:
//!
//! - A file in use is not evicted. In this process a [`Pin`] says so. Other processes are known by the file that each keeps
//!   locked in `.users/`: whatever was used since the oldest of them started may be in use, and stays.
//! - Files are looked up (and marked as used, by their modification time) under a shared lock, and evicted under an exclusive
//!   one, which is only tried. So no file goes between the look and the mark.
//! - What `lake.duckdb` names stays as long as that file exists: nobody asks us before it is read. Receipts, manifests and
//!   checkpoints stay too: they are small, and reading offline needs all of them.

use std::{
    collections::{HashMap, HashSet},
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use bytes::Bytes;
use uuid::Uuid;

use super::spill::is_forgotten;
use crate::{clock::Clock, digest, error::Result};

/// Of the limit, what is freed beyond what is needed, so that not every download evicts.
const SLACK: u64 = 10;

/// Start of the names of files that are being fetched.
const INCOMING: &str = ".incoming-";

/// The part of a mirror folder that belongs to one bucket and prefix.
#[derive(Clone, Debug)]
pub(super) struct Mirror(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    folder: PathBuf,
    limit: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How often each file is in use.
    pins: HashMap<PathBuf, usize>,
    /// Bytes of all files, once they were counted.
    held: Option<u64>,
    /// Opened on the first use of the folder.
    locks: Option<Locks>,
}

#[derive(Debug)]
struct Locks {
    /// Shared while files are looked up, exclusive while some are evicted.
    eviction: fs_err::File,
    /// Locked as long as this process lives, and removed when it ends well.
    user: (PathBuf, fs_err::File),
}

impl Drop for Locks {
    fn drop(&mut self) {
        let _ = fs_err::remove_file(&self.user.0);
    }
}

/// A mirrored file in use.
#[derive(Debug)]
pub(super) struct Pin {
    mirror: Mirror,
    path: PathBuf,
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut state = self.mirror.state();
        if let Some(count) = state.pins.get_mut(&self.path) {
            *count -= 1;
            if *count == 0 {
                state.pins.remove(&self.path);
            }
        }
    }
}

/// A file that is being fetched. Dropping it removes it.
pub(super) struct Incoming {
    file: tempfile::NamedTempFile,
}

impl Incoming {
    pub(super) fn write(&mut self, piece: &[u8]) -> Result<()> {
        Ok(self.file.write_all(piece)?)
    }
}

impl Mirror {
    /// The mirror of what `key` names, below `root`.
    pub(super) fn new(root: &Path, key: &str, limit: u64) -> Self {
        Self(Arc::new(Shared { root: root.to_owned(), folder: root.join(key), limit, state: Mutex::default() }))
    }

    /// Where the objects of this lake lie.
    pub(super) fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// The file of an object, if it is here with this size. It is in use until the pin is dropped.
    pub(super) fn take(&self, path: &str, bytes: Option<u64>) -> Option<Pin> {
        let path = self.0.folder.join(path);
        let mut state = self.state();
        // Without locks the folder cannot be used: then nothing is mirrored.
        let locks = self.locks(&mut state)?;
        locks.eviction.lock_shared().ok()?;
        let found = fs_err::metadata(&path).ok().filter(|found| found.is_file() && bytes.is_none_or(|bytes| bytes == found.len()));
        if found.is_some() {
            touch(&path);
            *state.pins.entry(path.clone()).or_default() += 1;
        }
        if let Some(locks) = &state.locks {
            let _ = locks.eviction.unlock();
        }
        found.map(|_| Pin { mirror: self.clone(), path })
    }

    /// The bytes of a small object, if it is here.
    pub(super) fn read(&self, path: &str) -> Option<Bytes> {
        let pin = self.take(path, None)?;
        fs_err::read(&pin.path).ok().map(Bytes::from)
    }

    /// Begins a file.
    pub(super) fn incoming(&self) -> Result<Incoming> {
        fs_err::create_dir_all(&self.0.root)?;
        Ok(Incoming { file: tempfile::Builder::new().prefix(INCOMING).tempfile_in(&self.0.root)? })
    }

    /// Gives a fetched file its name. Another process may have been first: its file is the same.
    pub(super) fn adopt(&self, incoming: Incoming, path: &str, bytes: u64) -> Result<()> {
        let target = self.0.folder.join(path);
        if let Some(parent) = target.parent() {
            fs_err::create_dir_all(parent)?;
        }
        incoming.file.persist(&target).map_err(|error| error.error)?;
        touch(&target);
        self.grow(bytes);
        Ok(())
    }

    /// Keeps the bytes of an object. It is a cache: where that fails, the object is fetched again next time.
    pub(super) fn keep(&self, path: &str, bytes: &Bytes) {
        let kept = self.incoming().and_then(|mut incoming| {
            incoming.write(bytes)?;
            self.adopt(incoming, path, bytes.len() as u64)
        });
        drop(kept);
    }

    /// Keeps the bytes of a small object in place of what may be here under its path.
    pub(super) fn replace(&self, path: &str, bytes: &Bytes) {
        if self.read(path).as_ref() != Some(bytes) {
            drop(fs_err::remove_file(self.0.folder.join(path)));
            self.keep(path, bytes);
        }
    }

    /// Keeps a local file that was just uploaded, as a second name of it where the file system can do that.
    pub(super) fn keep_file(&self, path: &str, local: &Path) {
        let target = self.0.folder.join(path);
        let Some(parent) = target.parent() else { return };
        if fs_err::create_dir_all(parent).is_err() {
            return;
        }
        let bytes = fs_err::metadata(local).map_or(0, |found| found.len());
        if fs_err::hard_link(local, &target).is_ok() {
            touch(&target);
            self.grow(bytes);
            return;
        }
        let copied = self.incoming().and_then(|incoming| {
            fs_err::copy(local, incoming.file.path())?;
            self.adopt(incoming, path, bytes)
        });
        drop(copied);
    }

    /// Removes the copy of an object that the lake no longer has.
    pub(super) fn remove(&self, path: &str) {
        let _ = fs_err::remove_file(self.0.folder.join(path));
    }

    /// Notes the files that `reader` (a file of this disk) opens without asking; they stay as long as it exists.
    pub(super) fn keep_for(&self, reader: &Path, paths: &[PathBuf]) -> Result<()> {
        fs_err::create_dir_all(&self.0.root)?;
        let reader = reader.display().to_string();
        let lines = std::iter::once(reader.clone()).chain(paths.iter().map(|path| path.display().to_string()));
        let text: String = lines.flat_map(|line| [line, "\n".to_owned()]).collect();
        let list = self.0.root.join(format!(".kept-{}", digest::short(&reader, 8)));
        Ok(fs_err::write(list, text)?)
    }

    /// Notes that the lake was just read as a whole: what an offline reader sees is as old as this.
    pub(super) fn note_seen(&self) {
        let noted = fs_err::create_dir_all(&self.0.folder).and_then(|()| fs_err::write(self.seen_file(), ""));
        drop(noted);
    }

    /// When the lake was last read as a whole.
    pub(super) fn seen(&self) -> Option<SystemTime> {
        fs_err::metadata(self.seen_file()).and_then(|found| found.modified()).ok()
    }

    fn seen_file(&self) -> PathBuf {
        self.0.folder.join(".seen")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The locks, and this process among the users.
    fn locks<'s>(&self, state: &'s mut State) -> Option<&'s Locks> {
        if state.locks.is_none() {
            let users = self.0.root.join(".users");
            fs_err::create_dir_all(&users).ok()?;
            let open = |path: &Path| fs_err::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).ok();
            let eviction = open(&self.0.root.join(".eviction"))?;
            // Who evicts just now must have ended before this user counts on anything.
            eviction.lock_shared().ok()?;
            let path = users.join(Uuid::now_v7().to_string());
            let user = open(&path)?;
            user.try_lock().ok()?;
            eviction.unlock().ok()?;
            state.locks = Some(Locks { eviction, user: (path, user) });
        }
        state.locks.as_ref()
    }

    fn grow(&self, bytes: u64) {
        if let Some(held) = &mut self.state().held {
            *held += bytes;
        }
    }

    /// Evicts what was not used for longest until the mirror is below its limit. Leaves what may be in use, and does nothing
    /// while another process looks something up.
    pub(super) fn make_room(&self) {
        let mut state = self.state();
        if state.held.is_none_or(|held| held > self.0.limit) {
            self.evict(&mut state);
        }
    }

    fn evict(&self, state: &mut State) {
        let Some(locks) = self.locks(state) else { return };
        if locks.eviction.try_lock().is_err() {
            return;
        }
        let oldest_user = self.oldest_other_user(&locks.user.0);
        self.remove_cut_off();
        let mut files = Vec::new();
        files_below(&self.0.root, &mut files);
        let mut held: u64 = files.iter().map(|file| file.bytes).sum();
        if held > self.0.limit {
            let kept = self.kept();
            let goal = self.0.limit - self.0.limit / SLACK;
            files.retain(|file| is_data(&file.path) && !state.pins.contains_key(&file.path) && !kept.contains(&file.path));
            files.retain(|file| oldest_user.is_none_or(|started| file.used < started));
            files.sort_unstable_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
            for file in files {
                if held <= goal {
                    break;
                }
                if fs_err::remove_file(&file.path).is_ok() {
                    held -= file.bytes;
                }
            }
        }
        if let Some(locks) = &state.locks {
            let _ = locks.eviction.unlock();
        }
        state.held = Some(held);
    }

    /// When the longest-running other user of the folder began. Files that killed ones left behind are removed.
    fn oldest_other_user(&self, own: &Path) -> Option<SystemTime> {
        let mut oldest = None;
        for entry in fs_err::read_dir(self.0.root.join(".users")).into_iter().flatten().flatten() {
            let path = entry.path();
            if path == own {
                continue;
            }
            let Ok(file) = fs_err::File::open(&path) else { continue };
            if file.try_lock().is_ok() {
                let _ = fs_err::remove_file(&path);
                continue;
            }
            let began = file.metadata().and_then(|found| found.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            oldest = Some(oldest.map_or(began, |oldest: SystemTime| oldest.min(began)));
        }
        oldest
    }

    /// Removes what killed processes had not fetched to the end.
    fn remove_cut_off(&self) {
        for entry in fs_err::read_dir(&self.0.root).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(INCOMING) && is_forgotten(&entry.path()) {
                let _ = fs_err::remove_file(entry.path());
            }
        }
    }

    /// What readers open without asking.
    fn kept(&self) -> HashSet<PathBuf> {
        let mut kept = HashSet::new();
        for entry in fs_err::read_dir(&self.0.root).into_iter().flatten().flatten() {
            if !entry.file_name().to_string_lossy().starts_with(".kept-") {
                continue;
            }
            let text = fs_err::read_to_string(entry.path()).unwrap_or_default();
            let mut lines = text.lines();
            if lines.next().is_some_and(|reader| Path::new(reader).exists()) {
                kept.extend(lines.map(PathBuf::from));
            } else {
                let _ = fs_err::remove_file(entry.path());
            }
        }
        kept
    }

    /// Bytes of all buckets' copies, and their limit.
    pub(super) fn bytes(&self) -> (u64, u64) {
        let mut files = Vec::new();
        files_below(&self.0.root, &mut files);
        (files.iter().map(|file| file.bytes).sum(), self.0.limit)
    }
}

struct Found {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

fn files_below(folder: &Path, found: &mut Vec<Found>) {
    for entry in fs_err::read_dir(folder).into_iter().flatten().flatten() {
        let (path, Ok(metadata)) = (entry.path(), entry.metadata()) else { continue };
        if metadata.is_dir() {
            files_below(&path, found);
        } else {
            let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            found.push(Found { path, bytes: metadata.len(), used });
        }
    }
}

/// Whether a file may be evicted at all: records, staged rows and parts of marts, but nothing that says what there is.
fn is_data(path: &Path) -> bool {
    let checkpoint = path.components().any(|part| part.as_os_str() == "checkpoints");
    path.extension().is_some_and(|extension| extension == "parquet") && !checkpoint
}

/// Marks a file as just used.
fn touch(path: &Path) {
    if let Ok(file) = fs_err::File::open(path) {
        let _ = file.set_modified(Clock::system().now().into());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn put(mirror: &Mirror, path: &str, bytes: usize, age: u64) {
        mirror.keep(path, &Bytes::from(vec![1; bytes]));
        let file = fs_err::File::open(mirror.folder().join(path)).unwrap();
        file.set_modified(SystemTime::from(Clock::system().now()) - Duration::from_secs(age)).unwrap();
    }

    fn there(mirror: &Mirror) -> Vec<String> {
        let mut files = Vec::new();
        files_below(mirror.folder(), &mut files);
        let mut names: Vec<String> = files.iter().map(|file| file.path.strip_prefix(mirror.folder()).unwrap().display().to_string()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_least_recently_used_goes_first_and_what_is_in_use_stays() {
        let root = tempfile::tempdir().unwrap();
        let mirror = Mirror::new(root.path(), "gs/lake", 1_000);
        for (path, age) in [("landed/a.parquet", 400), ("landed/b.parquet", 300), ("landed/c.parquet", 200), ("landed/d.parquet", 100)] {
            put(&mirror, path, 400, age);
        }
        put(&mirror, "receipts/old.json", 50, 900);
        put(&mirror, "checkpoints/x/y/7.parquet", 50, 900);
        let pin = mirror.take("landed/a.parquet", Some(400)).unwrap();
        mirror.make_room();
        let small = ["checkpoints/x/y/7.parquet", "landed/a.parquet", "receipts/old.json"];
        assert_eq!(
            there(&mirror),
            ["checkpoints/x/y/7.parquet", "landed/a.parquet", "landed/d.parquet", "receipts/old.json"],
            "b and c went: nine tenths of the limit are left"
        );
        put(&mirror, "landed/e.parquet", 900, 50);
        mirror.make_room();
        assert_eq!(there(&mirror), small, "the one in use stays although it is older");
        drop(pin);
        put(&mirror, "landed/f.parquet", 900, 0);
        mirror.make_room();
        assert_eq!(there(&mirror), ["checkpoints/x/y/7.parquet", "receipts/old.json"], "over the limit nothing is spared but what is needed offline");
    }

    #[test]
    fn another_process_keeps_what_it_may_be_using() {
        let root = tempfile::tempdir().unwrap();
        let ours = Mirror::new(root.path(), "gs/lake", 100);
        put(&ours, "landed/old.parquet", 400, 500);
        put(&ours, "landed/new.parquet", 400, 500);
        let theirs = Mirror::new(root.path(), "gs/lake", 100);
        let pin = theirs.take("landed/new.parquet", None).unwrap();
        ours.make_room();
        assert_eq!(there(&ours), ["landed/new.parquet"], "used since the other one started");
        drop(pin);
        drop(theirs);
        put(&ours, "landed/more.parquet", 200, 0);
        ours.make_room();
        assert_eq!(there(&ours), Vec::<String>::new(), "nobody else is left");
    }

    #[test]
    fn what_lake_duckdb_names_stays_while_it_exists() {
        let root = tempfile::tempdir().unwrap();
        let mirror = Mirror::new(&root.path().join("mirror"), "gs/lake", 100);
        put(&mirror, "landed/a.parquet", 400, 500);
        put(&mirror, "landed/b.parquet", 400, 500);
        let reader = root.path().join("lake.duckdb");
        fs_err::write(&reader, "").unwrap();
        mirror.keep_for(&reader, &[mirror.folder().join("landed/a.parquet")]).unwrap();
        mirror.make_room();
        assert_eq!(there(&mirror), ["landed/a.parquet"]);
        fs_err::remove_file(&reader).unwrap();
        put(&mirror, "landed/c.parquet", 1, 0);
        mirror.make_room();
        assert_eq!(there(&mirror), ["landed/c.parquet"]);
    }

    #[test]
    fn a_copy_of_another_size_does_not_count_and_no_half_one_is_seen() {
        let root = tempfile::tempdir().unwrap();
        let mirror = Mirror::new(root.path(), "gs/lake", 1_000);
        mirror.keep("a.json", &Bytes::from_static(b"12"));
        assert!(mirror.take("a.json", Some(3)).is_none());
        assert_eq!(mirror.read("a.json").unwrap(), "12");
        let mut incoming = mirror.incoming().unwrap();
        incoming.write(b"half").unwrap();
        assert!(mirror.read("b.json").is_none());
        drop(incoming);
        assert_eq!(there(&mirror), ["a.json"]);
    }

    #[test]
    fn what_killed_processes_were_fetching_goes_after_a_day() {
        let root = tempfile::tempdir().unwrap();
        let mirror = Mirror::new(root.path(), "gs/lake", 1_000);
        let [slow, dead] = [".incoming-slow", ".incoming-dead"].map(|name| root.path().join(name));
        for (path, hours) in [(&slow, 23), (&dead, 25)] {
            fs_err::write(path, "half").unwrap();
            let written = fs_err::metadata(path).unwrap().modified().unwrap() - Duration::from_secs(hours * 3_600);
            fs_err::OpenOptions::new().write(true).open(path).unwrap().into_file().set_modified(written).unwrap();
        }
        mirror.make_room();
        assert_eq!((slow.exists(), dead.exists()), (true, false));
    }
}
