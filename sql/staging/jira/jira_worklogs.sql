-- description: Lines of booked time of one issue, all of them.
with
parsed as (
    select
        raw._meta,
        from_json(
            raw.payload,
            '{
                "id": "VARCHAR",
                "issueId": "VARCHAR",
                "author": {"displayName": "VARCHAR"},
                "comment": "JSON",
                "started": "TIMESTAMPTZ",
                "timeSpent": "VARCHAR",
                "timeSpentSeconds": "BIGINT"
            }'
        ) as record,
        raw.params ->> 'issue_key' as issue_key
    from landed.jira_worklogs as raw
)

select
    _meta,
    try_cast(record.id as bigint) as worklog_id,
    try_cast(record.issueId as bigint) as issue_id,
    issue_key,
    record.author.displayName as author,
    record.comment as comment,
    record.started at time zone 'UTC' as started_at,
    record.timeSpent as time_spent,
    record.timeSpentSeconds as time_spent_seconds
from parsed
