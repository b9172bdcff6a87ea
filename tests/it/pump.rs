//! The real binary in a project folder of its own, against simulated APIs.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use chrono::{Days, NaiveDate};
use etl::simulator::{Options, Scale, Simulator, World};
use sqlx::{Connection, Row, SqliteConnection};
use tempfile::TempDir;

/// Every endpoint of TestRail and Bugzilla.
pub(crate) const ENDPOINTS: [&str; 11] = [
    "testrail_suites",
    "testrail_cases",
    "testrail_runs",
    "testrail_plans",
    "testrail_plan_details",
    "testrail_milestones",
    "testrail_milestone_details",
    "bugzilla_qa_found_bugs",
    "bugzilla_fields",
    "bugzilla_flag_bugs",
    "bugzilla_history",
];

/// Columns of an endpoint's rows that say which pull they came with.
pub(crate) const META: &str = "_pull_id, _pulled_at, _run_at, _fetched_at, _partition_no, _request_no, _record_no";

/// Rows of tables as text, by table.
pub(crate) type Tables = BTreeMap<String, Vec<String>>;

/// A small world in which a run takes a second or two.
pub(crate) fn small_world() -> World {
    small_world_of(11)
}

/// A world of that size from another seed.
pub(crate) fn small_world_of(seed: u64) -> World {
    let demo = Scale::demo();
    World::seeded(
        seed,
        Scale {
            cases: 160,
            plans: 18,
            runs: 12,
            milestones: 12,
            bugs: 110,
            builds: 70,
            tasks_per_push: 5,
            sentry_issues: 12,
            jira_issues: 90,
            github_issues: 90,
            odd_one_in: 6,
            ..demo
        },
    )
}

/// Starts serving `world`.
pub(crate) async fn serve(world: World) -> Simulator {
    Simulator::start(world, Options::default()).await.unwrap()
}

/// A day of the small world's story, far enough from its start for everything to have happened.
pub(crate) fn day(number: u64) -> NaiveDate {
    Scale::demo().first_day + Days::new(20 + number)
}

/// A project folder with a lake and a database.
pub(crate) struct Pump {
    folder: TempDir,
    variables: BTreeMap<&'static str, String>,
}

/// How a command ended.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Pump {
    /// A copy of the project's files of TestRail and Bugzilla without rate limits, and an empty data folder. What is true of a
    /// run with two sources is true of one with all, and takes a fraction of the time.
    pub(crate) fn new(simulator: &Simulator) -> Self {
        Self::of(simulator, &["testrail", "bugzilla"])
    }

    /// The same with every source.
    pub(crate) fn whole(simulator: &Simulator) -> Self {
        let files = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("sources"));
        let names: Vec<&str> = files.iter().map(|path| path.file_stem().unwrap().to_str().unwrap()).collect();
        Self::of(simulator, &names)
    }

    /// The same for these sources.
    pub(crate) fn of(simulator: &Simulator, sources: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for part in ["sources", "sql", "migrations"] {
            copy(&root.join(part), &folder.path().join(part));
        }
        let mut settings = fs_err::read_to_string(root.join("etl.toml")).unwrap();
        for entry in fs_err::read_dir(root.join("sources")).unwrap() {
            let source = entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
            if source == "etl" {
                // No API: what etl itself did. Nothing of it is slow, and marts read it.
            } else if sources.contains(&source.as_str()) {
                // What lasts is given up soon: tests wait for no more than a few attempts.
                let file = folder.path().join(format!("sources/{source}.toml"));
                let text = fs_err::read_to_string(&file).unwrap();
                let few = text.replace("{ max_elapsed", "{ attempts = 6, limited_wait = \"1s\", max_elapsed");
                assert_ne!(few, text, "{source}");
                fs_err::write(file, few).unwrap();
                write!(settings, "\n[rate_limit.{source}]\nrequests = 0\nper = \"1s\"\nconcurrency = 8\n").unwrap();
            } else {
                remove(folder.path(), &source);
            }
        }
        fs_err::write(folder.path().join("etl.toml"), settings).unwrap();
        let mut pump = Self { folder, variables: BTreeMap::new() };
        for (name, value) in simulator.variables() {
            pump.set(name, value);
        }
        pump
    }

    /// Another folder with the same files, the same lake and the same database.
    pub(crate) fn fork(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(self.folder.path(), folder.path());
        Self { folder, variables: self.variables.clone() }
    }

    pub(crate) fn set(&mut self, variable: &'static str, value: impl Into<String>) {
        self.variables.insert(variable, value.into());
    }

    pub(crate) fn variable(&self, name: &str) -> &str {
        &self.variables[name]
    }

    /// Sets a variable to something else; returns what it was.
    pub(crate) fn replace(&mut self, variable: &'static str, value: &str) -> String {
        self.variables.insert(variable, value.to_owned()).unwrap_or_default()
    }

    /// Starts the clock of the following commands.
    pub(crate) fn at(&mut self, day: NaiveDate, time: &str) {
        self.set("ETL_NOW", format!("{day}T{time}Z"));
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn lake(&self) -> PathBuf {
        self.root().join("data/lake")
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.root().join("data/etl.sqlite")
    }

    /// The binary with these arguments and this project's variables, and no others.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_etl"));
        command.env_clear().envs(&self.variables).args(["--progress", "none", "--project-dir"]).arg(self.root()).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// Runs a command that must succeed; returns what it says on standard error.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "etl {arguments:?}\n{}{}", ran.stdout, ran.stderr);
        ran.stderr
    }

    /// The rows of a query as CSV, the names first.
    pub(crate) fn query(&self, sql: &str) -> String {
        let ran = self.run(&["query", sql]);
        assert_eq!(ran.code, Some(0), "{sql}\n{}", ran.stderr);
        ran.stdout
    }

    /// The lines of a query's result below the names.
    pub(crate) fn lines(&self, sql: &str) -> Vec<String> {
        self.query(sql).lines().skip(1).map(str::to_owned).collect()
    }

    /// Changes a file of the project; `from` must be there.
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.root().join(file);
        let text = fs_err::read_to_string(&path).unwrap();
        assert!(text.contains(from), "`{from}` is not in {file}");
        fs_err::write(path, text.replace(from, to)).unwrap();
    }

    /// Every object of the lake with its content's size.
    pub(crate) fn objects(&self) -> BTreeMap<PathBuf, u64> {
        files(&self.lake()).into_iter().map(|path| (path.clone(), fs_err::metadata(path).unwrap().len())).collect()
    }

    /// What is live of every endpoint of TestRail and Bugzilla; see [`Pump::live_rows`].
    pub(crate) fn live(&self) -> Vec<String> {
        self.live_rows(&ENDPOINTS)
    }

    /// What is live of endpoints: keys, typed columns and the landed bytes, without ids and times of runs.
    ///
    /// Whenever one looks, the rows of each complete pull must all be there, and no others; this fails if they are not.
    pub(crate) fn live_rows(&self, endpoints: &[&str]) -> Vec<String> {
        let parts: Vec<String> = endpoints
            .iter()
            .map(|id| {
                format!(
                    "select '{id}' as part, cast(to_json(item) as varchar) as row from (select * exclude ({META}) from latest.{id}) as item \
                     union all select '{id} as landed', raw.payload from latest.{id} as live join landed.{id} as raw \
                     on raw.pull_id = live._pull_id and raw.request_no = live._request_no and raw.record_no = live._record_no \
                     union all select 'HALF VISIBLE {id}', cast(coalesce(pull.pull_id, counted.pull_id) as varchar) \
                     from (select * from pulls where endpoint = '{id}' and complete) as pull \
                     full join (select pull_id, count(*) as n from landed.{id} group by all) as counted on counted.pull_id = pull.pull_id \
                     where coalesce(pull.records, -1) <> coalesce(counted.n, 0)"
                )
            })
            .collect();
        let rows = self.lines(&format!("{} order by all", parts.join(" union all ")));
        let half: Vec<&String> = rows.iter().filter(|row| row.starts_with("HALF VISIBLE")).collect();
        assert!(half.is_empty(), "{half:#?}");
        rows
    }

    /// All rows of all tables but the ledger.
    pub(crate) async fn tables(&self) -> Tables {
        tables(&self.database(), &[]).await
    }

    /// The same without the columns that depend on the moment of a run: first-seen times and, where there is one, the hash over it.
    pub(crate) async fn timeless_tables(&self) -> Tables {
        tables(&self.database(), &["created_at"]).await
    }
}

impl Ran {
    pub(crate) fn of(output: std::process::Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// All rows of all tables of a SQLite file but the ledgers of `etl` and of the migrations. A table that has one of the
/// columns `without` is read without it and without its hash.
pub(crate) async fn tables(file: &Path, without: &[&str]) -> Tables {
    let mut connection = SqliteConnection::connect(&format!("sqlite:{}?mode=ro", file.display())).await.unwrap();
    let sql = "select m.name as t, group_concat(p.name) as c from sqlite_master as m, pragma_table_info(m.name) as p \
               where m.type = 'table' and m.name not in ('etl_loads', '_sqlx_migrations', 'sqlite_sequence') group by 1";
    let mut found = Tables::new();
    for table in sqlx::query(sql).fetch_all(&mut connection).await.unwrap() {
        let (name, columns): (String, String) = (table.get("t"), table.get("c"));
        let mut columns: Vec<&str> = columns.split(',').collect();
        if columns.iter().any(|column| without.contains(column)) {
            columns.retain(|column| !without.contains(column) && *column != "_row_hash");
        }
        let quoted: Vec<String> = columns.iter().map(|column| format!("'{column}=' || quote(\"{column}\")")).collect();
        let sql = format!("select {} as r from \"{name}\" order by 1", quoted.join(" || ', ' || "));
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
        found.insert(name, rows.iter().map(|row| row.get("r")).collect());
    }
    connection.close().await.unwrap();
    found
}

/// Says where two sets of tables differ, and fails if they do.
#[track_caller]
pub(crate) fn assert_same(what: &str, left: &Tables, right: &Tables) {
    assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>(), "{what}");
    for (name, rows) in left {
        assert_same_lines(&format!("{what}: `{name}`"), rows, &right[name]);
    }
}

#[track_caller]
pub(crate) fn assert_same_lines<T: AsRef<str>>(what: &str, left: &[T], right: &[T]) {
    if let Some(at) = (0..left.len().max(right.len())).find(|at| left.get(*at).map(AsRef::as_ref) != right.get(*at).map(AsRef::as_ref)) {
        let shown = |side: &[T]| side.get(at).map_or("nothing", AsRef::as_ref).to_owned();
        panic!("{what}: {} and {} rows; the first that differ:\n{}\n{}", left.len(), right.len(), shown(left), shown(right));
    }
}

/// Removes what a project has of one source, seeds aside: what is named after it, what reads it, and the audits of that.
fn remove(root: &Path, source: &str) {
    let mut gone: Vec<String> = Vec::new();
    for part in ["sources", "sql/staging", "sql/intermediate", "sql/marts", "sql/audits"] {
        for path in files(&root.join(part)) {
            if path.parent().is_some_and(|folder| folder.ends_with("staging/etl")) {
                continue;
            }
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = fs_err::read_to_string(&path).unwrap();
            let reads = [format!(".{source}_"), format!(" {source}_")].iter().any(|start| text.contains(start.as_str()));
            let audits = gone.iter().any(|mart| name.starts_with(&format!("{mart}__")));
            if name.contains(source) || (part != "sources" && reads) || audits {
                fs_err::remove_file(path).unwrap();
                gone.push(name);
            }
        }
    }
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs_err::copy(entry.path(), target).unwrap();
        }
    }
}

/// All files below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}
