-- description: Counts are not negative.
-- severity: fail
select *
from report_testrail_test_runs
where least(
    test_case_passed_count, test_case_retest_count, test_case_failed_count,
    test_case_blocked_count, test_case_untested_count
) < 0
