-- description: Bugs whose release flags are followed: found by QA, and not closed for one of the excluded reasons.
select
    bug.bug_id
from latest.bugzilla_qa_found_bugs as bug
cross join vars
where contains(lower(bug.qa_whiteboard), 'qa-found-in-')
    and not coalesce(list_contains(vars.excluded_resolutions, trim(bug.resolution)), false)
