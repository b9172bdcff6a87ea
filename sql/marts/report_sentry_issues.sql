-- description: Unassigned issues up for review in the live versions of the mobile browsers, day by day.
-- report: sentry-issues
-- schedule: daily
-- grain: snapshot
-- snapshot of: sentry_issues
-- snapshot date: snapshot_date
-- identity: id
-- key: sentry_project_id, release_version, sentry_id, snapshot_date
-- columns:
--   sentry_id varchar(250) not null: id of the issue
--   culprit varchar(250): where it happens
--   title varchar(250) not null: first 250 characters of the title; empty where there is none
--   count bigint not null: events in the issue's whole life
--   user_count bigint not null: users in the issue's whole life
--   release_version varchar(250) not null: short version, without the build code
--   permalink varchar(500) not null: page of the issue; empty where there is none
--   sentry_project_id varchar(25) not null: project id in Sentry
--   created_at timestamp not null: start of the run that read the project's issues
--   snapshot_date date not null: UTC date of created_at
select
    issue.sentry_id,
    issue.culprit,
    coalesce(issue.title, '') as title,
    coalesce(issue.lifetime_count, 0) as count,
    coalesce(issue.lifetime_users, 0) as user_count,
    issue.release_version,
    coalesce(issue.permalink, '') as permalink,
    issue.sentry_project_id,
    issue._run_at as created_at,
    cast(issue._run_at as date) as snapshot_date
from latest.sentry_issues as issue
