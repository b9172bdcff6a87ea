-- description: A run is not completed before the day of its creation.
-- severity: warn
select *
from report_test_run_counts
where testrail_completed_on < testrail_created_on
