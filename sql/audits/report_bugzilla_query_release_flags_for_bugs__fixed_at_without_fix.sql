-- description: A time of fixing is given only while the flag is fixed or verified.
-- severity: fail
select *
from report_bugzilla_query_release_flags_for_bugs
where bugzilla_bug_flag_fixed_at is not null
    and not coalesce(bugzilla_bug_status in ('fixed', 'verified'), false)
