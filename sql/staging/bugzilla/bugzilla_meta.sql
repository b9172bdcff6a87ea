-- description: Meta bugs with the bugs that they depend on.
with
parsed as (
    select
        raw._meta,
        from_json(raw.payload, '{"id": "BIGINT", "summary": "VARCHAR", "depends_on": ["BIGINT"]}') as record
    from landed.bugzilla_meta as raw
)

select
    _meta,
    record.id as bug_id,
    record.summary,
    record.depends_on
from parsed
