-- description: A request is not changed before it was made.
-- severity: warn
select *
from report_jira_qa_requests_desktop
where jira_updated_at < jira_created_at
