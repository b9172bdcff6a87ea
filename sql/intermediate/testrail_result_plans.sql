-- description: Automated plans whose results are charted: type beta by the word Beta in the name, l10n by both words Beta and L10N.
--   The rank counts from the newest plan of a type in a project.
with
typed as (
    select
        plan.project_id,
        plan.plan_id,
        case
            when contains(plan.plan_name, 'Beta') and not contains(plan.plan_name, 'L10N') then 'beta'
            when contains(plan.plan_name, 'Beta') and contains(plan.plan_name, 'L10N') then 'l10n'
        end as plan_type
    from testrail_live_plans as plan
    cross join vars
    where contains(plan.plan_name, vars.plan_name_contains)
)

select
    typed.project_id,
    typed.plan_id,
    typed.plan_type,
    row_number() over (partition by typed.project_id, typed.plan_type order by typed.plan_id desc) as plan_rank
from typed
where typed.plan_type is not null
