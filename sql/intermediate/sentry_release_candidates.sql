-- description: Every release of a configured project, with the reason why it is not looked at in `skipped`; NULL marks
--   those that are live. The trains decide: releases far ahead of them exist in the data.
with
shipped as (
    select max(list_max(train.majors)) as major
    from latest.whattrainisitnow_releases as train
),

future as (
    select unnest(train.majors) as major
    from latest.whattrainisitnow_future_releases as train
),

trains as (
    select
        shipped.major as latest_major,
        min(future.major) as next_major
    from shipped
    left join future on future.major > shipped.major
    group by shipped.major
)

select
    project.project,
    project.sentry_project_id,
    project.environment,
    project.package,
    release.release_name,
    nullif(regexp_extract(release.raw_version, '^[^+]*'), '') as release_version,
    release.build_code,
    case
        when nullif(regexp_extract(release.raw_version, '^[^+]*'), '') is null then 'no version'
        when release.major is null then 'no major'
        when project.track = 'release'
            and not coalesce(release.major in (trains.latest_major - 1, trains.latest_major), false) then 'not live'
        when project.track = 'beta'
            and not coalesce(release.major in (trains.next_major, trains.next_major + 1), false) then 'not live'
        when project.build_codes = 'none' and release.build_code is not null then 'build code'
        when project.build_codes = 'odd'
            and not coalesce(regexp_full_match(release.build_code, '[0-9]*[13579]'), false) then 'no odd build code'
    end as skipped
from latest.sentry_releases as release
join sentry_projects as project on project.project = release.project
cross join trains
