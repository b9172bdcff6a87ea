-- description: One row per run inside a plan that exists, from the entries of the plan's newest details.
with
plans as (
    select * from testrail_live_plans
),

details as (
    select detail.*
    from latest.testrail_plan_details as detail
    semi join plans on plans.project_id = detail.project_id and plans.plan_id = detail.plan_id
),

entries as (
    select
        detail.project_id,
        detail.plan_id,
        detail._fetched_at as fetched_at,
        unnest(detail.entries) as entry,
        generate_subscripts(detail.entries, 1) as entry_no
    from details as detail
),

runs as (
    select
        entries.* exclude (entry),
        entries.entry.suite_id as entry_suite_id,
        unnest(entries.entry.runs) as run_record,
        generate_subscripts(entries.entry.runs, 1) as run_no
    from entries
)

select
    runs.project_id,
    runs.plan_id,
    runs.run_record.id as run_id,
    coalesce(runs.run_record.suite_id, runs.entry_suite_id) as suite_id,
    runs.run_record.name as run_name,
    runs.run_record.config as config,
    try(make_timestamp(runs.run_record.created_on * 1000000)) as created_on,
    try(make_timestamp(runs.run_record.completed_on * 1000000)) as completed_on,
    coalesce(runs.run_record.passed_count, 0) as passed_count,
    coalesce(runs.run_record.blocked_count, 0) as blocked_count,
    coalesce(runs.run_record.untested_count, 0) as untested_count,
    coalesce(runs.run_record.retest_count, 0) as retest_count,
    coalesce(runs.run_record.failed_count, 0) as failed_count,
    cast(
        coalesce(
            list_sum([
                runs.run_record.custom_status1_count,
                runs.run_record.custom_status2_count,
                runs.run_record.custom_status3_count,
                runs.run_record.custom_status4_count,
                runs.run_record.custom_status5_count,
                runs.run_record.custom_status6_count,
                runs.run_record.custom_status7_count
            ]),
            0
        ) as bigint
    ) as custom_count,
    runs.fetched_at
from runs
where runs.run_record.id is not null
qualify row_number() over (
    partition by runs.run_record.id
    order by runs.fetched_at desc, runs.plan_id desc, runs.entry_no desc, runs.run_no desc
) = 1
