-- description: Runs that ended on a UTC day, by branch, worker pool and kind of task. Canceled runs and failures of the
--   infrastructure are never in the failure rate.
-- report: taskcluster-runs
-- schedule: daily
-- grain: state
-- key: report_date, branch, task_queue_id, task_kind
-- columns:
--   report_date date not null: UTC day on which the runs ended
--   branch varchar(75) not null: branch that was pushed to; unknown where it is missing
--   task_queue_id varchar(80) not null: provisioner and worker type; unknown where it is missing
--   task_kind varchar(75) not null: kind of task; unknown where it is missing
--   run_count integer not null: runs that ended
--   completed_count integer not null: runs that were completed
--   failed_count integer not null: runs that failed
--   canceled_count integer not null: runs that were canceled or superseded
--   deadline_count integer not null: runs that met their deadline; those that never started tell of missing workers
--   infra_exception_count integer not null: runs lost by the infrastructure
--   intermittent_count integer not null: runs that failed, while a later run of the same task was completed
--   avg_run_seconds double round 6: mean seconds of the completed runs
--   p50_run_seconds double round 6: median seconds of the completed runs
--   p90_run_seconds double round 6: seconds that nine of ten completed runs stay below
--   p90_wait_seconds double round 6: seconds that nine of ten runs waited at most
--   failure_rate double round 6: failed runs as a share of completed and failed ones; null without any
with
runs as (
    select
        cast(run.resolved_at as date) as report_date,
        coalesce(run.branch, 'unknown') as branch,
        coalesce(run.task_queue_id, 'unknown') as task_queue_id,
        coalesce(run.task_kind, 'unknown') as task_kind,
        run.state,
        run.reason_resolved,
        run.wait_seconds,
        case when run.state = 'completed' then run.run_seconds end as completed_seconds,
        (run.state = 'failed' or coalesce(run.reason_resolved = 'intermittent-task', false))
        and coalesce(run.last_completed_run > run.run_id, false) as is_intermittent
    from taskcluster_runs as run
    where run.resolved_at is not null
)

select
    runs.report_date,
    runs.branch,
    runs.task_queue_id,
    runs.task_kind,
    cast(count(*) as integer) as run_count,
    cast(count(*) filter (where runs.state = 'completed') as integer) as completed_count,
    cast(count(*) filter (where runs.state = 'failed') as integer) as failed_count,
    cast(count(*) filter (where runs.reason_resolved in ('canceled', 'superseded')) as integer) as canceled_count,
    cast(count(*) filter (where runs.reason_resolved = 'deadline-exceeded') as integer) as deadline_count,
    cast(
        count(*) filter (
            where runs.reason_resolved in (
                'claim-expired', 'worker-shutdown', 'resource-unavailable', 'internal-error', 'malformed-payload'
            )
        ) as integer
    ) as infra_exception_count,
    cast(count(*) filter (where runs.is_intermittent) as integer) as intermittent_count,
    avg(runs.completed_seconds) as avg_run_seconds,
    quantile_cont(runs.completed_seconds, 0.5) as p50_run_seconds,
    quantile_cont(runs.completed_seconds, 0.9) as p90_run_seconds,
    quantile_cont(runs.wait_seconds, 0.9) as p90_wait_seconds,
    count(*) filter (where runs.state = 'failed')
    / nullif(count(*) filter (where runs.state in ('completed', 'failed')), 0) as failure_rate
from runs
group by all
