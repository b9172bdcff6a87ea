-- description: Every issue comes with its fields.
-- severity: warn
select issue.issue_key
from latest.jira_softvision_other_teams as issue
where not issue.has_fields
