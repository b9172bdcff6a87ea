-- description: Every run that has ended is in one line of one day.
-- severity: fail
select
    counted.run_count,
    told.run_count as told
from (select count(*) as run_count from report_taskcluster_task_runs where resolved_at is not null) as counted
cross join (select coalesce(sum(run_count), 0) as run_count from report_taskcluster_daily) as told
where counted.run_count <> told.run_count
