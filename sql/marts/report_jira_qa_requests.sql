-- description: Requests for manual QA of the mobile teams and the work sized under them.
-- report: jira-qa-requests
-- schedule: daily
-- grain: state
-- identity: id
-- key: jira_key
-- columns:
--   jira_key varchar(25) not null: key of the request
--   jira_summary varchar(500) not null: summary
--   jira_created_at timestamp not null: moment of creation
--   jira_firefox_release_train varchar(50): release train
--   jira_engineering_team varchar(50): engineering team
--   jira_story_points double: story points as given
--   jira_status varchar(100) not null: status
--   jira_assignee_username varchar(100): address of the assignee, else the name, else Not Assigned
--   jira_labels varchar(500): labels, joined with comma
select
    issue.issue_key as jira_key,
    coalesce(issue.summary, '') as jira_summary,
    issue.created_at as jira_created_at,
    issue.release_train as jira_firefox_release_train,
    issue.engineering_team as jira_engineering_team,
    issue.story_points as jira_story_points,
    coalesce(issue.status, '') as jira_status,
    coalesce(issue.assignee, 'Not Assigned') as jira_assignee_username,
    array_to_string(issue.labels, ',') as jira_labels
from latest.jira_qa_requests as issue
