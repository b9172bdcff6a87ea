-- description: A flag is not changed before it was set.
-- severity: warn
select *
from report_bugzilla_qe_needed
where buzilla_modified_at < bugzilla_created_at
