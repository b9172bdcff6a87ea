-- description: Bugs with a keyword that is followed.
with
parsed as (
    select
        raw._meta,
        raw.params ->> 'query_keyword' as query_keyword,
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
                "cf_last_resolved": "TIMESTAMPTZ"
            }'
        ) as record
    from landed.bugzilla_keyword_bugs as raw
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
    query_keyword
from parsed
