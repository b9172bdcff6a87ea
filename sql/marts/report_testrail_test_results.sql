-- description: Duration and status of each automated test in the newest Beta plan and the newest Beta L10N plan of a project.
-- report: testrail-test-results
-- schedule: weekly sat
-- grain: state
-- size: free
-- identity: id
-- key: testrail_result_id, type
-- columns:
--   testrail_result_id bigint not null: result id in TestRail
--   run_id integer not null: report_testrail_test_runs.id, the TestRail run id
--   test_id integer not null: test id in TestRail
--   elapsed double: seconds; null where TestRail has no duration
--   status_id integer not null: TestRail status id
--   testrail_created_on date: UTC date of the result
--   testrail_completed_on timestamp: always null: results carry no completion
--   type varchar(55) not null: beta or l10n
with
results as (
    select
        plan.project_id,
        plan.plan_id,
        plan.plan_type,
        plan.plan_rank,
        result.result_id,
        result.run_id,
        result.test_id,
        result.elapsed_seconds,
        result.status_id,
        result.created_on
    from testrail_result_plans as plan
    join testrail_plan_runs as run_item on run_item.plan_id = plan.plan_id
    join latest.testrail_results as result on result.run_id = run_item.run_id
    join testrail_accounts as account
        on account.project_id = plan.project_id
        and account.account = result.created_by
    where result.status_id is not null
),

-- A plan without a result yet must not empty the chart.
chosen as (
    select
        results.project_id,
        results.plan_type,
        min(results.plan_rank) as plan_rank
    from results
    group by all
)

select
    results.result_id as testrail_result_id,
    cast(results.run_id as integer) as run_id,
    cast(results.test_id as integer) as test_id,
    results.elapsed_seconds as elapsed,
    cast(results.status_id as integer) as status_id,
    cast(results.created_on as date) as testrail_created_on,
    cast(null as timestamp) as testrail_completed_on,
    results.plan_type as type
from results
semi join chosen
    on chosen.project_id = results.project_id
    and chosen.plan_type = results.plan_type
    and chosen.plan_rank = results.plan_rank
