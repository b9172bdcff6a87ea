-- description: The request of every line has a name.
-- severity: warn
select *
from report_jira_softvision_worklogs
where parent_name is null
