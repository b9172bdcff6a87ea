-- description: Users of a project.
with
parsed as (
    select
        raw._meta,
        from_json(
            raw.payload,
            '{"id": "BIGINT", "name": "VARCHAR", "email": "VARCHAR", "is_active": "BOOLEAN", "role": "VARCHAR"}'
        ) as record
    from landed.testrail_users as raw
)

select
    _meta,
    record.id as user_id,
    record.name as user_name,
    record.email,
    record.is_active,
    record.role
from parsed
