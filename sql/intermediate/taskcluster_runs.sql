-- description: One row per run of a task. Waiting and running times are whole seconds between the times shown; NULL where
--   one of them is missing (a task that was cancelled before it ran never started).
with
runs as (
    select
        task.* exclude (runs),
        unnest(task.runs) as item
    from taskcluster_newest_tasks as task
)

select
    run.task_id,
    run.item.run_id as run_id,
    run.task_group_id,
    run.branch,
    run.task_name,
    coalesce(run.kind_tag, nullif(regexp_extract(run.task_name, '^[^-]*'), '')) as task_kind,
    run.test_suite,
    run.test_platform,
    run.task_queue_id,
    run.item.worker_group as worker_group,
    run.item.worker_id as worker_id,
    run.item.state as state,
    run.item.reason_created as reason_created,
    run.item.reason_resolved as reason_resolved,
    run.item.scheduled_at as scheduled_at,
    run.item.started_at as started_at,
    run.item.resolved_at as resolved_at,
    date_diff('second', run.item.scheduled_at, run.item.started_at) as wait_seconds,
    date_diff('second', run.item.started_at, run.item.resolved_at) as run_seconds,
    max(run.item.run_id) filter (where run.item.state = 'completed') over (partition by run.task_id) as last_completed_run,
    run._fetched_at as fetched_at
from runs as run
where run.item.run_id is not null
