-- description: Every issue comes with its fields.
-- severity: warn
select issue.issue_key
from latest.jira_qa_requests_desktop as issue
where not issue.has_fields
