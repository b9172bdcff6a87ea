-- description: Runs of a milestone with their outcome counts.
with
parsed as (
    select
        raw._meta,
        raw.scope,
        raw.params,
        from_json(
            raw.payload,
            '{
                "id": "BIGINT",
                "suite_id": "BIGINT",
                "plan_id": "BIGINT",
                "name": "VARCHAR",
                "config": "VARCHAR",
                "is_completed": "BOOLEAN",
                "created_on": "BIGINT",
                "completed_on": "BIGINT",
                "passed_count": "BIGINT",
                "blocked_count": "BIGINT",
                "untested_count": "BIGINT",
                "retest_count": "BIGINT",
                "failed_count": "BIGINT",
                "custom_status1_count": "BIGINT",
                "custom_status2_count": "BIGINT",
                "custom_status3_count": "BIGINT",
                "custom_status4_count": "BIGINT",
                "custom_status5_count": "BIGINT",
                "custom_status6_count": "BIGINT",
                "custom_status7_count": "BIGINT"
            }'
        ) as record
    from landed.testrail_milestone_runs as raw
)

select
    _meta,
    try_cast(scope ->> 'project_id' as bigint) as project_id,
    try_cast(params ->> 'milestone_id' as bigint) as milestone_id,
    record.id as run_id,
    record.suite_id,
    record.plan_id,
    record.name as run_name,
    record.config,
    coalesce(record.is_completed, record.completed_on is not null) as is_completed,
    try(make_timestamp(record.created_on * 1000000)) as created_on,
    try(make_timestamp(record.completed_on * 1000000)) as completed_on,
    coalesce(record.passed_count, 0) as passed_count,
    coalesce(record.blocked_count, 0) as blocked_count,
    coalesce(record.untested_count, 0) as untested_count,
    coalesce(record.retest_count, 0) as retest_count,
    coalesce(record.failed_count, 0) as failed_count,
    cast(
        coalesce(
            list_sum([
                record.custom_status1_count,
                record.custom_status2_count,
                record.custom_status3_count,
                record.custom_status4_count,
                record.custom_status5_count,
                record.custom_status6_count,
                record.custom_status7_count
            ]),
            0
        ) as bigint
    ) as custom_count
from parsed
