-- description: A bug is neither changed nor resolved before it was filed.
-- severity: warn
select *
from report_bugzilla_overall_bugs
where bugzilla_bug_last_change_time < bugzilla_bug_created_at
    or bugzilla_bug_resolved_at < bugzilla_bug_created_at
