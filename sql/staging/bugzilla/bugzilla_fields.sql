-- description: Fields of a bug, release flags among them.
with
parsed as (
    select
        raw._meta,
        from_json(raw.payload, '{"id": "BIGINT", "name": "VARCHAR", "is_custom": "BOOLEAN"}') as record
    from landed.bugzilla_fields as raw
)

select
    _meta,
    record.id as field_id,
    record.name as field_name,
    record.is_custom
from parsed
