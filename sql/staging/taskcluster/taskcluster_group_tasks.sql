-- description: Tasks of a task group with their runs. `resolved_at` is the end of the last run.
with
parsed as (
    select
        raw._meta,
        raw.params,
        from_json(
            raw.payload,
            '{
                "status": {
                    "taskId": "VARCHAR",
                    "taskQueueId": "VARCHAR",
                    "provisionerId": "VARCHAR",
                    "workerType": "VARCHAR",
                    "schedulerId": "VARCHAR",
                    "state": "VARCHAR",
                    "runs": [{
                        "runId": "SMALLINT",
                        "state": "VARCHAR",
                        "reasonCreated": "VARCHAR",
                        "reasonResolved": "VARCHAR",
                        "workerGroup": "VARCHAR",
                        "workerId": "VARCHAR",
                        "scheduled": "TIMESTAMPTZ",
                        "started": "TIMESTAMPTZ",
                        "resolved": "TIMESTAMPTZ"
                    }]
                },
                "task": {
                    "taskQueueId": "VARCHAR",
                    "created": "TIMESTAMPTZ",
                    "metadata": {"name": "VARCHAR"},
                    "tags": {"kind": "VARCHAR", "test-suite": "VARCHAR", "test-platform": "VARCHAR"}
                }
            }'
        ) as record
    from landed.taskcluster_group_tasks as raw
)

select
    _meta,
    params ->> 'task_group_id' as task_group_id,
    params ->> 'branch' as branch,
    record.status.taskId as task_id,
    record.status is not null as has_status,
    record.task is not null as has_definition,
    record.status.schedulerId as scheduler_id,
    coalesce(
        record.task.taskQueueId,
        record.status.taskQueueId,
        record.status.provisionerId || '/' || record.status.workerType
    ) as task_queue_id,
    record.status.state as state,
    coalesce(record.status.state in ('completed', 'failed', 'exception'), false) as is_resolved,
    record.task.created at time zone 'UTC' as created_at,
    list_max([run.resolved for run in record.status.runs]) at time zone 'UTC' as resolved_at,
    record.task.metadata.name as task_name,
    record.task.tags.kind as kind_tag,
    record.task.tags."test-suite" as test_suite,
    record.task.tags."test-platform" as test_platform,
    [
        struct_pack(
            run_id := run.runId,
            state := run.state,
            reason_created := run.reasonCreated,
            reason_resolved := run.reasonResolved,
            worker_group := run.workerGroup,
            worker_id := run.workerId,
            scheduled_at := run.scheduled at time zone 'UTC',
            started_at := run.started at time zone 'UTC',
            resolved_at := run.resolved at time zone 'UTC'
        )
        for run in record.status.runs
    ] as runs
from parsed
