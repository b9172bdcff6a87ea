//! Switching over, as docs/operations.md leads to it: a bucket, an instance of MySQL, the tables of the scripts before adopted,
//! every workflow by its own steps, published; and everything once more, without a change.

use std::{collections::BTreeMap, path::Path};

use etl::{
    catalog::{Contract, Project},
    simulator::SlackMessage,
};
use regex::Regex;

use super::{
    runner::{Finished, Step},
    site::Site,
};
use crate::pump::day;

/// Tables whose old rows are no rows of the mart: the whole key is new, or no day is known of them.
const STRANGERS: [&str; 3] = ["report_bugzilla_qe_needed", "report_jira_softvision_worklogs", "report_sentry_issues"];
/// Tables that take up what was published.
const OF_PUBLICATIONS: [&str; 2] = ["report_looker_looks", "report_confluence_pages"];
/// Workflows that build and release.
const OTHERS: [&str; 2] = ["ci.yml", "release.yml"];
/// The event of the weekly run on Tuesdays.
const TUESDAY: [(&str, &str); 1] = [("github.event.schedule", "0 9 * * 2")];
const PAGE: &str = "1631911951";

/// Numbers of rows by table.
type Counts = BTreeMap<String, u64>;

struct Switch {
    site: Site,
    project: Project,
}

impl Switch {
    async fn new() -> Self {
        let site = Site::whole().await;
        let project = Project::read(site.pump.root()).unwrap();
        Self { site, project }
    }

    fn contracts(&self) -> impl Iterator<Item = &Contract> {
        self.project.tables().filter_map(|model| model.contract.as_ref())
    }

    fn is_snapshot(&self, table: &str) -> bool {
        self.contracts().any(|contract| contract.table == table && contract.snapshot_date().is_some())
    }

    /// What somebody types, as the account that owns the tables of `production`.
    fn owner(&self, command: &str) -> Step {
        let account = "export CLOUD_SQL_DATABASE_USERNAME=$CLOUD_SQL_OWNER_USERNAME CLOUD_SQL_DATABASE_PASSWORD=$CLOUD_SQL_OWNER_PASSWORD";
        self.site.runner.by_hand("production", &format!("{account}\n{command}"))
    }

    async fn counts(&self, database: &str, condition: &str) -> Counts {
        let tables = self.site.database.texts(&format!("select table_name from information_schema.tables where table_schema = '{database}'")).await;
        let of = |table: &String| format!("select concat('{table} ', count(*)) from {database}.{table} where {condition}");
        let contracts = tables.iter().filter(|table| self.contracts().any(|contract| contract.table == **table)).map(of).collect::<Vec<_>>();
        let lines = self.site.database.texts(&contracts.join(" union all ")).await;
        lines.iter().map(|line| line.split_once(' ').unwrap()).map(|(table, count)| (table.to_owned(), count.parse().unwrap())).collect()
    }

    /// A sum over all values of each table of `production`, ids and hashes too. The time of a snapshot is that of the last run of the day:
    /// it is left out, and with it the hash over it.
    async fn values(&self) -> BTreeMap<String, String> {
        let columns = "select concat(table_name, ' ', column_name) from information_schema.columns where table_schema = 'production' order by 1";
        let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in self.site.database.texts(columns).await {
            let (table, column) = line.split_once(' ').unwrap();
            let moves = self.is_snapshot(table) && ["created_at", "_row_hash"].contains(&column);
            if !moves && !table.starts_with('_') && table != "etl_loads" {
                tables.entry(table.to_owned()).or_default().push(format!("ifnull(`{column}`, '~')"));
            }
        }
        let sum = |(table, columns): (&String, &Vec<String>)| {
            format!(
                "select concat('{table} ', count(*), ' rows, sum ', ifnull(sum(crc32(concat_ws('|', {}))), 0)) from production.{table}",
                columns.join(", ")
            )
        };
        let lines = self.site.database.texts(&tables.iter().map(sum).collect::<Vec<_>>().join(" union all ")).await;
        lines.iter().map(|line| line.split_once(' ').unwrap()).map(|(table, sum)| (table.to_owned(), sum.to_owned())).collect()
    }

    /// The loads since one that changed a row, as `table: inserted updated deleted`, and the last of them.
    async fn loads(&self, since: u64) -> (Vec<String>, u64) {
        let last = self.site.number("select cast(max(id) as char) from production.etl_loads").await;
        let changed = "select concat(table_name, ': ', inserted, ' ', updated, ' ', deleted) from production.etl_loads";
        (self.site.database.texts(&format!("{changed} where id > {since} and inserted + updated + deleted > 0 order by id")).await, last)
    }

    /// What the team reads; how runs ended is told apart.
    fn messages(&self) -> (Vec<SlackMessage>, usize) {
        let all = self.site.simulator.slack_messages();
        let total = all.len();
        let reports: Vec<SlackMessage> = all.into_iter().filter(|message| message.channel != "C0SANDBOX").collect();
        let others = total - reports.len();
        (reports, others)
    }
}

/// The tables in which tests/old_scripts.sql leaves a row of something that is gone, and the column by which they know it.
fn gone(script: &str) -> BTreeMap<String, String> {
    let part = script.split("insert into gone values").nth(1).unwrap().split(';').next().unwrap();
    let pair = Regex::new(r"\('(\w+)', '(\w+)'\)").unwrap();
    pair.captures_iter(part).map(|found| (found[1].to_owned(), found[2].to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_old_scripts_to_published_reports_in_mysql_and_nothing_changes_when_all_of_it_is_run_again() {
    let mut switch = Switch::new().await;
    let tuesday = day(2);
    let yaml = switch.site.pump.root().join("config/confluence/yaml");
    fs_err::copy(yaml.join("examples/product-health.yaml"), yaml.join("product-health.yaml")).unwrap();

    // The first deployment, beside the scripts.
    switch.site.at(tuesday, "02:00");
    switch.site.green("migrate.yml", &[]);
    let first = switch.site.green("pump.yml", &[]);
    for step in ["Extract", "Transform", "Load"] {
        assert!(first.step(step).summary.contains('|'), "no summary of {step}: {first:#?}");
    }
    let marts = switch.counts("staging", "_row_hash is not null").await;
    assert!(marts.len() > 30 && marts.values().filter(|rows| **rows > 0).count() > 30, "{marts:?}");

    // What the scripts have left in `production`.
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/old_scripts.sql");
    let filled = switch.owner(&format!("db/db --import {}", script.display()));
    assert_eq!(filled.code, 0, "{}", filled.text);
    let old = switch.counts("production", "1 = 1").await;
    let gone = gone(&fs_err::read_to_string(&script).unwrap());
    let mut history = Counts::new();
    for table in marts.keys() {
        let rows = old.get(table).copied().unwrap_or_default();
        let left = if STRANGERS.contains(&table.as_str()) { rows } else { u64::from(gone.contains_key(table) && rows > 0) };
        history.insert(table.clone(), left);
    }
    assert!(history.values().filter(|rows| **rows > 0).count() > 12, "{history:?}");
    let runs_of_plans = "select concat(r.testrail_run_id, ' ', p.testrail_plan_id) from production.report_testrail_test_runs as r \
                         join production.report_testrail_test_plans as p on p.id = r.plan_id group by 1 order by 1";
    let pointers = switch.site.database.texts(runs_of_plans).await;
    assert!(pointers.len() > 3, "{pointers:?}");

    // They are taken over, with consent.
    switch.site.at(tuesday, "03:00");
    let production = [("inputs.environment", "production")];
    let early = switch.site.runner.run("migrate.yml", &production);
    assert!(!early.is_green() && early.step("Migrate").text.contains("etl load --adopt"), "{early:#?}");
    let planned = switch.owner("etl load --adopt --plan");
    assert!(
        planned.code == 0 && planned.text.contains("convert to character set utf8mb4") && planned.text.contains("--adopt-widen"),
        "{}",
        planned.text
    );
    let refused = switch.owner("etl load --adopt");
    assert!(refused.code == 2 && refused.text.contains("--adopt-widen"), "{}", refused.text);
    assert_eq!(switch.counts("production", "1 = 1").await, old, "nothing was changed yet");
    let adopted = switch.owner("etl load --adopt --adopt-widen");
    assert_eq!(adopted.code, 0, "{}", adopted.text);
    assert_eq!(switch.counts("production", "_row_hash is not null").await, marts, "rows that are etl's");
    assert_eq!(switch.counts("production", "_row_hash is null").await, history, "rows that are nobody's");
    assert_eq!(switch.site.database.texts(runs_of_plans).await, pointers, "runs still point at their plans");
    assert!(switch.site.green("migrate.yml", &production).step("Migrate").text.contains("0 migrations applied"));
    let again = switch.owner("etl load --adopt --adopt-widen");
    assert_eq!(again.code, 0, "{}", again.text);
    let (values, since) = (switch.values().await, switch.loads(0).await.1);
    let stage = switch.site.runner.run_only(&["load"], "pump.yml", &production);
    assert!(stage.is_green(), "a stage runs on its own: {stage:#?}");
    assert_eq!((switch.loads(since).await, switch.values().await), ((vec![], since), values), "neither an adoption nor a load changes anything");

    // A day of the schedules; then the tables take up what was published.
    switch.site.at(tuesday, "04:00");
    let daily = switch.site.green("daily.yml", &[]);
    switch.site.at(tuesday, "05:00");
    let weekly = switch.site.green("weekly.yml", &TUESDAY);
    let jobs = |finished: &Finished, names: [&str; 2]| names.map(|name| finished.results[name].clone());
    assert_eq!(jobs(&weekly, ["tuesday", "saturday"]), ["success", "skipped"]);
    assert_eq!(jobs(&daily, ["publish.pages", "publish.deep-dive"]), ["success", "skipped"], "the thread is Tuesday's");
    assert_eq!(jobs(&weekly, ["publish.pages", "publish.deep-dive"]), ["skipped", "success"]);
    switch.site.at(tuesday, "08:00");
    switch.site.green("pump.yml", &[production[0], ("inputs.select", &OF_PUBLICATIONS.join(" "))]);
    switch.site.green("dead-man.yml", &[]);
    switch.site.green("fortnightly.yml", &[]);
    let monthly = switch.site.green("monthly.yml", &[]);
    assert!(monthly.step("Extract").text.contains("nothing of this selection is scheduled"), "{monthly:#?}");
    let (reports, _) = switch.messages();
    let (version, views) = (switch.site.simulator.page_version(PAGE), switch.site.simulator.bigquery_statements());
    assert!(reports.iter().any(|message| message.thread.is_some()) && reports.len() > 8, "{reports:#?}");
    assert!(switch.site.simulator.page(PAGE).unwrap().contains("crash-free-users-ios.png"), "{daily:#?}");
    assert!(views.len() > marts.len(), "{views:#?}");

    // Everything once more, later on that day.
    switch.site.at(tuesday, "10:00");
    let (values, (changed, since)) = (switch.values().await, switch.loads(since).await);
    assert!(OF_PUBLICATIONS.iter().all(|table| changed.iter().any(|load| load.starts_with(table))), "{changed:?}");
    let told = switch.messages().1;
    switch.site.green("daily.yml", &[]);
    switch.site.at(tuesday, "11:00");
    switch.site.green("weekly.yml", &TUESDAY);
    assert_eq!(switch.values().await, values, "not a row");
    let (changed, _) = switch.loads(since).await;
    let later = |load: &String| switch.is_snapshot(load.split(':').next().unwrap()) && load.ends_with(" 0") && load.contains(": 0 ");
    assert!(changed.iter().all(later), "nothing but the time of a day's snapshot is written: {changed:?}");
    let (again, now_told) = switch.messages();
    assert_eq!((again, now_told - told), (reports, 2), "each run says how it ended, and no report is posted twice");
    assert_eq!((switch.site.simulator.page_version(PAGE), switch.site.simulator.bigquery_statements()), (version, views));
    assert_eq!(switch.counts("production", "_row_hash is null").await, history, "nobody's rows are neither lost nor doubled");

    // Preflight, and what an outsider would see.
    switch.site.green("preflight.yml", &[]);
    assert_eq!(switch.counts("preflight", "1 = 1").await, switch.counts("production", "1 = 1").await);
    assert_eq!(switch.site.count("preflight.report_testrail_users where email like '%@%'").await, 0);
    assert_eq!(switch.site.runner.never_ran(&OTHERS), Vec::<String>::new(), "every step of every workflow was run here");
    switch.site.at(day(5), "04:00");
    let dead = switch.site.runner.run("dead-man.yml", &[]);
    assert!(!dead.is_green(), "three days without a run: {dead:#?}");

    // A lookup whose id is another one in the database: rows of other tables hold that one.
    switch.site.database.run("update production.projects set id = 91, _row_hash = null where project_name_abbrev = 'fenix'").await;
    let refused = switch.owner("etl load --adopt projects");
    assert!(refused.code == 1 && refused.text.contains("has the id 91 and is to have 1"), "{}", refused.text);
}
