-- description: Issues up for review in a live version, with their counts over their whole life.
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
                "title": "VARCHAR",
                "culprit": "VARCHAR",
                "permalink": "VARCHAR",
                "lifetime": {"count": "JSON", "userCount": "JSON"}
            }'
        ) as record
    from landed.sentry_issues as raw
)

select
    _meta,
    scope ->> 'project' as project,
    params ->> 'sentry_project_id' as sentry_project_id,
    params ->> 'release_version' as release_version,
    record.id as sentry_id,
    record.title,
    record.culprit,
    record.permalink,
    try_cast(record.lifetime.count ->> '$' as bigint) as lifetime_count,
    try_cast(record.lifetime.userCount ->> '$' as bigint) as lifetime_users
from parsed
