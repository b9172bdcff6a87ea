-- description: No run waits or runs for less than no time.
-- severity: warn
select *
from report_taskcluster_task_runs
where wait_seconds < 0
    or run_seconds < 0
