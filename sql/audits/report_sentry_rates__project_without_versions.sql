-- description: Every project with releases has a live version.
-- severity: warn
select distinct
    candidate.project,
    candidate.sentry_project_id
from sentry_release_candidates as candidate
anti join sentry_selected_versions as version on version.project = candidate.project
