-- description: Per test case: how often it ran, how long it took, how often it passed, and its last five outcomes.
-- report: testrail-test-health
-- schedule: weekly mon
-- grain: state
-- identity: id
-- key: testrail_project_id, testrail_case_id
-- columns:
--   testrail_case_id integer not null: case id in TestRail
--   testrail_project_id integer not null: project id in TestRail
--   testrail_case_name varchar(250): title of the newest test
--   testrail_suite_name varchar(250): suite of the newest result's run
--   num_executions integer not null: results that are passed, retest or failed
--   avg_runtime double: mean seconds of them; null without any
--   pass_rate double: share of passed ones among them, 0 to 1; null without any
--   most_recent_timestamp timestamp not null: moment of the newest result
--   most_recent_runtime double: its seconds
--   most_recent_status integer not null: its TestRail status id
--   status_history_1 integer: status before the newest
--   status_history_2 integer: status before that
--   status_history_3 integer: and so on
--   status_history_4 integer: and so on
--   created_on timestamp not null insert_only: first seen
with
-- One row per test and run; the newest answer counts.
tests as (
    select
        test.test_id,
        test.case_id,
        test.title
    from latest.testrail_tests as test
    qualify row_number() over (partition by test.test_id order by test._fetched_at desc, test._request_no desc, test._record_no desc) = 1
),

results as (
    select
        run_item.project_id,
        coalesce(result.case_id, tests.case_id) as case_id,
        tests.title,
        run_item.suite_id,
        result.result_id,
        result.status_id,
        result.elapsed_seconds,
        result.created_on,
        case result.status_id when 1 then 1.0 when 4 then 0.0 when 5 then 0.0 end as score
    from latest.testrail_results as result
    join testrail_health_runs as run_item on run_item.run_id = result.run_id
    left join tests on tests.test_id = result.test_id
    where result.status_id is not null
        and result.elapsed <> ''
        and result.created_on is not null
    qualify row_number() over (partition by result.result_id order by result._fetched_at desc, run_item.plan_id desc) = 1
),

placed as (
    select
        results.*,
        row_number() over (
            partition by results.project_id, results.case_id
            order by results.created_on desc, results.result_id desc
        ) as place
    from results
    where results.case_id is not null
),

-- Of every result that was ever fetched, of runs that are gone too.
known_tests as (
    select
        test.test_id,
        max(test.case_id) as case_id
    from history.testrail_tests as test
    group by test.test_id
),

first_seen as (
    select
        result.project_id,
        coalesce(result.case_id, known_tests.case_id) as case_id,
        min(result._fetched_at) as seen_at
    from history.testrail_results as result
    left join known_tests on known_tests.test_id = result.test_id
    group by all
)

select
    cast(placed.case_id as integer) as testrail_case_id,
    cast(placed.project_id as integer) as testrail_project_id,
    (list(placed.title order by placed.place) filter (where placed.title is not null))[1] as testrail_case_name,
    max(suite.suite_name) filter (where placed.place = 1) as testrail_suite_name,
    cast(count(placed.score) as integer) as num_executions,
    avg(placed.elapsed_seconds order by placed.place) filter (where placed.score is not null) as avg_runtime,
    avg(placed.score order by placed.place) as pass_rate,
    max(placed.created_on) filter (where placed.place = 1) as most_recent_timestamp,
    max(placed.elapsed_seconds) filter (where placed.place = 1) as most_recent_runtime,
    cast(max(placed.status_id) filter (where placed.place = 1) as integer) as most_recent_status,
    cast(max(placed.status_id) filter (where placed.place = 2) as integer) as status_history_1,
    cast(max(placed.status_id) filter (where placed.place = 3) as integer) as status_history_2,
    cast(max(placed.status_id) filter (where placed.place = 4) as integer) as status_history_3,
    cast(max(placed.status_id) filter (where placed.place = 5) as integer) as status_history_4,
    min(first_seen.seen_at) as created_on
from placed
join first_seen on first_seen.project_id = placed.project_id and first_seen.case_id = placed.case_id
left join latest.testrail_suites as suite on suite.suite_id = placed.suite_id and suite.project_id = placed.project_id
group by placed.project_id, placed.case_id
