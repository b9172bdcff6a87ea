-- description: A group does not end before it was created.
-- severity: warn
select *
from report_taskcluster_task_groups
where group_resolved_at < group_created_at
