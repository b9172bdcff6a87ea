-- description: No version has more users than its package; Sentry estimates both, so a little more is no failure.
-- severity: warn
select *
from report_sentry_rates
where adoption_rate_user > 100
