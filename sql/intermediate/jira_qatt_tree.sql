-- description: One row per issue whose booked time counts: the requests on the board of the Softvision testers, the parents
--   of what the board lists, and all children of those parents.
with
board as (
    select * from latest.jira_qatt_issues
),

requests as (
    select distinct coalesce(board.parent_key, board.issue_key) as issue_key
    from board
),

-- Children of a request that has left the board stay in the lake and no longer count.
children as (
    select child.*
    from latest.jira_qatt_children as child
    semi join requests on requests.issue_key = child.asked_parent_key
),

parents as (
    select parent.*
    from latest.jira_qatt_parents as parent
    semi join requests on requests.issue_key = parent.issue_key
),

found as (
    select 1 as source_rank, issue_id, issue_key, parent_key, summary, _fetched_at from board
    union all
    select 2, issue_id, issue_key, parent_key, summary, _fetched_at from children
    union all
    select 3, issue_id, issue_key, null, summary, _fetched_at from parents
    union all
    -- A parent that was never answered still has its key.
    select 4, null, issue_key, null, null, null from requests
)

select
    found.issue_key,
    found.issue_id,
    coalesce(found.parent_key, found.issue_key) as parent_key,
    found.summary
from found
qualify row_number() over (partition by found.issue_key order by found.source_rank, found._fetched_at desc) = 1
