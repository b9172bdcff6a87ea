//! All tables of the reports in a MySQL database as the old scripts have left it, taken over by the real binary.
//!
//! What a table was like is made from its contract and from the list of differences in the description of the reports: which
//! columns were added, which were narrower, which refused NULL. The old scripts have loaded today's rows, twice.

use std::{collections::BTreeMap, fmt::Write};

use etl::{
    catalog::{ColumnType, Contract, Project},
    load::{self, Value},
    secret::Secret,
};

use crate::{
    pump::{Pump, day, serve, small_world},
    scratch::{Scratch, Server},
};

/// Tables that the old scripts did not have.
const NEW: [&str; 7] = [
    "report_issue_regression",
    "report_sentry_unhandled_issues",
    "report_taskcluster_daily",
    "report_taskcluster_task_groups",
    "report_taskcluster_task_runs",
    "report_looker_looks",
    "report_confluence_pages",
];

/// Lookup tables: their ids are those that other tables hold.
const LOOKUPS: [&str; 6] =
    ["projects", "test_sub_suites", "test_automation_status", "test_automation_coverage", "github_issue_types", "test_run_result_types"];

/// Columns that they did not have.
const ADDED: [(&str, &str); 8] = [
    ("*", "snapshot_date"),
    ("*", "test_case_untested_count"),
    ("report_sentry_issues", "created_at"),
    ("report_bugzilla_qe_needed", "bugzilla_flag_id"),
    ("report_bugzilla_query_by_keyword", "query_keyword"),
    ("report_bitrise_builds_count", "app"),
    ("report_bitrise_builds_count", "finished_at"),
    ("report_jira_softvision_worklogs", "jira_worklog_id"),
];

/// Columns that were narrower, or of a type that holds less.
const NARROW: [(&str, &str, &str); 18] = [
    ("report_testrail_test_plans", "name", "varchar(75)"),
    ("report_testrail_test_runs", "name", "varchar(75)"),
    ("report_testrail_test_runs", "config", "varchar(55)"),
    ("report_testrail_test_results", "testrail_result_id", "int"),
    ("report_testrail_test_results", "elapsed", "float(5,2)"),
    ("*", "jira_story_points", "int"),
    ("report_jira_qa_requests", "jira_labels", "varchar(100)"),
    ("report_jira_qa_requests_new_issue_types", "jira_labels", "varchar(100)"),
    ("report_bugzilla_softvision_bugs", "bugzilla_qa_whiteboard", "varchar(100)"),
    ("report_bugzilla_query_by_keyword", "bugzilla_qa_whiteboard", "varchar(255)"),
    ("report_bugzilla_query_release_flags_for_bugs", "bugzilla_bug_keywords", "varchar(250)"),
    ("report_bugzilla_meta_bugs", "bugzilla_bug_keyword", "varchar(100)"),
    ("report_github_bugs", "github_title", "varchar(250)"),
    ("report_github_issues", "issue_title", "varchar(75)"),
    ("report_sentry_issues", "count", "int"),
    ("report_sentry_issues", "user_count", "int"),
    ("report_sentry_issues", "release_version", "varchar(10)"),
    ("report_sentry_issues", "permalink", "varchar(250)"),
];

/// Columns that refused NULL.
const REFUSED_NULL: [(&str, &str); 8] = [
    ("report_test_run_counts", "testrail_suites_id"),
    ("report_testrail_test_runs", "suite_id"),
    ("report_testrail_test_results", "elapsed"),
    ("report_testrail_users", "role"),
    ("report_jira_qa_requests", "jira_firefox_release_train"),
    ("report_sentry_issues", "culprit"),
    ("report_sentry_rates", "crash_free_rate_user"),
    ("report_jira_softvision_issues_qa_teams", "jira_summary"),
];

fn is(list: &[(&str, &str)], table: &str, column: &str) -> bool {
    list.iter().any(|(of, name)| (*of == "*" || *of == table) && *name == column)
}

/// The contract's columns that the old table had, `id` not among them unless it is a lookup.
fn had(contract: &Contract) -> Vec<usize> {
    let keeps_id = LOOKUPS.contains(&contract.table.as_str());
    let has = |column: &str| !is(&ADDED, &contract.table, column) && (keeps_id || column != "id");
    (0..contract.columns.len()).filter(|position| has(&contract.columns[*position].name)).collect()
}

fn old_table(contract: &Contract) -> String {
    let table = &contract.table;
    let mut text = format!("create table `{table}` (id int not null auto_increment primary key");
    for column in had(contract).into_iter().map(|position| &contract.columns[position]).filter(|column| column.name != "id") {
        let narrow = NARROW.iter().find(|(of, name, _)| (*of == "*" || of == table) && *name == column.name);
        let kind = narrow.map_or_else(|| old_type(column.kind), |(_, _, kind)| (*kind).to_owned());
        let null = if column.not_null || is(&REFUSED_NULL, table, &column.name) { "not null" } else { "null default null" };
        write!(text, ", `{}` {kind} {null}", column.name).unwrap();
    }
    if table == "report_bugzilla_query_by_keyword" {
        text.push_str(", unique key only_once (bugzilla_key)");
    }
    text.push_str(") engine = InnoDB default charset = utf8mb3");
    text
}

fn old_type(kind: ColumnType) -> String {
    match kind {
        ColumnType::Varchar(length) => format!("varchar({length})"),
        ColumnType::Text => "text".to_owned(),
        ColumnType::SmallInt => "tinyint(1)".to_owned(),
        ColumnType::Integer => "int".to_owned(),
        ColumnType::BigInt => "bigint".to_owned(),
        ColumnType::Double => "float".to_owned(),
        ColumnType::Date => "date".to_owned(),
        ColumnType::Timestamp => "datetime".to_owned(),
    }
}

fn literal(value: &Value<'_>) -> String {
    match value {
        Value::Null => "null".to_owned(),
        // The old scripts drop what utf8mb3 does not hold.
        Value::Text(text) => format!("'{}'", text.chars().filter(|c| c.len_utf8() < 4).collect::<String>().replace('\\', "\\\\").replace('\'', "''")),
        Value::Date(_) | Value::Timestamp(_) => format!("'{value}'"),
        other => other.to_string(),
    }
}

fn inserts(contract: &Contract, rows: &[Vec<Value<'static>>], change: impl Fn(&str, &Value<'static>) -> Option<String>) -> String {
    let positions = had(contract);
    let names: Vec<String> = positions.iter().map(|position| format!("`{}`", contract.columns[*position].name)).collect();
    let mut text = String::new();
    for row in rows {
        let values: Vec<String> = positions
            .iter()
            .map(|position| {
                let name = &contract.columns[*position].name;
                change(name, &row[*position]).unwrap_or_else(|| literal(&row[*position]))
            })
            .collect();
        write!(text, "insert ignore into `{}` ({}) values ({});", contract.table, names.join(", "), values.join(", ")).unwrap();
    }
    text
}

async fn count(scratch: &Scratch, table: &str, condition: &str) -> usize {
    scratch.texts(&format!("select cast(count(*) as char) from `{table}` where {condition}")).await[0].parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tables_of_all_reports_are_taken_over_in_mysql() {
    let simulator = serve(small_world()).await;
    let mut pump = Pump::of(&simulator, &["testrail", "bugzilla", "jira", "sentry", "whattrainisitnow", "bitrise"]);
    simulator.set_day(day(0));
    pump.at(day(0), "04:00:00");
    pump.ok(&["run"]);
    let project = Project::read(pump.root()).unwrap();
    let contracts: Vec<&Contract> = project.tables().filter_map(|model| model.contract.as_ref()).collect();
    let sqlite = Secret::new(format!("sqlite:{}", pump.database().display()));

    let scratch = Scratch::new(Server::Mysql).await;
    let mut filled = BTreeMap::new();
    let mut script = "set sql_mode = '';".to_owned();
    for contract in &contracts {
        let table = contract.table.as_str();
        let rows = load::read_table(&sqlite, contract).await.unwrap();
        if NEW.contains(&table) {
            filled.insert(table, (rows.len(), 0));
            continue;
        }
        write!(script, "{};", old_table(contract)).unwrap();
        script.push_str(&inserts(contract, &rows, |_, _| None));
        let mut history = 0;
        if !LOOKUPS.contains(&table) {
            script.push_str(&inserts(contract, &rows, |_, _| None));
            // A row whose key the mart has not.
            let numbers = |name: &&String| contract.column(name).is_some_and(|column| column.kind == ColumnType::Integer) && !is(&ADDED, table, name);
            if let Some(key) = contract.key.iter().rev().find(numbers) {
                history = rows.len().min(1);
                script.push_str(&inserts(contract, &rows[..history], |name, _| (name == key).then(|| "99999999".to_owned())));
            }
        }
        // Nothing tells which row of the mart these were: the whole key is new, or no day is known.
        if contract.key.iter().all(|key| is(&ADDED, table, key) && key != "snapshot_date") || table == "report_sentry_issues" {
            history += 2 * rows.len();
        }
        filled.insert(table, (rows.len(), history));
    }
    // Runs point at the newest copy of their plan, by the id that the database gave; some at an older one.
    script.push_str(
        "update report_testrail_test_runs as r join (select testrail_plan_id, max(id) as newest, min(id) as oldest from report_testrail_test_plans group by 1) as p
             on p.testrail_plan_id = r.plan_id set r.plan_id = if(r.id % 2, p.newest, p.oldest);
         alter table report_testrail_test_runs add constraint plan_of_run foreign key (plan_id) references report_testrail_test_plans (id)",
    );
    scratch.run(&script).await;
    assert!(filled.values().filter(|(rows, _)| *rows > 0).count() > 20, "{filled:?}");
    let runs_of_plans = "select concat(r.testrail_run_id, ' ', p.testrail_plan_id) from report_testrail_test_runs as r join report_testrail_test_plans as p on p.id = r.plan_id group by 1 order by 1";
    let before = scratch.texts(runs_of_plans).await;
    assert!(before.len() > 3, "{before:?}");

    let owner = scratch.owner();
    let run = |arguments: &[&str]| pump.run(&[&["--database", &owner], arguments].concat());
    let refused = run(&["migrate", "run"]);
    assert!(refused.code == Some(1) && refused.stderr.contains("etl load --adopt"), "{}", refused.stderr);
    let planned = run(&["load", "--adopt", "--plan"]);
    assert_eq!(planned.code, Some(0), "{}", planned.stderr);
    assert!(planned.stdout.contains("convert to character set utf8mb4") && planned.stdout.contains("--adopt-widen"), "{}", planned.stdout);
    let refused = run(&["load", "--adopt"]);
    assert!(refused.code == Some(2) && refused.stderr.contains("--adopt-widen"), "{}", refused.stderr);
    let adopted = run(&["load", "--adopt", "--adopt-widen"]);
    assert_eq!(adopted.code, Some(0), "{}", adopted.stderr);

    for contract in &contracts {
        let table = contract.table.as_str();
        let (rows, history) = filled[table];
        assert_eq!(count(&scratch, table, "_row_hash is not null").await, rows, "rows of `{table}` that are etl's");
        assert_eq!(count(&scratch, table, "_row_hash is null").await, history, "history of `{table}`");
    }
    assert_eq!(scratch.texts(runs_of_plans).await, before, "runs still point at their plans");
    // Every value is the mart's, also those that were too long, too large or of four bytes.
    let verified = run(&["load", "--verify"]);
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);
    assert!(run(&["migrate", "run"]).stderr.contains("0 migrations applied"));
    let again = run(&["load", "--adopt"]);
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), ""), "nothing is left to do: {}", again.stderr);
    for (table, (rows, history)) in &filled {
        assert_eq!(count(&scratch, table, "1 = 1").await, rows + history, "`{table}` after the second time");
    }

    // A lookup whose id is another one in the database: rows of other tables hold that one.
    scratch.run("update projects set id = 91, _row_hash = null where project_name_abbrev = 'fenix'").await;
    let refused = run(&["load", "--adopt", "projects"]);
    assert!(refused.code == Some(1) && refused.stderr.contains("has the id 91 and is to have 1"), "{}", refused.stderr);
}
