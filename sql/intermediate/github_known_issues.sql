-- description: One row per issue or pull request that was ever listed, with its newest values. One that a full list lacks was
--   deleted or moved to another repository, and stays as it was last seen.
select
    version.project,
    version.issue_number,
    version.title,
    version.url,
    version.state,
    version.created_at,
    version.updated_at,
    version.closed_at,
    version.author,
    version.author_association,
    [
        regexp_replace(lower(label), '^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$', '', 'g')
        for label in version.labels
    ] as label_words,
    version.is_pull_request,
    version.merged_at,
    first_seen.is_new,
    first_seen.seen_at
from history.github_issues as version
join (
    select
        seen.project,
        seen.issue_number,
        min(seen._fetched_at) as seen_at,
        coalesce(
            bool_or(
                seen.state = 'open'
                and not seen.is_assigned
                and seen.created_at >= seen._fetched_at - to_hours(24 * cast(vars.github_new_days as integer))
            ),
            false
        ) as is_new
    from history.github_issues as seen
    cross join vars
    group by seen.project, seen.issue_number
) as first_seen
    on first_seen.project = version.project
    and first_seen.issue_number = version.issue_number
where version.issue_number is not null
qualify row_number() over (
    partition by version.project, version.issue_number
    order by version._pulled_at desc, version._request_no desc, version._record_no desc
) = 1
