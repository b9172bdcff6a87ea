//! Loads into MySQL and PostgreSQL against the servers' own bulk commands.
//! `cargo bench --bench engines`; starts throw-away servers (`.ci/servers`), or takes those of `ETL_TEST_MYSQL_URL` and
//! `ETL_TEST_POSTGRES_URL`. `... -- mysql` or `... -- postgres` measures one. Needs their command-line clients.
//!
//! 100,000 rows of 12 columns: loaded first, loaded again, with 1% changed; then 5,000,000 rows without a change, each load in
//! a process of its own, so that nothing but the load is in its memory.
#![expect(clippy::print_stdout, reason = "a measurement for people")]

mod marts;

use std::{
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::Instant,
};

use etl::{
    catalog::Project,
    lake::Lake,
    settings::{Env, Settings},
};
use marts::{BIG, ROUNDS, ROWS, Scene, filled, load, median};
use url::Url;

const MANY: u64 = 5_000_000;

/// The first argument of a process that does nothing but one load.
const ALONE: &str = "load-alone";

const LONG: &str = "\
-- description: Many rows.
-- grain: state
-- key: number
-- columns:
--   number integer not null: counts the rows
--   word varchar(20): text
--   many bigint: a count
select cast(n as integer) as number, format('word {}', n) as word, cast(if(n < {share}, -n, n) as bigint) as many
from range({rows}) as numbers (n)
";

#[tokio::main]
async fn main() -> ExitCode {
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if let [ALONE, folder, database, table] = asked.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        return alone(Path::new(folder), database, table).await;
    }
    let env = Env::of_process();
    let servers = tempfile::tempdir().expect("a temporary folder");
    let mut addresses = vec![env.get("ETL_TEST_MYSQL_URL").map(str::to_owned), env.get("ETL_TEST_POSTGRES_URL").map(str::to_owned)];
    if addresses.iter().any(Option::is_none) {
        addresses = start(servers.path());
    }
    let mut good = true;
    for address in addresses.into_iter().flatten() {
        let name = address.split(':').next().unwrap_or_default().to_owned();
        if asked.is_empty() || asked.contains(&name) {
            good &= measure(&name, &address).await;
        }
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/servers");
    Command::new(script).arg("stop").arg(servers.path()).status().expect("the script is there");
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn start(folder: &Path) -> Vec<Option<String>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/servers");
    let output = Command::new(script).arg("start").arg(folder).env("ETL_TEST_BUFFERS", "1GB").stderr(Stdio::inherit()).output().expect("bash");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(|line| line.split_once('=').map(|(_, url)| url.to_owned())).collect()
}

async fn measure(name: &str, address: &str) -> bool {
    let mut url = Url::parse(address).expect("an address");
    let database = format!("bench_{}", std::process::id());
    client(&url, &format!("create database {database}"));
    url.set_path(&format!("/{database}"));
    let mut scene = Scene::new(Some(url.as_str()), &[("big", filled(BIG, ROWS, 0)), ("long", filled(LONG, MANY, 0))]).await;

    scene.publish("big", &filled(BIG, ROWS, 0)).await;
    let first = scene.load("big", (ROWS, 0)).await;
    let (mut bulk, command) = (Vec::new(), if name == "mysql" { "LOAD DATA LOCAL INFILE" } else { "COPY" });
    for _ in 0..ROUNDS {
        bulk.push(scene.bulk(&url));
    }
    let mut firsts = vec![first];
    for _ in 1..ROUNDS {
        client(&url, "delete from big; delete from etl_loads");
        firsts.push(scene.load("big", (ROWS, 0)).await);
    }
    let (first, bulk) = (median(firsts), median(bulk));
    let ratio = bulk / first;
    let wanted = if name == "mysql" { 0.5 } else { 0.6 };
    println!("{name}: {ROWS} rows of 12 columns, first load {first:.3} s, {command} {bulk:.3} s: {ratio:.2} of its speed (at least {wanted})");

    let (mut same, mut newer, mut changed) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        same.push(scene.load("big", (0, 0)).await);
        scene.publish("big", &filled(BIG, ROWS, round as u64 % 2)).await;
        newer.push(scene.load("big", (0, 0)).await);
        scene.publish("big", &filled(BIG, ROWS, (round as u64 + 1) % 2)).await;
        changed.push(scene.load("big", (0, ROWS / 100)).await);
    }
    let (same, newer, changed) = (median(same), median(newer), median(changed));
    println!("{name}: nothing changed: the same mart {same:.3} s, a newer mart {newer:.3} s (at most 0.2); 1% changed {changed:.3} s (at most 0.3)");

    scene.publish("long", &filled(LONG, MANY, 0)).await;
    let (first, _) = scene.load_alone((MANY, 0));
    let (same, _) = scene.load_alone((0, 0));
    println!("{name}: {MANY} rows: first load {first:.1} s; the same mart {same:.2} s (at most 4)");
    scene.publish("long", &filled(LONG, MANY, 0)).await;
    let (newer, megabytes) = scene.load_alone((0, 0));
    println!("{name}: a newer mart without a change {newer:.2} s (at most 4), {megabytes:.0} MB (at most 200)");
    scene.publish("long", &filled(LONG, MANY, 1_000)).await;
    // The first number is 0, which is its own negative.
    let (few, peak) = scene.load_alone((0, 999));
    println!("{name}: 999 of {MANY} rows changed {few:.2} s, {peak:.0} MB");
    client(&Url::parse(address).expect("an address"), &format!("drop database {database}"));
    ratio >= wanted && same.max(newer) <= 4.0 && megabytes <= 200.0 && changed <= 0.3
}

/// What only servers are measured by.
impl Scene {
    /// Loads the newest mart of `long`, in a process of its own; gives the seconds of the load, and the megabytes that the process had.
    fn load_alone(&self, expected: (u64, u64)) -> (f64, f64) {
        let mut command = Command::new(std::env::current_exe().expect("a program"));
        command.args([ALONE.as_ref(), self.settings.root.as_os_str(), self.settings.database.expose().as_ref(), "long".as_ref()]);
        let output = command.stderr(Stdio::inherit()).output().expect("the program starts");
        assert!(output.status.success());
        let numbers: Vec<f64> = String::from_utf8_lossy(&output.stdout).split_whitespace().map(|number| number.parse().expect("a number")).collect();
        assert_eq!([numbers[0], numbers[1]], [expected.0 as f64, expected.1 as f64]);
        (numbers[2], numbers[3])
    }

    /// The same rows by the server's own command, from a file, into an equal table. The file is made outside of the time.
    fn bulk(&self, url: &Url) -> f64 {
        let file = self.settings.root.join("rows.tsv");
        let mysql = url.scheme() == "mysql";
        if !file.exists() {
            let columns = "number, text_0, text_1, text_2, text_3, text_4, count_0, count_1, count_2, ratio, day, moment, _row_hash";
            let rows = client(url, &format!("select {columns} from big"));
            fs_err::write(&file, rows).expect("space on the disk");
            client(url, if mysql { "create table plain like big" } else { "create table plain (like big including all)" });
        }
        client(url, "delete from plain");
        let path = file.display();
        let statement = if mysql {
            format!("load data local infile '{path}' into table plain character set utf8mb4")
        } else {
            format!("\\copy plain from '{path}'")
        };
        let begin = Instant::now();
        client(url, &statement);
        begin.elapsed().as_secs_f64()
    }
}

/// One load in this process: prints the rows inserted and updated, the seconds, and the most megabytes that the process had.
async fn alone(folder: &Path, database: &str, table: &str) -> ExitCode {
    let settings = Settings::read(folder, Env::of([("ETL_DATABASE", database)])).expect("sound settings");
    let project = Project::read(folder).expect("a sound project");
    let lake = Lake::open(&settings.lake).expect("a folder");
    let begin = Instant::now();
    let (inserted, updated) = load(&project, &lake, &settings, table).await;
    let seconds = begin.elapsed().as_secs_f64();
    println!("{inserted} {updated} {seconds:.3} {:.0}", resident("VmHWM:"));
    ExitCode::SUCCESS
}

/// Runs a statement by the server's command-line client; gives the rows with tabs.
fn client(url: &Url, statement: &str) -> Vec<u8> {
    let (host, port) = (url.host_str().expect("a host"), url.port().expect("a port").to_string());
    let (user, database) = (url.username(), url.path().trim_start_matches('/'));
    let password = url.password().unwrap_or_default();
    let mut command = if url.scheme() == "mysql" {
        let mut command = Command::new("mariadb");
        command.args(["--no-defaults", "--batch", "--skip-column-names", "--local-infile=1", "-h", host, "-P", &port, "-u", user]);
        command.args(["-e", statement]).env("MYSQL_PWD", password).args((!database.is_empty()).then_some(database));
        command
    } else {
        let mut command = Command::new("psql");
        command.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-F",
            "\t",
            "-P",
            "null=\\N",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            host,
            "-p",
            &port,
            "-U",
            user,
            "-d",
            database,
        ]);
        command.args(["-c", "set datestyle = 'ISO'", "-c", statement]).env("PGPASSWORD", password);
        command
    };
    let output = command.output().expect("the client is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A number of megabytes from the process's status.
fn resident(line: &str) -> f64 {
    let status = fs_err::read_to_string("/proc/self/status").expect("Linux");
    let kilobytes = status.lines().find_map(|text| text.strip_prefix(line)).map(|text| text.trim().trim_end_matches(" kB"));
    kilobytes.and_then(|text| text.parse::<f64>().ok()).unwrap_or_default() / 1_024.0
}
