-- description: Test cases with the option ids that the coverage report counts. Labels come as objects with a title or
--   a name, or as plain strings.
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
                "is_deleted": "BIGINT",
                "custom_sub_test_suites": ["BIGINT"],
                "custom_automation_status": "BIGINT",
                "custom_automation_coverage": "BIGINT",
                "labels": ["JSON"]
            }'
        ) as record
    from landed.testrail_cases as raw
)

select
    _meta,
    try_cast(scope ->> 'project_id' as bigint) as project_id,
    coalesce(record.suite_id, try_cast(params ->> 'suite_id' as bigint)) as suite_id,
    record.id as case_id,
    coalesce(record.is_deleted = 1, false) as is_deleted,
    record.custom_sub_test_suites as sub_suites,
    record.custom_automation_status as automation_status,
    record.custom_automation_coverage as automation_coverage,
    [
        case json_type(label)
            when 'VARCHAR' then label ->> '$'
            else coalesce(label ->> 'title', label ->> 'name')
        end
        for label in record.labels
    ] as labels
from parsed
