-- description: Flags that ask QA to verify a bug of the mobile products.
-- report: bugzilla-qe-verify
-- schedule: daily
-- grain: state
-- identity: id
-- key: bugzilla_flag_id
-- columns:
--   bugzilla_flag_id bigint not null: id of the flag
--   bugzilla_key varchar(25) not null: bug id, as text
--   bugzilla_summary varchar(500) not null: summary
--   buzilla_modified_at timestamp not null: moment at which the flag was last set
--   bugzilla_created_at timestamp not null: moment at which the flag was first set
--   bugzilla_tag_name varchar(50) not null: name of the flag
--   bugzilla_tag_status varchar(25) not null: status of the flag
--   bugzilla_tag_setter varchar(100) not null: who set it
--   bugzilla_bug_severity varchar(25): severity
--   bugzilla_bug_priority varchar(25): priority
--   bugzilla_bug_status varchar(25) not null: status
--   bugzilla_bug_resolution varchar(25): resolution; empty while the bug is open
with
flags as (
    select
        bug.*,
        unnest(bug.flags) as flag
    from latest.bugzilla_qe_verify as bug
)

select
    item.flag.id as bugzilla_flag_id,
    cast(item.bug_id as varchar) as bugzilla_key,
    coalesce(item.summary, '') as bugzilla_summary,
    item.flag.modified_at as buzilla_modified_at,
    item.flag.created_at as bugzilla_created_at,
    item.flag.name as bugzilla_tag_name,
    item.flag.status as bugzilla_tag_status,
    coalesce(item.flag.setter, '') as bugzilla_tag_setter,
    item.severity as bugzilla_bug_severity,
    item.priority as bugzilla_bug_priority,
    coalesce(item.status, '') as bugzilla_bug_status,
    item.resolution as bugzilla_bug_resolution
from flags as item
where item.flag.name = 'qe-verify'
    and item.flag.status = '+'
qualify row_number() over (partition by item.flag.id order by item._fetched_at desc, item.bug_id desc) = 1
