-- description: Crash-free rates (fractions) and users of the last 24 hours, of one version or, where that is NULL, of the
--   whole package. The totals of the first group; without a group they are NULL.
with
parsed as (
    select
        raw._meta,
        raw.scope,
        raw.params,
        from_json(
            raw.payload,
            '{
                "groups": [{
                    "totals": {
                        "crash_free_rate(session)": "DOUBLE",
                        "crash_free_rate(user)": "DOUBLE",
                        "count_unique(user)": "BIGINT"
                    }
                }]
            }'
        ) as record
    from landed.sentry_sessions as raw
)

select
    _meta,
    scope ->> 'project' as project,
    params ->> 'sentry_project_id' as sentry_project_id,
    params ->> 'release_version' as release_version,
    record.groups[1].totals."crash_free_rate(session)" as crash_free_sessions,
    record.groups[1].totals."crash_free_rate(user)" as crash_free_users,
    record.groups[1].totals."count_unique(user)" as users
from parsed
