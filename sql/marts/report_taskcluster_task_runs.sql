-- description: One row per run of a task: who ran it, how long it waited and ran, how and why it ended.
-- report: taskcluster-runs
-- schedule: daily
-- grain: event
-- key: task_id, run_id
-- columns:
--   task_id varchar(22) not null: id of the task
--   task_group_id varchar(22) not null: group of the task
--   run_id smallint not null: number of the run, from 0
--   branch varchar(75): branch that was pushed to
--   task_name varchar(250) not null: name of the task; empty where there is none
--   task_kind varchar(75): the tag kind, else the name up to its first hyphen
--   test_suite varchar(150): the tag test-suite
--   test_platform varchar(150): the tag test-platform
--   task_queue_id varchar(80) not null: provisioner and worker type; empty where unknown
--   worker_group varchar(75): where the worker stands
--   worker_id varchar(75): the worker
--   state varchar(25) not null: pending, running, completed, failed or exception
--   reason_created varchar(50): why the run was made
--   reason_resolved varchar(50): why it ended
--   scheduled_at timestamp: when it became ready
--   started_at timestamp: when a worker took it
--   resolved_at timestamp: when it ended
--   wait_seconds bigint: seconds from scheduled to started
--   run_seconds bigint: seconds from started to resolved
--   created_at timestamp not null insert_only: first seen
select
    run.task_id,
    run.task_group_id,
    run.run_id,
    run.branch,
    coalesce(run.task_name, '') as task_name,
    run.task_kind,
    run.test_suite,
    run.test_platform,
    coalesce(run.task_queue_id, '') as task_queue_id,
    run.worker_group,
    run.worker_id,
    run.state,
    run.reason_created,
    run.reason_resolved,
    run.scheduled_at,
    run.started_at,
    run.resolved_at,
    run.wait_seconds,
    run.run_seconds,
    first_seen.seen_at as created_at
from taskcluster_runs as run
join (
    select
        seen.task_id,
        seen.run_id,
        min(seen.fetched_at) as seen_at
    from (
        select
            version.task_id,
            version._fetched_at as fetched_at,
            unnest([item.run_id for item in version.runs]) as run_id
        from history.taskcluster_group_tasks as version
    ) as seen
    group by seen.task_id, seen.run_id
) as first_seen
    on first_seen.task_id = run.task_id
    and first_seen.run_id = run.run_id
