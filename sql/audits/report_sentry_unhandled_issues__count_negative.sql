-- description: No count is below zero, and ranks start at 1.
-- severity: fail
select *
from report_sentry_unhandled_issues
where count < 0
    or user_count < 0
    or rank < 1
