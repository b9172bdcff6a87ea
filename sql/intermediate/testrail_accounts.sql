-- description: The account that automation uses in each TestRail project.
with
accounts as (
    select unnest(vars.testrail_automation_accounts, recursive := true)
    from vars
)

select
    project.testrail_project_id as project_id,
    project.project_name_abbrev as project,
    cast(accounts.account as bigint) as account
from accounts
join projects as project on project.project_name_abbrev = accounts.project
