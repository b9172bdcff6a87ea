-- description: No duration is negative.
-- severity: fail
select *
from report_testrail_test_results
where elapsed < 0
