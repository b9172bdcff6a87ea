-- description: Test suites of every project, as TestRail names them.
-- report: testrail-test-case-coverage
-- schedule: desktop daily; mobile weekly sat
-- grain: state
-- identity: id
-- key: testrail_test_suites_id
-- columns:
--   testrail_project_id integer not null: project id in TestRail
--   testrail_test_suites_id integer not null: suite id in TestRail
--   test_suite_name varchar(250): suite name
select
    cast(suite.project_id as integer) as testrail_project_id,
    cast(suite.suite_id as integer) as testrail_test_suites_id,
    suite.suite_name as test_suite_name
from latest.testrail_suites as suite
semi join projects as project on project.testrail_project_id = suite.project_id
qualify row_number() over (
    partition by suite.suite_id
    order by suite._pulled_at desc, suite.project_id
) = 1
