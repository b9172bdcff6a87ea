-- description: The status is active or inactive.
-- severity: fail
select *
from report_testrail_users
where status not in ('active', 'inactive')
