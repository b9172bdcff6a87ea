-- description: Projects of TestRail.
with
parsed as (
    select
        raw._meta,
        from_json(raw.payload, '{"id": "BIGINT", "name": "VARCHAR"}') as record
    from landed.testrail_projects as raw
)

select
    _meta,
    record.id as project_id,
    record.name as project_name
from parsed
