-- description: The type is beta or l10n.
-- severity: fail
select *
from report_testrail_test_results
where type not in ('beta', 'l10n')
