-- description: The whole history of a bug: a list of moments, each with the fields changed in it.
with
parsed as (
    select
        raw._meta,
        raw.params,
        from_json(
            raw.payload,
            '{
                "id": "BIGINT",
                "history": [{
                    "when": "TIMESTAMPTZ",
                    "changes": [{"field_name": "VARCHAR", "added": "VARCHAR", "removed": "VARCHAR"}]
                }]
            }'
        ) as record
    from landed.bugzilla_history as raw
)

select
    _meta,
    coalesce(record.id, try_cast(params ->> 'id' as bigint)) as bug_id,
    try_cast(params ->> 'bug_changed_at' as timestamp) as bug_changed_at,
    [
        struct_pack(changed_at := moment."when" at time zone 'UTC', changes := moment.changes)
        for moment in record.history
    ] as moments
from parsed
