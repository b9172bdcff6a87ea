-- description: The live versions of each project, one row per short version, newest first by `place`. Versions are
--   compared number by number (142.0.10 after 142.0.9, what is missing is 0), alpha before beta before release candidate
--   before final; then by the highest build code. `release_names` are the names of all builds of the version, joined by commas.
with
versions as (
    select
        candidate.project,
        candidate.sentry_project_id,
        candidate.environment,
        candidate.package,
        candidate.release_version,
        max(try_cast(candidate.build_code as hugeint)) as build_code
    from sentry_release_candidates as candidate
    where candidate.skipped is null
    group by all
),

names as (
    select
        candidate.project,
        candidate.release_version,
        string_agg(candidate.release_name, ',' order by candidate.release_name) as release_names
    from sentry_release_candidates as candidate
    where candidate.release_version is not null
    group by all
),

parts as (
    select
        version.*,
        list_resize(
            [
                coalesce(try_cast(number as ubigint), 0)
                for number in string_split(regexp_extract(version.release_version, '^[0-9.]*[0-9]'), '.')
            ],
            6,
            0
        ) as numbers,
        regexp_extract(lower(version.release_version), '^[0-9.]*[0-9]([-.]*(a|alpha|b|beta|rc)[-.]?([0-9]*))?$', 2) as stage,
        coalesce(
            try_cast(
                regexp_extract(lower(version.release_version), '^[0-9.]*[0-9][-.]*(a|alpha|b|beta|rc)[-.]?([0-9]*)$', 2) as ubigint
            ),
            0
        ) as stage_no
    from versions as version
)

select
    part.project,
    part.sentry_project_id,
    part.environment,
    part.package,
    part.release_version,
    names.release_names,
    row_number() over (
        partition by part.project
        order by
            part.numbers desc,
            case
                when part.stage in ('a', 'alpha') then 1
                when part.stage in ('b', 'beta') then 2
                when part.stage = 'rc' then 3
                when regexp_full_match(part.release_version, '[0-9.]*[0-9]') then 4
                else 0
            end desc,
            part.stage_no desc,
            part.build_code desc nulls last,
            part.release_version
    ) as place
from parts as part
join names on names.project = part.project and names.release_version = part.release_version
