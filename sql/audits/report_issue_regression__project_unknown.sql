-- description: Every row belongs to a project of the lookup table.
-- severity: fail
select fact.*
from report_issue_regression as fact
anti join projects as project on project.id = fact.projects_id
