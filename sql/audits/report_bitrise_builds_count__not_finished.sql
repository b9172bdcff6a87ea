-- description: Only finished builds are events.
-- severity: fail
select *
from report_bitrise_builds_count
where not coalesce(status <> 0, false)
