-- description: Runs of the plans that an automation account created.
select
    run_item.project_id,
    run_item.plan_id,
    run_item.run_id,
    run_item.suite_id,
    run_item.completed_on,
    plan.created_on as plan_created_on
from testrail_plan_runs as run_item
join testrail_live_plans as plan on plan.plan_id = run_item.plan_id
join testrail_accounts as account
    on account.project_id = plan.project_id
    and account.account = plan.created_by
