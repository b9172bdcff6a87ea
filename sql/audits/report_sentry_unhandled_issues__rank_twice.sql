-- description: A rank is given once per version and day.
-- severity: fail
select
    fact.sentry_project_id,
    fact.release_version,
    fact.snapshot_date,
    fact.rank
from report_sentry_unhandled_issues as fact
group by all
having count(*) > 1
