-- description: Who has an account in TestRail, in which role, week by week.
-- report: testrail-users
-- schedule: weekly sat
-- grain: snapshot
-- snapshot of: testrail_users
-- snapshot date: snapshot_date
-- identity: id
-- key: email, snapshot_date
-- columns:
--   name varchar(255): name
--   email varchar(255) not null: address as given
--   status varchar(50) not null: active or inactive
--   role varchar(100): role
--   created_at timestamp not null: start of the run that read the users
--   snapshot_date date not null: UTC date of created_at
with
newest as (
    select
        person.*,
        max(person._run_at) over () as run_at
    from latest.testrail_users as person
    where trim(person.email) <> ''
    qualify row_number() over (
        partition by lower(trim(person.email))
        order by person.user_id desc, person._fetched_at desc, person._partition_no desc
    ) = 1
)

select
    newest.user_name as name,
    newest.email,
    if(coalesce(newest.is_active, false), 'active', 'inactive') as status,
    newest.role,
    newest.run_at as created_at,
    cast(newest.run_at as date) as snapshot_date
from newest
