-- description: Bugs whose newest flags wait for an answer about their history: their rows, if any, are as they were.
-- severity: warn
with
answers as (
    select
        answer.params ->> 'id' as bug_id,
        max(try_cast(answer.params ->> 'bug_changed_at' as timestamp)) as bug_changed_at
    from partitions as answer
    where answer.endpoint = 'bugzilla_history'
        and answer.complete
        and answer.status in ('ok', 'gone', 'forbidden')
    group by all
)

select
    bug.bug_id,
    bug.last_change_time
from latest.bugzilla_flag_bugs as bug
semi join bugzilla_release_flag_candidates as candidate on candidate.bug_id = bug.bug_id
left join answers on answers.bug_id = cast(bug.bug_id as varchar)
where list_has_any(map_values(bug.flags), ['fixed', 'verified'])
    and (answers.bug_id is null or answers.bug_changed_at < bug.last_change_time)
