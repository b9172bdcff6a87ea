-- description: Messages, pages and files that were published. `published_at` and `published_sha256` are those of the
--   last time that it succeeded; `status` is how the last attempt ended: started, published, unchanged or failed.
with
parsed as (
    select
        raw._meta,
        from_json(
            raw.payload,
            '{
                "kind": "VARCHAR",
                "key": "VARCHAR",
                "target": "VARCHAR",
                "status": "VARCHAR",
                "sha256": "VARCHAR",
                "attempted_at": "TIMESTAMPTZ",
                "published_at": "TIMESTAMPTZ",
                "published_sha256": "VARCHAR",
                "seconds": "DOUBLE",
                "bytes": "BIGINT",
                "error": "VARCHAR",
                "detail": "JSON"
            }'
        ) as record
    from landed.etl_publications as raw
)

select
    _meta,
    record.kind,
    record."key" as publication_key,
    record.target,
    record.status,
    record.sha256,
    record.attempted_at at time zone 'UTC' as attempted_at,
    record.published_at at time zone 'UTC' as published_at,
    record.published_sha256,
    record.seconds,
    record.bytes,
    record.error,
    record.detail
from parsed
