-- description: Test suites of a project.
with
parsed as (
    select
        raw._meta,
        raw.scope,
        from_json(raw.payload, '{"id": "BIGINT", "name": "VARCHAR"}') as record
    from landed.testrail_suites as raw
)

select
    _meta,
    try_cast(scope ->> 'project_id' as bigint) as project_id,
    record.id as suite_id,
    record.name as suite_name
from parsed
