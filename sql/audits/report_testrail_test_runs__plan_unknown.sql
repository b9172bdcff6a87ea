-- description: Every run belongs to a plan of the plans table, of the same project.
-- severity: fail
select fact.*
from report_testrail_test_runs as fact
anti join report_testrail_test_plans as plan on plan.id = fact.plan_id and plan.projects_id = fact.projects_id
