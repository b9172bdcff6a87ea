-- description: Every task comes with its status and its definition.
-- severity: warn
select
    task.task_group_id,
    task.task_id
from latest.taskcluster_group_tasks as task
where not (task.has_status and task.has_definition)
