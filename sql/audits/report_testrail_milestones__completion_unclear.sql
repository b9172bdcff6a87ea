-- description: A milestone is completed if and only if it has a completion time.
-- severity: warn
select *
from report_testrail_milestones
where (is_completed = '1') <> (completed_on is not null)
