-- description: Results of a test run, comments without a status among them.
with
parsed as (
    select
        raw._meta,
        raw.params,
        from_json(
            raw.payload,
            '{
                "id": "BIGINT",
                "test_id": "BIGINT",
                "case_id": "BIGINT",
                "status_id": "BIGINT",
                "created_on": "BIGINT",
                "created_by": "BIGINT",
                "elapsed": "VARCHAR"
            }'
        ) as record
    from landed.testrail_results as raw
)

select
    _meta,
    try_cast(params ->> 'project_id' as bigint) as project_id,
    try_cast(params ->> 'run_id' as bigint) as run_id,
    record.id as result_id,
    record.test_id,
    record.case_id,
    record.status_id,
    try(make_timestamp(record.created_on * 1000000)) as created_on,
    record.created_by,
    record.elapsed,
    -- Text such as 1m 45s: every number with the first letter of the word behind it; a number alone is seconds.
    coalesce(
        try_cast(record.elapsed as double),
        list_sum([
            cast(regexp_extract(part, '[0-9.]+') as double)
            * case lower(right(part, 1))
                when 'w' then 604800
                when 'd' then 86400
                when 'h' then 3600
                when 'm' then 60
                else 1
            end
            for part in regexp_extract_all(record.elapsed, '[0-9]+(?:\.[0-9]+)?\s*[wdhmsWDHMS]')
        ])
    ) as elapsed_seconds
from parsed
