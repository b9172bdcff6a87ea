-- description: Every task of a task group as it was last answered. What has run stays, also when its group has expired.
select task.*
from history.taskcluster_group_tasks as task
where task.task_id is not null
qualify row_number() over (
    partition by task.task_id
    order by task._pulled_at desc, task._pull_id desc, task._request_no desc, task._record_no desc
) = 1
