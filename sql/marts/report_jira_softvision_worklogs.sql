-- description: Every line of time booked on the requests of the Softvision testers and on their children.
-- report: jira-softvision-worklogs
-- schedule: daily
-- grain: state
-- identity: id
-- key: jira_worklog_id
-- columns:
--   jira_worklog_id bigint not null: id of the line in Jira
--   parent_key varchar(75) not null: key of the request
--   child_key varchar(75): key of the child that holds the line; null where the request itself does
--   author varchar(175): name of who booked
--   time_spent varchar(175) not null: time as written, such as 1h 30m
--   time_spent_seconds integer not null: time in seconds
--   started_date timestamp not null: moment at which the work began
--   comment varchar(3000): comment; No Comment where there is none
--   parent_name varchar(2000): summary of the request
--   child_name varchar(2000): summary of the child
select
    line.worklog_id as jira_worklog_id,
    issue.parent_key,
    nullif(issue.issue_key, issue.parent_key) as child_key,
    line.author,
    coalesce(line.time_spent, '') as time_spent,
    cast(coalesce(line.time_spent_seconds, 0) as integer) as time_spent_seconds,
    line.started_at as started_date,
    coalesce(nullif(comment.comment_text, ''), 'No Comment') as comment,
    parent.summary as parent_name,
    case when issue.issue_key <> issue.parent_key then issue.summary end as child_name
from jira_live_worklogs as line
join jira_qatt_tree as issue on issue.issue_key = line.issue_key
left join jira_qatt_tree as parent on parent.issue_key = issue.parent_key
left join jira_worklog_comments as comment on comment.worklog_id = line.worklog_id
