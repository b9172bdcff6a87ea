-- description: One task of each push, for the sake of its task group.
with
parsed as (
    select
        raw._meta,
        raw.params,
        from_json(
            raw.payload,
            '{"taskGroupId": "VARCHAR", "schedulerId": "VARCHAR", "created": "TIMESTAMPTZ", "expires": "TIMESTAMPTZ"}'
        ) as record
    from landed.taskcluster_tasks as raw
)

select
    _meta,
    params ->> 'task_id' as task_id,
    params ->> 'branch' as branch,
    params ->> 'push_namespace' as push_namespace,
    record.taskGroupId as task_group_id,
    record.schedulerId as scheduler_id,
    record.created at time zone 'UTC' as created_at,
    record.expires at time zone 'UTC' as expires_at
from parsed
