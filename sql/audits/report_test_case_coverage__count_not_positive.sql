-- description: A group holds at least one unit, and the label flag is 0 or 1.
-- severity: fail
select *
from report_test_case_coverage
where test_count < 1
    or test_automation_tae not in (0, 1)
