-- description: No count is below zero.
-- severity: fail
select *
from report_sentry_issues
where count < 0
    or user_count < 0
