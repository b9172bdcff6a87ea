-- description: Parents of board issues that the board itself does not list.
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
                    "summary": "VARCHAR"
                }
            }'
        ) as record
    from landed.jira_qatt_parents as raw
)

select
    _meta,
    try_cast(record.id as bigint) as issue_id,
    record.key as issue_key,
    record.fields is not null as has_fields,
    record.fields.summary
from parsed
