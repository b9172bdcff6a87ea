-- description: Bugs with a keyword that is followed, such as those caught by UI tests.
-- report: bugzilla-query-by-keyword
-- schedule: daily
-- grain: state
-- identity: id
-- key: query_keyword, bugzilla_key
-- columns:
--   query_keyword varchar(100) not null: keyword that was asked for
--   bugzilla_key integer not null: bug id
--   bugzilla_summary text: summary
--   bugzilla_product varchar(255): product
--   bugzilla_qa_whiteboard varchar(500): QA whiteboard
--   bugzilla_bug_severity varchar(50): severity
--   bugzilla_bug_priority varchar(50): priority
--   bugzilla_bug_status varchar(50): status
--   bugzilla_bug_resolution varchar(50): resolution; empty while the bug is open
--   bugzilla_bug_created_at timestamp: moment of filing
--   bugzilla_bug_last_change_time timestamp: moment of the last change
--   bugzilla_bug_whiteboard varchar(500): whiteboard
--   bugzilla_bug_keyword varchar(500): keywords, joined with comma and blank; null without any
--   bugzilla_bug_resolved_at timestamp: moment of the last resolution
select
    bug.query_keyword,
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
    bug.last_resolved as bugzilla_bug_resolved_at
from latest.bugzilla_keyword_bugs as bug
where list_contains([lower(word) for word in bug.keywords], lower(bug.query_keyword))
