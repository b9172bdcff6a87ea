-- description: Every bug is a bug found by QA.
-- severity: fail
select fact.*
from report_bugzilla_query_release_flags_for_bugs as fact
anti join report_bugzilla_softvision_bugs as bug on bug.bugzilla_key = fact.bugzilla_key
