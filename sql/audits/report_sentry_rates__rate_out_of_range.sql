-- description: Crash-free rates lie between 0 and 100 percent, and adoption is not below 0.
-- severity: fail
select *
from report_sentry_rates
where crash_free_rate_user not between 0 and 100
    or crash_free_rate_session not between 0 and 100
    or adoption_rate_user < 0
