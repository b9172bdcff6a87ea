-- description: The total is the sum of its parts; custom statuses, which have no column, may add to it.
-- severity: fail
select *
from report_testrail_test_runs
where test_case_total_count
    < test_case_passed_count + test_case_retest_count + test_case_failed_count
    + test_case_blocked_count + test_case_untested_count
