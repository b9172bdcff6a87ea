-- description: No bug depends on itself.
-- severity: warn
select *
from report_bugzilla_meta_bugs
where cast(bugzilla_key as varchar) = bugzilla_bug_parent
