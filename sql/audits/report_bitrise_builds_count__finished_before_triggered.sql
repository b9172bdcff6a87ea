-- description: A build does not end before it was started.
-- severity: warn
select *
from report_bitrise_builds_count
where finished_at < triggered_at
