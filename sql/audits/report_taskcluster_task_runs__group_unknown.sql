-- description: Every run belongs to a group.
-- severity: warn
select fact.*
from report_taskcluster_task_runs as fact
anti join report_taskcluster_task_groups as task_group on task_group.task_group_id = fact.task_group_id
