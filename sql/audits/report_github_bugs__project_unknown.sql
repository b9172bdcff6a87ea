-- description: Every issue belongs to a known project.
-- severity: warn
select *
from report_github_bugs
where github_project not in (select project.project_name_abbrev from projects as project)
