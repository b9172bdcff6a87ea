-- description: A pass rate lies between 0 and 1.
-- severity: fail
select *
from report_testrail_test_health
where pass_rate not between 0 and 1
    or num_executions < 0
