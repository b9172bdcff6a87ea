//! Every fault in every way of paging, on the first page and after it, passing and lasting: docs/reliability.md shows the table.
//! `ETL_UPDATE_DOCS=1` writes it there.

mod cell;
mod server;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use arrow::array::AsArray;
use etl::{
    catalog::{Project, Selection},
    engine::{Engine, RunRow},
    error::Kind,
    events::Silent,
    extract::{self, Job, PullSummary},
    lake::{Lake, Outcome, Partition, PartitionStatus, Receipt, Stop, read_batches},
    settings::{Env, Settings},
};
use futures::StreamExt;
use tokio::runtime::Handle;
use uuid::Uuid;

use self::{
    cell::{Cell, Fault, Paging, Place},
    server::{Address, ROWS, serve},
};
use crate::pump::copy;

const BEGIN: &str = "<!-- fault matrix: begin -->\n";
const END: &str = "<!-- fault matrix: end -->";
/// Cells under way at once on a thread: most of the time is waiting.
const AT_ONCE: usize = 32;
/// The attempts at one request.
const ATTEMPTS: u32 = 3;

/// Of a request where the fault is that there is no response: a busy machine must not need it.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Payloads by key, of each partition.
type Live = BTreeMap<u64, BTreeMap<String, String>>;

struct World {
    folder: tempfile::TempDir,
    project: Project,
    settings: Settings,
    engine: Engine,
    base: String,
    addresses: Arc<Vec<Address>>,
}

/// What a fault did.
struct Done {
    pull: PullSummary,
    receipt: Receipt,
    before: Live,
    live: Live,
}

fn endpoint(paging: Paging, partitioned: bool) -> String {
    if partitioned { format!("{}_parts", paging.name()) } else { paging.name().to_owned() }
}

/// Each way of paging twice: one list, and a list for each of two partitions.
fn write_project(folder: &Path) {
    let mut text = "version = 1\ndescription = \"One list in every way of paging.\"\n[client]\nbase_url = \"http://127.0.0.1\"\n\
                    rate_limit = { requests = 0, per = \"1s\" }\nretry = { max_elapsed = \"30s\", limited_wait = \"5ms\" }\n"
        .to_owned();
    let staging = folder.join("sql/staging/demo");
    fs_err::create_dir_all(&staging).unwrap();
    fs_err::create_dir_all(folder.join("sources")).unwrap();
    for paging in Paging::ALL {
        for partitioned in [false, true] {
            let name = endpoint(paging, partitioned);
            let rest = match partitioned {
                false => "replaces = \"scope\"".to_owned(),
                true => "replaces = \"partition\"\npartition = [\"part\"]\nfor_each = \"select item.part from (values (1), (2)) as item(part)\""
                    .to_owned(),
            };
            let part = if partitioned { "{part}" } else { "0" };
            let _ = write!(
                text,
                "[[endpoint]]\nname = \"{name}\"\npath = \"{}/{part}\"\nrecords = \"/rows\"\nkey = [\"/id\"]\nmax_pages = 12\n{}\n{rest}\n",
                paging.name(),
                paging.definition()
            );
            let model = format!("-- description: Rows.\nselect\n    raw._meta,\n    raw.payload\nfrom landed.demo_{name} as raw\n");
            fs_err::write(staging.join(format!("demo_{name}.sql")), model).unwrap();
        }
    }
    fs_err::write(folder.join("sources/demo.toml"), text).unwrap();
}

impl World {
    /// The addresses of the undisturbed lists come first, then those of the cells.
    async fn new(cells: &[Cell]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_project(folder.path());
        let project = Project::read(folder.path()).unwrap();
        let settings = Settings::read(folder.path(), Env::default()).unwrap();
        let lake = Lake::open(&folder.path().join("none").display().to_string()).unwrap();
        let engine = Engine::open(Arc::new(project.clone()), lake, settings.clone(), Arc::new(Silent), Handle::current()).unwrap();
        let undisturbed = (0..2 * Paging::ALL.len()).map(|_| None);
        let addresses = Arc::new(undisturbed.chain(cells.iter().copied().map(Some)).map(Address::of).collect::<Vec<_>>());
        let base = serve(Arc::clone(&addresses)).await;
        Self { folder, project, settings, engine, base, addresses }
    }

    fn lake(&self, number: usize) -> Lake {
        Lake::open(&self.folder.path().join(format!("lakes/{number}")).display().to_string()).unwrap()
    }

    /// Pulls the endpoint from address `number` into the lake of that number.
    async fn pull(&self, number: usize, paging: Paging, partitioned: bool) -> (PullSummary, Lake) {
        let cell = self.addresses[number].cell;
        let mut project = self.project.clone();
        let source = &mut project.sources[0];
        let client = source.client.as_mut().unwrap();
        client.base_url = format!("{}/{number}", self.base);
        client.retry.attempts = Some(ATTEMPTS);
        if cell.is_some_and(|cell| cell.fault == Fault::NoResponse) {
            client.timeout = TIMEOUT;
        }
        let name = format!("demo_{}", endpoint(paging, partitioned));
        if let Some(cell) = cell.filter(|cell| cell.fault == Fault::PageCap) {
            let endpoint = source.endpoints.iter_mut().find(|endpoint| endpoint.id == name).unwrap();
            endpoint.max_pages = if cell.place == Place::First { 1 } else { 2 };
        }
        let lake = self.lake(number);
        let selection = Selection { waves: vec![vec![name]], ..Selection::default() };
        let run_at = self.settings.clock.now();
        let run = RunRow { run_at, as_of: run_at, projects: vec![], window_start: None, window_end: None, full_refresh: false };
        let job = Job {
            project: &project,
            graph: self.engine.graph(),
            settings: &self.settings,
            lake: &lake,
            engine: &self.engine,
            observer: Arc::new(Silent),
            selection: &selection,
            run,
            run_id: Uuid::now_v7(),
            resume: false,
            shard: None,
        };
        let mut summary = extract::run(&job).await.unwrap();
        assert_eq!(summary.pulls.len(), 1);
        let pull = summary.pulls.remove(0);
        let sent = u64::from(self.addresses[number].requests.load(Ordering::SeqCst));
        // A request whose time is over may not have been read yet.
        let is_counted = cell.is_some_and(|cell| cell.fault == Fault::NoResponse) || pull.requests + pull.retries == sent;
        assert!(is_counted, "{sent} requests were sent: {cell:?} {pull:#?}");
        (pull, lake)
    }

    /// An undisturbed pull, then one with the fault of the cell.
    async fn disturb(&self, number: usize, cell: Cell) -> Done {
        let partitioned = cell.fault.is_of_one_partition();
        let lakes = self.folder.path().join("lakes");
        copy(&lakes.join(undisturbed(cell.paging, partitioned).to_string()), &lakes.join(number.to_string()));
        let before = live(&self.lake(number)).await;
        let (pull, lake) = self.pull(number, cell.paging, partitioned).await;
        let receipt = lake.receipts(None).await.unwrap().iter().max_by_key(|receipt| receipt.finished).unwrap().clone();
        Done { pull, receipt, before, live: live(&lake).await }
    }
}

/// The address and lake of the undisturbed list.
fn undisturbed(paging: Paging, partitioned: bool) -> usize {
    let position = Paging::ALL.iter().position(|other| *other == paging).unwrap();
    2 * position + usize::from(partitioned)
}

fn part(partition: &Partition) -> u64 {
    partition.params.get("part").and_then(serde_json::Value::as_u64).unwrap_or(0)
}

/// What readers see: of each partition the newest complete list.
async fn live(lake: &Lake) -> Live {
    let mut live = Live::new();
    let mut receipts = lake.receipts(None).await.unwrap().to_vec();
    receipts.sort_by_key(|receipt| receipt.finished);
    for receipt in receipts.iter().filter(|receipt| receipt.complete()) {
        let counts = receipt.partitions.iter().filter(|partition| matches!(partition.status, PartitionStatus::Ok | PartitionStatus::Gone));
        let parts: BTreeSet<u64> = counts.map(part).collect();
        live.extend(parts.iter().map(|part| (*part, BTreeMap::new())));
        let Some(file) = receipt.records_file() else { continue };
        for batch in read_batches(&lake.local_path(&file.path).unwrap(), Some(&["record_key", "payload"])).unwrap() {
            let batch = batch.unwrap();
            let (keys, payloads) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
            for row in 0..batch.num_rows() {
                let id: u64 = keys.value(row).trim_matches(['[', ']']).parse().unwrap();
                if parts.contains(&(id / 100)) {
                    live.entry(id / 100).or_default().insert(keys.value(row).to_owned(), payloads.value(row).to_owned());
                }
            }
        }
    }
    live
}

fn count(live: &Live) -> usize {
    live.values().map(BTreeMap::len).sum()
}

/// What must hold whatever the table says.
fn check(cell: Cell, done: &Done, undisturbed: &PullSummary) {
    let Done { pull, receipt, before, live } = done;
    let told = || format!("{cell:?}: {pull:#?}");
    let outcome = pull.outcome.unwrap();
    assert_eq!(pull.error.is_some(), outcome != Outcome::Complete, "{}", told());
    if let Some(kind) = cell.fault.retried() {
        let expected = match cell.lasts {
            false => (Outcome::Complete, None, u64::from(ATTEMPTS - 1)),
            true => (Outcome::Incomplete, Some(kind), u64::from(ATTEMPTS - 1)),
        };
        assert_eq!((outcome, pull.kind, pull.retries), expected, "{}", told());
        if !cell.lasts {
            assert_eq!((pull.records, pull.requests), (undisturbed.records, undisturbed.requests), "{}", told());
        }
    } else {
        assert_eq!(pull.retries, 0, "another attempt cannot help: {}", told());
    }
    let gone: BTreeSet<u64> = receipt.partitions.iter().filter(|partition| partition.status == PartitionStatus::Gone).map(part).collect();
    assert!(gone.is_empty() || (cell.fault == Fault::PartitionMissing && cell.place == Place::First), "{}", told());
    let mut expected = before.clone();
    for part in gone {
        expected.insert(part, BTreeMap::new());
    }
    if *live != expected {
        assert!(cell.claims_an_end(), "records are missing, doubled or changed: {}\n{live:#?}", told());
        assert!(receipt.warnings.iter().any(|warning| warning.contains("more than a fifth is missing")), "{}: {:?}", told(), receipt.warnings);
    }
}

/// A few words for the table.
fn words(done: &Done) -> String {
    let Done { pull, receipt, live, .. } = done;
    let status = |status| receipt.partitions.iter().any(|partition| partition.status == status);
    let failure = || match (pull.stop, pull.kind.unwrap()) {
        (Stop::Cap, _) => "page cap",
        (_, Kind::RateLimited) => "rate limited",
        (_, Kind::Unavailable) => "unavailable",
        (_, Kind::Network) => "network",
        (_, Kind::BadResponse) => "bad response",
        (_, Kind::TimedOut) => "timed out",
        (_, Kind::WrongShape) => "wrong shape",
        (_, Kind::NotFound) => "not found",
        (_, Kind::Unauthorized) => "unauthorized",
        (_, Kind::Incomplete) => "incomplete list",
        (_, other) => panic!("{other:?} in {pull:#?}"),
    };
    match pull.outcome.unwrap() {
        Outcome::Incomplete => format!("fails: {}", failure()),
        Outcome::Partial => format!("partition fails: {}", failure()),
        Outcome::Complete if status(PartitionStatus::Gone) => "partition gone".to_owned(),
        Outcome::Complete if status(PartitionStatus::Forbidden) => "partition forbidden".to_owned(),
        Outcome::Complete if count(live) < ROWS => format!("warns: {} of {ROWS}", count(live)),
        Outcome::Complete => "complete".to_owned(),
    }
}

fn table(outcomes: &BTreeMap<Cell, String>) -> String {
    let headings: Vec<String> = Paging::ALL.iter().map(|paging| format!("`{}`", paging.heading())).collect();
    let mut text = format!("| fault | page | lasts | {} |\n|---|---|---|{}\n", headings.join(" | "), "---|".repeat(headings.len()));
    for fault in Fault::ALL {
        for place in [Place::First, Place::Later] {
            for lasts in [false, true] {
                let cells = Paging::ALL.map(|paging| outcomes.get(&Cell { fault, place, lasts, paging }).map_or("–", String::as_str));
                if cells.iter().all(|cell| *cell == "–") {
                    continue;
                }
                let page = if place == Place::First { "first" } else { "later" };
                let time = if lasts { "always" } else { "twice" };
                let _ = writeln!(text, "| {} | {page} | {time} | {} |", fault.heading(), cells.join(" | "));
            }
        }
    }
    text
}

/// Makes all cells, on two threads; those that wait longest begin.
fn all(world: &World, cells: &[Cell]) -> Vec<(Cell, Done)> {
    let first = 2 * Paging::ALL.len();
    let mut numbered: Vec<(usize, Cell)> = cells.iter().enumerate().map(|(position, cell)| (first + position, *cell)).collect();
    numbered.sort_by_key(|(_, cell)| cell.fault != Fault::NoResponse);
    let handle = Handle::current();
    std::thread::scope(|scope| {
        let halves = [0, 1].map(|half| {
            let (handle, numbered) = (handle.clone(), &numbered);
            scope.spawn(move || {
                let cells = numbered.iter().skip(half).step_by(2).copied();
                let work = cells.map(|(number, cell)| async move { (cell, world.disturb(number, cell).await) });
                handle.block_on(futures::stream::iter(work).buffer_unordered(AT_ONCE).collect::<Vec<(Cell, Done)>>())
            })
        });
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_never_lose_or_double_records() {
    let cells: Vec<Cell> = Cell::all().into_iter().filter(Cell::exists).collect();
    let world = World::new(&cells).await;
    let mut pulls = BTreeMap::new();
    for paging in Paging::ALL {
        for partitioned in [false, true] {
            let (pull, lake) = world.pull(undisturbed(paging, partitioned), paging, partitioned).await;
            let rows = ROWS * if partitioned { 2 } else { 1 };
            assert_eq!((pull.outcome, pull.records, pull.retries), (Some(Outcome::Complete), rows as u64, 0), "{pull:#?}");
            assert_eq!(count(&live(&lake).await), rows);
            pulls.insert((paging, partitioned), pull);
        }
    }
    let done = tokio::task::block_in_place(|| all(&world, &cells));
    for (cell, done) in &done {
        check(*cell, done, &pulls[&(cell.paging, cell.fault.is_of_one_partition())]);
    }
    let made = table(&done.iter().map(|(cell, done)| (*cell, words(done))).collect());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reliability.md");
    let page = fs_err::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    #[expect(clippy::disallowed_methods, reason = "whether to write the page is told to the test, not to a project")]
    let is_update = std::env::var_os("ETL_UPDATE_DOCS").is_some();
    if is_update {
        fs_err::write(&path, format!("{before}{BEGIN}\n{made}\n{END}{after}")).unwrap();
    } else {
        assert_eq!(written.trim(), made.trim(), "`ETL_UPDATE_DOCS=1` with this test writes the table");
    }
}
