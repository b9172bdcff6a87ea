-- description: New issues of the two newest live versions, handled ones too, in Sentry's order of the last 7 days.
-- report: sentry-unhandled-issues
-- schedule: weekly tue
-- grain: snapshot
-- snapshot of: sentry_new_issues
-- snapshot date: snapshot_date
-- key: sentry_project_id, release_version, sentry_id, snapshot_date
-- columns:
--   sentry_id varchar(250) not null: id of the issue
--   short_id varchar(100): name of the issue for people
--   title varchar(250) not null: first 250 characters of the title; empty where there is none
--   culprit varchar(250): where it happens
--   count bigint not null: events of the last 7 days
--   user_count bigint not null: users of the last 7 days
--   permalink varchar(500): page of the issue
--   release_version varchar(250) not null: short version in which the issue was first seen
--   rank integer not null: position in Sentry's answer, from 1, counted before titles are excluded
--   sentry_project_id varchar(25) not null: project id in Sentry
--   created_at timestamp not null: start of the run that read the project's issues
--   snapshot_date date not null: UTC date of created_at
with
ranked as (
    select
        issue.*,
        row_number() over (
            partition by issue.project, issue.release_version
            order by issue._request_no, issue._record_no
        ) as rank
    from latest.sentry_new_issues as issue
)

select
    issue.sentry_id,
    issue.short_id,
    coalesce(issue.title, '') as title,
    issue.culprit,
    coalesce(issue.event_count, 0) as count,
    coalesce(issue.user_count, 0) as user_count,
    issue.permalink,
    issue.release_version,
    cast(issue.rank as integer) as rank,
    issue.sentry_project_id,
    issue._run_at as created_at,
    cast(issue._run_at as date) as snapshot_date
from ranked as issue
left join sentry_projects as project on project.project = issue.project
where not coalesce(
    list_bool_or([
        contains(lower(issue.title), lower(excluded))
        for excluded in project.excluded_titles
    ]),
    false
)
