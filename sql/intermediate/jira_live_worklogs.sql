-- description: One row per line of booked time that exists, with its newest values. An issue's own list is the whole truth
--   at its time; what changed since comes from the list of changes, and what was deleted goes.
with
issues as (
    select * from jira_qatt_tree
),

answers as (
    select
        answer.params ->> 'issue_key' as issue_key,
        max(answer.finished) as answered_at
    from partitions as answer
    where answer.endpoint = 'jira_worklogs'
        and answer.complete
        and answer.status in ('ok', 'gone')
    group by all
),

listed as (
    select
        1 as source_rank,
        line.* exclude (issue_key),
        issues.issue_key
    from latest.jira_worklogs as line
    join issues on issues.issue_key = line.issue_key
),

changed as (
    select
        2 as source_rank,
        line.*,
        issues.issue_key
    from latest.jira_changed_worklogs as line
    join issues on issues.issue_id = line.issue_id
    left join answers on answers.issue_key = issues.issue_key
    where answers.answered_at is null
        or line._pulled_at > answers.answered_at
),

deleted as (
    select distinct gone.worklog_id
    from history.jira_worklog_deletions as gone
),

versions as (
    select * from listed
    union all by name
    select * from changed
)

select
    version.worklog_id,
    version.issue_key,
    version.author,
    version.comment,
    version.started_at,
    version.time_spent,
    version.time_spent_seconds
from versions as version
anti join deleted on deleted.worklog_id = version.worklog_id
where version.worklog_id is not null
qualify row_number() over (
    partition by version.worklog_id
    order by version._fetched_at desc, version.source_rank desc, version.issue_key
) = 1
