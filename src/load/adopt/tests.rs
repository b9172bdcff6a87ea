//! A database as the old scripts left it, adopted: nothing is lost, nothing is there twice, wherever the process was stopped.

use std::sync::Arc;

use chrono::NaiveDate;

use super::run::adopt;
use crate::{
    catalog::{ColumnType, Contract, Grain},
    error::Kind,
    load::{
        mart::Mart,
        migrate,
        sample::{Place, Row, column, day, load_one, manner, mart, numbers, state, text},
        scratch::Server,
        table::{Manner, Mode},
        value::Value,
    },
};

/// Tables with everything that adopting has to deal with.
fn contracts() -> Vec<Contract> {
    let count = |name: &str| column(name, ColumnType::Integer, "not null");
    let mut plans = state(
        "report_testrail_test_plans",
        vec![
            count("testrail_plan_id"),
            count("id"),
            column("name", ColumnType::Varchar(250), "not null"),
            column("test_case_untested_count", ColumnType::Integer, "not null"),
            column("testrail_completed_on", ColumnType::Timestamp, ""),
        ],
    );
    plans.identity = None;
    let mut runs = state(
        "report_testrail_test_runs",
        vec![count("testrail_run_id"), count("id"), count("plan_id"), column("name", ColumnType::Varchar(250), "not null")],
    );
    runs.identity = None;
    let mut coverage = state(
        "report_test_case_coverage",
        vec![
            count("projects_id"),
            count("status"),
            count("test_count"),
            column("created_at", ColumnType::Timestamp, "not null"),
            column("snapshot_date", ColumnType::Date, "not null"),
        ],
    );
    coverage.grain = Grain::Snapshot { of: "x".to_owned(), date: "snapshot_date".to_owned() };
    coverage.key = ["projects_id", "status", "snapshot_date"].map(str::to_owned).to_vec();
    let mut sentry = state(
        "report_sentry_issues",
        vec![
            column("sentry_project_id", ColumnType::Varchar(25), "not null"),
            column("sentry_id", ColumnType::Varchar(250), "not null"),
            column("count", ColumnType::BigInt, "not null"),
            column("snapshot_date", ColumnType::Date, "not null"),
        ],
    );
    sentry.grain = Grain::Snapshot { of: "x".to_owned(), date: "snapshot_date".to_owned() };
    sentry.key = ["sentry_project_id", "sentry_id", "snapshot_date"].map(str::to_owned).to_vec();
    let jira = state(
        "report_jira_qa_requests",
        vec![
            column("jira_key", ColumnType::Varchar(25), "not null"),
            column("jira_summary", ColumnType::Varchar(500), "not null"),
            column("jira_story_points", ColumnType::Double, ""),
            column("elapsed", ColumnType::Double, ""),
            column("jira_label_verified", ColumnType::SmallInt, "not null"),
            column("jira_firefox_release_train", ColumnType::Varchar(50), ""),
            column("created_at", ColumnType::Timestamp, "insert_only"),
        ],
    );
    let mut keyword = state(
        "report_bugzilla_query_by_keyword",
        vec![
            column("query_keyword", ColumnType::Varchar(100), "not null"),
            count("bugzilla_key"),
            column("whiteboard", ColumnType::Varchar(500), ""),
        ],
    );
    keyword.key = ["query_keyword", "bugzilla_key"].map(str::to_owned).to_vec();
    let mut builds = state(
        "report_bitrise_builds_count",
        vec![
            column("app", ColumnType::Varchar(64), "not null"),
            column("build_number", ColumnType::BigInt, "not null"),
            column("status", ColumnType::Integer, ""),
        ],
    );
    builds.key = ["app", "build_number"].map(str::to_owned).to_vec();
    let worklogs = state(
        "report_jira_softvision_worklogs",
        vec![column("jira_worklog_id", ColumnType::BigInt, "not null"), column("parent_key", ColumnType::Varchar(75), "not null")],
    );
    let new = state("report_issue_regression", vec![count("open_count")]);
    vec![plans, runs, coverage, sentry, jira, keyword, builds, worklogs, new]
}

/// As the schema of the old scripts, and as they would have filled it.
const OLD: &str = "
create table report_testrail_test_plans (id int not null auto_increment, testrail_plan_id int not null, name varchar(75) not null,
    testrail_completed_on datetime default null, primary key (id)) engine=InnoDB default charset=utf8mb3;
create table report_testrail_test_runs (id int not null auto_increment, testrail_run_id int not null, plan_id int not null, name varchar(75) not null,
    primary key (id), key plan (plan_id), constraint plan_of_run foreign key (plan_id) references report_testrail_test_plans (id)) engine=InnoDB default charset=utf8mb3;
create table report_test_case_coverage (id int not null auto_increment, projects_id int not null, status int not null, test_count int not null,
    created_at timestamp not null default current_timestamp, primary key (id)) engine=InnoDB default charset=utf8mb3;
create table report_sentry_issues (id int not null auto_increment, sentry_project_id varchar(25) not null, sentry_id varchar(250) not null,
    count int not null, primary key (id)) engine=InnoDB default charset=utf8mb3;
create table report_jira_qa_requests (id int not null auto_increment, jira_key varchar(25) not null, jira_summary varchar(500) not null,
    jira_story_points int default null, elapsed float(5,2) default null, jira_label_verified tinyint(1) not null default 0,
    jira_firefox_release_train varchar(50) not null, nobody_knows varchar(10) not null, created_at datetime default null, primary key (id)) engine=InnoDB default charset=utf8mb3;
create table report_bugzilla_query_by_keyword (id int not null auto_increment, bugzilla_key int not null, whiteboard varchar(255) default null,
    primary key (id), unique key only_once (bugzilla_key)) engine=InnoDB default charset=utf8mb3;
create table report_bitrise_builds_count (id int not null auto_increment, build_number int default null, status int default null, primary key (id)) engine=InnoDB default charset=utf8mb3;
create table report_jira_softvision_worklogs (id int not null auto_increment, parent_key varchar(75) not null, primary key (id)) engine=InnoDB default charset=utf8mb3;
create table retired (id int not null auto_increment primary key, note text) engine=InnoDB default charset=utf8mb3;
insert into retired (note) values ('stays');
-- Plan 5001 is there twice, as ids 1 and 3; plan 2's old id is the id that TestRail gave to plan 3's.
insert into report_testrail_test_plans (id, testrail_plan_id, name) values (1, 5001, 'five thousand and one, old'), (2, 5002, 'two'), (3, 5001, 'five thousand and one'), (4, 2, 'old number two'), (9, 900, 'history');
insert into report_testrail_test_runs (id, testrail_run_id, plan_id, name) values (1, 71, 1, 'first'), (2, 71, 3, 'first'), (3, 72, 2, 'second'), (4, 73, 9, 'history'), (5, 74, 4, 'of old number two');
set foreign_key_checks = 0;
insert into report_testrail_test_runs (id, testrail_run_id, plan_id, name) values (6, 75, 8888, 'orphan');
set foreign_key_checks = 1;
set time_zone = '+00:00';
-- 3 January twice for project 1 (the second time without status 2), once for project 2; 4 January once.
insert into report_test_case_coverage (id, projects_id, status, test_count, created_at) values
    (1, 1, 1, 10, '2025-01-03 04:00:00'), (2, 1, 2, 20, '2025-01-03 04:00:01'), (3, 2, 1, 5, '2025-01-03 04:00:02'),
    (4, 1, 3, 1, '2025-01-03 08:00:00'), (5, 1, 1, 29, '2025-01-03 08:00:01'), (6, 1, 1, 31, '2025-01-04 23:59:59');
insert into report_sentry_issues (id, sentry_project_id, sentry_id, count) values (1, 'p', 'a', 1), (2, 'p', 'a', 2), (3, 'p', 'b', 3);
insert into report_jira_qa_requests (id, jira_key, jira_summary, jira_story_points, elapsed, jira_label_verified, jira_firefox_release_train, nobody_knows, created_at) values
    (10, 'A-1', 'old', 3, 12.3, 1, 'b134', '', '2025-01-01 00:00:00'), (11, 'A-1', 'newer', 3, 12.3, 1, 'b134', '', '2025-01-02 00:00:00'),
    (12, 'A-2', 'gone from Jira', 5, 999.99, 0, '', '', '2025-01-01 00:00:00');
insert into report_bugzilla_query_by_keyword (id, bugzilla_key, whiteboard) values (1, 100, 'w'), (2, 200, 'v');
-- Build 8 at the cursor twice; build 1 is older than what the API lists; nobody knows the number of the last one.
insert into report_bitrise_builds_count (id, build_number, status) values (1, 1, 1), (2, 8, 0), (3, 8, 1), (4, null, 3), (5, null, 3);
insert into report_jira_softvision_worklogs (id, parent_key) values (1, 'A-1'), (2, 'A-1');
";

fn stamp(day: u32, hour: u32) -> Value<'static> {
    Value::Timestamp(NaiveDate::from_ymd_opt(2025, 1, day).unwrap().and_hms_opt(hour, 0, 0).unwrap().and_utc().timestamp())
}

fn numbered(numbers: &[i64]) -> Row {
    numbers.iter().map(|number| Value::Int(*number)).collect()
}

/// What the marts have now: parts of what is there, and new rows.
fn marts(contracts: &[Contract]) -> Vec<Arc<Mart>> {
    let plan = |id: i64, name: &str| vec![Value::Int(id), Value::Int(id), text(name), Value::Int(1), Value::Null];
    let run = |id: i64, plan: i64, name: &str| vec![Value::Int(id), Value::Int(id), Value::Int(plan), text(name)];
    let rows: Vec<Vec<Row>> = vec![
        vec![plan(5001, "five thousand and one 😀"), plan(5002, "two"), plan(5003, "three")],
        vec![run(71, 5001, "first"), run(72, 5002, "second"), run(76, 5003, "new")],
        vec![[numbered(&[1, 1, 32]), vec![stamp(4, 9), day(4)]].concat(), [numbered(&[1, 1, 40]), vec![stamp(5, 4), day(5)]].concat()],
        vec![vec![text("p"), text("a"), Value::Int(9), day(5)]],
        vec![
            vec![text("A-1"), text("now 😀"), Value::Double(0.5), Value::Double(1000.25), Value::Int(1), Value::Null, stamp(5, 4)],
            vec![text("A-3"), text("new"), Value::Null, Value::Null, Value::Int(0), Value::Null, stamp(5, 4)],
        ],
        vec![
            vec![text("word"), Value::Int(100), text("w")],
            vec![text("other"), Value::Int(100), Value::Null],
            vec![text("word"), Value::Int(200), text("now")],
        ],
        vec![vec![text("ios"), Value::Int(8), Value::Int(1)], vec![text("ios"), Value::Int(9), Value::Int(2)]],
        vec![vec![Value::Int(55), text("A-1")]],
        vec![numbered(&[3])],
    ];
    let days = [4, 5].map(|day| NaiveDate::from_ymd_opt(2025, 1, day).unwrap());
    let of = |(contract, rows): (&Contract, Vec<Row>)| {
        let mut mart = mart(contract, &rows, 5);
        mart.head.days = contract.snapshot_date().map(|_| days.into_iter().collect());
        Arc::new(mart)
    };
    contracts.iter().zip(rows).map(of).collect()
}

fn adopting(mode: Mode) -> Manner {
    Manner { adopt: true, ..manner(mode) }
}

struct Old {
    place: Place,
    contracts: Vec<Contract>,
}

impl Old {
    async fn new() -> Self {
        let old = Self { place: Place::on(Server::Mysql).await, contracts: contracts() };
        let wanted = migrate::tables(&old.contracts).unwrap();
        migrate::write(&old.place.migrations(), &wanted, "first", "2025-01-01T00:00:00Z".parse().unwrap()).unwrap();
        old.place.run(OLD).await;
        old
    }

    async fn adopt(&self, plan: bool, widen: bool, limit: Option<usize>) -> crate::error::Result<super::Adoption> {
        let contracts: Vec<&Contract> = self.contracts.iter().collect();
        adopt(&self.place.owner, &contracts, &self.place.migrations(), plan, widen, limit).await
    }

    async fn load(&self, manner: &Manner) -> Vec<(u64, u64, u64, u64, u64)> {
        let mut all = Vec::new();
        for (contract, mart) in self.contracts.iter().zip(marts(&self.contracts)) {
            let summary = load_one(&self.place.destination, contract, &mart, manner).await;
            assert!(summary.error.is_none(), "{:?}", summary.error);
            all.push(numbers(&summary));
        }
        all
    }

    async fn texts(&self, sql: &str) -> Vec<String> {
        self.place.scratch.as_ref().unwrap().texts(sql).await
    }

    /// Every row of every table, whoever owns it.
    async fn rows(&self) -> Vec<String> {
        self.texts(
            "select concat_ws(' ', 'plan', ifnull(id, '-'), testrail_plan_id, name, ifnull(test_case_untested_count, '-'), _row_hash is null) from report_testrail_test_plans
             union all select concat_ws(' ', 'run', id, testrail_run_id, plan_id, name, _row_hash is null) from report_testrail_test_runs
             union all select concat_ws(' ', 'coverage', id, projects_id, status, test_count, created_at, snapshot_date, _row_hash is null) from report_test_case_coverage
             union all select concat_ws(' ', 'sentry', id, sentry_project_id, sentry_id, count, ifnull(snapshot_date, '-'), _row_hash is null) from report_sentry_issues
             union all select concat_ws(' ', 'jira', id, jira_key, jira_summary, ifnull(jira_story_points, '-'), ifnull(elapsed, '-'), jira_label_verified, ifnull(jira_firefox_release_train, '-'),
                 created_at, _row_hash is null) from report_jira_qa_requests
             union all select concat_ws(' ', 'keyword', id, ifnull(query_keyword, '-'), bugzilla_key, whiteboard, _row_hash is null) from report_bugzilla_query_by_keyword
             union all select concat_ws(' ', 'build', id, ifnull(app, '-'), ifnull(build_number, '-'), status, _row_hash is null) from report_bitrise_builds_count
             union all select concat_ws(' ', 'worklog', id, ifnull(jira_worklog_id, '-'), parent_key, _row_hash is null) from report_jira_softvision_worklogs
             union all select concat_ws(' ', 'retired', id, note) from retired order by 1",
        )
        .await
    }

    /// Types, null rules, character sets and unique indexes.
    async fn shape(&self) -> Vec<String> {
        self.texts(
            "select concat_ws(' ', table_name, column_name, column_type, is_nullable, ifnull(collation_name, '-'), extra) from information_schema.columns where table_schema = database()
             union all select concat_ws(' ', table_name, index_name, non_unique, column_name) from information_schema.statistics where table_schema = database()
             union all select concat_ws(' ', table_name, constraint_name) from information_schema.referential_constraints where constraint_schema = database()
             order by 1",
        )
        .await
    }
}

/// `1` at the end: still a row of the old scripts.
const AFTER: [&str; 23] = [
    "coverage 3 2 1 5 2025-01-03 04:00:02 2025-01-03 1",
    "coverage 4 1 3 1 2025-01-03 08:00:00 2025-01-03 1",
    "coverage 5 1 1 29 2025-01-03 08:00:01 2025-01-03 1",
    "coverage 6 1 1 32 2025-01-04 09:00:00 2025-01-04 0",
    "coverage 7 1 1 40 2025-01-05 04:00:00 2025-01-05 0",
    "jira 11 A-1 now 😀 0.5 1000.25 1 - 2025-01-01 00:00:00 0",
    "jira 12 A-2 gone from Jira 5 999.99 0  2025-01-01 00:00:00 1",
    "jira 13 A-3 new - - 0 - 2025-01-05 04:00:00 0",
    "keyword 1 - 100 w 1",
    "keyword 2 word 200 now 0",
    "keyword 3 word 100 w 0",
    "keyword 4 other 100 0",
    "plan 2 2 old number two - 1",
    "plan 5001 5001 five thousand and one 😀 1 0",
    "plan 5002 5002 two 1 0",
    "plan 5003 5003 three 1 0",
    "plan 900 900 history - 1",
    "retired 1 stays",
    "run 71 71 5001 first 0",
    "run 72 72 5002 second 0",
    "run 73 73 900 history 1",
    "run 74 74 2 of old number two 1",
    "run 75 75 8888 orphan 1",
];

fn wanted() -> Vec<String> {
    let more = [
        "build 1 - 1 1 1",
        "build 3 ios 8 1 0",
        "build 4 - - 3 1",
        "build 5 - - 3 1",
        "build 6 ios 9 2 0",
        "worklog 1 - A-1 1",
        "worklog 2 - A-1 1",
        "worklog 3 55 A-1 0",
        "run 76 76 5003 new 0",
        "sentry 1 p a 1 - 1",
        "sentry 2 p a 2 - 1",
        "sentry 3 p b 3 - 1",
        "sentry 4 p a 9 2025-01-05 0",
    ];
    let mut all: Vec<String> = AFTER.iter().chain(&more).map(|line| (*line).to_owned()).collect();
    all.sort();
    all
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

#[tokio::test]
async fn an_old_mysql_database_is_taken_over_with_nothing_lost_or_doubled() {
    let old = Old::new().await;
    let before = old.shape().await;
    // Ordinary migrations do not run into it.
    let refused = old.place.bring().await.unwrap_err();
    assert!(format!("{refused:?} {:?}", refused.remedy()).contains("etl load --adopt"), "{refused:?}");
    assert_eq!(old.shape().await, before);

    let plan = old.adopt(true, false, None).await.unwrap();
    assert_eq!(old.shape().await, before, "a plan changes nothing");
    let of = |table: &str| plan.steps.iter().filter(|step| step.table == table).collect::<Vec<_>>();
    assert!(of("report_issue_regression")[0].statement.starts_with("CREATE TABLE"), "{plan:#?}");
    assert!(of("report_testrail_test_runs").iter().any(|step| step.statement.ends_with("drop foreign key `plan_of_run`")), "{plan:#?}");
    assert!(of("report_test_case_coverage").iter().any(|step| step.rows == Some(6) && !step.widens), "{plan:#?}");
    assert!(of("report_test_case_coverage").iter().any(|step| step.rows == Some(1)), "{plan:#?}");
    assert!(of("report_jira_qa_requests").iter().any(|step| step.widens && step.statement.contains("convert to character set utf8mb4")), "{plan:#?}");

    let refused = old.adopt(false, false, None).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Usage);
    assert!(refused.to_string().contains("`alter table `report_"), "{refused}");
    assert!(format!("{:?}", refused.remedy()).contains("--adopt-widen"));
    assert_eq!(old.shape().await, before, "without consent nothing is changed");

    // An account without the right is told which statement it may not run.
    let loader = old.place.scratch.as_ref().unwrap().loader();
    let poor = crate::load::Destination::of(&crate::secret::Secret::new(loader)).unwrap();
    let contracts: Vec<&Contract> = old.contracts.iter().collect();
    let refused = adopt(&poor, &contracts, &old.place.migrations(), false, true, None).await.unwrap_err();
    let told = format!("{refused:?} {:?}", refused.remedy());
    assert!(told.contains("this failed: `") && told.contains("the right to change tables"), "{told}");

    old.adopt(false, true, None).await.unwrap();
    let loaded = old.load(&adopting(Mode::Load)).await;
    assert_eq!(loaded.iter().map(|counts| counts.4).sum::<u64>(), 0, "nothing is blocked: {loaded:?}");
    assert_eq!(sorted(old.rows().await), wanted());
    let shape = old.shape().await;
    for line in [
        "report_jira_qa_requests jira_story_points double YES - ",
        "report_jira_qa_requests elapsed double YES - ",
        "report_jira_qa_requests jira_label_verified smallint(6) NO - ",
        "report_jira_qa_requests jira_firefox_release_train varchar(50) YES utf8mb4_general_ci ",
        "report_bugzilla_query_by_keyword only_once 1 bugzilla_key",
        "report_bugzilla_query_by_keyword report_bugzilla_query_by_keyword__key 0 bugzilla_key",
        "report_sentry_issues snapshot_date date YES - ",
        "retired note text YES utf8mb3_general_ci ",
    ] {
        // As MySQL says it: no width of numbers, and another collation by default.
        let by_mysql = line.replace("smallint(6)", "smallint").replace("utf8mb4_general_ci", "utf8mb4_0900_ai_ci");
        assert!(shape.iter().any(|have| have == line || *have == by_mysql), "{line} is missing in {shape:#?}");
    }
    assert!(!shape.iter().any(|line| line.contains("_adopted") || line.contains("plan_of_run")), "{shape:#?}");

    // Again: nothing, by either command.
    assert!(old.adopt(false, false, None).await.unwrap().steps.is_empty());
    assert!(old.place.bring().await.unwrap().is_empty(), "the migrations are recorded");
    for again in [adopting(Mode::Load), manner(Mode::Load)] {
        assert!(old.load(&again).await.iter().all(|counts| (counts.0, counts.1, counts.2) == (0, 0, 0)));
    }
    assert_eq!(sorted(old.rows().await), wanted());
    assert_eq!(old.shape().await, shape);
}

#[tokio::test]
async fn adopting_a_mysql_database_goes_on_wherever_it_was_stopped() {
    // Stopped before every step in turn, each time in what the step before has left.
    let old = Old::new().await;
    let mut stops = 0;
    loop {
        match old.adopt(false, true, Some(1)).await {
            Ok(_) => break,
            Err(error) => assert!(error.to_string().contains("broken off"), "{error:?}"),
        }
        stops += 1;
        assert!(stops < 100);
    }
    assert!(stops > 15, "{stops}");
    old.load(&adopting(Mode::Load)).await;
    assert_eq!(sorted(old.rows().await), wanted());

    // Somebody has run the migrations first, with an etl that did not look: the first one broke off in the midst.
    let old = Old::new().await;
    old.place
        .run(
            "create table _sqlx_migrations (version bigint primary key, description text not null, installed_on timestamp not null default current_timestamp,
                 success boolean not null, checksum blob not null, execution_time bigint not null);
             insert into _sqlx_migrations values (20250101000000, 'first', now(), false, 'x', 0)",
        )
        .await;
    old.adopt(false, true, None).await.unwrap();
    assert!(old.place.bring().await.unwrap().is_empty());
    old.load(&adopting(Mode::Load)).await;
    assert_eq!(sorted(old.rows().await), wanted());
}

#[tokio::test]
async fn what_a_person_has_to_decide_in_mysql_stops_before_the_first_step() {
    let old = Old::new().await;
    old.place.run("alter table report_jira_qa_requests modify jira_label_verified varchar(5) not null").await;
    let before = old.shape().await;
    let refused = old.adopt(false, true, None).await.unwrap_err();
    assert!(
        refused.to_string().contains("column `jira_label_verified` of `report_jira_qa_requests` is varchar(5) and is to be smallint"),
        "{refused}"
    );
    assert_eq!(old.shape().await, before);
    // Other engines never held what the old scripts wrote.
    let folder = tempfile::tempdir().unwrap();
    let project = crate::catalog::Project::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    let sqlite = crate::secret::Secret::new(format!("sqlite:{}/x.sqlite", folder.path().display()));
    let refused = super::run(&project, &sqlite, &folder.path().join("migrations"), true, false).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Usage);
}

#[tokio::test]
async fn a_mysql_float_keeps_the_digits_it_showed() {
    let place = Place::on(Server::Mysql).await;
    let contract = state("rates", vec![column("k", ColumnType::Integer, "not null"), column("rate", ColumnType::Double, "")]);
    let wanted = migrate::tables([&contract]).unwrap();
    migrate::write(&place.migrations(), &wanted, "first", "2025-01-01T00:00:00Z".parse().unwrap()).unwrap();
    place
        .run(
            "create table rates (id int not null auto_increment primary key, k int not null, rate float default null) engine=InnoDB default charset=utf8mb3;
             insert into rates (k, rate) values (1, 99.23), (2, null), (3, 0.1), (4, -1e-7), (5, 3e30), (6, 98)",
        )
        .await;
    let scratch = place.scratch.as_ref().unwrap();
    let shown = "select concat_ws(' ', k, ifnull(rate, '-')) from rates order by k";
    let before = scratch.texts(shown).await;
    assert_eq!(before[0], "1 99.23");
    // Also when the process stops between two statements.
    while adopt(&place.owner, &[&contract], &place.migrations(), false, true, Some(1)).await.is_err() {}
    assert_eq!(scratch.texts(shown).await, before);
    assert_eq!(scratch.texts("select cast(rate as char) from rates where rate = 99.23 or rate = 0.1 order by k").await, ["99.23", "0.1"]);
}
