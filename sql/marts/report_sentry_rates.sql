-- description: Crash-free users and sessions and adoption of the live versions of the mobile browsers, day by day. All of
--   a row is about the same project, environment, package and 24 hours.
-- report: sentry-rates
-- schedule: daily; weekly tue
-- grain: snapshot
-- snapshot of: sentry_sessions
-- snapshot date: snapshot_date
-- identity: id
-- key: sentry_project_id, release_version, snapshot_date
-- columns:
--   crash_free_rate_user double: percent of users without a crash; null where Sentry does not know
--   crash_free_rate_session double: percent of sessions without a crash; null where Sentry does not know
--   adoption_rate_user double: percent of the package's users who use this version; null where the package has none
--   release_version varchar(250) not null: short version, without the build code
--   created_at timestamp not null: start of the run that read the rates
--   sentry_project_id varchar(25) not null: project id in Sentry
--   snapshot_date date not null: UTC date of created_at
select
    rate.crash_free_rate_user,
    rate.crash_free_rate_session,
    rate.adoption_rate_user,
    rate.release_version,
    rate.run_at as created_at,
    rate.sentry_project_id,
    cast(rate.run_at as date) as snapshot_date
from sentry_version_rates as rate
