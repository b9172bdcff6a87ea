-- description: One row per task group of a push: how many tasks, how they ended, how long they ran.
-- report: taskcluster-runs
-- schedule: daily
-- grain: state
-- key: task_group_id
-- columns:
--   task_group_id varchar(22) not null: id of the group
--   branch varchar(75): branch that was pushed to
--   scheduler_id varchar(75): who may schedule tasks into the group
--   group_created_at timestamp not null: when its first task was created
--   group_resolved_at timestamp: when its last run ended; null while a task is open
--   task_count integer not null: tasks
--   completed_count integer not null: tasks that are completed
--   failed_count integer not null: tasks that have failed
--   exception_count integer not null: tasks that ended by an exception
--   open_count integer not null: tasks that are unscheduled, pending or running
--   run_count integer not null: runs of all tasks
--   retried_task_count integer not null: tasks with more than one run
--   run_seconds_total bigint not null: seconds that its runs took together
--   wall_seconds bigint: seconds from the first creation to the last end
--   created_at timestamp not null insert_only: first seen
with
run_times as (
    select
        run.task_id,
        sum(run.run_seconds) as run_seconds
    from taskcluster_runs as run
    group by run.task_id
),

groups as (
    select
        task.task_group_id,
        min(task.branch) as branch,
        min(task.scheduler_id) as scheduler_id,
        min(task.created_at) as group_created_at,
        case when bool_and(task.is_resolved) then max(task.resolved_at) end as group_resolved_at,
        count(*) as task_count,
        count(*) filter (where task.state = 'completed') as completed_count,
        count(*) filter (where task.state = 'failed') as failed_count,
        count(*) filter (where task.state = 'exception') as exception_count,
        count(*) filter (where not task.is_resolved) as open_count,
        coalesce(sum(len(task.runs)), 0) as run_count,
        count(*) filter (where len(task.runs) > 1) as retried_task_count,
        coalesce(sum(run_times.run_seconds), 0) as run_seconds_total
    from taskcluster_newest_tasks as task
    left join run_times on run_times.task_id = task.task_id
    where task.task_group_id is not null
    group by task.task_group_id
)

select
    groups.task_group_id,
    groups.branch,
    groups.scheduler_id,
    groups.group_created_at,
    groups.group_resolved_at,
    cast(groups.task_count as integer) as task_count,
    cast(groups.completed_count as integer) as completed_count,
    cast(groups.failed_count as integer) as failed_count,
    cast(groups.exception_count as integer) as exception_count,
    cast(groups.open_count as integer) as open_count,
    cast(groups.run_count as integer) as run_count,
    cast(groups.retried_task_count as integer) as retried_task_count,
    cast(groups.run_seconds_total as bigint) as run_seconds_total,
    date_diff('second', groups.group_created_at, groups.group_resolved_at) as wall_seconds,
    first_seen.seen_at as created_at
from groups
join (
    select
        version.task_group_id,
        min(version._fetched_at) as seen_at
    from history.taskcluster_group_tasks as version
    group by version.task_group_id
) as first_seen
    on first_seen.task_group_id = groups.task_group_id
where groups.group_created_at is not null
