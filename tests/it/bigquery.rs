//! Views of BigQuery: their SQL against a real grammar, their application against a simulated API that checks signatures.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use etl::{catalog::Project, simulator::BIGQUERY_DATASET};
use serde_json::json;

use crate::pump::{Pump, Ran, day, serve, small_world};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The script for the whole project.
fn script(database: &str) -> String {
    let data = tempfile::tempdir().unwrap();
    let arguments = [
        "publish",
        "bigquery",
        "--project",
        "moz-testops",
        "--dataset",
        "testops_staging",
        "--connection",
        "us.cloud-sql",
        "--out",
        "-",
        "--database",
        database,
    ];
    let output = Command::new(env!("CARGO_BIN_EXE_etl"))
        .env_clear()
        .env("ETL_DATA", data.path())
        .arg("--project-dir")
        .arg(root())
        .args(arguments)
        .output()
        .unwrap();
    let ran = Ran::of(output);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran.stdout
}

/// What the grammar finds: name, columns, tables of each view.
fn parsed(database: &str, script: &str) -> Vec<Vec<String>> {
    let mut grammar =
        Command::new(root().join(".ci/grammar")).arg(database).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    grammar.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let ran = Ran::of(grammar.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran.stdout.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

#[test]
fn every_statement_is_bigquery_and_the_sql_inside_is_the_databases() {
    let project = Project::read(root()).unwrap();
    for database in ["mysql", "postgres"] {
        let text = script(&format!("{database}:"));
        assert_eq!(text, script(&format!("{database}:")), "the same every time");
        let views = parsed(database, &text);
        for model in project.tables() {
            let view = views.iter().find(|view| view[0] == model.name).unwrap_or_else(|| panic!("{}", model.name));
            assert_eq!(view[2], format!("{database}:{}", model.name), "one table, of the same name");
        }
        let convenience: Vec<&str> = views.iter().map(|view| view[0].as_str()).filter(|name| name.starts_with("v_")).collect();
        assert!(convenience.len() >= 8, "{convenience:?}");
        assert_eq!(views.len(), project.tables().count() + convenience.len());
    }
    // The grammar does refuse.
    let wrong = script("mysql:").replacen("CAST(", "CAST(, ", 1);
    let refused = std::panic::catch_unwind(|| parsed("mysql", &wrong));
    assert!(refused.is_err());
}

#[tokio::test]
async fn views_are_made_once_and_only_what_differs_is_written() {
    let simulator = serve(small_world()).await;
    let mut pump = Pump::of(&simulator, &["sentry", "whattrainisitnow", "etl"]);
    pump.at(day(0), "08:00:00");
    for (name, value) in simulator.bigquery_variables().unwrap() {
        pump.set(name, value);
    }
    let file = pump.variable("GCLOUD_AUTH").to_owned();
    let publish = |pump: &Pump, connection: &str, more: &[&str]| {
        let mut arguments = vec![
            "publish",
            "bigquery",
            "--project",
            "moz-testops",
            "--dataset",
            BIGQUERY_DATASET,
            "--database",
            "mysql:",
            "--connection",
            connection,
        ];
        arguments.extend(more);
        let ran = pump.run(&arguments);
        assert!(
            !ran.stderr.contains("PRIVATE KEY") && !ran.stderr.contains("eyJ") && !ran.stdout.contains("simulated-bigquery-token"),
            "{}",
            ran.stderr
        );
        ran
    };
    let planned = publish(&pump, "us.cloud-sql", &["--plan"]);
    assert_eq!(planned.code, Some(0), "{}", planned.stderr);
    assert!(planned.stdout.contains("report_sentry_rates") && simulator.bigquery_statements().is_empty(), "{}", planned.stdout);
    let made = publish(&pump, "us.cloud-sql", &[]);
    assert_eq!(made.code, Some(0), "{}{}", made.stdout, made.stderr);
    let all = simulator.bigquery_statements().len();
    assert!(all > 8 && made.stdout.matches(" create").count() == all, "{}", made.stdout);
    // In base64 the key is as good, and nothing is left to do.
    pump.set("GCLOUD_AUTH", BASE64_STANDARD.encode(&file));
    let again = publish(&pump, "us.cloud-sql", &[]);
    assert_eq!((again.code, simulator.bigquery_statements().len()), (Some(0), all), "{}", again.stderr);
    let posts = simulator.requests().iter().filter(|request| request.method == "POST" && request.target.ends_with("/queries")).count();
    assert_eq!(posts, all, "no request that writes");

    // Somebody edits one, drops another, and puts a table where a third was.
    simulator.set_bigquery_table("v_sentry_rates", Some(json!({"type": "VIEW", "view": {"query": "SELECT 1"}, "labels": {}})));
    simulator.set_bigquery_table("report_sentry_issues", None);
    simulator.set_bigquery_table("projects", Some(json!({"type": "TABLE"})));
    let repaired = publish(&pump, "US.cloud-sql", &[]);
    assert!(repaired.code == Some(1) && repaired.stdout.contains("is no view but a table"), "{}", repaired.stdout);
    let written: Vec<String> = simulator.bigquery_statements().split_off(all);
    assert!(written.len() == 2 && written[0].contains("`report_sentry_issues`\n") && written[1].contains("`v_sentry_rates`\n"), "{written:#?}");
    let recorded = pump.lines("select publication_key from latest.etl_publications where kind = 'bigquery_view' and status = 'published'");
    assert_eq!(recorded.len(), all);

    let elsewhere = publish(&pump, "eu.cloud-sql", &[]);
    assert!(elsewhere.code == Some(2) && elsewhere.stderr.contains("the dataset is in `us`"), "{}", elsewhere.stderr);
    // The account has another key now: the signature is not the account's.
    simulator.bigquery_variables().unwrap();
    let stranger = publish(&pump, "us.cloud-sql", &[]);
    assert!(stranger.code == Some(1) && stranger.stderr.contains("Invalid JWT Signature"), "{}", stranger.stderr);
}
