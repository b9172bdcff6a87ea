-- description: The totals of a plan's runs sum up to the plan's total.
-- severity: warn
select
    plan.testrail_plan_id,
    plan.test_case_total_count as plan_total,
    sum(fact.test_case_total_count) as runs_total
from report_testrail_test_plans as plan
join report_testrail_test_runs as fact on fact.plan_id = plan.id
group by all
having sum(fact.test_case_total_count) <> plan.test_case_total_count
