//! `lake.duckdb` shows what `etl query` shows, and `etl shell` on a terminal answers.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use duckdb::{AccessMode, Config, Connection};

use crate::pump::{ENDPOINTS, Pump, Ran, assert_same_lines, day, files, serve, small_world};

/// The first column of a query over `lake.duckdb`.
fn column(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let rows = statement.query_map([], |row| row.get(0)).unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// The file as a reader opens it.
fn opened(pump: &Pump) -> Connection {
    let config = Config::default().access_mode(AccessMode::ReadOnly).unwrap();
    let connection = Connection::open_with_flags(pump.root().join("data/lake.duckdb"), config).unwrap();
    connection.execute_batch("set TimeZone = 'UTC'").unwrap();
    connection
}

/// Every relation of the file has the rows that `etl query` gives.
pub(crate) fn agrees_with_queries(pump: &Pump, when: &str) {
    let mut relations: Vec<String> = ["pulls", "partitions", "run", "vars"].map(str::to_owned).to_vec();
    relations.extend(ENDPOINTS.iter().flat_map(|id| ["landed", "latest", "history"].map(|schema| format!("{schema}.{id}"))));
    let parts: Vec<String> = relations
        .iter()
        .map(|name| {
            format!(
                "select '{name} ' || count(*) || ' ' || coalesce(md5(string_agg(line, '' order by line)), '') as line \
                 from (select cast(to_json(item) as varchar) as line from (select * from {name}) as item)"
            )
        })
        .collect();
    let sql = format!("{} order by all", parts.join(" union all "));
    assert_same_lines(&format!("{when}: lake.duckdb and `etl query`"), &column(&opened(pump), &sql), &pump.lines(&sql));
}

/// Leaves something in the file.
pub(crate) fn leave_a_mark(pump: &Pump) {
    let connection = Connection::open(pump.root().join("data/lake.duckdb")).unwrap();
    connection.execute_batch("create or replace table etl.mark as select 1 as one").unwrap();
    connection.close().map_err(|(_, error)| error).unwrap();
}

/// Whether the file was gone on with since.
pub(crate) fn has_the_mark(pump: &Pump) -> bool {
    !column(&opened(pump), "select table_name from duckdb_tables() where table_name = 'mark'").is_empty()
}

/// The models in a folder of the project.
fn names(pump: &Pump, folder: &str) -> Vec<String> {
    files(&pump.root().join(folder)).iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

/// After every report was run, every model is there and answers, and each endpoint that was pulled.
pub(crate) fn shows_everything(pump: &Pump) {
    let connection = opened(pump);
    let shown = column(
        &connection,
        "select case schema_name when 'main' then '' else schema_name || '.' end || view_name from duckdb_views() where not internal and schema_name <> 'etl' \
         union all select table_name from duckdb_tables() where schema_name = 'main'",
    );
    let mut expected: Vec<String> = ["pulls", "partitions", "run", "vars"].map(str::to_owned).to_vec();
    for folder in ["sql/seeds", "sql/intermediate", "sql/marts"] {
        expected.extend(names(pump, folder));
    }
    let pulled = column(&connection, "select distinct endpoint from pulls");
    assert!(pulled.len() > 40, "{pulled:?}");
    expected.extend(pulled.iter().flat_map(|id| ["landed", "latest", "history"].map(|schema| format!("{schema}.{id}"))));
    let missing: Vec<&String> = expected.iter().filter(|name| !shown.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let counts: Vec<String> = shown.iter().map(|name| format!("select count(*) from {name}")).collect();
    connection.execute_batch(&counts.join(";")).unwrap();
}

/// Runs the command on a terminal of its own, types `input`, and returns what the terminal shows.
fn on_a_terminal(command: &Command, input: &str) -> Ran {
    let mut terminal = Command::new("python3");
    terminal.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/terminal.py")).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        terminal.env(name, value.unwrap_or_default());
    }
    terminal.env("TERM", "dumb");
    let mut child = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Ran::of(child.wait_with_output().unwrap())
}

#[tokio::test]
async fn a_shell_on_a_terminal_answers() {
    let simulator = serve(small_world()).await;
    let mut pump = Pump::new(&simulator);
    simulator.set_day(day(0));
    pump.at(day(0), "04:00:00");
    pump.ok(&["run", "report_testrail_milestones", "--project", "fenix"]);
    let rows = pump.lines("select count(*) from report_testrail_milestones").remove(0);
    let question = "select 'rows: ' || count(*) as answer from report_testrail_milestones;\n";

    // Without the DuckDB shell, our own: it asks, answers, tells a mistake and goes on.
    let ran = on_a_terminal(&pump.command(&["shell"]), &format!("select no_such\nfrom run;\n{question}.quit\n"));
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    for part in ["end a statement with `;`, leave with .quit", "etl> ", "  -> ", "no_such", &format!("rows: {rows}")] {
        assert!(ran.stdout.contains(part), "{part} is not in\n{}", ran.stdout);
    }

    // Where it is installed, the DuckDB shell on lake.duckdb, which it cannot change.
    let tool = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/tool")).arg("duckdb").output().unwrap();
    let tool = Ran::of(tool);
    assert_eq!(tool.code, Some(0), "{}", tool.stderr);
    pump.set("PATH", tool.stdout.trim());
    let ran = on_a_terminal(&pump.command(&["shell"]), &format!("{question}.quit\n"));
    assert!(ran.stdout.contains(&format!("rows: {rows}")) && !ran.stdout.contains("etl>"), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    let ran = on_a_terminal(&pump.command(&["shell"]), "create table mine (x int);\n.quit\n");
    assert!(ran.stdout.contains("read-only mode") && ran.code == Some(1), "{}", ran.stdout);
    let ran = on_a_terminal(&pump.command(&["shell", "--builtin"]), &format!("{question}.quit\n"));
    assert!(ran.stdout.contains("etl> ") && ran.stdout.contains(&format!("rows: {rows}")), "{}", ran.stdout);
}
