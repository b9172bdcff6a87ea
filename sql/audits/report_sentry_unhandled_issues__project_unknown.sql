-- description: Every project is one of vars.sentry_projects.
-- severity: warn
select fact.*
from report_sentry_unhandled_issues as fact
anti join sentry_projects as project on project.sentry_project_id = fact.sentry_project_id
