-- description: Issues from outside the team that nobody had taken up within days of being filed. Once here an issue stays and
--   follows its state.
-- report: github-issues
-- schedule: weekly tue
-- grain: state
-- on missing: keep
-- identity: id
-- key: github_project, github_number
-- columns:
--   github_number integer not null: number in the repository
--   github_title varchar(300): title
--   github_url varchar(250): page of the issue
--   github_state varchar(50): open or closed
--   github_created_at timestamp: moment of filing
--   github_updated_at timestamp: moment of the last change
--   github_closed_at timestamp: moment of closing; null while open
--   github_user varchar(250): login of the author; null for a deleted account
--   github_author_association varchar(100): how the author belongs to the repository, as the token sees it
--   github_project varchar(250) not null: project
--   created_at timestamp insert_only: first seen
select
    cast(issue.issue_number as integer) as github_number,
    issue.title as github_title,
    issue.url as github_url,
    issue.state as github_state,
    issue.created_at as github_created_at,
    issue.updated_at as github_updated_at,
    issue.closed_at as github_closed_at,
    issue.author as github_user,
    issue.author_association as github_author_association,
    issue.project as github_project,
    issue.seen_at as created_at
from github_known_issues as issue
cross join vars
where issue.is_new
    and not issue.is_pull_request
    and not coalesce(list_contains(vars.github_own_authors, issue.author), false)
    and not coalesce(list_contains(vars.github_team_associations, issue.author_association), false)
