//! Every command of the README runs, in order, after a demo.

use std::{path::Path, process::Command};

/// The lines of all `sh` blocks, without the one that defines `etl` as a cargo call: the test has the binary itself.
fn commands(readme: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        match line.trim() {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside && !line.is_empty() && !line.starts_with("etl()") && !line.starts_with("make ") && !line.starts_with("cargo ") => {
                commands.push(line.to_owned());
            }
            _ => {}
        }
    }
    commands
}

#[test]
fn every_command_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let data = tempfile::tempdir().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_etl"));
    #[expect(clippy::disallowed_methods, reason = "the commands run in the environment of the test")]
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap_or_default());
    let run = |script: &str| {
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", script])
            .current_dir(root)
            .env("PATH", &path)
            .env("ETL_DATA", data.path())
            .env_remove("GITHUB_STEP_SUMMARY")
            .output()
            .unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned());
        assert!(output.status.success(), "`{script}` ends with {:?}\n{stdout}\n{stderr}", output.status.code());
        (stdout, stderr)
    };
    let (_, told) = run("etl demo --days 1");
    assert!(told.contains("2025-09-10 ") && !told.contains("2025-09-11 "), "{told}");
    // The second day is the one after the first.
    let (tables, told) = run("etl demo --days 1 --keep");
    assert!(told.contains("2025-09-11 ") && !told.contains("2025-09-10 "), "{told}");
    for table in ["report_test_case_coverage", "report_testrail_test_runs", "report_bugzilla_query_release_flags_for_bugs"] {
        assert!(tables.contains(table), "{tables}");
    }
    assert!(told.contains("nothing is left running"), "{told}");
    // What the demo suggests works too.
    for line in told.lines().filter_map(|line| line.strip_prefix("  etl ")) {
        if line != "status" {
            run(&format!("etl {line}"));
        }
    }
    let commands = commands(&fs_err::read_to_string(root.join("README.md")).unwrap());
    assert!(commands.len() >= 8, "{commands:?}");
    for command in &commands {
        run(command);
    }
}
