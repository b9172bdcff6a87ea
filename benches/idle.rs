//! A transform with nothing new: the built binary over the lake of a demo, from start to exit.
//! `cargo bench --bench idle`. Fails over 0.3 s (median of eleven).
#![expect(clippy::print_stdout, reason = "a measurement for people")]

use std::{
    path::Path,
    process::{Command, ExitCode, Output},
    time::Instant,
};

const ROUNDS: usize = 11;
const AT_MOST: f64 = 0.3;

fn main() -> ExitCode {
    let folder = tempfile::tempdir().expect("a temporary folder");
    etl(folder.path(), &["demo", "--days", "3"]);
    // The demo computes its own reports; nothing of the others was pulled.
    etl(folder.path(), &["transform"]);
    let mut seconds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            let output = etl(folder.path(), &["transform"]);
            let seconds = begin.elapsed().as_secs_f64();
            let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            assert!(told.contains("unchanged") && !told.contains("computed"), "{told}");
            seconds
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let median = seconds[ROUNDS / 2];
    println!(
        "idle: a transform with nothing new takes {median:.3} s (at most {AT_MOST}); fastest {:.3} s, slowest {:.3} s of {ROUNDS}",
        seconds[0],
        seconds[ROUNDS - 1]
    );
    if median <= AT_MOST { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn etl(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_etl"));
    command.args(["--progress", "none", "--project-dir", env!("CARGO_MANIFEST_DIR")]).args(arguments);
    command.env("ETL_DATA", data).env_remove("ETL_LAKE").env_remove("ETL_DATABASE").env_remove("ETL_NOW");
    let output = command.output().expect("the binary is built");
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    output
}
