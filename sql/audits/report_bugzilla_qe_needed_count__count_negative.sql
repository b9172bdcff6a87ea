-- description: No count is negative.
-- severity: fail
select *
from report_bugzilla_qe_needed_count
where bugzilla_total_qa_needed < 0
