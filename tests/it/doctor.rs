//! `etl doctor --offline`: every mistake in the project's files is found before anything runs.

use std::{path::Path, process::Command};

use tempfile::TempDir;

use crate::pump::{Ran, copy};

/// A copy of the project's files.
struct Copy(TempDir);

impl Copy {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for part in ["sources", "sql", "migrations", ".github/workflows"] {
            copy(&root.join(part), &folder.path().join(part));
        }
        fs_err::copy(root.join("etl.toml"), folder.path().join("etl.toml")).unwrap();
        Self(folder)
    }

    /// Replaces the first occurrence.
    fn edit(&self, file: &str, from: &str, to: &str) -> &Self {
        let path = self.0.path().join(file);
        let text = fs_err::read_to_string(&path).unwrap();
        assert!(text.contains(from), "`{from}` is not in {file}");
        fs_err::write(path, text.replacen(from, to, 1)).unwrap();
        self
    }

    fn doctor(&self, format: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_etl"));
        let arguments = ["--project-dir", self.0.path().to_str().unwrap(), "doctor", "--offline", "--format", format];
        Ran::of(command.args(arguments).env_clear().output().unwrap())
    }

    /// Each problem is listed, and no other.
    fn expect(&self, problems: &[&str]) {
        let ran = self.doctor("table");
        assert_eq!(ran.code, Some(2), "{}{}", ran.stdout, ran.stderr);
        let errors: Vec<&str> = ran.stderr.lines().filter_map(|line| line.strip_prefix("error: ")).collect();
        for problem in problems {
            assert!(errors.iter().any(|error| error.contains(problem)), "`{problem}` is not in\n{}", errors.join("\n"));
        }
        assert_eq!(errors.len(), problems.len(), "{}", errors.join("\n"));
        let summary = if problems.len() == 1 { "1 problem".to_owned() } else { format!("{} problems", problems.len()) };
        assert_eq!(ran.stderr.lines().last(), Some(summary.as_str()));
        assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
    }
}

#[test]
fn a_sound_project_ends_with_all_ok() {
    let project = Copy::new();
    let ran = project.doctor("table");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), "all ok\n"), "{}", ran.stdout);
    let json: serde_json::Value = serde_json::from_str(&project.doctor("json").stdout).unwrap();
    assert!(json.as_array().unwrap().iter().all(|check| check["result"] == "ok"), "{json}");
}

#[test]
fn every_mistake_in_queries_is_listed() {
    let project = Copy::new();
    project
        .edit("sql/marts/report_testrail_milestones.sql", "    named.url,", "    named.urll,")
        .edit("sql/staging/looker/looker_looks.sql", "record.title", "record.titel")
        .edit("sql/marts/report_github_issues.sql", "cast(issue.closed_at as date)", "current_date")
        .edit("sql/audits/report_bitrise_builds_count__not_finished.sql", "coalesce(status", "coalesce(state")
        .edit("sql/intermediate/sentry_projects.sql", "from ", "from no_such_model, ")
        .edit("sql/staging/testrail/testrail_suites.sql", "record.name as suite_name", "record.name as suite_id");
    project.expect(&[
        "sql/marts/report_testrail_milestones.sql:101: ",
        "sql/staging/looker/looker_looks.sql:15: Could not find key \"titel\"",
        "sql/marts/report_github_issues.sql:25: `current_date` differs from run to run",
        "sql/audits/report_bitrise_builds_count__not_finished.sql:5: Referenced column \"state\" not found",
        "there is no relation `no_such_model`",
        "sql/staging/testrail/testrail_suites.sql: the select list has the column `suite_id` twice",
    ]);
}

#[test]
fn every_placeholder_must_be_a_column_of_for_each() {
    let project = Copy::new();
    project
        .edit("sources/testrail.toml", "get_suites/{project_id}", "get_suites/{projct_id}")
        .edit("sources/testrail.toml", "suite_id = \"{suite_id}\"", "suite_id = \"{suite}\"")
        .edit("sources/bitrise.toml", "scope       = [\"app\"]", "scope       = [\"apps\"]")
        .edit("sources/bitrise.toml", "- interval 1 second\n    end as after", "- interval 1 second\n    end :: varchar as after");
    project.expect(&[
        "sources/testrail.toml:31: endpoint `suites`: `projct_id` is not a column of its `for_each`; did you mean `project_id`?",
        "sources/testrail.toml:53: endpoint `cases`: `suite` is not a column of its `for_each`",
        "sources/bitrise.toml:23: endpoint `builds`: `apps` is not a column of its `for_each`",
        "sources/bitrise.toml:46: for_each of `builds`: `after` is VARCHAR, and `cursor` needs a TIMESTAMP or DATE",
    ]);
}

#[test]
fn contracts_select_lists_and_migrations_must_agree() {
    let project = Copy::new();
    project
        // One more column than the contract has, another type, another order.
        .edit("sql/marts/report_testrail_milestones.sql", "    named.url,", "    named.url, 1 as one,")
        .edit("sql/marts/report_bugzilla_qe_needed_count.sql", "cast(counted.total as integer)", "cast(counted.total as bigint)")
        .edit(
            "sql/marts/report_github_issues.sql",
            "    issue.title as issue_title,\n    if(issue.is_pull_request, 2, 1) as issue_types_id,",
            "    if(issue.is_pull_request, 2, 1) as issue_types_id,\n    issue.title as issue_title,",
        )
        // A contract that is newer than the migrations.
        .edit("sql/seeds/test_sub_suites.csv", "id,testrail_id,", "testrail_id,id,")
        .edit("sql/marts/report_bitrise_builds_count.sql", "varchar(64)", "varchar(65)")
        // Migrations that do not agree with one another.
        .edit("migrations/postgres/20261122152706_first_tables.sql", "\"project_name\" ", "\"title\" ");
    fs_err::remove_file(project.0.path().join("migrations/sqlite/20261127095805_the_form_of_loaded_rows.sql")).unwrap();
    project.expect(&[
        "sql/marts/report_testrail_milestones.sql:101: column `one` is not in the contract",
        "sql/marts/report_bugzilla_qe_needed_count.sql:11: column `bugzilla_total_qa_needed` is BIGINT, the contract says integer (INTEGER)",
        "sql/marts/report_github_issues.sql:12: column `issue_types_id` is where the contract has `issue_title`",
        "sql/seeds/test_sub_suites.csv:8: the columns are `testrail_id,id,",
        "migrations/schema.json: table `report_bitrise_builds_count` has changed: column `app` was varchar(64), now varchar(65)",
        "migrations/postgres: no migration creates the columns `project_name` of `projects`",
        "migrations/sqlite: `20261127095805_the_form_of_loaded_rows.sql` is missing",
        "migrations/sqlite: no migration creates the columns `form` of `etl_loads`",
    ]);
}

#[test]
fn variables_that_no_workflow_passes_are_listed() {
    let project = Copy::new();
    project
        .edit(".github/workflows/pump.yml", "          BITRISE_TOKEN: ${{ secrets.BITRISE_TOKEN }}\n", "")
        .edit("sources/testrail.toml", "${TESTRAIL_HOST}", "${TESTRAIL_SERVER}")
        .edit("etl.toml", "${SLACK_WEBHOOK_IOS}", "${SLACK_WEBHOOK_APPLE}");
    project.expect(&[
        "sources/bitrise.toml:7: `${BITRISE_TOKEN}` is not passed to the job that extracts",
        "sources/testrail.toml:6: `${TESTRAIL_SERVER}` is not passed to the job that extracts",
        "etl.toml:160: `${SLACK_WEBHOOK_APPLE}` is not passed by any workflow",
    ]);
}

#[test]
fn unreadable_files_cause_no_further_errors() {
    let project = Copy::new();
    project
        .edit("sources/bitrise.toml", "replaces    = \"keys\"", "replaces    = \"key\"")
        .edit("sources/jira.toml", "[client]", "[client")
        .edit("sql/staging/looker/looker_looks.sql", "-- description", "-- descripton")
        .edit("sql/intermediate/github_watched_issues.sql", "select", "selct");
    let ran = project.doctor("table");
    for part in ["sources/bitrise.toml:24: ", "sources/jira.toml:", "sql/staging/looker/looker_looks.sql:1: ", "github_watched_issues.sql:"] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
    assert_eq!(ran.stderr.lines().last(), Some("4 problems"), "{}", ran.stderr);
}
