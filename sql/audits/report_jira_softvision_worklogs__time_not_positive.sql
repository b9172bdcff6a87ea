-- description: Booked time is longer than nothing.
-- severity: warn
select *
from report_jira_softvision_worklogs
where time_spent_seconds <= 0
