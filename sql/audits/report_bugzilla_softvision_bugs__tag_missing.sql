-- description: Every bug carries the tag of QA.
-- severity: fail
select *
from report_bugzilla_softvision_bugs
where not coalesce(contains(lower(bugzilla_qa_whiteboard), 'qa-found-in-'), false)
