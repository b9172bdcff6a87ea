-- description: Pushes of a branch on a day, as namespaces of the index.
with
parsed as (
    select
        raw._meta,
        raw.params,
        from_json(raw.payload, '{"namespace": "VARCHAR"}') as record
    from landed.taskcluster_pushes as raw
)

select
    _meta,
    params ->> 'branch' as branch,
    try_cast(params ->> 'push_date' as date) as push_date,
    params ->> 'leaf' as leaf,
    record.namespace as push_namespace
from parsed
