-- description: An issue is neither changed nor moved before it was filed.
-- severity: warn
select *
from report_jira_softvision_issues_qa_teams
where jira_updated_at < jira_created_at
    or jira_status_changed_at < jira_created_at
