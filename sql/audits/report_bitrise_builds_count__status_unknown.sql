-- description: Statuses are 1 to 4.
-- severity: warn
select *
from report_bitrise_builds_count
where status not between 1 and 4
