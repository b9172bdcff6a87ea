-- description: No issue is its own parent.
-- severity: warn
select *
from report_jira_qa_requests_new_issue_types
where jira_parent_link = jira_key
