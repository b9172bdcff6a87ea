-- description: Issues and pull requests with a label of a watched class.
-- report: github-issue-regression
-- schedule: weekly sat
-- grain: state
-- on missing: keep
-- identity: id
-- key: projects_id, issue_id
-- columns:
--   projects_id integer not null: projects.id
--   issue_id integer not null: number in the repository
--   issue_title varchar(300): title
--   issue_types_id integer: github_issue_types.id: 1 issue, 2 pull request
--   github_created_at date not null: UTC date of creation
--   github_updated_at date: UTC date of the last change
--   github_closed_at date: UTC date of closing
--   github_merged_at date: UTC date of the merge
--   created_at timestamp not null insert_only: first seen
select distinct
    cast(project.id as integer) as projects_id,
    cast(issue.issue_number as integer) as issue_id,
    issue.title as issue_title,
    if(issue.is_pull_request, 2, 1) as issue_types_id,
    cast(issue.created_at as date) as github_created_at,
    cast(issue.updated_at as date) as github_updated_at,
    cast(issue.closed_at as date) as github_closed_at,
    cast(issue.merged_at as date) as github_merged_at,
    issue.seen_at as created_at
from github_watched_issues as issue
join projects as project on project.project_name_abbrev = issue.project
