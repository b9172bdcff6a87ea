-- description: Requests for manual QA of desktop features: demand, size, missed milestones.
-- report: jira-qa-requests-desktop
-- schedule: daily
-- grain: state
-- identity: id
-- key: jira_key
-- columns:
--   jira_key varchar(25) not null: key of the request
--   jira_summary varchar(500): summary
--   jira_created_at timestamp: moment of creation
--   jira_updated_at timestamp: moment of the last change
--   jira_status varchar(100): status
--   jira_assignee_username varchar(100): address of the assignee, else the name, else Not Assigned
--   jira_reporter_username varchar(100): address of the reporter
--   jira_priority varchar(50): priority
--   jira_issue_type varchar(100): type of the issue
--   jira_labels text: labels, joined with comma
--   jira_subtasks text: keys of the sub-tasks, joined with comma; null without any
--   jira_story_points double: story points as given
--   jira_target_release varchar(100): release that the feature is meant for
--   jira_engineering_team varchar(100): engineering team
--   jira_tested_trains varchar(100): trains that were tested: c (nightly), b (beta), r (release) with their number
--   jira_product varchar(100): first product
--   jira_timeline text: timeline, on one line
--   created_at timestamp insert_only: first seen
select
    issue.issue_key as jira_key,
    issue.summary as jira_summary,
    issue.created_at as jira_created_at,
    issue.updated_at as jira_updated_at,
    issue.status as jira_status,
    coalesce(issue.assignee, 'Not Assigned') as jira_assignee_username,
    issue.reporter_email as jira_reporter_username,
    issue.priority as jira_priority,
    issue.issue_type as jira_issue_type,
    array_to_string(issue.labels, ',') as jira_labels,
    nullif(array_to_string(issue.subtask_keys, ','), '') as jira_subtasks,
    issue.story_points as jira_story_points,
    issue.release_train as jira_target_release,
    issue.engineering_team as jira_engineering_team,
    issue.tested_trains as jira_tested_trains,
    issue.product as jira_product,
    issue.timeline as jira_timeline,
    first_seen.seen_at as created_at
from latest.jira_qa_requests_desktop as issue
join (
    select
        version.issue_key,
        min(version._fetched_at) as seen_at
    from history.jira_qa_requests_desktop as version
    group by version.issue_key
) as first_seen
    on first_seen.issue_key = issue.issue_key
