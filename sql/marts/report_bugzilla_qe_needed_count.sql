-- description: How many flags ask QA to verify a bug of the mobile products, day by day.
-- report: bugzilla-qe-verify
-- schedule: daily
-- grain: snapshot
-- snapshot of: bugzilla_qe_verify
-- snapshot date: snapshot_date
-- identity: id
-- key: snapshot_date
-- columns:
--   created_at timestamp not null: start of the run that read the flags
--   bugzilla_total_qa_needed integer: flags; 0 where there are none
--   snapshot_date date not null: UTC date of created_at
with
counted as (
    select count(*) as total
    from report_bugzilla_qe_needed
),

last_pull as (
    select max(pull.run_at) as run_at
    from pulls as pull
    where pull.endpoint = 'bugzilla_qe_verify'
        and pull.complete
)

select
    last_pull.run_at as created_at,
    cast(counted.total as integer) as bugzilla_total_qa_needed,
    cast(last_pull.run_at as date) as snapshot_date
from counted
cross join last_pull
where last_pull.run_at is not null
