//! What goes wrong before any work is done, or ends it: each says what, where and what to do, with the code that docs/operations.md gives.

use std::{
    ffi::OsString,
    os::unix::ffi::OsStringExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use etl::simulator::{Fault, FaultKind};

use crate::pump::{Pump, Ran, day, files, serve, small_world};

const MART: &str = "sql/marts/report_testrail_milestones.sql";

#[tokio::test]
async fn what_is_wrong_is_named_with_what_to_do() {
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let mut pump = Pump::new(&simulator);
    pump.at(day(0), "04:00:00");
    // Nothing was computed yet: such a load was led to the wrong lake.
    expect(&pump, &["load"], 1, &["there is no lake at", "`etl extract` or `etl run` creates a lake"]);
    pump.ok(&["extract", "testrail_suites"]);
    expect(&pump, &["load"], 1, &["has no mart of any of these tables", "`etl transform` computes them", "no mart was published yet"]);
    pump.ok(&["run", "testrail-milestones"]);
    for (arguments, code, parts) in [
        (vec!["transform", "milestones"], 2, vec!["did you mean `testrail-milestones`?", "`etl lineage` lists what there is"]),
        (vec!["query", "selct 1"], 2, vec!["query:1: syntax error at or near \"selct\"", "write one SELECT in DuckDB's dialect"]),
        (vec!["query", "select 1; select 2"], 2, vec!["there are 2 statements", "write one SELECT in DuckDB's dialect"]),
        (vec!["query", "copy (select 1) to 'x.csv'"], 2, vec!["this is no SELECT"]),
        (vec!["query", "-f", "no-such.sql"], 2, vec!["cannot read the query", "`no-such.sql`"]),
        (vec!["query", "select 1", "-o", "no/such/folder.csv"], 2, vec!["there is no folder `no/such`"]),
        (vec!["query", "select 1", "-o", "/dev/null", "--format", "parquet"], 2, vec!["Parquet goes into a file"]),
        (vec!["test", "no_such_model"], 4, vec!["no case of `no_such_model`"]),
        (
            vec!["replay", "testrail-milestones", "--as-of", "2020-01-01"],
            4,
            vec!["nothing was pulled by 2020-01-01", "the first pull of what is behind"],
        ),
        (
            vec!["transform", "report_testrail_milestones", "--as-of", "2020-01-01"],
            4,
            vec!["nothing was pulled by 2020-01-01", "the first pull of what is behind"],
        ),
    ] {
        expect(&pump, &arguments, code, &parts);
    }
    // Below a folder that is none, under a variable that is no text.
    let elsewhere = Ran::of(Command::new(env!("CARGO_BIN_EXE_etl")).args(["--project-dir", "/no-such-folder", "status"]).output().unwrap());
    assert!(elsewhere.code == Some(2) && elsewhere.stderr.contains("`--project-dir`"), "{}", elsewhere.stderr);
    let unreadable = pump.command(&["query", "select 1"]).env("ETL_DATA", OsString::from_vec(b"/tmp/\xff".to_vec())).output().unwrap();
    let unreadable = Ran::of(unreadable);
    assert!(unreadable.code == Some(2) && unreadable.stderr.contains("`ETL_DATA` is no UTF-8 text"), "{}", unreadable.stderr);

    let sql = fs_err::read(pump.root().join(MART)).unwrap();
    fs_err::write(pump.root().join(MART), [&sql[..], b"\xff"].concat()).unwrap();
    expect(&pump, &["doctor", "--offline"], 2, &[]);
    expect(&pump, &["transform"], 2, &["report_testrail_milestones.sql` is no UTF-8 text"]);
    fs_err::write(pump.root().join(MART), sql).unwrap();

    // A database that cannot be loaded is found before anything is pulled.
    pump.at(day(0), "05:00:00");
    let unreachable = ["--database", "mysql://a:b@127.0.0.1:9/c", "run", "testrail-milestones"];
    expect(&pump, &unreachable, 1, &["cannot connect to the database"]);
    // A contract that the model does not fulfil yet: the last good result is one of the former.
    pump.edit(MART, "--   build_version varchar(150)", "--   build_number varchar(150)");
    expect(&pump, &["transform"], 1, &["problem: report_testrail_milestones: ", "`build_number`", "hint: "]);
    pump.edit(MART, "--   build_number varchar(150)", "--   build_version varchar(150)");
    pump.edit(MART, "schedule: daily", "schedule: dayly");
    expect(&pump, &["status"], 2, &["report_testrail_milestones.sql:1: `dayly` is not a valid schedule"]);
    pump.edit(MART, "schedule: dayly", "schedule: daily");
    damaged(&pump);
}

/// Files of the lake that were damaged after they were written.
fn damaged(pump: &Pump) {
    let manifest = newest(&pump.lake().join("marts/report_testrail_milestones"), "json");
    let before = fs_err::read(&manifest).unwrap();
    fs_err::write(&manifest, "{").unwrap();
    expect(pump, &["load", "testrail-milestones"], 1, &["is damaged", "hint: move it away and run `etl transform`"]);
    fs_err::write(&manifest, before).unwrap();

    fs_err::remove_dir_all(pump.lake().join("staged")).unwrap();
    let landed = newest(&newest(&pump.lake().join("landed/testrail/milestones"), ""), "parquet");
    for entry in fs_err::read_dir(landed.parent().unwrap()).unwrap() {
        fs_err::write(entry.unwrap().path(), "cut").unwrap();
    }
    expect(
        pump,
        &["transform", "testrail-milestones", "--full-refresh"],
        1,
        &["is damaged: it has 3 bytes, not ", "away: nothing of that pull is read then"],
    );
}

#[tokio::test]
async fn a_result_that_fails_leaves_the_file_as_it_was() {
    let simulator = serve(small_world()).await;
    let pump = Pump::new(&simulator);
    let folder = tempfile::tempdir().unwrap();
    for name in ["result.csv", "result.json", "result.parquet"] {
        let file = folder.path().join(name).display().to_string();
        pump.ok(&["query", "select 1 as a", "-o", &file]);
        let whole = fs_err::read(&file).unwrap();
        let late = "select if(i = 99999, error('late'), 'x')::varchar as a from range(100000) as t(i)";
        for wrong in [late, "select no_such_column from pulls", "from no_such_relation"] {
            assert_ne!(pump.run(&["query", wrong, "-o", &file]).code, Some(0), "{wrong}");
            assert_eq!(fs_err::read(&file).unwrap(), whole, "{wrong}");
        }
    }
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 3, "nothing is left beside them");
}

#[tokio::test]
async fn a_command_that_is_asked_to_stop_says_how_to_go_on() {
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let mut pump = Pump::new(&simulator);
    pump.at(day(0), "04:00:00");
    for (signal, code, word) in [("INT", 130, "error: interrupted"), ("TERM", 143, "error: terminated")] {
        simulator.script(Fault::new("get_suites/", FaultKind::Latency(Duration::from_secs(60))));
        let asked = simulator.requests().len();
        let mut child = pump.command(&["extract", "testrail_suites"]).stdout(Stdio::null()).spawn().unwrap();
        while simulator.requests().len() == asked {
            assert!(child.try_wait().unwrap().is_none(), "it waits for an answer");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        send(&child, signal);
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!(ran.code, Some(code), "{signal}: {}", ran.stderr);
        assert!(ran.stderr.contains(word) && ran.stderr.contains("`--resume`"), "{signal}: {}", ran.stderr);
    }
    // What `nohup` started goes on when the terminal goes away.
    simulator.script(Fault::new("get_suites/", FaultKind::Latency(Duration::from_secs(1))));
    let (asked, plain) = (simulator.requests().len(), pump.command(&["extract", "testrail_suites"]));
    let variables = plain.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let mut kept = Command::new("nohup");
    kept.arg(plain.get_program()).args(plain.get_args()).env_clear().envs(variables);
    let child = kept.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while simulator.requests().len() == asked {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    send(&child, "HUP");
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for signal in ["INT", "TERM"] {
        let file = pump.root().join("apis.env");
        let child = pump.command(&["simulate", "--write", file.to_str().unwrap()]).stdout(Stdio::null()).spawn().unwrap();
        while !file.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        send(&child, signal);
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!((ran.code, ran.stderr.contains("error")), (Some(0), false), "{signal}: {}", ran.stderr);
        fs_err::remove_file(file).unwrap();
    }
}

#[test]
fn a_demo_and_real_data_stay_apart() {
    let folder = tempfile::tempdir().unwrap();
    let (data, other) = (folder.path().join("data"), folder.path().join("other"));
    fs_err::create_dir(&other).unwrap();
    let run = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_etl"));
        command.env_clear().env("ETL_DATA", &data).envs(variables.iter().copied()).args(["--project-dir", env!("CARGO_MANIFEST_DIR")]);
        Ran::of(command.args(arguments).output().unwrap())
    };
    let refused = |variables: &[(&str, &str)], arguments: &[&str], code: i32, part: &str| {
        let ran = run(variables, arguments);
        assert!(ran.code == Some(code) && ran.stderr.contains(part), "{arguments:?}: {:?}\n{}", ran.code, ran.stderr);
    };
    assert_eq!(run(&[], &["demo", "--days", "1", "testrail-milestones"]).code, Some(0));
    let made = files(&data);
    let elsewhere = other.display().to_string();
    refused(&[], &["demo", "no-such-report"], 2, "there is no report");
    refused(&[("ETL_LAKE", &elsewhere)], &["demo"], 2, "a demo fills the lake of its data folder");
    refused(&[("ETL_LAKE", "gs://bucket/lake")], &["demo", "--keep"], 2, "a demo fills the lake of its data folder");
    refused(&[("ETL_DATABASE", "mysql://a:b@127.0.0.1:9/c")], &["demo"], 2, "a demo fills the SQLite file of its data folder");
    let testrail = [("TESTRAIL_HOST", "testrail.example.test"), ("TESTRAIL_USERNAME", "a"), ("TESTRAIL_PASSWORD", "b")];
    refused(&testrail, &["extract", "testrail_suites"], 1, "is the lake of a demo, and testrail.example.test is a real API");
    // As if somebody had pulled from a real API with an earlier `etl`.
    let receipt = made.iter().find(|path| path.to_string_lossy().contains("/receipts/testrail/milestones/")).unwrap();
    let text = fs_err::read_to_string(receipt).unwrap();
    assert!(text.contains("\"host\":\"127.0.0.1:"));
    let (unsigned, _) = text.split_once(",\"check\":").unwrap();
    fs_err::write(receipt, format!("{}}}\n", unsigned.replace("\"host\":\"127.0.0.1:", "\"host\":\"testrail.example.test:"))).unwrap();
    for arguments in [&["demo"][..], &["demo", "--keep"]] {
        refused(&[], arguments, 1, "holds data that no demo made (of testrail.example.test:");
    }
    assert_eq!(files(&data), made, "nothing was removed, and nothing was added");
}

#[track_caller]
fn expect(pump: &Pump, arguments: &[&str], code: i32, parts: &[&str]) {
    let ran = pump.run(arguments);
    assert_eq!(ran.code, Some(code), "{arguments:?}\n{}", ran.stderr);
    for part in parts {
        assert!(ran.stderr.contains(part), "{arguments:?}: `{part}` is not in\n{}", ran.stderr);
    }
}

/// The last entry of a folder by its name.
fn newest(folder: &Path, extension: &str) -> std::path::PathBuf {
    let paths = fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| extension.is_empty() || path.extension().is_some_and(|found| found == extension)).max().unwrap()
}

fn send(child: &Child, signal: &str) {
    assert!(Command::new("bash").args(["-c", "kill -s \"$0\" \"$1\"", signal, &child.id().to_string()]).status().unwrap().success());
}
