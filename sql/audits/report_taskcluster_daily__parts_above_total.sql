-- description: The parts of a day are not more than its runs.
-- severity: fail
select *
from report_taskcluster_daily
where completed_count + failed_count > run_count
    or canceled_count + deadline_count + infra_exception_count > run_count
    or intermittent_count > run_count
