-- description: Releases of a configured project. A release whose version Sentry cannot read has no major.
with
parsed as (
    select
        raw._meta,
        raw.scope,
        from_json(
            raw.payload,
            '{
                "version": "VARCHAR",
                "dateCreated": "TIMESTAMPTZ",
                "versionInfo": {
                    "version": {"raw": "VARCHAR", "major": "BIGINT", "buildCode": "VARCHAR"}
                }
            }'
        ) as record
    from landed.sentry_releases as raw
)

select
    _meta,
    scope ->> 'project' as project,
    record.version as release_name,
    record.versionInfo.version.raw as raw_version,
    record.versionInfo.version.major as major,
    record.versionInfo.version.buildCode as build_code,
    record.dateCreated at time zone 'UTC' as created_at
from parsed
