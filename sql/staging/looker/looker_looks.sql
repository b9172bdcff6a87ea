-- description: Looks of a folder. Ids are texts in API 4.0 and were numbers before.
with
parsed as (
    select
        raw._meta,
        raw.scope,
        from_json(raw.payload, '{"id": "JSON", "title": "VARCHAR", "updated_at": "TIMESTAMPTZ"}') as record
    from landed.looker_looks as raw
)

select
    _meta,
    scope ->> 'folder_id' as folder_id,
    record.id ->> '$' as look_id,
    record.title,
    record.updated_at at time zone 'UTC' as updated_at
from parsed
