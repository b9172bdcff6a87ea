-- description: Flags are 0 or 1.
-- severity: fail
select *
from report_jira_softvision_issues_qa_teams
where jira_label_verified not in (0, 1)
    or jira_label_wontfix not in (0, 1)
    or jira_label_duplicate not in (0, 1)
    or jira_label_invalid not in (0, 1)
    or jira_label_qa_not_actionable not in (0, 1)
