-- description: Nothing is completed before the day of its creation.
-- severity: warn
select *
from report_testrail_test_runs
where testrail_completed_on < testrail_created_on
