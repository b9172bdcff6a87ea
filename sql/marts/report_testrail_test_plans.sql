-- description: Automated test plans and the outcome counts of all their runs.
-- report: testrail-test-plans-and-runs
-- schedule: desktop daily
-- grain: state
-- key: testrail_plan_id
-- columns:
--   id integer not null: the TestRail plan id again; runs point at it
--   testrail_plan_id integer not null: plan id in TestRail
--   projects_id integer not null: projects.id of the TestRail project
--   name varchar(250) not null: plan name
--   test_case_passed_count integer not null: passed tests
--   test_case_retest_count integer not null: tests to be tested again (failed, known)
--   test_case_failed_count integer not null: failed tests (new)
--   test_case_blocked_count integer not null: blocked tests
--   test_case_untested_count integer not null: tests without a result
--   test_case_total_count integer not null: all tests, those with custom statuses among them
--   testrail_created_on date: UTC date of creation
--   testrail_completed_on timestamp: moment of completion; null while open
select
    cast(plan.plan_id as integer) as id,
    cast(plan.plan_id as integer) as testrail_plan_id,
    cast(project.id as integer) as projects_id,
    plan.plan_name as name,
    cast(plan.passed_count as integer) as test_case_passed_count,
    cast(plan.retest_count as integer) as test_case_retest_count,
    cast(plan.failed_count as integer) as test_case_failed_count,
    cast(plan.blocked_count as integer) as test_case_blocked_count,
    cast(plan.untested_count as integer) as test_case_untested_count,
    cast(
        plan.passed_count + plan.retest_count + plan.failed_count + plan.blocked_count
        + plan.untested_count + plan.custom_count
        as integer
    ) as test_case_total_count,
    cast(plan.created_on as date) as testrail_created_on,
    plan.completed_on as testrail_completed_on
from testrail_live_plans as plan
join projects as project on project.testrail_project_id = plan.project_id
cross join vars
where contains(plan.plan_name, vars.plan_name_contains)
