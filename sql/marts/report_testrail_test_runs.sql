-- description: Runs of the automated test plans with their outcome counts.
-- report: testrail-test-plans-and-runs
-- schedule: desktop daily
-- grain: state
-- key: testrail_run_id
-- columns:
--   id integer not null: the TestRail run id again; results point at it
--   testrail_run_id integer not null: run id in TestRail
--   projects_id integer not null: projects.id of the TestRail project
--   plan_id integer not null: report_testrail_test_plans.id, the TestRail plan id
--   suite_id integer: suite id in TestRail; null where the suite was deleted
--   name varchar(250) not null: run name
--   config varchar(250) not null: configuration, such as Windows 11; empty where there is none
--   category varchar(20) not null: Smoke, L10n or Functional, by the run's name
--   test_case_passed_count integer not null: passed tests
--   test_case_retest_count integer not null: tests to be tested again (failed, known)
--   test_case_failed_count integer not null: failed tests (new)
--   test_case_blocked_count integer not null: blocked tests
--   test_case_untested_count integer not null: tests without a result
--   test_case_total_count integer not null: all tests, those with custom statuses among them
--   testrail_created_on date: UTC date of creation
--   testrail_completed_on timestamp: moment of completion; null while open
with
plans as (
    select * from report_testrail_test_plans
)

select
    cast(item.run_id as integer) as id,
    cast(item.run_id as integer) as testrail_run_id,
    plan.projects_id,
    plan.id as plan_id,
    cast(item.suite_id as integer) as suite_id,
    coalesce(item.run_name, '') as name,
    coalesce(item.config, '') as config,
    case
        when contains(upper(item.run_name), 'SMOKE') then 'Smoke'
        when contains(upper(item.run_name), 'L10N') then 'L10n'
        else 'Functional'
    end as category,
    cast(item.passed_count as integer) as test_case_passed_count,
    cast(item.retest_count as integer) as test_case_retest_count,
    cast(item.failed_count as integer) as test_case_failed_count,
    cast(item.blocked_count as integer) as test_case_blocked_count,
    cast(item.untested_count as integer) as test_case_untested_count,
    cast(
        item.passed_count + item.retest_count + item.failed_count + item.blocked_count
        + item.untested_count + item.custom_count
        as integer
    ) as test_case_total_count,
    cast(item.created_on as date) as testrail_created_on,
    item.completed_on as testrail_completed_on
from testrail_plan_runs as item
join plans as plan on plan.testrail_plan_id = item.plan_id
