-- description: For each bug found by QA and each Firefox version: the state of the version's status flag and when it
--   first became fixed. Flags of versions that Bugzilla has switched off keep the value last seen. A fetch of a bug
--   with a fixed flag counts only once the bug's history was answered as well: until then the bug stays as it was.
-- report: bugzilla-desktop-release-flags-for-bugs
-- schedule: weekly sat
-- grain: state
-- identity: id
-- key: bugzilla_key, bugzilla_release_version
-- columns:
--   bugzilla_key integer not null: bug id
--   bugzilla_release_version integer not null: Firefox version of the flag
--   bugzilla_bug_status varchar(100): value of the flag, not of the bug; --- where it is not set
--   bugzilla_bug_keywords varchar(500): keywords, joined with comma and blank; null without any
--   bugzilla_bug_severity varchar(100): severity
--   bugzilla_bug_resolution varchar(100): resolution; empty while the bug is open
--   bugzilla_bug_type varchar(100): defect, enhancement or task
--   bugzilla_bug_qa_found_in varchar(500): QA whiteboard, which names the release in which QA found the bug
--   bugzilla_bug_flag_fixed_at timestamp: when the flag first became fixed or verified, while it is one of them now
--   created_at timestamp insert_only: first seen
with
followed as (
    select bug.bug_id
    from latest.bugzilla_flag_bugs as bug
    semi join bugzilla_release_flag_candidates as candidate on candidate.bug_id = bug.bug_id
    cross join vars
    where not coalesce(list_contains(vars.excluded_resolutions, trim(bug.resolution)), false)
),

answers as (
    select
        answer.params ->> 'id' as bug_id,
        max(try_cast(answer.params ->> 'bug_changed_at' as timestamp)) as bug_changed_at
    from partitions as answer
    where answer.endpoint = 'bugzilla_history'
        and answer.complete
        and answer.status in ('ok', 'gone', 'forbidden')
    group by all
),

fetches as (
    select
        bug.*,
        row_number() over (
            partition by bug.bug_id
            order by bug._pulled_at desc, bug._pull_id desc, bug._request_no desc, bug._record_no desc
        ) as age
    from history.bugzilla_flag_bugs as bug
    semi join followed on followed.bug_id = bug.bug_id
    left join answers on answers.bug_id = cast(bug.bug_id as varchar)
    where not list_has_any(map_values(bug.flags), ['fixed', 'verified'])
        or answers.bug_changed_at >= bug.last_change_time
        or (bug.last_change_time is null and answers.bug_id is not null)
),

bugs as (
    select *
    from fetches
    qualify row_number() over (partition by bug_id order by age) = 1
),

flags as (
    select
        fetches.bug_id,
        fetches.age,
        unnest(map_keys(fetches.flags)) as flag_name,
        unnest(map_values(fetches.flags)) as flag_value
    from fetches
),

first_seen as (
    select
        seen.bug_id,
        seen.flag_name,
        min(seen.fetched_at) as seen_at
    from (
        select
            version.bug_id,
            version._fetched_at as fetched_at,
            unnest(map_keys(version.flags)) as flag_name
        from history.bugzilla_flag_bugs as version
    ) as seen
    group by seen.bug_id, seen.flag_name
),

newest_flags as (
    select
        flags.*,
        try_cast(regexp_extract(flags.flag_name, '^cf_status_firefox([0-9]+)$', 1) as integer) as release_version
    from flags
    qualify row_number() over (partition by flags.bug_id, flags.flag_name order by flags.age) = 1
),

moments as (
    select
        history_of_bug.bug_id,
        unnest(history_of_bug.moments) as moment
    from latest.bugzilla_history as history_of_bug
),

changes as (
    select
        moments.bug_id,
        moments.moment.changed_at as changed_at,
        unnest(moments.moment.changes) as change
    from moments
),

first_fixed as (
    select
        changes.bug_id,
        changes.change.field_name as flag_name,
        min(changes.changed_at) as fixed_at
    from changes
    where lower(regexp_replace(
        changes.change.added, '^[\x09-\x0d\x{85}\p{Z}]+|[\x09-\x0d\x{85}\p{Z}]+$', '', 'g'
    )) in ('fixed', 'verified')
    group by all
)

select
    cast(bug.bug_id as integer) as bugzilla_key,
    flag.release_version as bugzilla_release_version,
    flag.flag_value as bugzilla_bug_status,
    nullif(array_to_string(bug.keywords, ', '), '') as bugzilla_bug_keywords,
    bug.severity as bugzilla_bug_severity,
    bug.resolution as bugzilla_bug_resolution,
    bug.bug_type as bugzilla_bug_type,
    bug.qa_whiteboard as bugzilla_bug_qa_found_in,
    case when flag.flag_value in ('fixed', 'verified') then first_fixed.fixed_at end as bugzilla_bug_flag_fixed_at,
    first_seen.seen_at as created_at
from newest_flags as flag
join bugs as bug on bug.bug_id = flag.bug_id
join first_seen on first_seen.bug_id = flag.bug_id and first_seen.flag_name = flag.flag_name
cross join vars
left join first_fixed on first_fixed.bug_id = flag.bug_id and first_fixed.flag_name = flag.flag_name
where flag.release_version >= vars.release_flag_floor
