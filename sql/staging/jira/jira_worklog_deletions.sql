-- description: Ids of the lines of booked time that were deleted, in all of Jira.
with
parsed as (
    select
        raw._meta,
        from_json(raw.payload, '{"worklogId": "BIGINT", "updatedTime": "BIGINT"}') as record
    from landed.jira_worklog_deletions as raw
)

select
    _meta,
    record.worklogId as worklog_id,
    try(make_timestamp(record.updatedTime * 1000)) as updated_at
from parsed
