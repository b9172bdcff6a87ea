-- description: The projects of Sentry as `vars.sentry_projects` in etl.toml lists them.
with
listed as (
    select unnest(vars.sentry_projects) as item
    from vars
)

select
    listed.item.project as project,
    cast(listed.item.id as varchar) as sentry_project_id,
    listed.item.environment as environment,
    listed.item.package as package,
    case
        when listed.item.track in ('release', 'beta') then listed.item.track
        else error('etl.toml: vars.sentry_projects: `track` is "release" or "beta"')
    end as track,
    case
        when listed.item.build_codes in ('none', 'odd') then listed.item.build_codes
        else error('etl.toml: vars.sentry_projects: `build_codes` is "none" or "odd"')
    end as build_codes,
    cast(listed.item.adoption_above as double) as adoption_above,
    listed.item.excluded_titles as excluded_titles
from listed
