-- description: The sub-suite that the name rule gives has a row in the lookup table.
-- severity: warn
select fact.*
from report_test_run_counts as fact
anti join test_sub_suites as sub_suite on sub_suite.testrail_id = fact.test_sub_suites_id
