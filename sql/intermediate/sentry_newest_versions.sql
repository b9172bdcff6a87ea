-- description: The two newest live versions of each project with more adoption than `adoption_above` asks for.
select
    version.project,
    version.sentry_project_id,
    version.environment,
    version.release_version,
    version.release_names,
    version.place
from sentry_selected_versions as version
join sentry_projects as project on project.project = version.project
left join sentry_version_rates as rate
    on rate.project = version.project
    and rate.release_version = version.release_version
where project.adoption_above is null or rate.adoption_rate_user > project.adoption_above
qualify row_number() over (partition by version.project order by version.place) <= 2
