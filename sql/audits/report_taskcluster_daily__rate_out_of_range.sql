-- description: A failure rate is a share.
-- severity: fail
select *
from report_taskcluster_daily
where failure_rate not between 0 and 1
