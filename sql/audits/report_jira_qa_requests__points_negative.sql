-- description: Story points are not negative.
-- severity: warn
select *
from report_jira_qa_requests
where jira_story_points < 0
