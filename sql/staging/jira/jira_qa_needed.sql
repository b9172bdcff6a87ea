-- description: Tickets of the iOS team that wait for QA, with their labels.
with
parsed as (
    select
        raw._meta,
        from_json(
            raw.payload,
            '{
                "key": "VARCHAR",
                "fields": {
                    "labels": ["VARCHAR"]
                }
            }'
        ) as record
    from landed.jira_qa_needed as raw
)

select
    _meta,
    record.key as issue_key,
    record.fields is not null as has_fields,
    record.fields.labels
from parsed
