-- description: The tasks of a group are completed, failed, ended by an exception or open.
-- severity: fail
select *
from report_taskcluster_task_groups
where task_count <> completed_count + failed_count + exception_count + open_count
