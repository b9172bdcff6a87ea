-- description: How many test cases are automated, per suite and sub-suite, day by day. A case in two sub-suites counts
--   in both: totals over sub-suites are not totals of cases.
-- report: testrail-test-case-coverage
-- schedule: desktop daily; mobile weekly sat
-- grain: snapshot
-- snapshot of: testrail_cases
-- snapshot date: snapshot_date
-- identity: id
-- key: projects_id, testrail_test_suites_id, test_sub_suites_id, test_automation_status_id, test_automation_coverage_id, test_automation_tae, snapshot_date
-- columns:
--   projects_id integer not null: projects.id of the TestRail project
--   testrail_test_suites_id integer not null: suite id in TestRail
--   test_sub_suites_id integer not null: TestRail option id of the sub-suite; 7 (Other) where a case has none
--   test_automation_status_id integer not null: TestRail option id; 1 (Untriaged) where a case has none
--   test_automation_coverage_id integer not null: TestRail option id; 1 (None) where a case has none
--   test_automation_tae integer not null: 1 where the case has the label tae, else 0
--   test_count integer not null: pairs of case and sub-suite
--   created_at timestamp not null: start of the run that read the project's cases
--   snapshot_date date not null: UTC date of created_at
with
cases as (
    select
        project.id as projects_id,
        item.suite_id,
        item.sub_suites,
        item.automation_status,
        item.automation_coverage,
        item.labels,
        max(item._run_at) over (partition by project.id) as run_at,
        item.is_deleted
    from latest.testrail_cases as item
    join projects as project on project.testrail_project_id = item.project_id
),

known_sub_suites as (
    select
        cases.*,
        list_distinct([sub_suite for sub_suite in cases.sub_suites if sub_suite is not null]) as sub_suite_ids
    from cases
    where not cases.is_deleted
),

units as (
    select
        item.projects_id,
        item.suite_id,
        unnest(if(len(item.sub_suite_ids) > 0, item.sub_suite_ids, [7])) as sub_suite_id,
        coalesce(item.automation_status, 1) as status_id,
        coalesce(item.automation_coverage, 1) as coverage_id,
        cast(
            coalesce(
                list_contains(
                    [
                        lower(regexp_replace(
                            label, '^[\x09-\x0d\x{85}\p{Z}]+|[\x09-\x0d\x{85}\p{Z}]+$', '', 'g'
                        ))
                        for label in item.labels
                    ],
                    'tae'
                ),
                false
            ) as integer
        ) as tae,
        item.run_at
    from known_sub_suites as item
)

select
    cast(units.projects_id as integer) as projects_id,
    cast(units.suite_id as integer) as testrail_test_suites_id,
    cast(units.sub_suite_id as integer) as test_sub_suites_id,
    cast(units.status_id as integer) as test_automation_status_id,
    cast(units.coverage_id as integer) as test_automation_coverage_id,
    units.tae as test_automation_tae,
    cast(count(*) as integer) as test_count,
    units.run_at as created_at,
    cast(units.run_at as date) as snapshot_date
from units
group by all
