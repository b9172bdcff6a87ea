-- description: Bugs that a followed meta bug depends on.
with
parsed as (
    select
        raw._meta,
        from_json(
            raw.payload,
            '{
                "id": "BIGINT",
                "summary": "VARCHAR",
                "product": "VARCHAR",
                "cf_qa_whiteboard": "VARCHAR",
                "severity": "VARCHAR",
                "priority": "VARCHAR",
                "status": "VARCHAR",
                "resolution": "VARCHAR",
                "creation_time": "TIMESTAMPTZ",
                "last_change_time": "TIMESTAMPTZ",
                "whiteboard": "VARCHAR",
                "keywords": ["VARCHAR"],
                "cf_last_resolved": "TIMESTAMPTZ",
                "assigned_to": "VARCHAR"
            }'
        ) as record
    from landed.bugzilla_meta_children as raw
)

select
    _meta,
    record.id as bug_id,
    record.summary,
    record.product,
    record.cf_qa_whiteboard as qa_whiteboard,
    record.severity,
    record.priority,
    record.status,
    record.resolution,
    record.creation_time at time zone 'UTC' as creation_time,
    record.last_change_time at time zone 'UTC' as last_change_time,
    record.whiteboard,
    record.keywords,
    record.cf_last_resolved at time zone 'UTC' as last_resolved,
    record.assigned_to
from parsed
