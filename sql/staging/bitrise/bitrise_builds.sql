-- description: Builds of an app. Status 0 is not finished: running, waiting or on hold.
with
parsed as (
    select
        raw._meta,
        raw.scope,
        from_json(
            raw.payload,
            '{
                "slug": "VARCHAR",
                "build_number": "BIGINT",
                "branch": "VARCHAR",
                "status": "INTEGER",
                "status_text": "VARCHAR",
                "triggered_workflow": "VARCHAR",
                "triggered_by": "VARCHAR",
                "triggered_at": "TIMESTAMPTZ",
                "finished_at": "TIMESTAMPTZ"
            }'
        ) as record
    from landed.bitrise_builds as raw
)

select
    _meta,
    scope ->> 'app' as app,
    record.slug as build_slug,
    record.build_number,
    record.branch,
    record.status,
    record.status_text,
    coalesce(record.status <> 0, false) as is_finished,
    record.triggered_workflow,
    record.triggered_by,
    record.triggered_at at time zone 'UTC' as triggered_at,
    record.finished_at at time zone 'UTC' as finished_at
from parsed
