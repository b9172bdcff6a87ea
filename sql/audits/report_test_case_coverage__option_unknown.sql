-- description: An option id of TestRail without a row in its lookup table: kept, to be added to the seed file.
-- severity: warn
with
options as (
    select distinct 'test_sub_suites' as lookup_table, test_sub_suites_id as option_id
    from report_test_case_coverage
    union all
    select distinct 'test_automation_status', test_automation_status_id
    from report_test_case_coverage
    union all
    select distinct 'test_automation_coverage', test_automation_coverage_id
    from report_test_case_coverage
),

known as (
    select 'test_sub_suites' as lookup_table, testrail_id as option_id from test_sub_suites
    union all
    select 'test_automation_status', testrail_id from test_automation_status
    union all
    select 'test_automation_coverage', testrail_id from test_automation_coverage
)

select options.*
from options
anti join known on known.lookup_table = options.lookup_table and known.option_id = options.option_id
