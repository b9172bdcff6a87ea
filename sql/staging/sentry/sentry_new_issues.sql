-- description: Unresolved issues first seen in one of the newest versions, with their counts over the last 7 days.
with
parsed as (
    select
        raw._meta,
        raw.scope,
        raw.params,
        from_json(
            raw.payload,
            '{
                "id": "VARCHAR",
                "shortId": "VARCHAR",
                "title": "VARCHAR",
                "culprit": "VARCHAR",
                "permalink": "VARCHAR",
                "count": "JSON",
                "userCount": "JSON"
            }'
        ) as record
    from landed.sentry_new_issues as raw
)

select
    _meta,
    scope ->> 'project' as project,
    params ->> 'sentry_project_id' as sentry_project_id,
    params ->> 'release_version' as release_version,
    record.id as sentry_id,
    record.shortId as short_id,
    record.title,
    record.culprit,
    record.permalink,
    try_cast(record.count ->> '$' as bigint) as event_count,
    try_cast(record.userCount ->> '$' as bigint) as user_count
from parsed
