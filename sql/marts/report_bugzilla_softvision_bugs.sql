-- description: Bugs found by QA in a release cycle, open and closed.
-- report: bugzilla-desktop-bugs
-- schedule: daily
-- grain: state
-- identity: id
-- key: bugzilla_key
-- columns:
--   bugzilla_key integer not null: bug id
--   bugzilla_summary text: summary
--   bugzilla_product varchar(255): product
--   bugzilla_qa_whiteboard varchar(500): QA whiteboard, which names the release in which QA found the bug
--   bugzilla_bug_severity varchar(50): severity
--   bugzilla_bug_priority varchar(50): priority
--   bugzilla_bug_status varchar(50): status
--   bugzilla_bug_resolution varchar(50): resolution; empty while the bug is open
--   bugzilla_bug_created_at timestamp: moment of filing
--   bugzilla_bug_last_change_time timestamp: moment of the last change
--   bugzilla_bug_whiteboard varchar(500): whiteboard
--   bugzilla_bug_keyword varchar(500): keywords, joined with comma and blank; null without any
--   bugzilla_bug_resolved_at timestamp: moment of the last resolution
--   created_at timestamp insert_only: first seen
select
    cast(bug.bug_id as integer) as bugzilla_key,
    bug.summary as bugzilla_summary,
    bug.product as bugzilla_product,
    bug.qa_whiteboard as bugzilla_qa_whiteboard,
    bug.severity as bugzilla_bug_severity,
    bug.priority as bugzilla_bug_priority,
    bug.status as bugzilla_bug_status,
    bug.resolution as bugzilla_bug_resolution,
    bug.creation_time as bugzilla_bug_created_at,
    bug.last_change_time as bugzilla_bug_last_change_time,
    bug.whiteboard as bugzilla_bug_whiteboard,
    nullif(array_to_string(bug.keywords, ', '), '') as bugzilla_bug_keyword,
    bug.last_resolved as bugzilla_bug_resolved_at,
    first_seen.seen_at as created_at
from latest.bugzilla_qa_found_bugs as bug
join (
    select
        version.bug_id,
        min(version._fetched_at) as seen_at
    from history.bugzilla_qa_found_bugs as version
    group by version.bug_id
) as first_seen
    on first_seen.bug_id = bug.bug_id
where contains(lower(bug.qa_whiteboard), 'qa-found-in-')
