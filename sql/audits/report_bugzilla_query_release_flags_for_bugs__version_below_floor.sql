-- description: Versions below the configured floor are left out.
-- severity: fail
select fact.*
from report_bugzilla_query_release_flags_for_bugs as fact
cross join vars
where fact.bugzilla_release_version < vars.release_flag_floor
