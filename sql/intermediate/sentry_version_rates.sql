-- description: Crash-free rates and adoption of each version asked about, in percent. A rate that Sentry does not know is
--   NULL, and 0 is a rate. Adoption is the share of the package's users; NULL where the package has none.
with
packages as (
    select
        session.project,
        session.users
    from latest.sentry_sessions as session
    where session.release_version is null
)

select
    session.project,
    session.sentry_project_id,
    session.release_version,
    session.crash_free_users * 100 as crash_free_rate_user,
    session.crash_free_sessions * 100 as crash_free_rate_session,
    case when package.users > 0 then coalesce(session.users, 0) * 100.0 / package.users end as adoption_rate_user,
    session._run_at as run_at
from latest.sentry_sessions as session
left join packages as package on package.project = session.project
where session.release_version is not null
