-- description: Indexed tasks of a push.
with
parsed as (
    select
        raw._meta,
        raw.params,
        from_json(raw.payload, '{"namespace": "VARCHAR", "taskId": "VARCHAR"}') as record
    from landed.taskcluster_push_tasks as raw
)

select
    _meta,
    params ->> 'branch' as branch,
    params ->> 'push_namespace' as push_namespace,
    record.namespace as task_namespace,
    record.taskId as task_id
from parsed
