-- description: Outcome counts of each completed run, outside plans and inside them, created in the as-of year. Rows of
--   former years stay in the table.
-- report: testrail-test-run-counts
-- schedule: weekly sat
-- grain: state
-- on missing: keep
-- size: free
-- identity: id
-- key: testrail_run_id
-- columns:
--   projects_id integer not null: projects.id of the TestRail project
--   testrail_suites_id integer: suite id in TestRail; null where the suite was deleted
--   test_sub_suites_id integer not null: TestRail option id by the run's name: 1 smoke, 3 l10n, else 0
--   testrail_run_id integer not null: run id in TestRail
--   test_case_passed_count integer not null: passed tests
--   test_case_blocked_count integer not null: blocked tests
--   test_case_retest_count integer not null: tests to be tested again (failed, known)
--   test_case_failed_count integer not null: failed tests (new)
--   testrail_created_on date: UTC date of creation
--   testrail_completed_on date: UTC date of completion
--   created_at timestamp not null insert_only: first seen
with
plan_runs as (
    select
        project_id, run_id, suite_id, run_name, created_on, completed_on,
        passed_count, blocked_count, retest_count, failed_count, fetched_at,
        2 as source_rank
    from testrail_plan_runs
),

single_runs as (
    select
        project_id, run_id, suite_id, run_name, created_on, completed_on,
        passed_count, blocked_count, retest_count, failed_count, _fetched_at as fetched_at,
        1 as source_rank
    from latest.testrail_runs
),

all_runs as (
    select * from plan_runs
    union all by name
    select * from single_runs
),

-- A run is seen before it is completed.
first_seen as (
    select
        seen.run_id,
        min(seen.fetched_at) as seen_at
    from (
        select
            version.run_id,
            version._fetched_at as fetched_at
        from history.testrail_runs as version

        union all

        select
            unnest(flatten([[item.id for item in entry.runs] for entry in version.entries])) as run_id,
            version._fetched_at as fetched_at
        from history.testrail_plan_details as version
    ) as seen
    group by seen.run_id
),

newest_runs as (
    select *
    from all_runs
    where run_id is not null
    qualify row_number() over (
        partition by run_id
        order by fetched_at desc, source_rank desc, project_id
    ) = 1
)

select
    cast(project.id as integer) as projects_id,
    cast(newest.suite_id as integer) as testrail_suites_id,
    case
        when contains(upper(newest.run_name), 'SMOKE') then 1
        when contains(upper(newest.run_name), 'L10N') then 3
        else 0
    end as test_sub_suites_id,
    cast(newest.run_id as integer) as testrail_run_id,
    cast(newest.passed_count as integer) as test_case_passed_count,
    cast(newest.blocked_count as integer) as test_case_blocked_count,
    cast(newest.retest_count as integer) as test_case_retest_count,
    cast(newest.failed_count as integer) as test_case_failed_count,
    cast(newest.created_on as date) as testrail_created_on,
    cast(newest.completed_on as date) as testrail_completed_on,
    first_seen.seen_at as created_at
from newest_runs as newest
join first_seen on first_seen.run_id = newest.run_id
join projects as project on project.testrail_project_id = newest.project_id
cross join run
where newest.completed_on is not null
    and newest.created_on >= date_trunc('year', run.as_of)
