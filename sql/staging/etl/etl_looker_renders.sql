-- description: Pictures of looks. `status`, `seconds` and `error` are those of the last rendering, the other columns
--   those of the picture that stands since then.
with
parsed as (
    select
        raw._meta,
        from_json(
            raw.payload,
            '{
                "look_id": "VARCHAR",
                "file_name": "VARCHAR",
                "status": "VARCHAR",
                "seconds": "DOUBLE",
                "error": "VARCHAR",
                "rendered_at": "TIMESTAMPTZ",
                "image_bytes": "INTEGER",
                "image_sha256": "VARCHAR"
            }'
        ) as record
    from landed.etl_looker_renders as raw
)

select
    _meta,
    record.look_id,
    record.file_name,
    record.status,
    record.seconds,
    record.error,
    record.rendered_at at time zone 'UTC' as rendered_at,
    record.image_bytes,
    record.image_sha256
from parsed
