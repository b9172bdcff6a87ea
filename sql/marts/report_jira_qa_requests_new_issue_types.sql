-- description: Requests for manual QA of the mobile teams with internal tasks and sub-tasks.
-- report: jira-qa-requests, jira-qa-requests-new-issue-types
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
--   jira_tested_train varchar(100): trains that were tested
--   jira_issue_type varchar(50) not null: type of the issue
--   jira_parent_link varchar(25): key of the parent
select
    issue.issue_key as jira_key,
    coalesce(issue.summary, '') as jira_summary,
    issue.created_at as jira_created_at,
    issue.release_train as jira_firefox_release_train,
    issue.engineering_team as jira_engineering_team,
    issue.story_points as jira_story_points,
    coalesce(issue.status, '') as jira_status,
    coalesce(issue.assignee, 'Not Assigned') as jira_assignee_username,
    array_to_string(issue.labels, ',') as jira_labels,
    issue.tested_trains as jira_tested_train,
    coalesce(issue.issue_type, '') as jira_issue_type,
    issue.parent_key as jira_parent_link
from latest.jira_qa_request_issues as issue
