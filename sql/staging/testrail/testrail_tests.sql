-- description: Tests of a run: which case each stands for.
with
parsed as (
    select
        raw._meta,
        raw.params,
        from_json(raw.payload, '{"id": "BIGINT", "case_id": "BIGINT", "title": "VARCHAR"}') as record
    from landed.testrail_tests as raw
)

select
    _meta,
    try_cast(params ->> 'run_id' as bigint) as run_id,
    record.id as test_id,
    record.case_id,
    record.title
from parsed
