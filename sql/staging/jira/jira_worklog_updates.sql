-- description: Ids of the lines of booked time that were added or edited, in all of Jira.
with
parsed as (
    select
        raw._meta,
        from_json(raw.payload, '{"worklogId": "BIGINT", "updatedTime": "BIGINT"}') as record
    from landed.jira_worklog_updates as raw
)

select
    _meta,
    record.worklogId as worklog_id,
    try(make_timestamp(record.updatedTime * 1000)) as updated_at
from parsed
