-- description: One row per TestRail plan that exists, with its newest values. A plan is listed by the newest complete
--   list of its window; its details, read one by one, are newer than the list for plans of former windows. A plan that
--   was answered as gone after it was last listed is left out.
with
listed as (
    select * from latest.testrail_plans
),

detailed as (
    select * from latest.testrail_plan_details
),

gone as (
    select
        answer.params ->> 'plan_id' as plan_id,
        max(answer.finished) as gone_at
    from partitions as answer
    where answer.endpoint = 'testrail_plan_details'
        and answer.complete
        and answer.status = 'gone'
    group by all
),

live as (
    select
        listed.project_id,
        listed.plan_id
    from listed
    left join gone on gone.plan_id = cast(listed.plan_id as varchar)
    where listed.plan_id is not null
        and (gone.gone_at is null or gone.gone_at < listed._pulled_at)
),

versions as (
    select 1 as source_rank, * from listed
    union all by name
    select 2 as source_rank, * exclude (entries) from detailed
)

select
    version.project_id,
    version.plan_id,
    version.plan_name,
    version.is_completed,
    version.created_on,
    version.created_by,
    version.completed_on,
    version.passed_count,
    version.blocked_count,
    version.untested_count,
    version.retest_count,
    version.failed_count,
    version.custom_count,
    version._fetched_at as fetched_at
from versions as version
semi join live on live.project_id = version.project_id and live.plan_id = version.plan_id
qualify row_number() over (
    partition by version.plan_id
    order by version._fetched_at desc, version.source_rank desc, version.project_id
) = 1
