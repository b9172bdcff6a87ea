-- description: The bugs that each followed meta bug depends on directly.
-- report: bugzilla-meta-bugs
-- schedule: daily
-- grain: state
-- identity: id
-- key: bugzilla_bug_parent, bugzilla_key
-- columns:
--   bugzilla_key integer not null: bug id
--   bugzilla_summary text: summary
--   bugzilla_bug_status varchar(50): status
--   bugzilla_bug_resolution varchar(50): resolution; empty while the bug is open
--   bugzilla_bug_severity varchar(50): severity
--   bugzilla_bug_priority varchar(50): priority
--   bugzilla_bug_created_at timestamp: moment of filing
--   bugzilla_bug_resolved_at timestamp: moment of the last resolution
--   bugzilla_bug_assigned_to varchar(100): who works on it
--   bugzilla_bug_keyword varchar(500): keywords, joined with comma and blank; empty without any
--   bugzilla_bug_parent varchar(100) not null: id of the meta bug, as text
--   bugzilla_bug_product varchar(100): product
with
dependencies as (
    select distinct
        meta.bug_id as parent_id,
        unnest(meta.depends_on) as child_id
    from latest.bugzilla_meta as meta
)

select
    cast(bug.bug_id as integer) as bugzilla_key,
    bug.summary as bugzilla_summary,
    bug.status as bugzilla_bug_status,
    bug.resolution as bugzilla_bug_resolution,
    bug.severity as bugzilla_bug_severity,
    bug.priority as bugzilla_bug_priority,
    bug.creation_time as bugzilla_bug_created_at,
    bug.last_resolved as bugzilla_bug_resolved_at,
    bug.assigned_to as bugzilla_bug_assigned_to,
    coalesce(array_to_string(bug.keywords, ', '), '') as bugzilla_bug_keyword,
    cast(dependencies.parent_id as varchar) as bugzilla_bug_parent,
    bug.product as bugzilla_bug_product
from dependencies
join latest.bugzilla_meta_children as bug on bug.bug_id = dependencies.child_id
