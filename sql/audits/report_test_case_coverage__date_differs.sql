-- description: The snapshot date is the UTC date of created_at.
-- severity: fail
select *
from report_test_case_coverage
where snapshot_date <> cast(created_at as date)
