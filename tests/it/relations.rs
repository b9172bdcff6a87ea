//! The relations of SQL hold together: latest and history, incremental and from scratch, a selection and its endpoints.

use std::collections::BTreeSet;

use etl::simulator::{Fault, FaultKind};

use crate::pump::{ENDPOINTS, Pump, assert_same_lines, day, serve, small_world};
use crate::shell;

const RUN: [&str; 5] = ["run", "--project", "fenix", "--project", "firefox-ios"];

/// Rows that stand in one of two queries only, for each endpoint.
fn differences(pump: &Pump, queries: impl Fn(&str) -> Option<(String, String)>) -> Vec<String> {
    let parts: Vec<String> = ENDPOINTS
        .iter()
        .filter_map(|id| {
            let (left, right) = queries(id)?;
            let row = |query: String| format!("select cast(to_json(item) as varchar) as row from ({query}) as item");
            let (left, right) = (row(left), row(right));
            Some(format!("(select '{id} <' as side, row from ({left} except all {right})) union all (select '{id} >' as side, row from ({right} except all {left}))"))
        })
        .collect();
    pump.lines(&format!("{} order by all limit 20", parts.join(" union all ")))
}

/// What must be live, by the rules of `replaces` written naively over landed rows and pulls.
fn from_scratch(id: &str) -> Option<String> {
    let rows = |live: &str, order: &str| {
        format!(
            "select raw.pull_id, raw.request_no, raw.record_no from landed.{id} as raw \
             join (select pull_id, finished, scope, mode, window_to from pulls where endpoint = '{id}' and complete) as pull on pull.pull_id = raw.pull_id {live} \
             qualify row_number() over (partition by cast(raw.scope as varchar), raw.record_key order by {order}) = 1"
        )
    };
    let last = "pull.finished desc, raw.pull_id desc, raw.request_no desc, raw.record_no desc";
    let newest_full = format!(
        "(select cast(scope as varchar) as scope, max(finished) as finished from pulls where endpoint = '{id}' and complete and mode = 'full' group by all) as full_pull"
    );
    match id {
        // Complete lists: the newest pull of each scope and nothing else.
        "testrail_suites" | "testrail_cases" | "testrail_milestones" | "bugzilla_fields" | "bugzilla_flag_bugs" => {
            Some(rows(&format!("join {newest_full} on full_pull.scope = cast(pull.scope as varchar) and full_pull.finished = pull.finished"), last))
        }
        // Changes since the newest full list.
        "bugzilla_qa_found_bugs" => {
            Some(rows(&format!("join {newest_full} on full_pull.scope = cast(pull.scope as varchar) and full_pull.finished <= pull.finished"), last))
        }
        // Each partition as it was last answered.
        "testrail_plan_details" | "testrail_milestone_details" | "bugzilla_history" => {
            let column = match id {
                "testrail_plan_details" => "plan_id",
                "testrail_milestone_details" => "milestone_id",
                _ => "id",
            };
            let answered = format!(
                "join (select pull_id, partition_no from partitions where endpoint = '{id}' and complete and status in ('ok', 'gone') \
                 qualify row_number() over (partition by cast(scope as varchar), params ->> '{column}' order by finished desc, pull_id desc) = 1) as answer \
                 on answer.pull_id = raw.pull_id and answer.partition_no = raw.partition_no"
            );
            Some(rows(&answered, last))
        }
        // The window of each day ends at its run and begins with the year: the newest list has everything.
        "testrail_runs" | "testrail_plans" => {
            Some(rows(&format!("join {newest_full} on full_pull.scope = cast(pull.scope as varchar) and full_pull.finished = pull.finished"), last))
        }
        _ => None,
    }
}

#[tokio::test]
async fn latest_history_and_staged_rows_agree_over_days() {
    let simulator = serve(small_world()).await;
    let mut pump = Pump::new(&simulator);
    // More than a week, so that a second full list falls among the incremental ones.
    for number in [0, 1, 8] {
        simulator.set_day(day(number));
        if number == 8 {
            // Records of a pull that broke off lie beside the others, and count nowhere.
            simulator.script(Fault::new("get_cases/59", FaultKind::Status { code: 401, retry_after: None }).after(1));
            pump.at(day(number), "03:00:00");
            assert_ne!(pump.run(&["extract", "testrail_cases", "--project", "fenix"]).code, Some(0));
        }
        pump.at(day(number), "04:00:00");
        pump.ok(&RUN);
        assert_eq!(pump.lines("select count(*) from pulls where not complete and records > 0"), [if number == 8 { "1" } else { "0" }]);
        shell::agrees_with_queries(&pump, &format!("day {number}"));
        assert_eq!(shell::has_the_mark(&pump), number > 0, "day {number}: from the second day on the file is gone on with");
        shell::leave_a_mark(&pump);
        let open = differences(&pump, |id| {
            Some((format!("select * from latest.{id}"), format!("select * exclude (valid_from, valid_to) from history.{id} where valid_to is null")))
        });
        assert_eq!(open, Vec::<String>::new(), "day {number}: latest (<) against history that is still valid (>)");
        let naive = differences(&pump, |id| {
            Some((format!("select _pull_id as pull_id, _request_no as request_no, _record_no as record_no from latest.{id}"), from_scratch(id)?))
        });
        assert_eq!(naive, Vec::<String>::new(), "day {number}: latest (<) against its rules written out (>)");
    }
    // A changed model makes a file of its own.
    pump.edit("sql/marts/report_testrail_milestones.sql", "-- description: ", "-- description: Again: ");
    pump.ok(&["transform", "--full-refresh", "report_testrail_milestones"]);
    assert!(!shell::has_the_mark(&pump));
    shell::agrees_with_queries(&pump, "with a changed model");

    let modes = pump.lines("select mode, count(*) from pulls where endpoint = 'bugzilla_qa_found_bugs' group by all order by all");
    assert_eq!(modes, ["full,2", "incremental,1"]);

    // Typed rows that were kept pull by pull, and the same computed at once.
    let history = || {
        let parts =
            ENDPOINTS.map(|id| format!("select '{id}' as part, cast(to_json(item) as varchar) as row from (select * from history.{id}) as item"));
        pump.lines(&format!("{} order by all", parts.join(" union all ")))
    };
    let kept = history();
    let staged = pump.lake().join("staged");
    assert!(kept.len() > 1_000 && staged.is_dir());
    fs_err::remove_dir_all(&staged).unwrap();
    assert_same_lines("history from the cache and from scratch", &kept, &history());
}

#[tokio::test]
async fn a_table_extracts_what_stands_behind_it_and_nothing_else() {
    let simulator = serve(small_world()).await;
    let mut pump = Pump::new(&simulator);
    simulator.set_day(day(0));
    pump.at(day(0), "04:00:00");
    pump.ok(&["run", "report_testrail_milestones", "--project", "fenix"]);
    let requests = simulator.requests();
    let methods: BTreeSet<&str> = requests
        .iter()
        .map(|request| {
            let method = request.target.split("/api/v2/").nth(1).unwrap();
            method.split('/').next().unwrap()
        })
        .collect();
    assert_eq!(methods.into_iter().collect::<Vec<_>>(), ["get_milestone", "get_milestones"]);
    assert_eq!(pump.lines("select distinct endpoint from pulls order by all"), ["testrail_milestone_details", "testrail_milestones"]);
    let filled: Vec<String> = pump.tables().await.into_iter().filter(|(_, rows)| !rows.is_empty()).map(|(name, _)| name).collect();
    let reports: Vec<&str> = filled.iter().map(String::as_str).filter(|name| name.starts_with("report_") || *name == "test_suites").collect();
    assert_eq!(reports, ["report_testrail_milestones"], "besides it only lookups, which go with any load: {filled:?}");
}
