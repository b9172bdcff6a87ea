-- description: No count is negative.
-- severity: fail
select *
from report_issue_regression
where opened_count < 0
    or closed_count < 0
    or open_count < 0
