-- description: Milestones one by one; their sub-milestones, of any depth, stay JSON.
with
parsed as (
    select
        raw._meta,
        raw.scope,
        from_json(
            raw.payload,
            '{
                "id": "BIGINT",
                "name": "VARCHAR",
                "description": "VARCHAR",
                "url": "VARCHAR",
                "is_completed": "BOOLEAN",
                "started_on": "BIGINT",
                "completed_on": "BIGINT",
                "milestones": "JSON"
            }'
        ) as record
    from landed.testrail_milestone_details as raw
)

select
    _meta,
    try_cast(scope ->> 'project_id' as bigint) as project_id,
    record.id as milestone_id,
    record.name as milestone_name,
    record.description,
    record.url,
    record.is_completed,
    try(make_timestamp(record.started_on * 1000000)) as started_on,
    try(make_timestamp(record.completed_on * 1000000)) as completed_on,
    record.milestones as sub_milestones
from parsed
