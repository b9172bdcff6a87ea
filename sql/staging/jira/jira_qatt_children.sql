-- description: Children of the requests on the board of the Softvision testers.
with
parsed as (
    select
        raw._meta,
        from_json(
            raw.payload,
            '{
                "id": "VARCHAR",
                "key": "VARCHAR",
                "fields": {
                    "summary": "VARCHAR",
                    "parent": {"key": "VARCHAR"}
                }
            }'
        ) as record,
        raw.params ->> 'parent_key' as asked_parent_key
    from landed.jira_qatt_children as raw
)

select
    _meta,
    try_cast(record.id as bigint) as issue_id,
    record.key as issue_key,
    record.fields is not null as has_fields,
    record.fields.summary,
    record.fields.parent.key as parent_key,
    asked_parent_key
from parsed
