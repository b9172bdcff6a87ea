//! A disk that is full while a table is loaded: the load says so, the table stays as it was, and once there is room again a
//! rerun makes it the new one.
//!
//! The disk is full for the one process that writes: no file of its may grow beyond a length. That needs no rights, and its
//! writes fail where those to a full disk fail.

use std::{
    process::{Command, Output},
    sync::Arc,
};

use arrow::array::{ArrayRef, Int32Array, StringArray};
use etl::{catalog::Project, load::migrate, secret::Secret};
use uuid::Uuid;

use super::{server::Server, world::World};
use crate::scratch::Server as Engine;

const NOTES: &str = "-- description: Notes.\n-- grain: state\n-- key: note\n-- identity: id\n-- columns:\n--   note integer not null: note\n--   body text: text\nselect 1\n";

/// Bytes of a note: long, and still in the table itself.
const BODY: usize = 1_600;

/// KiB of the longest file of a server, which has logs of 16 MB; the new notes need more.
const SERVER_BLOCKS: u32 = 40 << 10;
const NOTES_OF_SERVERS: i32 = 40_000;

/// Of SQLite's.
const SQLITE_BLOCKS: u32 = 2 << 10;
const NOTES_OF_SQLITE: i32 = 3_000;

/// A project with the table `notes`, of which the last load left three rows.
struct Scene {
    world: World,
}

impl Scene {
    async fn new(database: Option<&str>) -> Self {
        let mut world = World::unmigrated();
        fs_err::write(world.root().join("sql/marts/notes.sql"), NOTES).unwrap();
        world.project = Project::read(world.root()).unwrap();
        if let Some(database) = database {
            world.settings.database = Secret::new(database);
        }
        let migrations = world.root().join("migrations");
        migrate::new(&world.project, &migrations, "first", world.settings.clock.now()).unwrap();
        migrate::run(&world.settings.database, &migrations).await.unwrap();
        let scene = Self { world };
        scene.publish(3, "2025-01-01T04:00:00Z").await;
        scene.succeeds();
        scene
    }

    async fn publish(&self, count: i32, as_of: &str) {
        let transform_id = Uuid::now_v7();
        let notes: ArrayRef = Arc::new((0..count).collect::<Int32Array>());
        // No two alike, and nothing to compress.
        let body = |note: i32| (0..BODY / 64).map(|part| etl::digest::sha256(format!("{note}/{part}").as_bytes())).collect::<String>();
        let bodies: ArrayRef = Arc::new((0..count).map(|note| Some(body(note))).collect::<StringArray>());
        let part = self.world.part("notes", transform_id, None, vec![("note", notes), ("body", bodies)]).await;
        self.world.manifest("notes", transform_id, as_of, false, vec![part]).await;
    }

    /// `etl load` in a process of its own, none of whose files may become longer than so many KiB.
    fn load(&self, blocks: Option<u32>) -> Output {
        let limit = blocks.map_or_else(String::new, |blocks| format!("trap '' XFSZ; ulimit -f {blocks}; "));
        let mut command = Command::new("bash");
        command.args(["-c", &format!("{limit}exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_etl"), "--progress", "none", "--project-dir"]);
        command.arg(self.world.root()).args(["load", "notes"]).env_clear();
        command.env("ETL_NOW", "2025-01-31T00:00:00Z").env("ETL_DATABASE", self.world.settings.database.expose()).output().unwrap()
    }

    #[track_caller]
    fn succeeds(&self) {
        let output = self.load(None);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The load failed with one of these words in its message; the table and the ledger are as before.
    async fn failed(&self, output: &Output, signs: &[&str]) {
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("cannot load `notes`") && signs.iter().any(|sign| told.contains(sign)), "{told}");
        assert_eq!(self.world.rows("notes").await.len(), 3, "{told}");
    }
}

async fn a_full_server(engine: Engine, signs: &[&str]) {
    let server = Server::start(engine).await;
    let scene = Scene::new(Some(server.url.as_str())).await;
    let loads = "select count(*) from etl_loads";
    assert_eq!(server.number(loads).await, 1);
    scene.publish(NOTES_OF_SERVERS, "2025-01-02T04:00:00Z").await;
    server.crash();
    server.again_within(Some(SERVER_BLOCKS));
    let full = scene.load(None);
    // Some servers give up when a log cannot be written.
    server.crash();
    server.again();
    scene.failed(&full, signs).await;
    assert_eq!(server.number(loads).await, 1, "the ledger names a load that failed");
    scene.succeeds();
    assert_eq!(scene.world.rows("notes").await.len(), NOTES_OF_SERVERS as usize);
    assert_eq!(server.number(loads).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_mysql_leaves_the_table_as_it_was() {
    a_full_server(Engine::Mysql, &["is full", "too large", "File too large", "errno"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_postgres_leaves_the_table_as_it_was() {
    a_full_server(Engine::Postgres, &["File too large", "No space left"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_sqlite_leaves_the_table_as_it_was() {
    let scene = Scene::new(None).await;
    scene.publish(NOTES_OF_SQLITE, "2025-01-02T04:00:00Z").await;
    let full = scene.load(Some(SQLITE_BLOCKS));
    scene.failed(&full, &["disk I/O error", "disk is full"]).await;
    scene.succeeds();
    assert_eq!(scene.world.rows("notes").await.len(), NOTES_OF_SQLITE as usize);
}
